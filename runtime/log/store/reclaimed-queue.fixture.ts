/**
 * A queue's log and what is settled of it, on a disk in memory, written and given back as a partition host does, and a model
 * of what must be found.
 */
import type { Disk } from '../disk/disk.ts'
import type { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { FRAME_HEADER_BYTES } from '../format/frame.ts'
import { frameOf, framesIn, readAll } from '../format/log-frames.fixture.ts'
import { LogReader } from '../read/log-reader.ts'
import type { FaultPoint } from './fault-point.ts'
import { LogStore } from './log-store.ts'
import { Reclaiming } from './reclaiming.ts'
import { SettledLog, settledPath } from './settled-log.ts'
import type { SettledState } from './settled-state.ts'
import type { StoredPartition } from './stored-partition.ts'
import type { StoredTopic } from './stored-topic.ts'

export const ROOT = '/data'
const LOG_ID = Buffer.from('0123456789abcdef')
export const QUEUE = 5

export interface QueueOptions {
  readonly durability?: 'os' | 'fsync'
  readonly segmentBytes?: number
  readonly fault?: (point: FaultPoint) => void
}

/** Records by their offsets. */
export function recordsIn(frames: readonly Buffer[]): Map<number, Buffer> {
  const records = new Map<number, Buffer>()
  for (const { bytes, baseOffset } of framesIn(Buffer.concat(frames)))
    for (let at = FRAME_HEADER_BYTES; at < bytes.length; ) {
      const next = at + ((bytes.readUInt32LE(at) + 7) & ~7)
      // Its offset is within its frame, which may be another one: what is behind it must be the same.
      records.set(baseOffset + bytes.readUInt16LE(at + 4), bytes.subarray(at + 8, next))
      at = next
    }
  return records
}

export class ReclaimedQueue {
  readonly logs: LogStore
  readonly settled: SettledLog
  readonly reclaiming: Reclaiming
  readonly stored: StoredPartition
  readonly state: SettledState
  nowMs = 0

  constructor(disk: Disk, { durability = 'fsync', segmentBytes = 2_048, fault = () => undefined }: QueueOptions = {}) {
    const retention = { bytesMax: null, ageMaxMs: null }
    const topic: StoredTopic = { topic: QUEUE, durability, segmentBytes, frameBytesMax: 8_192, retention }
    this.logs = LogStore.open(disk, ROOT, 0, LOG_ID, [{ topic, partition: 0 }], { journalBytes: 8_192, fault })
    this.stored = this.logs.partition(topic, 0)
    this.settled = SettledLog.open(disk, settledPath(ROOT, 0), LOG_ID, { compactBytes: 2_000, fault })
    this.state = this.settled.opened(QUEUE, 0, this.stored.startOffset, this.stored.endOffset)
    this.reclaiming = new Reclaiming(disk, this.logs, this.settled)
  }

  /** A frame of so many messages; what is appended, by offset. */
  append(messages: number, valueBytes: number): Map<number, Buffer> {
    const baseOffset = this.stored.endOffset
    const deltas = Array.from({ length: messages }, (_, at) => at)
    const frame = frameOf({ baseOffset, deltas, baseTimestamp: 1_000, valueBytes })
    const [endOffset, maxTimestamp] = [baseOffset + messages, 1_000 + messages - 1]
    const entry = { log: this.stored, baseOffset, endOffset, maxTimestamp, parts: [frame], bytes: frame.length }
    this.logs.append([entry])
    return recordsIn([frame])
  }

  settle(...ranges: [number, number][]): void {
    this.settled.write([{ topic: QUEUE, partition: 0, settled: ranges }])
  }

  /** As the upkeep of a host does, a few milliseconds later. */
  tend(disk: Pick<MemoryDisk, 'settle'>, ms = 10): void {
    this.nowMs += ms
    this.logs.tend(this.nowMs)
    this.settled.tend()
    this.reclaiming.tend(this.nowMs)
    disk.settle()
  }

  /** Everything that can be given back is, if nothing changes. */
  rest(disk: Pick<MemoryDisk, 'settle'>): void {
    for (let tends = 0; tends < 500; tends++) this.tend(disk, 50)
  }

  /** What the log holds, by offset. */
  read(disk: Disk): Map<number, Buffer> {
    const { folder, settings, startOffset, endOffset } = this.stored
    const reader = new LogReader(disk, folder, settings)
    const frames = readAll(reader, startOffset, endOffset)
    reader.close()
    return recordsIn(frames)
  }

  isSettled(offset: number): boolean {
    return this.state.settled.has(offset)
  }

  close(): void {
    this.reclaiming.close()
    this.settled.close()
    this.logs.close()
  }
}

/** Bytes of the segments in a log's folder. */
export function segmentBytesOf(disk: MemoryDisk): number {
  const logs = disk.files.filter(file => file.startsWith(`${ROOT}/topics/`) && !file.endsWith('.index'))
  return logs.reduce((sum, file) => sum + disk.bytesOf(file).length, 0)
}
