/**
 * Writes one message as a record at the place that the partition's writer gives.
 *
 * The producer's thread. Keys and values arrive encoded as far as they can be without a copy (a string stays a string
 * until its bytes are written straight into the ring). Sizes are bounded before anything is reserved.
 */
import { FULL, type Memory } from 'sharedarraybuffer-ring'
import { wallMs } from '../../actors/world.ts'
import { areByReplay, headersSize, writeHeaders } from '../log/format/headers.ts'
import {
  PRIORITY_BYTES,
  type QueueFields,
  queueFieldsBytes,
  writePriority,
  writeQueueFields,
} from '../log/format/queue-fields.ts'
import {
  HAS_HEADERS,
  HAS_KEY,
  HAS_QUEUE_FIELDS,
  IS_REPLAYED,
  KEY_IS_BYTES,
  NO_VALUE,
  RECORD_HEADER_BYTES,
  VALUE_ALIGNED,
} from '../log/format/record.ts'
import { putU32 } from '../log/format/unaligned.ts'
import { SIZED_SLACK_BYTES } from '../log/format/written-header.ts'
import { MillraceError } from '../words/errors.ts'
import type { Headers, Key } from '../words/message.ts'
import { halfKey } from './checked-message.ts'
import { hashKey } from './key-hash.ts'
import { writeKey } from './key-writer.ts'
import { arePriorityOnly, haveTimes, onWallClock } from './message-fields.ts'
import type { PartitionWriter } from './partition-writer.ts'
import { ALIGN_BYTES, SHIFT_BYTES, writeBytes, writeString } from './value-writer.ts'

/** A message whose value is encoded and whose partition is chosen. */
export interface EncodedMessage {
  readonly partition: number
  readonly key: Key | null
  readonly value: string | Uint8Array | null
  readonly headers: Headers | null
  readonly timestamp: number | undefined
  /** Of a queue's message that has any. */
  readonly fields: QueueFields | null
  /** By how much it may be larger than the topic's `maxMessageBytes`. */
  readonly extraBytes: number
}

/** A record as it was stored: the value is bytes of the topic's codec, or text to be written as such. */
export interface StoredMessage {
  readonly key: Key | null
  readonly value: string | Uint8Array | null
  readonly headers: Headers
  readonly partition: number | undefined
  readonly timestamp: number
  /** Of a queue's message that has any. */
  readonly fields: QueueFields | null
}

/** Strings up to this length reserve three bytes a character; longer ones are measured first. */
export const MEASURE_FROM_CHARS = 512

function boundOf(part: string | Uint8Array | null): number {
  if (part === null) return 0
  if (typeof part !== 'string') return part.length
  return part.length < MEASURE_FROM_CHARS ? part.length * 3 : Buffer.byteLength(part)
}

function sizeOf(part: string | Uint8Array | null): number {
  if (part === null) return 0
  return typeof part === 'string' ? Buffer.byteLength(part) : part.length
}

/** Bytes of key, headers and value as stored. */
export function encodedSize(key: Key | null, value: string | Uint8Array | null, headers: Headers | null): number {
  return sizeOf(key) + sizeOf(value) + (headers === null ? 0 : headersSize(headers))
}

export function sizeOfEncoded({ key, value, headers }: Pick<EncodedMessage, 'key' | 'value' | 'headers'>): number {
  return encodedSize(key, value, headers)
}

/**
 * Appends a record to the writer's open frame. Returns 0, or what `reserve` said (FULL, GROW).
 *
 * @throws MillraceError MILL_TOO_LARGE when key, headers and value exceed `maxMessageBytes`
 */
export function writeRecord(
  memory: Memory,
  writer: PartitionWriter,
  key: Key | null,
  value: string | Uint8Array | null,
  headers: Headers | null,
  timestamp: number | undefined,
  maxMessageBytes: number,
  fields: QueueFields | null = null,
): number {
  const headersBytes = headers === null ? 0 : headersSize(headers) + 4
  // Of bytes, their length, looked at once: another thread may grow their buffer.
  const valueBound = boundOf(value)
  let bound = boundOf(key) + valueBound + headersBytes
  if (bound > maxMessageBytes) {
    bound = encodedSize(key, value, headers) + (headers === null ? 0 : 4)
    if (bound - (headers === null ? 0 : 4) > maxMessageBytes)
      throw tooLarge(bound - (headers === null ? 0 : 4), maxMessageBytes)
  }
  if (value !== null && typeof value !== 'string')
    bound += bound === valueBound ? SHIFT_BYTES : ALIGN_BYTES + SHIFT_BYTES
  if (fields !== null) bound += sizeOfFields(fields)
  const address = writer.reserve(RECORD_HEADER_BYTES + bound, timestamp)
  if (address < 0) return address
  let delta = 0
  if (timestamp !== undefined) delta = timestamp - writer.baseTimestamp
  // What is left of a time of its own is told by when it was written.
  else if (writer.baseWasGiven || (fields !== null && haveTimes(fields))) delta = wallMs() - writer.baseTimestamp
  if (delta !== (delta | 0)) {
    // The difference does not fit: this record opens a frame with a base of its own.
    writer.seal()
    const again = writer.reserve(RECORD_HEADER_BYTES + bound, timestamp)
    return again < 0 ? again : fill(memory, writer, again, key, value, headers, 0, fields, valueBound)
  }
  return fill(memory, writer, address, key, value, headers, delta, fields, valueBound)
}

