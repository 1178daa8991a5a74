/** TEMPORARY stand-in. */
import type { Disk } from './disk.ts'
import { partitionFolder } from './log-place.ts'
import type { CutTail } from './log-recovery.ts'
import { PartitionLog } from './partition-log.ts'
import type { LogSettings } from './segment-format.ts'
export interface StoredTopic {
  readonly topic: number
  readonly durability: 'os' | 'fsync'
  readonly segmentBytes: number
  readonly frameBytesMax: number
  readonly retention: { readonly bytesMax: number | null; readonly ageMaxMs: number | null }
}
export interface StoredPartition {
  readonly topic: StoredTopic
  readonly partition: number
  readonly folder: string
  readonly settings: LogSettings
  readonly startOffset: number
  readonly endOffset: number
  readonly bytes: number
  readonly cuts: readonly CutTail[]
}
export interface StoreEntry {
  readonly log: StoredPartition
  readonly baseOffset: number
  readonly endOffset: number
  readonly maxTimestamp: number
  readonly parts: readonly Uint8Array[]
  readonly bytes: number
}
class One implements StoredPartition {
  readonly folder: string
  readonly settings: LogSettings
  readonly log: PartitionLog
  readonly topic: StoredTopic
  readonly partition: number
  constructor(disk: Disk, dir: string, logId: Uint8Array, topic: StoredTopic, partition: number) {
    this.topic = topic
    this.partition = partition
    this.folder = partitionFolder(dir, topic.topic, partition)
    const { segmentBytes, frameBytesMax } = topic
    this.settings = { logId, topic: topic.topic, partition, segmentBytes, frameBytesMax }
    disk.makeFolder(this.folder)
    this.log = PartitionLog.open(disk, this.folder, this.settings, 0)
  }
  get startOffset(): number {
    return this.log.startOffset
  }
  get endOffset(): number {
    return this.log.endOffset
  }
  get bytes(): number {
    return this.log.bytes
  }
  get cuts(): readonly CutTail[] {
    return this.log.cuts
  }
}
export class LogStore {
  readonly #disk: Disk
  readonly #dir: string
  readonly #logId: Uint8Array
  readonly #open = new Map<string, One>()
  static open(disk: Disk, dir: string, _host: number, logId: Uint8Array, _known: readonly unknown[]): LogStore {
    return new LogStore(disk, dir, logId)
  }
  constructor(disk: Disk, dir: string, logId: Uint8Array) {
    this.#disk = disk
    this.#dir = dir
    this.#logId = logId
  }
  partition(topic: StoredTopic, partition: number): StoredPartition {
    const key = `${topic.topic}-${partition}`
    const one = this.#open.get(key) ?? new One(this.#disk, this.#dir, this.#logId, topic, partition)
    this.#open.set(key, one)
    return one
  }
  append(entries: readonly StoreEntry[]): void {
    for (const { log, parts, bytes, ...frames } of entries) (log as One).log.append(parts, frames, bytes)
    for (const { log } of entries) if (log.topic.durability === 'fsync') (log as One).log.sync()
  }
  tend(_nowMs: number): boolean {
    return false
  }
  truncateTo(log: StoredPartition, endOffset: number): void {
    ;(log as One).log.truncateTo(endOffset)
  }
  close(): void {
    for (const one of this.#open.values()) {
      one.log.sync()
      one.log.close()
    }
  }
}
export function recoverStore(
  _disk: Disk,
  _dir: string,
  _logId: Uint8Array,
  _topics: ReadonlyMap<number, StoredTopic & { readonly partitions: number }>,
  _onCut: (cut: CutTail) => void,
): void {}
