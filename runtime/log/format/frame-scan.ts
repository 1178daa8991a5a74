/**
 * Walks the frames of a segment file, checks every byte of them, and says where it stopped and why.
 *
 * One owner, any thread. A frame counts only under these conditions: its length is within bounds, version and both CRCs
 * are right, its unused word is zero (no CRC covers it), and its offsets begin at the end of the frame before. It has
 * records, or is a gap (gap-frame.ts). Nothing behind the first bad frame is read, because its begin is unknown.
 *
 * Bound: reads pieces of SCAN_PIECE_BYTES, or of one frame where that is longer. The length of a frame is used only
 * after its header's CRC and the bounds were checked. A damaged length therefore allocates nothing.
 */
import { crc32 } from 'node:zlib'
import type { DiskFile } from '../disk/disk.ts'
import {
  FRAME_ATTRIBUTES,
  FRAME_BASE_OFFSET,
  FRAME_BASE_TIMESTAMP,
  FRAME_BODY_CRC,
  FRAME_COUNT,
  FRAME_HEADER_BYTES,
  FRAME_HEADER_CRC,
  FRAME_LAST_OFFSET_DELTA,
  FRAME_MAX_TIMESTAMP_DELTA,
  FRAME_RESERVED,
  isKnownVersion,
  joinOffset,
  knownFrameAttributes,
} from './frame.ts'
import { isGap } from './gap-frame.ts'
import { headerCrc } from './header-crc.ts'

export const SCAN_PIECE_BYTES: number = 256 * 1024

/** Content of a header, and its position in the file. */
export interface FrameAt {
  readonly position: number
  readonly baseOffset: number
  /** After its last record. */
  readonly endOffset: number
  /** Bytes, header and records. */
  readonly length: number
  readonly records: number
  readonly maxTimestamp: number
}

export interface ScannedFrame extends FrameAt {
  /** Bytes of the frame; a view, until the next frame is read. */
  readonly bytes: Buffer
}

/** The frame at an index of `bytes`, whose header was found good. */
export function describeFrame(bytes: Buffer, at: number, position: number): ScannedFrame {
  const frame = frameAt(bytes, at, position)
  return { ...frame, bytes: bytes.subarray(at, at + frame.length) }
}

/** The same without a view of its bytes, which costs as much as all the rest. */
export function frameAt(bytes: Buffer, at: number, position: number): FrameAt {
  const baseOffset = baseOffsetAt(bytes, at)
  return {
    position,
    baseOffset,
    endOffset: baseOffset + bytes.readUInt32LE(at + FRAME_LAST_OFFSET_DELTA) + 1,
    length: bytes.readInt32LE(at),
    records: bytes.readUInt32LE(at + FRAME_COUNT),
    maxTimestamp: bytes.readDoubleLE(at + FRAME_BASE_TIMESTAMP) + bytes.readUInt32LE(at + FRAME_MAX_TIMESTAMP_DELTA),
  }
}

function baseOffsetAt(bytes: Buffer, at: number): number {
  return joinOffset(bytes.readInt32LE(at + FRAME_BASE_OFFSET), bytes.readInt32LE(at + FRAME_BASE_OFFSET + 4))
}

