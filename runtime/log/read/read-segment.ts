/**
 * One open segment of a log with its index: from its file, or made in memory as far as the segment was walked.
 *
 * Any thread, one owner. A frame to which the index leads is checked like any other. A wrong index therefore makes an
 * error and never a wrong answer. The segment may then be opened again without it.
 *
 * Bound: one file and one index; a walk reads pieces of SEEK_PIECE_BYTES or one frame.
 */
import type { Disk, DiskFile } from '../disk/disk.ts'
import { CorruptLogError } from '../disk/log-errors.ts'
import { type FrameAt, FrameScan, type ScannedFrame } from '../format/frame-scan.ts'
import { firstRecordSince } from '../format/record-times.ts'
import { checkSegment, type LogSettings, segmentPath } from '../format/segment-format.ts'
import { readIndex, SegmentIndex, type SegmentPlace } from '../format/segment-index.ts'

/** The next index entry is 4 KiB away, unless frames are larger. */
const SEEK_PIECE_BYTES: number = 16 * 1024

export class ReadSegment {
  readonly file: DiskFile
  readonly baseOffset: number
  readonly #frameBytesMax: number
  readonly #index: SegmentIndex
  /** How far the index reaches. */
  #known: SegmentPlace

  /** `nextBase` is the base offset of the segment after it, undefined for the last. */
  static open(
    disk: Disk,
    folder: string,
    settings: LogSettings,
    baseOffset: number,
    nextBase: number | undefined,
    useIndex = true,
  ): ReadSegment {
    const file = disk.open(segmentPath(folder, baseOffset), 'read')
    try {
      checkSegment(file, settings, baseOffset)
      const index = new SegmentIndex(baseOffset)
      const known = useIndex && nextBase !== undefined ? readIndex(disk, folder, settings.logId, baseOffset) : null
      if (known === null || known.covers.endOffset !== nextBase || known.covers.bytes !== file.size())
        return new ReadSegment(file, settings, index, index.atOffset(baseOffset))
      const { endOffset: offset, bytes: position, maxTimestamp: maxTimestampBefore } = known.covers
      return new ReadSegment(file, settings, known.index, { position, offset, maxTimestampBefore })
    } catch (error) {
      file.close()
      throw error
    }
  }

  private constructor(file: DiskFile, settings: LogSettings, index: SegmentIndex, known: SegmentPlace) {
    this.file = file
    this.baseOffset = index.baseOffset
    this.#frameBytesMax = settings.frameBytesMax
    this.#index = index
    this.#known = known
  }

  /** The frame that holds this offset, which lies below the end that may be read. */
  frameOf(offset: number): ScannedFrame {
    const scan = this.#scan(offset < this.#known.offset ? this.#index.atOffset(offset) : this.#known)
    for (let frame = scan.next(); frame !== null; frame = scan.next()) {
      this.pass(frame)
      if (frame.endOffset > offset) return frame
    }
    throw this.#broken(scan, offset)
  }

  /** The first offset below `endOffset` with a timestamp at or after this one; null if there is none. */
  offsetSince(timeMs: number, endOffset: number): number | null {
    const isKnown = this.#known.maxTimestampBefore >= timeMs
    const scan = this.#scan(isKnown ? this.#index.atTime(timeMs) : this.#known)
    while (scan.offset < endOffset) {
      const frame = scan.next()
      if (frame === null) throw this.#broken(scan, endOffset)
      this.pass(frame)
      const offset = frame.maxTimestamp >= timeMs ? firstRecordSince(frame, timeMs) : null
      if (offset !== null) return offset
    }
    return null
  }

  /** End of the frames in the index: the next frame that may be added begins there. */
  get knownBytes(): number {
    return this.#known.position
  }

  /** Adds a good frame to the index. */
  pass(frame: FrameAt): void {
    const { position, maxTimestampBefore } = this.#known
    if (frame.position !== position) return
    this.#index.note(frame.baseOffset, position, maxTimestampBefore)
    this.#known = {
      position: position + frame.length,
      offset: frame.endOffset,
      maxTimestampBefore: Math.max(maxTimestampBefore, frame.maxTimestamp),
    }
  }

  close(): void {
    this.file.close()
  }

  #scan(from: SegmentPlace): FrameScan {
    return new FrameScan(this.file, from, this.file.size(), this.#frameBytesMax, SEEK_PIECE_BYTES)
  }

  #broken(scan: FrameScan, wanted: number): CorruptLogError {
    const why = scan.why ?? `the segment ends at offset ${scan.offset}, and ${wanted} was to be reached`
    return new CorruptLogError(this.file.path, scan.position, why)
  }
}
