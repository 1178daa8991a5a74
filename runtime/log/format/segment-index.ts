/**
 * The sparse index of one segment: where in the file to begin to look for an offset or a time.
 *
 * ```
 *  0 u32 magic            'MRLI'
 *  4 u16 format version   1
 *  6 u16 0
 *  8 16 bytes log id
 * 24 u32 baseOffset low   28 u32 high
 * 32 u32 endOffset low    36 u32 high        after the last frame that it covers
 * 40 u32 bytes            of the segment that it covers, header and all
 * 44 u32 entries
 * 48 f64 maxTimestamp     of all frames that it covers, ms since the epoch; -Infinity without any
 * 56 u32 entriesCrc       CRC-32 of all entries
 * 60 u32 headerCrc        CRC-32 of bytes 0 to 59
 * 64 entries, in order
 *
 *  0 u32 offset           of a frame, less the base offset
 *  4 u32 position         of that frame in the file
 *  8 f64 maxTimestampBefore  of all frames in front of it, so that a search by time passes none that counts
 * ```
 *
 * One owner, any thread. An index is a hint: its user checks the frame that it finds there. A file that is missing or
 * damaged is made again from the segment, and so is never synced. Bound: an entry for each INDEX_EVERY_BYTES of segment
 * at most, in typed arrays that double.
 */
import { crc32 } from 'node:zlib'
import { type Disk, DiskError, type DiskFile } from '../disk/disk.ts'
import { highOf, joinOffset } from './frame.ts'
import { indexPath, LOG_ID_BYTES, SEGMENT_HEADER_BYTES } from './segment-format.ts'

export const INDEX_EVERY_BYTES = 4096
export const INDEX_HEADER_BYTES = 64
export const INDEX_ENTRY_BYTES = 16
const INDEX_MAGIC = 0x494c_524d
const INDEX_VERSION = 1
const HEADER_VERSION = 4
const HEADER_LOG_ID = 8
const HEADER_BASE_OFFSET = 24
const HEADER_END_OFFSET = 32
const HEADER_BYTES = 40
const HEADER_ENTRIES = 44
const HEADER_MAX_TIMESTAMP = 48
const HEADER_ENTRIES_CRC = 56
const HEADER_CRC = 60

/** Small segments have no entry at all, and then no room for any. */
const ENTRIES_LEAST = 16
const NO_WORDS = new Uint32Array(0)
const NO_TIMES = new Float64Array(0)

/** A place in a segment where a frame begins, or where the next one will. */
export interface SegmentPlace {
  readonly position: number
  readonly offset: number
  /** The largest timestamp in front of it. */
  readonly maxTimestampBefore: number
}

/** Range that an index covers. */
export interface IndexSummary {
  readonly endOffset: number
  readonly bytes: number
  readonly maxTimestamp: number
}

export class SegmentIndex {
  readonly baseOffset: number
  #offsets: Uint32Array = NO_WORDS
  #positions: Uint32Array = NO_WORDS
  #timestamps: Float64Array = NO_TIMES
  #count = 0

  constructor(baseOffset: number) {
    this.baseOffset = baseOffset
  }

  get count(): number {
    return this.#count
  }

  /** Adds a frame, each one after the one before. It is kept if it is far enough from the last entry. */
  note(offset: number, position: number, maxTimestampBefore: number): void {
    const last = this.#count === 0 ? SEGMENT_HEADER_BYTES : (this.#positions[this.#count - 1] as number)
    if (position - last >= INDEX_EVERY_BYTES) this.#add(offset - this.baseOffset, position, maxTimestampBefore)
  }

  #add(relative: number, position: number, maxTimestampBefore: number): void {
    if (this.#count === this.#offsets.length) this.#grow(Math.max(ENTRIES_LEAST, this.#count * 2))
    this.#offsets[this.#count] = relative
    this.#positions[this.#count] = position
    this.#timestamps[this.#count] = maxTimestampBefore
    this.#count++
  }