/** Fault of the FRAME_HEADER_BYTES at an index of `bytes`, if they are to begin at `offset`; null: none. */
export function headerFault(bytes: Buffer, at: number, offset: number, frameBytesMax: number): string | null {
  const length = bytes.readInt32LE(at)
  if (length < FRAME_HEADER_BYTES || length > frameBytesMax || length % 8 !== 0)
    return `a frame of ${length} bytes is not possible`
  const version = bytes[at + 4] as number
  if (!isKnownVersion(version)) return `frame version ${version} is not known`
  if (headerCrc(bytes, at) !== bytes.readUInt32LE(at + FRAME_HEADER_CRC))
    return 'the header of the frame does not match its CRC'
  if (bytes.readUInt32LE(at + FRAME_RESERVED) !== 0) return 'the unused word of the frame is not zero'
  const attributes = bytes.readUInt16LE(at + FRAME_ATTRIBUTES)
  if ((attributes & ~knownFrameAttributes(version)) !== 0) return `attributes ${attributes} of a frame are not known`
  const records = bytes.readUInt32LE(at + FRAME_COUNT)
  const offsets = bytes.readUInt32LE(at + FRAME_LAST_OFFSET_DELTA) + 1
  if (records > offsets || (records === 0 && !isGap(bytes, at)))
    return `${records} records do not fit ${offsets} offsets`
  const baseOffset = baseOffsetAt(bytes, at)
  return baseOffset === offset ? null : `the frame begins at offset ${baseOffset}, not at ${offset}`
}

/** Fault of the records of the frame at an index of `bytes`, which hold all of it; null: none. */
export function bodyFault(bytes: Buffer, at: number): string | null {
  const records = bytes.subarray(at + FRAME_HEADER_BYTES, at + bytes.readInt32LE(at))
  return crc32(records) === bytes.readUInt32LE(at + FRAME_BODY_CRC) ? null : 'the records do not match their CRC'
}

export class FrameScan {
  /** Position of the next frame; in the end, the position where the scan stopped. */
  position: number
  /** Offset of the next frame. */
  offset: number
  /** Reason of the stop; null while it continues, and at the end of the bytes. */
  why: string | null = null
  readonly #file: DiskFile
  readonly #end: number
  readonly #frameBytesMax: number
  readonly #pieceBytes: number
  #buffer: Buffer = Buffer.alloc(0)
  /** What of it was read. */
  #piece: Buffer = this.#buffer
  #pieceAt = 0

  /** Scans from a place where a frame with this offset begins, up to the byte `end`. */
  constructor(
    file: DiskFile,
    from: { readonly position: number; readonly offset: number },
    end: number,
    frameBytesMax: number,
    pieceBytes: number = SCAN_PIECE_BYTES,
  ) {
    this.#file = file
    this.position = from.position
    this.offset = from.offset
    this.#end = end
    this.#frameBytesMax = frameBytesMax
    this.#pieceBytes = pieceBytes
  }

  /** The next frame; null where it stops. */
  next(): ScannedFrame | null {
    if (this.why !== null || this.position >= this.#end) return null
    this.why = this.#faultOfHeader() ?? this.#faultOfBody()
    if (this.why !== null) return null
    const frame = describeFrame(this.#piece, this.position - this.#pieceAt, this.position)
    this.position += frame.length
    this.offset = frame.endOffset
    return frame
  }

  #faultOfHeader(): string | null {
    if (!this.#has(FRAME_HEADER_BYTES)) return 'the header of the frame is cut short'
    return headerFault(this.#piece, this.position - this.#pieceAt, this.offset, this.#frameBytesMax)
  }

  #faultOfBody(): string | null {
    const length = this.#piece.readInt32LE(this.position - this.#pieceAt)
    if (!this.#has(length)) return `the frame of ${length} bytes is cut short`
    return bodyFault(this.#piece, this.position - this.#pieceAt)
  }

  /** Whether so many bytes follow; they are then in the piece. */
  #has(bytes: number): boolean {
    if (this.position >= this.#pieceAt && this.position + bytes <= this.#pieceAt + this.#piece.length) return true
    const left = this.#end - this.position
    if (bytes > left) return false
    const wanted = Math.min(left, Math.max(bytes, this.#pieceBytes))
    if (this.#buffer.length < wanted) this.#buffer = Buffer.allocUnsafeSlow(wanted)
    this.#piece = this.#buffer.subarray(0, this.#file.read(this.#buffer.subarray(0, wanted), this.position))
    this.#pieceAt = this.position
    return bytes <= this.#piece.length
  }
}
