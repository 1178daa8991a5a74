/**
 * The record inside a frame.
 *
 * ```
 *  0 u32 length          this header and all behind it up to the value's end, in bytes, not padded
 *  4 u16 offsetDelta     offset - the frame's base offset
 *  6 u16 attributes      bits below
 *  8 i32 timestampDelta  ms, to the frame's base timestamp
 * 12 u32 keyLength
 * 16 queue fields (queue-fields.ts), only with HAS_QUEUE_FIELDS
 *    key
 *    u32 headersLength, headers (headers.ts), only with HAS_HEADERS
 *    up to 7 bytes without a meaning, up to the next multiple of 8, only with VALUE_ALIGNED
 *    value
 * ```
 *
 * Copying bytes into shared memory is many times as slow where source and target are not aligned alike
 * (docs/decisions/021-aligned-values.md). Values that are bytes therefore begin at a multiple of 8. Frames of version 1
 * have the attributes up to IS_LETTER only.
 *
 * Leaf, any thread.
 */

import { areOfRequest, idHashAt, queueFieldsSize, queueIdText } from './queue-fields.ts'

export const RECORD_HEADER_BYTES = 16
/** The word whose low half that is. */
export const RECORD_OFFSET_DELTA = 4
export const OFFSET_DELTA_MAX = 0xffff
export const RECORD_TIMESTAMP_DELTA = 8

export const HAS_KEY = 1
export const KEY_IS_BYTES = 2
export const HAS_HEADERS = 4
/** The value is absent (a tombstone), not empty. */
export const NO_VALUE = 8
/** A replay wrote it: its count of replays is the broker's own, and not what a publisher says. */
export const IS_REPLAYED = 16
/** A partition host wrote it as a dead letter: the headers that say so are the broker's own. */
export const IS_LETTER = 32
/** The value begins at the next multiple of 8 behind what is in front of it. */
export const VALUE_ALIGNED = 64
/** It has the fields of a queue's message. */
export const HAS_QUEUE_FIELDS = 128

/** The attributes that records of a frame of this version may have. */
export function knownAttributes(frameVersion: number): number {
  return frameVersion === 1 ? 63 : 255
}

/** Index of the key of the record at an index of these bytes. */
export function keyStartOf(bytes: Buffer, at: number, attributes: number): number {
  const fields = at + RECORD_HEADER_BYTES
  return (attributes & HAS_QUEUE_FIELDS) === 0 ? fields : fields + queueFieldsSize(bytes, fields)
}

/** Whether the record at this byte is a request: its sender waits for the answer, and not for the receipt. */
export function isRequestAt(words: Int32Array, at: number): boolean {
  const attributes = (words[(at + 4) >> 2] as number) >>> 16
  return (attributes & HAS_QUEUE_FIELDS) !== 0 && areOfRequest(words[(at + RECORD_HEADER_BYTES) >> 2] as number)
}

/** Index among these words of the hash of the id of the record at this byte; -1: it has none. */
export function recordIdAt(words: Int32Array, at: number): number {
  const attributes = (words[(at + 4) >> 2] as number) >>> 16
  return (attributes & HAS_QUEUE_FIELDS) === 0 ? -1 : idHashAt(words, at + RECORD_HEADER_BYTES)
}

/** The id of the record at this index, as its sender gave it; null: it has none. */
export function recordIdText(bytes: Buffer, at: number): string | null {
  if ((bytes.readUInt16LE(at + 6) & HAS_QUEUE_FIELDS) === 0) return null
  return queueIdText(bytes, at + RECORD_HEADER_BYTES)
}

/** Where the value begins, if `end` is the end of key and headers. */
export function valueStartOf(end: number, attributes: number): number {
  return (attributes & VALUE_ALIGNED) === 0 ? end : (end + 7) & ~7
}
