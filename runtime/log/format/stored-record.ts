/**
 * Finds one record in a window or a frame, and copies it out, for code that needs a record again after its reader has
 * passed it.
 *
 * The partition host's thread (dead letters). Positions inside the result are indexes into `bytes`.
 */
import type { WindowReader } from 'sharedarraybuffer-ring'
import {
  FRAME_BASE_OFFSET,
  FRAME_BASE_TIMESTAMP,
  FRAME_HEADER_BYTES,
  frameBaseOffset,
  frameEndOffset,
  joinOffset,
} from './frame.ts'
import { HAS_HEADERS, HAS_QUEUE_FIELDS, keyStartOf, RECORD_HEADER_BYTES, valueStartOf } from './record.ts'

export interface StoredRecord {
  readonly bytes: Buffer
  readonly attributes: number
  readonly timestamp: number
  /** Of a queue's message. */
  readonly priority?: number
  /** Where the record begins. */
  readonly recordStart: number
  readonly keyStart: number
  readonly keyEnd: number
  readonly headers: { readonly start: number; readonly end: number } | null
  readonly valueStart: number
  readonly valueEnd: number
}

/** The record at `offset`, looked for from the frame at position `from` up to position `end`; null if it is not there. */
export function findRecord(window: WindowReader, from: number, end: number, offset: number): StoredRecord | null {
  let position = from
  while (position !== end && frameEndOffset(window, position) <= offset)
    position = (position + window.word(position)) | 0
  if (position === end || frameBaseOffset(window, position) > offset) return null
  const bytes = Buffer.alloc(window.word(position))
  window.copyOut(position, bytes.length, bytes, 0)
  return recordIn(bytes, offset)
}

/** The record at `offset` in a frame; null if it is not in there. */
export function recordIn(bytes: Buffer, offset: number): StoredRecord | null {
  const delta = offset - joinOffset(bytes.readInt32LE(FRAME_BASE_OFFSET), bytes.readInt32LE(FRAME_BASE_OFFSET + 4))
  let at = FRAME_HEADER_BYTES
  while (at < bytes.length && bytes.readUInt16LE(at + 4) !== delta) at += (bytes.readUInt32LE(at) + 7) & ~7
  if (at >= bytes.length) return null
  const attributes = bytes.readUInt16LE(at + 6)
  const keyStart = keyStartOf(bytes, at, attributes)
  const keyEnd = keyStart + bytes.readUInt32LE(at + 12)
  const hasHeaders = (attributes & HAS_HEADERS) !== 0
  const headersEnd = hasHeaders ? keyEnd + 4 + bytes.readUInt32LE(keyEnd) : keyEnd
  return {
    bytes,
    attributes,
    recordStart: at,
    timestamp: bytes.readDoubleLE(FRAME_BASE_TIMESTAMP) + bytes.readInt32LE(at + 8),
    // The first byte of its queue fields.
    ...((attributes & HAS_QUEUE_FIELDS) === 0 ? {} : { priority: bytes[at + RECORD_HEADER_BYTES] as number }),
    keyStart,
    keyEnd,
    headers: hasHeaders ? { start: keyEnd + 4, end: headersEnd } : null,
    valueStart: valueStartOf(headersEnd, attributes),
    valueEnd: at + bytes.readUInt32LE(at),
  }
}
