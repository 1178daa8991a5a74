/**
 * The frame: a batch of records of one producer for one partition, the unit from ring to window to disk.
 *
 * ```
 *  0 i32 length           header and records, in bytes, not padded; also the ring's record length
 *  4 u8  version          2; a reader refuses what it does not know
 *  5 u8  0
 *  6 u16 attributes       1: some of its records have queue fields; other bits are reserved
 *  8 u32 baseOffset low   12 u32 high        set by the partition, as is everything from here to 20
 * 16 u32 lastOffsetDelta  last offset - base offset; compaction may leave holes
 * 20 u32 count            records; 0: the frame is a gap (gap-frame.ts)
 * 24 f64 baseTimestamp    ms since the epoch
 * 32 u32 maxTimestampDelta
 * 36 u32 producerEpoch    1: of a named producer; 0: of any other
 * 40 f64 producerId
 * 48 u32 baseSequence     of the producer, in this partition, wrapping; of a named one the low word of its last record's
 *                         number
 * 52 u32 ring             id of the ring it came by; 0: appended by the partition's own thread
 * 56 i32 ringEnd          position after it in that ring
 * 60 u32 bodyCrc          of the records; 0 where the frame never leaves memory
 * 64 u32 headerCrc        CRC-32 of bytes 0 to 63
 * 68 u32 0
 * 72 records (record.ts), each starting at a multiple of 8
 * ```
 *
 * Leaf, any thread. Little-endian, as every platform that Node supports. Offsets are integers below 2^53.
 */
import { crc32 } from 'node:zlib'
import type { Memory, WindowReader } from 'sharedarraybuffer-ring'

export const FRAME_HEADER_BYTES = 72
export const FRAME_VERSION = 2
/** Frames of before: without attributes, and records with fewer of them (record.ts). */
const FIRST_VERSION = 1
/** Some of its records have queue fields: who has none to look for passes over the frame as a whole. */
export const FRAME_HAS_QUEUE_FIELDS = 1
/** Epoch of frames whose records were numbered by their producer. */
export const NAMED_EPOCH = 1
/** A record's offset delta has 16 bits. */
export const FRAME_RECORDS_MAX = 65_535

export const FRAME_LENGTH = 0
export const FRAME_ATTRIBUTES = 6
export const FRAME_BASE_OFFSET = 8
export const FRAME_LAST_OFFSET_DELTA = 16
export const FRAME_COUNT = 20
export const FRAME_BASE_TIMESTAMP = 24
export const FRAME_MAX_TIMESTAMP_DELTA = 32
export const FRAME_PRODUCER_EPOCH = 36
export const FRAME_PRODUCER_ID = 40
export const FRAME_BASE_SEQUENCE = 48
export const FRAME_RING = 52
export const FRAME_RING_END = 56
export const FRAME_BODY_CRC = 60
export const FRAME_HEADER_CRC = 64
export const FRAME_RESERVED = 68

const TWO_32 = 4_294_967_296

/** Joins the two halves of an offset. */
export function joinOffset(low: number, high: number): number {
  return (high >>> 0) * TWO_32 + (low >>> 0)
}

/** The upper half of an offset. */
export function highOf(offset: number): number {
  return Math.floor(offset / TWO_32) | 0
}

/** The offset nearest to `near` whose low 32 bits are `low`. */
export function nearestOffset(near: number, low: number): number {
  return near + ((low - (near | 0)) | 0)
}

/** Memory in which frames lie, at addresses that are multiples of 8: shared, or a thread's own. */
export type FrameMemory = Pick<Memory, 'i32' | 'f64' | 'u8'>

/** The producer's knowledge of its frame when it seals it. */
export interface SealedFrame {
  readonly length: number
  readonly attributes: number
  readonly count: number
  readonly baseTimestamp: number
  readonly maxTimestampDelta: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly ring: number
  readonly ringEnd: number
}

/** Writes the producer's part of a header. Producer's thread, before the frame is published. */
export function writeSealedHeader(memory: Memory, address: number, frame: SealedFrame): void {
  const words = memory.i32
  const at = address >> 2
  words[at] = frame.length
  words[at + 1] = FRAME_VERSION | (frame.attributes << 16)
  words[at + (FRAME_LAST_OFFSET_DELTA >> 2)] = frame.count - 1
  words[at + (FRAME_COUNT >> 2)] = frame.count
  memory.f64[(address + FRAME_BASE_TIMESTAMP) >> 3] = frame.baseTimestamp
  words[at + (FRAME_MAX_TIMESTAMP_DELTA >> 2)] = frame.maxTimestampDelta
  words[at + (FRAME_PRODUCER_EPOCH >> 2)] = frame.producerEpoch
  memory.f64[(address + FRAME_PRODUCER_ID) >> 3] = frame.producerId
  words[at + (FRAME_BASE_SEQUENCE >> 2)] = frame.baseSequence
  words[at + (FRAME_RING >> 2)] = frame.ring
  words[at + (FRAME_RING_END >> 2)] = frame.ringEnd
  words[at + (FRAME_BODY_CRC >> 2)] = 0
  words[at + (FRAME_RESERVED >> 2)] = 0
}

