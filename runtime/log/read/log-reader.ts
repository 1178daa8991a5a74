/**
 * The reader's side of one partition's log: whole frames from an offset on, and the first offset of a time.
 *
 * Any thread, one owner; reads only, by files of its own. Each call names the offset up to which the log may be read
 * (the high watermark). Bytes after that may be half written, and do not count. Every returned frame had both its CRCs
 * checked, and begins at the end of the frame before it.
 *
 * Reading on from the last call's end costs one `read`. Entering a segment costs reads of its header and its index.
 * Finding an offset costs reads of the frames from the index entry before it. Where a segment has no index, or a bad
 * one, the index is made in memory, as far as the segment was walked.
 *
 * Retention may remove any file at any time. An open file can be read to its end where the system allows it. Otherwise,
 * or when the next file is missing, the offset is gone: `OffsetGoneError`. Bound: one open file, its index, and
 * `bytesMax` or one frame for each call.
 */
import { type Disk, DiskError } from '../disk/disk.ts'
import { CorruptLogError, OffsetGoneError } from '../disk/log-errors.ts'
import { FRAME_HEADER_BYTES, FRAME_LAST_OFFSET_DELTA } from '../format/frame.ts'
import { bodyFault, frameAt, headerFault } from '../format/frame-scan.ts'
import { type LogSettings, segmentBases } from '../format/segment-format.ts'
import { readIndexSummary } from '../format/segment-index.ts'
import { ReadSegment } from './read-segment.ts'

const NOTHING: Buffer = Buffer.alloc(0)
/** How often files may vanish under one call before it gives up. */
const ATTEMPTS = 3
/** Fault of a frame that continues behind the piece. */
const CUT_OFF = 'the frame is cut off'

export class LogReader {
  readonly #disk: Disk
  readonly #folder: string
  readonly #settings: LogSettings
  readonly #scratch: Buffer | null
  #segment: ReadSegment | null = null
  /** End of the last read, in the open segment. */
  #position = 0
  #offset = -1

  /** With `scratch`, what fits into that is read into it, and is good until the next call. */
  constructor(disk: Disk, folder: string, settings: LogSettings, scratch: Buffer | null = null) {
    this.#scratch = scratch
    this.#disk = disk
    this.#folder = folder
    this.#settings = settings
  }

