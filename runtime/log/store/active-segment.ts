/**
 * The growing segment of a log: its file, its index in memory, and its known properties.
 *
 * The partition host's thread. It appends and cuts; when it is closed, and when what was written is durable, is the
 * log's matter (partition-log.ts).
 */
import type { Disk, DiskFile } from '../disk/disk.ts'
import { CorruptLogError } from '../disk/log-errors.ts'
import { FrameScan } from '../format/frame-scan.ts'
import {
  encodeSegmentHeader,
  LOG_ID_BYTES,
  type LogSettings,
  SEGMENT_BYTES_MAX,
  SEGMENT_HEADER_BYTES,
  segmentPath,
} from '../format/segment-format.ts'
import { SegmentIndex, writeIndex } from '../format/segment-index.ts'
import { emptySegment, type LogSegment } from '../recovery/log-segment.ts'
import { loadIndex } from '../recovery/segment-look.ts'

/** Offsets in a segment are kept in 32 bits. */
const SEGMENT_OFFSETS_MAX = 2 ** 32

/** Description of whole frames that are appended, all together. */
export interface AppendedFrames {
  /** Offset of the first record; the log's `endOffset`. */
  readonly baseOffset: number
  /** After the last. */
  readonly endOffset: number
  readonly maxTimestamp: number
}

export class ActiveSegment {
  readonly entry: LogSegment
  readonly file: DiskFile
  readonly #index: SegmentIndex

  private constructor(entry: LogSegment, file: DiskFile, index: SegmentIndex) {
    this.entry = entry
    this.file = file
    this.#index = index
  }

  /** A new one. @throws DiskError */
  static create(
    disk: Disk,
    folder: string,
    settings: LogSettings,
    baseOffset: number,
    createdMs: number,
  ): ActiveSegment {
    const file = disk.open(segmentPath(folder, baseOffset), 'create')
    try {
      file.write([encodeSegmentHeader(settings, baseOffset, createdMs)], 0)
    } catch (error) {
      file.close()
      throw error
    }
    return new ActiveSegment(emptySegment(baseOffset, createdMs), file, new SegmentIndex(baseOffset))
  }

  /** The one that recovery found last. @throws DiskError */
  static recovered(disk: Disk, folder: string, entry: LogSegment, index: SegmentIndex): ActiveSegment {
    return new ActiveSegment(entry, disk.open(segmentPath(folder, entry.baseOffset), 'write'), index)
  }

  /** Opens a closed segment that grows again. @throws LogFileError, DiskError */
  static reopen(disk: Disk, folder: string, settings: LogSettings, entry: LogSegment): ActiveSegment {
    return ActiveSegment.recovered(disk, folder, entry, loadIndex(disk, folder, settings, entry))
  }

  /** Whether frames up to this offset may go in. Into one without frames any may. */
  fits(endOffset: number, bytes: number, segmentBytes: number): boolean {
    const { entry } = this
    if (entry.bytes === SEGMENT_HEADER_BYTES) return true
    return entry.bytes + bytes <= segmentBytes && endOffset - entry.baseOffset <= SEGMENT_OFFSETS_MAX
  }

  append(parts: readonly Uint8Array[], { baseOffset, endOffset, maxTimestamp }: AppendedFrames, bytes: number): void {
    const { entry } = this
    this.file.write(parts, entry.bytes)
    this.#index.note(baseOffset, entry.bytes, entry.maxTimestamp)
    entry.bytes += bytes
    entry.endOffset = endOffset
    entry.maxTimestamp = Math.max(entry.maxTimestamp, maxTimestamp)
  }

  writeIndex(disk: Disk, folder: string, settings: LogSettings): void {
    writeIndex(disk, folder, settings.logId, this.#index, this.entry)
  }

  /** The first frame that a cut to this offset removes; frames before it stay. @throws CorruptLogError */
  cutAt(endOffset: number, frameBytesMax: number): Cut {
    const { entry } = this
    const from = this.#index.atOffset(endOffset)
    const scan = new FrameScan(this.file, from, entry.bytes, frameBytesMax)
    let { position, offset, maxTimestampBefore: maxTimestamp } = from
    for (let frame = scan.next(); frame !== null && frame.endOffset <= endOffset; frame = scan.next()) {
      position = frame.position + frame.length
      offset = frame.endOffset
      maxTimestamp = Math.max(maxTimestamp, frame.maxTimestamp)
    }
    if (scan.why !== null) throw new CorruptLogError(this.file.path, scan.position, scan.why)
    return { position, endOffset: offset, maxTimestamp }
  }

  /** Cuts it there, durably; its index on disk is gone already. Returns how many bytes were cut. */
  cut({ position, endOffset, maxTimestamp }: Cut): number {
    const { entry } = this
    this.file.truncate(position)
    this.file.sync()
    this.#index.cut(position)
    const bytes = entry.bytes - position
    entry.bytes = position
    entry.endOffset = endOffset
    entry.maxTimestamp = maxTimestamp
    return bytes
  }
}

interface Cut {
  readonly position: number
  readonly endOffset: number
  readonly maxTimestamp: number
}

/** @throws RangeError for settings that no segment can have */
export function checkSettings({ logId, segmentBytes, frameBytesMax }: LogSettings): void {
  if (logId.length !== LOG_ID_BYTES) throw new RangeError(`give a log id of ${LOG_ID_BYTES} bytes, not ${logId.length}`)
  if (!(segmentBytes > SEGMENT_HEADER_BYTES && segmentBytes <= SEGMENT_BYTES_MAX))
    throw new RangeError(`give segmentBytes up to ${SEGMENT_BYTES_MAX}, not ${segmentBytes}`)
  if (!(frameBytesMax > 0 && frameBytesMax <= SEGMENT_BYTES_MAX - SEGMENT_HEADER_BYTES))
    throw new RangeError(`give frameBytesMax up to ${SEGMENT_BYTES_MAX - SEGMENT_HEADER_BYTES}, not ${frameBytesMax}`)
}

/** A broken invariant, unless these are whole frames of so many bytes. */
export function checkParts(parts: readonly Uint8Array[], bytes: number): void {
  let given = 0
  for (const part of parts) given += part.length
  if (given !== bytes || bytes <= 0 || bytes % 8 !== 0 || bytes > SEGMENT_BYTES_MAX - SEGMENT_HEADER_BYTES)
    throw new Error(`broken invariant: parts of ${given} bytes are not ${bytes} bytes of whole frames`)
}
