/**
 * The written ends of a partition host's logs that are in no journal. A log that ends before that has lost its end, to
 * a loss of power or to damage, also where it ends between two frames.
 *
 * The partition host's thread owns it; one write for each group commit, in place, never synced. The ends survive the
 * process, as the logs do. After a loss of power they may be too high or too low, so they prove no damage. Missing
 * records are then reported as an end that was cut off (wire/folder.ts).
 *
 * ```
 * host-0.ends: an entry for each partition, those of the process before first
 *
 *  0 u32 topic
 *  4 u32 partition
 *  8 f64 end        offset after the last record
 * 16 8 u8           the first half of the log id
 * 24 u32 0
 * 28 u32 crc        CRC-32 of bytes 0 to 27
 * ```
 *
 * An entry that does not match its CRC says nothing. Bound: an entry for each partition that is not journalled.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Disk, DiskFile } from '../disk/disk.ts'
import { markKey } from './sync-marks.ts'

const ENTRY_BYTES = 32
const ENTRIES_LEAST = 16
const END = 8
const LOG_ID = 16
const LOG_ID_BYTES = 8
const CRC = 28

/** Written end of one partition. */
export interface WrittenEnd {
  readonly topic: number
  readonly partition: number
  readonly endOffset: number
}

export function endsPath(folder: string, host: number): string {
  return join(folder, `host-${host}.ends`)
}

export class WrittenEnds {
  readonly #file: DiskFile
  readonly #logId: Uint8Array
  /** Ends as the process before left them. */
  readonly #before: Map<string, number>
  readonly #places = new Map<string, number>()
  /** Places of entries that are no longer used. */
  readonly #free: number[] = []
  #bytes: Buffer = Buffer.alloc(ENTRY_BYTES * ENTRIES_LEAST)

  private constructor(file: DiskFile, logId: Uint8Array, before: Map<string, number>) {
    this.#file = file
    this.#logId = logId
    this.#before = before
    const bytes = file.size()
    this.#bytes = Buffer.alloc(Math.max(this.#bytes.length, bytes))
    // Also of partitions that this process does not open.
    for (const [key, endOffset] of before) {
      const [topic, partition] = key.split('-').map(Number) as [number, number]
      this.#put({ topic, partition, endOffset })
    }
    // With the bytes behind them: the old place of a moved entry must be empty, or it would count again.
    if (bytes > 0) file.write([this.#bytes.subarray(0, bytes)], 0)
  }

  /** Opens the file of a host, or makes it. @throws ForeignFileError, DiskError */
  static open(disk: Disk, folder: string, host: number, logId: Uint8Array): WrittenEnds {
    const path = endsPath(folder, host)
    const isThere = disk.list(folder).includes(`host-${host}.ends`)
    const file = disk.open(path, isThere ? 'write' : 'create')
    try {
      const before = isThere ? readEnds(file, logId) : new Map<string, number>()
      if (!isThere) disk.syncDirectory(folder)
      return new WrittenEnds(file, logId, before)
    } catch (error) {
      file.close()
      throw error
    }
  }

  /** How far a partition was written by the process before; 0 where nothing is known of it. */
  of(topic: number, partition: number): number {
    return this.#before.get(markKey(topic, partition)) ?? 0
  }

  /** Stores the written ends of these partitions, with one write. @throws DiskError */
  note(ends: readonly WrittenEnd[]): void {
    if (ends.length === 0) return
    let [first, last] = [Number.POSITIVE_INFINITY, 0]
    for (const end of ends) {
      const at = this.#put(end)
      first = Math.min(first, at)
      last = Math.max(last, at + ENTRY_BYTES)
    }
    this.#file.write([this.#bytes.subarray(first, last)], first)
  }

  /** Draws an entry; returns where. */
  #put(end: WrittenEnd): number {
    const at = this.#placeOf(end)
    const entry = this.#bytes.subarray(at, at + ENTRY_BYTES)
    entry.writeUInt32LE(end.topic, 0)
    entry.writeUInt32LE(end.partition, 4)
    entry.writeDoubleLE(end.endOffset, END)
    entry.set(this.#logId.subarray(0, LOG_ID_BYTES), LOG_ID)
    entry.writeUInt32LE(crc32(entry.subarray(0, CRC)), CRC)
    return at
  }

  #placeOf({ topic, partition }: WrittenEnd): number {
    const key = markKey(topic, partition)
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const at = this.#free.pop() ?? this.#places.size * ENTRY_BYTES
    this.#places.set(key, at)
    if (at + ENTRY_BYTES > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(at)])
    return at
  }

  /** These partitions are no more: their places are free. @throws DiskError */
  forget(topic: number, partitions: readonly number[]): void {
    for (const partition of partitions) {
      const key = markKey(topic, partition)
      this.#before.delete(key)
      const at = this.#places.get(key)
      if (at === undefined) continue
      this.#places.delete(key)
      this.#free.push(at)
      const entry = this.#bytes.subarray(at, at + ENTRY_BYTES).fill(0)
      this.#file.write([entry], at)
    }
  }

  close(): void {
    this.#file.close()
  }
}

function readEnds(file: DiskFile, logId: Uint8Array): Map<string, number> {
  const bytes = Buffer.alloc(file.size())
  const read = file.read(bytes, 0)
  const ends = new Map<string, number>()
  for (let at = 0; at + ENTRY_BYTES <= read; at += ENTRY_BYTES) {
    const entry = bytes.subarray(at, at + ENTRY_BYTES)
    const isOurs = entry.subarray(LOG_ID, LOG_ID + LOG_ID_BYTES).equals(logId.subarray(0, LOG_ID_BYTES))
    if (!isOurs || crc32(entry.subarray(0, CRC)) !== entry.readUInt32LE(CRC)) continue
    const key = markKey(entry.readUInt32LE(0), entry.readUInt32LE(4))
    ends.set(key, entry.readDoubleLE(END))
  }
  return ends
}
