/**
 * Writes a message as a record: those that are like most by a short way, and all others as record-writer.ts does.
 *
 * The producer's thread. Most have a short text as their key, a value, and neither a time nor fields of their own. They have no headers, or one that
 * is written already: the routing key that an exchange adds. Of those everything rare is looked for once.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import type { QueueFields } from '../log/format/queue-fields.ts'
import { HAS_HEADERS, HAS_KEY, RECORD_HEADER_BYTES, VALUE_ALIGNED } from '../log/format/record.ts'
import { SIZED_SLACK_BYTES, WrittenHeader } from '../log/format/written-header.ts'
import type { Headers, Key } from '../words/message.ts'
import { writeHashedKey } from './key-hash.ts'
import { writeKey } from './key-writer.ts'
import type { PartitionWriter } from './partition-writer.ts'
import { MEASURE_FROM_CHARS, refused, writeRecord } from './record-writer.ts'
import { ALIGN_BYTES, SHIFT_BYTES, writeBytes, writeString } from './value-writer.ts'

/** As `writeRecord`. `isHashed`: the key may have been hashed right before. */
export function writeMessage(
  memory: Memory,
  writer: PartitionWriter,
  key: Key | null,
  value: string | Uint8Array | null,
  headers: Headers | null,
  timestamp: number | undefined,
  maxMessageBytes: number,
  fields: QueueFields | null,
  isHashed: boolean,
): number {
  const isPlain = timestamp === undefined && fields === null && value !== null && !writer.baseWasGiven
  if (isPlain && typeof key === 'string' && (headers === null || headers instanceof WrittenHeader))
    return writePlain(memory, writer, key, value, headers, maxMessageBytes, isHashed)
  return writeRecord(memory, writer, key, value, headers, timestamp, maxMessageBytes, fields)
}

function writePlain(
  memory: Memory,
  writer: PartitionWriter,
  key: string,
  value: string | Uint8Array,
  header: (Headers & WrittenHeader) | null,
  maxMessageBytes: number,
  isHashed: boolean,
): number {
  const isText = typeof value === 'string'
  const headerBytes = header === null ? 0 : 4 + header.size + SIZED_SLACK_BYTES
  // Looked at once: another thread may grow the buffer of a value.
  const valueLength = value.length
  const most = (key.length + (isText ? valueLength : 0)) * 3 + (isText ? 0 : valueLength) + headerBytes
  if (most > maxMessageBytes || key.length + (isText ? valueLength : 0) >= MEASURE_FROM_CHARS)
    return writeRecord(memory, writer, key, value, header, undefined, maxMessageBytes)
  const address = writer.reserve(RECORD_HEADER_BYTES + most + (isText ? 0 : ALIGN_BYTES + SHIFT_BYTES), undefined)
  if (address < 0) return address
  const words = memory.i32
  const at = address >> 2
  const isWritten = isHashed && writeHashedKey(key, words, at + (RECORD_HEADER_BYTES >> 2))
  const keyLength = isWritten ? key.length : writeKey(memory, key, address + RECORD_HEADER_BYTES)
  if (keyLength < 0) throw refused(writer)
  let end = address + RECORD_HEADER_BYTES + keyLength
  let attributes = isText ? HAS_KEY : HAS_KEY | VALUE_ALIGNED
  if (header !== null) {
    attributes |= HAS_HEADERS
    end = header.writeSized(memory, end)
  }
  if (isText) end += writeString(memory, value, end)
  else {
    end = (end + ALIGN_BYTES) & ~ALIGN_BYTES
    writeBytes(memory, value, end, valueLength)
    end += valueLength
  }
  const length = end - address
  words[at] = length
  words[at + 1] = writer.index | (attributes << 16)
  words[at + 2] = 0
  words[at + 3] = keyLength
  writer.append(length, 0)
  return 0
}