/** The latest timestamp in a sealed frame. */
export function maxTimestampOf(memory: FrameMemory, address: number): number {
  const delta = (memory.i32[(address + FRAME_MAX_TIMESTAMP_DELTA) >> 2] as number) >>> 0
  return (memory.f64[(address + FRAME_BASE_TIMESTAMP) >> 3] as number) + delta
}

/** Signs the records of a frame that is to leave memory. Partition's thread, before `placeFrame` signs the header over it. */
export function signBody(memory: FrameMemory, address: number): void {
  const words = memory.i32
  const length = words[address >> 2] as number
  const records = memory.u8.subarray(address + FRAME_HEADER_BYTES, address + length)
  words[(address + FRAME_BODY_CRC) >> 2] = crc32(records) | 0
}

/** Gives a frame its place in the log and signs its header. Partition's thread, before the frame is copied. */
export function placeFrame(memory: FrameMemory, address: number, baseOffset: number): void {
  const words = memory.i32
  words[(address + FRAME_BASE_OFFSET) >> 2] = baseOffset | 0
  words[((address + FRAME_BASE_OFFSET) >> 2) + 1] = highOf(baseOffset)
  words[(address + FRAME_HEADER_CRC) >> 2] = crc32(memory.u8.subarray(address, address + FRAME_HEADER_CRC)) | 0
}

/** Both halves of the base offset of a frame that was refused; no offset has them. */
const REFUSED = -1

/** Marks a frame that its partition does not take. Partition's thread. */
export function refuseFrame(memory: FrameMemory, address: number): void {
  memory.i32[(address + FRAME_BASE_OFFSET) >> 2] = REFUSED
  memory.i32[((address + FRAME_BASE_OFFSET) >> 2) + 1] = REFUSED
}

/** In the upper half of the base offset of a frame whose message is there already; no offset has it. */
const DUPLICATE = 0x4000_0000

/** Marks a frame whose message is there already, at this offset. Partition's thread. */
export function markDuplicate(memory: FrameMemory, address: number, offset: number): void {
  memory.i32[(address + FRAME_BASE_OFFSET) >> 2] = offset | 0
  memory.i32[((address + FRAME_BASE_OFFSET) >> 2) + 1] = highOf(offset) | DUPLICATE
}

/** Whether a frame that its partition has looked at has a message that was there already. */
export function isDuplicate(memory: FrameMemory, address: number): boolean {
  const high = memory.i32[((address + FRAME_BASE_OFFSET) >> 2) + 1] as number
  return high !== REFUSED && (high & DUPLICATE) !== 0
}

/** Base offset of a frame that its partition has looked at, or of the message that was there already; -1: it was refused. */
export function placedOffset(memory: FrameMemory, address: number): number {
  const low = memory.i32[(address + FRAME_BASE_OFFSET) >> 2] as number
  const high = memory.i32[((address + FRAME_BASE_OFFSET) >> 2) + 1] as number
  return high === REFUSED ? -1 : joinOffset(low, high & ~DUPLICATE)
}

/** Whether this version reads frames of that one. */
export function isKnownVersion(version: number): boolean {
  return version === FRAME_VERSION || version === FIRST_VERSION
}

/** Attributes that frames of this version may have. */
export function knownFrameAttributes(version: number): number {
  return version === FIRST_VERSION ? 0 : FRAME_HAS_QUEUE_FIELDS
}

const header = new Uint8Array(FRAME_HEADER_BYTES)
const headerWords = new Int32Array(header.buffer)

/** Whether the frame at a position of a window has a header that was signed whole. */
export function frameIsValid(window: WindowReader, position: number, available: number): boolean {
  const length = window.word(position)
  if (length < FRAME_HEADER_BYTES || length > available) return false
  window.copyOut(position, FRAME_HEADER_BYTES, header, 0)
  if (!isKnownVersion((headerWords[1] as number) & 0xff)) return false
  return (crc32(header.subarray(0, FRAME_HEADER_CRC)) | 0) === headerWords[FRAME_HEADER_CRC >> 2]
}

/** Base offset of a frame in private bytes. */
export function frameStart(frame: Buffer): number {
  return joinOffset(frame.readInt32LE(FRAME_BASE_OFFSET), frame.readInt32LE(FRAME_BASE_OFFSET + 4))
}

/** Offset after its last record. */
export function frameEnd(frame: Buffer): number {
  return frameStart(frame) + frame.readUInt32LE(FRAME_LAST_OFFSET_DELTA) + 1
}

/** Base offset of the frame at a position of a window. */
export function frameBaseOffset(window: WindowReader, position: number): number {
  return joinOffset(window.word(position + FRAME_BASE_OFFSET), window.word(position + FRAME_BASE_OFFSET + 4))
}

/** Offset after the last record of the frame at a position of a window. */
export function frameEndOffset(window: WindowReader, position: number): number {
  return frameBaseOffset(window, position) + (window.word(position + FRAME_LAST_OFFSET_DELTA) >>> 0) + 1
}