  /**
   * Whole frames of one segment, from the one that holds `offset`. None goes beyond `endOffset`. There are at most
   * `bytesMax` bytes, or else one frame. Empty at the end, or if the first frame goes beyond it. Throws
   * `OffsetGoneError`, `LogFileError` (with file and byte) or `DiskError`. `spare` is nobody's: the frames are in it if they fit.
   */
  read(offset: number, endOffset: number, bytesMax: number, spare?: ArrayBuffer): Buffer {
    if (offset >= endOffset) return NOTHING
    return this.#retried(offset, endOffset, () => {
      if (this.#segment !== null && offset === this.#offset) {
        const frames = this.#frames(this.#segment, endOffset, bytesMax, spare)
        if (typeof frames !== 'string') return frames
        // The segment ends here, or its file is no longer the log's, or it is damaged: the folder says which.
        this.close()
      }
      const segment = this.#seek(offset, endOffset)
      const frames = this.#frames(segment, endOffset, bytesMax, spare)
      if (typeof frames === 'string') throw new CorruptLogError(segment.file.path, this.#position, frames)
      return frames
    })
  }

  /** The first offset below `endOffset` with a timestamp at or after this one; `endOffset` if there is none. */
  offsetAt(timeMs: number, endOffset: number): number {
    return this.#retried(Number.POSITIVE_INFINITY, endOffset, () => {
      const bases = this.#bases()
      for (const [at, baseOffset] of bases.entries()) {
        const nextBase = bases[at + 1]
        if (baseOffset >= endOffset) break
        if (nextBase !== undefined && this.#isOlder(baseOffset, nextBase, timeMs)) continue
        const end = Math.min(endOffset, nextBase ?? endOffset)
        const found = this.#looked(baseOffset, nextBase, segment => segment.offsetSince(timeMs, end))
        if (found !== null) return Math.min(found, endOffset)
      }
      return endOffset
    })
  }

  /** Closes what is open; the next call opens it again. */
  close(): void {
    this.#segment?.close()
    this.#segment = null
    this.#offset = -1
  }

  /** Looks again where a file vanished on the way; `offset` may have vanished with it. */
  #retried<T>(offset: number, endOffset: number, act: () => T): T {
    for (let attempt = 1; ; attempt++) {
      try {
        return act()
      } catch (error) {
        this.close()
        if (!(error instanceof DiskError)) throw error
        const earliest = this.#bases()[0] ?? endOffset
        if (offset < earliest) throw new OffsetGoneError(offset, earliest)
        if (error.errno !== 'ENOENT' || attempt === ATTEMPTS) throw error
      }
    }
  }

  #bases(): number[] {
    return segmentBases(this.#disk.list(this.#folder))
  }

  /** Goes to the frame that holds this offset. */
  #seek(offset: number, endOffset: number): ReadSegment {
    const bases = this.#bases()
    const at = bases.findLastIndex(base => base <= offset)
    if (at === -1) throw new OffsetGoneError(offset, bases[0] ?? endOffset)
    const frame = this.#looked(bases[at] as number, bases[at + 1], segment => segment.frameOf(offset))
    this.#position = frame.position
    this.#offset = frame.baseOffset
    return this.#segment as ReadSegment
  }

  /** Opens a segment and looks into it: again, without its index, where that leads to no frame. */
  #looked<T>(baseOffset: number, nextBase: number | undefined, look: (segment: ReadSegment) => T): T {
    const known = this.#segment?.baseOffset === baseOffset ? this.#segment : this.#open(baseOffset, nextBase, true)
    try {
      return look(known)
    } catch (error) {
      if (!(error instanceof CorruptLogError)) throw error
      return look(this.#open(baseOffset, nextBase, false))
    }
  }

  #open(baseOffset: number, nextBase: number | undefined, useIndex: boolean): ReadSegment {
    this.close()
    this.#segment = ReadSegment.open(this.#disk, this.#folder, this.#settings, baseOffset, nextBase, useIndex)
    return this.#segment
  }

  /** Whether the index of a closed segment says that all its records are older. */
  #isOlder(baseOffset: number, nextBase: number, timeMs: number): boolean {
    const covers = readIndexSummary(this.#disk, this.#folder, this.#settings.logId, baseOffset)
    return covers !== null && covers.endOffset === nextBase && covers.maxTimestamp < timeMs
  }

  /** Frames from the end of the last read, with one `read`, or a second for a larger frame; or the fault. */
  #frames(segment: ReadSegment, endOffset: number, bytesMax: number, spare?: ArrayBuffer): Buffer | string {
    const left = segment.file.size() - this.#position
    let bytes = this.#piece(segment, Math.min(left, Math.max(bytesMax, FRAME_HEADER_BYTES)), spare)
    let at = 0
    while (this.#offset < endOffset) {
      const fault = this.#fault(bytes, at, left)
      if (fault === CUT_OFF) {
        if (at > 0) break
        bytes = this.#piece(segment, bytes.readInt32LE(0), spare)
        continue
      }
      // Good frames in front of damage are returned, and the next call meets the damage.
      if (fault !== null && at > 0) break
      if (fault !== null) return fault
      const frameEnd = this.#offset + bytes.readUInt32LE(at + FRAME_LAST_OFFSET_DELTA) + 1
      if (frameEnd > endOffset) break
      // A segment that was closed has an index of all of it.
      if (segment.knownBytes === this.#position) segment.pass(frameAt(bytes, at, this.#position))
      const length = bytes.readInt32LE(at)
      at += length
      this.#position += length
      this.#offset = frameEnd
    }
    return bytes.subarray(0, at)
  }

  /** Fault of the frame at an index of the piece; CUT_OFF if it only ends behind the piece. */
  #fault(bytes: Buffer, at: number, left: number): string | null {
    if (at + FRAME_HEADER_BYTES > bytes.length)
      return at > 0 && bytes.length < left ? CUT_OFF : 'the segment ends in front of a frame'
    const fault = headerFault(bytes, at, this.#offset, this.#settings.frameBytesMax)
    if (fault !== null) return fault
    const length = bytes.readInt32LE(at)
    if (at + length > left) return `the frame of ${length} bytes is cut short`
    return at + length > bytes.length ? CUT_OFF : bodyFault(bytes, at)
  }

  #piece(segment: ReadSegment, length: number, spare?: ArrayBuffer): Buffer {
    if (length <= 0) return NOTHING
    const fits = spare !== undefined && spare.byteLength >= length
    const own = fits ? Buffer.from(spare, 0, length) : this.#scratch
    const bytes = own !== null && own.length >= length ? own.subarray(0, length) : Buffer.allocUnsafeSlow(length)
    return bytes.subarray(0, segment.file.read(bytes, this.#position))
  }
}