  #grow(capacity: number): void {
    const offsets = new Uint32Array(capacity)
    const positions = new Uint32Array(capacity)
    const timestamps = new Float64Array(capacity)
    offsets.set(this.#offsets)
    positions.set(this.#positions)
    timestamps.set(this.#timestamps)
    this.#offsets = offsets
    this.#positions = positions
    this.#timestamps = timestamps
  }

  /** The last known place at or before this offset. */
  atOffset(offset: number): SegmentPlace {
    const relative = offset - this.baseOffset
    return this.#place(this.#countWhile(at => (this.#offsets[at] as number) <= relative))
  }

  /** The last known place that has only smaller timestamps in front of it. */
  atTime(timeMs: number): SegmentPlace {
    return this.#place(this.#countWhile(at => (this.#timestamps[at] as number) < timeMs))
  }

  /** All entries, in order. */
  *places(): Generator<SegmentPlace> {
    for (let count = 1; count <= this.#count; count++) yield this.#place(count)
  }

  /** Forgets the entries at or after this position. */
  cut(position: number): void {
    this.#count = this.#countWhile(at => (this.#positions[at] as number) < position)
  }

  /** How many of the first entries pass; those that do come before those that do not. */
  #countWhile(passes: (at: number) => boolean): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >> 1
      if (passes(middle)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The place of the last of the first `count` entries; of none, the first frame's. */
  #place(count: number): SegmentPlace {
    if (count === 0)
      return { position: SEGMENT_HEADER_BYTES, offset: this.baseOffset, maxTimestampBefore: Number.NEGATIVE_INFINITY }
    return {
      position: this.#positions[count - 1] as number,
      offset: this.baseOffset + (this.#offsets[count - 1] as number),
      maxTimestampBefore: this.#timestamps[count - 1] as number,
    }
  }

  /** The bytes of its file. */
  encode(logId: Uint8Array, covers: IndexSummary): Buffer {
    const bytes = Buffer.alloc(INDEX_HEADER_BYTES + this.#count * INDEX_ENTRY_BYTES)
    let at = INDEX_HEADER_BYTES
    for (const { offset, position, maxTimestampBefore } of this.places()) {
      bytes.writeUInt32LE(offset - this.baseOffset, at)
      bytes.writeUInt32LE(position, at + 4)
      bytes.writeDoubleLE(maxTimestampBefore, at + 8)
      at += INDEX_ENTRY_BYTES
    }
    bytes.writeUInt32LE(INDEX_MAGIC, 0)
    bytes.writeUInt16LE(INDEX_VERSION, HEADER_VERSION)
    bytes.set(logId, HEADER_LOG_ID)
    writeOffset(bytes, this.baseOffset, HEADER_BASE_OFFSET)
    writeOffset(bytes, covers.endOffset, HEADER_END_OFFSET)
    bytes.writeUInt32LE(covers.bytes, HEADER_BYTES)
    bytes.writeUInt32LE(this.#count, HEADER_ENTRIES)
    bytes.writeDoubleLE(covers.maxTimestamp, HEADER_MAX_TIMESTAMP)
    bytes.writeUInt32LE(crc32(bytes.subarray(INDEX_HEADER_BYTES)), HEADER_ENTRIES_CRC)
    bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_CRC)), HEADER_CRC)
    return bytes
  }

  /** The index that these entries say; null if they do not ascend within what is covered. */
  static decode(baseOffset: number, entries: Buffer, covers: IndexSummary): SegmentIndex | null {
    const index = new SegmentIndex(baseOffset)
    let before = index.#place(0)
    for (let at = 0; at < entries.length; at += INDEX_ENTRY_BYTES) {
      const relative = entries.readUInt32LE(at)
      const position = entries.readUInt32LE(at + 4)
      const timestamp = entries.readDoubleLE(at + 8)
      const ascends = relative > before.offset - baseOffset && position > before.position
      const isWithin = baseOffset + relative < covers.endOffset && position < covers.bytes
      if (!ascends || !isWithin || !(timestamp >= before.maxTimestampBefore)) return null
      index.#add(relative, position, timestamp)
      before = index.#place(index.#count)
    }
    return index
  }
}

function writeOffset(bytes: Buffer, offset: number, at: number): void {
  bytes.writeUInt32LE(offset % 2 ** 32, at)
  bytes.writeInt32LE(highOf(offset), at + 4)
}

/** Puts an index beside its segment, in place of any that is there. */
export function writeIndex(
  disk: Disk,
  folder: string,
  logId: Uint8Array,
  index: SegmentIndex,
  covers: IndexSummary,
): void {
  const path = indexPath(folder, index.baseOffset)
  disk.remove(path)
  const file = disk.open(path, 'create')
  try {
    file.write([index.encode(logId, covers)], 0)
  } finally {
    file.close()
  }
}

interface IndexHeader extends IndexSummary {
  readonly entries: number
  readonly entriesCrc: number
}

function readHeader(file: DiskFile, logId: Uint8Array, baseOffset: number): IndexHeader | null {
  const bytes = Buffer.alloc(INDEX_HEADER_BYTES)
  if (file.read(bytes, 0) < INDEX_HEADER_BYTES) return null
  if (bytes.readUInt32LE(HEADER_CRC) !== crc32(bytes.subarray(0, HEADER_CRC))) return null
  if (bytes.readUInt32LE(0) !== INDEX_MAGIC || bytes.readUInt16LE(HEADER_VERSION) !== INDEX_VERSION) return null
  if (Buffer.compare(bytes.subarray(HEADER_LOG_ID, HEADER_LOG_ID + LOG_ID_BYTES), logId) !== 0) return null
  const offsetAt = (at: number): number => joinOffset(bytes.readInt32LE(at), bytes.readInt32LE(at + 4))
  if (offsetAt(HEADER_BASE_OFFSET) !== baseOffset) return null
  const entries = bytes.readUInt32LE(HEADER_ENTRIES)
  if (file.size() !== INDEX_HEADER_BYTES + entries * INDEX_ENTRY_BYTES) return null
  return {
    endOffset: offsetAt(HEADER_END_OFFSET),
    bytes: bytes.readUInt32LE(HEADER_BYTES),
    maxTimestamp: bytes.readDoubleLE(HEADER_MAX_TIMESTAMP),
    entries,
    entriesCrc: bytes.readUInt32LE(HEADER_ENTRIES_CRC),
  }
}

/** Range of a segment's index file, by its header alone; null where it is missing or damaged. */
export function readIndexSummary(
  disk: Disk,
  folder: string,
  logId: Uint8Array,
  baseOffset: number,
): IndexSummary | null {
  return withIndex(disk, folder, baseOffset, file => readHeader(file, logId, baseOffset))
}

/** The index file of a segment, and its range; null where it is missing or damaged. */
export function readIndex(
  disk: Disk,
  folder: string,
  logId: Uint8Array,
  baseOffset: number,
): { readonly index: SegmentIndex; readonly covers: IndexSummary } | null {
  return withIndex(disk, folder, baseOffset, file => {
    const covers = readHeader(file, logId, baseOffset)
    if (covers === null) return null
    const entries = Buffer.alloc(covers.entries * INDEX_ENTRY_BYTES)
    if (file.read(entries, INDEX_HEADER_BYTES) < entries.length || crc32(entries) !== covers.entriesCrc) return null
    const index = SegmentIndex.decode(baseOffset, entries, covers)
    return index === null ? null : { index, covers }
  })
}

function withIndex<T>(disk: Disk, folder: string, baseOffset: number, look: (file: DiskFile) => T | null): T | null {
  let file: DiskFile
  try {
    file = disk.open(indexPath(folder, baseOffset), 'read')
  } catch (error) {
    if (error instanceof DiskError && error.errno === 'ENOENT') return null
    throw error
  }
  try {
    return look(file)
  } finally {
    file.close()
  }
}