/** Bytes that are enough for a record by whichever way it is written; it may be a little too much. */
export function boundOfRecord({ key, value, headers, fields }: EncodedMessage): number {
  const others =
    (headers === null ? 0 : headersSize(headers) + 4 + SIZED_SLACK_BYTES) +
    (fields === null ? 0 : queueFieldsBytes(fields))
  return RECORD_HEADER_BYTES + boundOf(key) + boundOf(value) + others + ALIGN_BYTES + SHIFT_BYTES
}

/** Whether a record would find room now, or none would be enough for it; nothing is written. It may ask for a little too much. */
export function hasRoomFor(writer: PartitionWriter, message: EncodedMessage): boolean {
  const address = writer.reserve(boundOfRecord(message), message.timestamp)
  // A frame that was opened for it would have its time.
  writer.abandon()
  return address !== FULL
}

function fill(
  memory: Memory,
  writer: PartitionWriter,
  address: number,
  key: Key | null,
  value: string | Uint8Array | null,
  headers: Headers | null,
  timestampDelta: number,
  fields: QueueFields | null,
  valueBytes: number,
): number {
  const u8 = memory.u8
  let attributes = 0
  let cursor = address + RECORD_HEADER_BYTES
  let keyLength = 0
  if (fields !== null) {
    attributes = HAS_QUEUE_FIELDS
    cursor = writeFields(memory, cursor, fields, key)
  }
  if (key !== null) {
    attributes |= HAS_KEY
    if (typeof key === 'string') {
      keyLength = writeKey(memory, key, cursor)
      if (keyLength < 0) throw refused(writer)
    } else {
      attributes |= KEY_IS_BYTES
      u8.set(key, cursor)
      keyLength = key.length
    }
    cursor += keyLength
  }
  if (headers !== null) {
    attributes |= areByReplay(headers) ? HAS_HEADERS | IS_REPLAYED : HAS_HEADERS
    const length = writeHeaders(u8, cursor + 4, headers) - (cursor + 4)
    putU32(u8, cursor, length)
    cursor += 4 + length
  }
  if (value === null) attributes |= NO_VALUE
  else if (typeof value === 'string') cursor += writeString(memory, value, cursor)
  else {
    attributes |= VALUE_ALIGNED
    cursor = (cursor + ALIGN_BYTES) & ~ALIGN_BYTES
    writeBytes(memory, value, cursor, valueBytes)
    cursor += valueBytes
  }
  const length = cursor - address
  const words = memory.i32
  const at = address >> 2
  words[at] = length
  words[at + 1] = writer.index | (attributes << 16)
  words[at + 2] = timestampDelta
  words[at + 3] = keyLength
  // Only now: a record whose key is refused leaves nothing behind.
  if (fields !== null) writer.hasQueueFields = true
  writer.append(length, timestampDelta)
  return 0
}

/** Fields of a queue's message; a plain one has none. */
function writeFields(memory: Memory, at: number, fields: QueueFields, key: Key | null): number {
  const end = arePriorityOnly(fields)
    ? writePriority(memory.i32, at, fields.priority)
    : writeQueueFields(memory.bytes, at, onWallClock(fields))
  memory.i32[(at + 4) >> 2] = key === null ? 0 : hashKey(key)
  return end
}

function sizeOfFields(fields: QueueFields): number {
  return arePriorityOnly(fields) ? PRIORITY_BYTES : queueFieldsBytes(fields)
}

function tooLarge(bytes: number, maxMessageBytes: number): MillraceError {
  return new MillraceError(
    'MILL_TOO_LARGE',
    `a record of ${bytes} bytes is over maxMessageBytes, which is ${maxMessageBytes}; give more where the topic or queue is first opened, ` +
      'or store the payload elsewhere (without that option a topic takes half of its window, which is smaller the more is open)',
  )
}

/**
 * What writeRecord would find out as it writes, before anything is written; whether a key is text that UTF-8 can hold is
 * looked at where its partition is chosen.
 *
 * @throws MillraceError MILL_TOO_LARGE, MILL_UNSERIALISABLE
 */
export function checkRecord(
  key: Key | null,
  value: string | Uint8Array | null,
  headers: Headers | null,
  maxMessageBytes: number,
): void {
  const headersBytes = headers === null ? 0 : headersSize(headers)
  const most = (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
  if (most * 3 + headersBytes <= maxMessageBytes) return
  const bytes = sizeOf(key) + sizeOf(value) + headersBytes
  if (bytes > maxMessageBytes) throw tooLarge(bytes, maxMessageBytes)
}

/** The record whose key it is has not been appended, so that nothing of it stays. */
export function refused(writer: PartitionWriter): MillraceError {
  writer.abandon()
  return halfKey()
}
