/**
 * A gap: a frame without records. It says that its partition keeps nothing of `lastOffsetDelta + 1` offsets any more.
 *
 * The offsets of a log have no holes, so that a missing frame is always damage. Where frames in the middle of a log are
 * removed, a gap takes their place. Nothing writes one yet. Topics in memory have none: their window keeps all in between.
 *
 * ```
 *  0 i32 length           72: the header and nothing else
 * 16 u32 lastOffsetDelta  of the gap; 20 u32 count: 0
 * 24 f64 baseTimestamp    -Infinity: it is older than any record, and holds back no retention
 * 40 f64 producerId       0, as all of the producer's part but
 * 52 u32 ring             NO_RING: it came by none and is no dead letter, so who looks for those passes over it
 * ```
 *
 * Leaf, any thread. Only frames of version 2 may be gaps. Bound: GAP_OFFSETS_MAX. A reader says how far it has committed by
 * the low word of the offset, and its host must look before that has gone on by 2^31 (frame.ts, nearestOffset). So a gap is
 * well below that, and whoever writes gaps into a log that groups read keeps runs of them below it too.
 */
import {
  FRAME_BASE_TIMESTAMP,
  FRAME_HEADER_BYTES,
  FRAME_LAST_OFFSET_DELTA,
  FRAME_RING,
  FRAME_VERSION,
  frameStart,
  placeFrame,
} from './frame.ts'

const NO_RING = 0xffff_ffff
const NO_TIME = Number.NEGATIVE_INFINITY
export const GAP_OFFSETS_MAX: number = 2 ** 30

/** The gap over so many offsets from one on, signed and placed. */
export function gapFrame(baseOffset: number, offsets: number): Buffer {
  const u8 = new Uint8Array(FRAME_HEADER_BYTES)
  const bytes = Buffer.from(u8.buffer)
  bytes.writeInt32LE(FRAME_HEADER_BYTES, 0)
  bytes.writeUInt8(FRAME_VERSION, 4)
  bytes.writeUInt32LE(offsets - 1, FRAME_LAST_OFFSET_DELTA)
  bytes.writeDoubleLE(NO_TIME, FRAME_BASE_TIMESTAMP)
  bytes.writeUInt32LE(NO_RING, FRAME_RING)
  placeFrame({ u8, i32: new Int32Array(u8.buffer), f64: new Float64Array(u8.buffer) }, 0, baseOffset)
  return bytes
}

/** Offsets of the gap at an index of these bytes. */
export function gapOffsets(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + FRAME_LAST_OFFSET_DELTA) + 1
}

/**
 * Whether the frame at an index of these bytes, which says that it has no records and holds FRAME_HEADER_BYTES, may say so: it is
 * these very bytes, so that nobody who looks for frames of a producer, a ring or a time finds it.
 */
export function isGap(bytes: Buffer, at: number): boolean {
  const frame = bytes.subarray(at, at + FRAME_HEADER_BYTES)
  const offsets = gapOffsets(frame, 0)
  return offsets <= GAP_OFFSETS_MAX && gapFrame(frameStart(frame), offsets).equals(frame)
}
