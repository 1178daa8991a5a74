/**
 * Makes the frame of a dead letter: the record's own key, headers and value bytes, with headers that say why.
 *
 * The partition host's thread. Leaf: bytes in, bytes out. The frame carries the group's member number as its producer
 * and the low word of the source offset as its sequence, by which a successor finds what was appended already.
 */

import { crc32 } from 'node:zlib'
import { dyingHeaders, PRIORITY_HEADER } from '../dead-letters/letter-headers.ts'
import {
  FRAME_BASE_SEQUENCE,
  FRAME_BASE_TIMESTAMP,
  FRAME_BODY_CRC,
  FRAME_COUNT,
  FRAME_HEADER_BYTES,
  FRAME_PRODUCER_ID,
  FRAME_VERSION,
} from '../log/format/frame.ts'
import { headersSize, LETTER_NAME_BYTES_MAX, readHeaders, writeHeaders } from '../log/format/headers.ts'
import {
  HAS_HEADERS,
  HAS_KEY,
  IS_LETTER,
  IS_REPLAYED,
  KEY_IS_BYTES,
  NO_VALUE,
  RECORD_HEADER_BYTES,
} from '../log/format/record.ts'
import type { StoredRecord } from '../log/format/stored-record.ts'
import type { DeadLetterReason } from '../words/broker-events.ts'
import type { DeadLetterCause } from '../words/dead-letter.ts'
import type { Headers } from '../words/message.ts'
import type { CursorId, Offset, PartitionId } from '../words/quantities.ts'

/** Why, when and where a record died. */
export interface LetterDetails {
  readonly topic: string
  readonly partition: PartitionId
  readonly offset: Offset
  readonly group: string
  readonly cursor: CursorId
  readonly reason: DeadLetterReason
  readonly failedAttempts: number
  readonly firstMs: number
  readonly lastMs: number
  readonly error: {
    readonly name?: unknown
    readonly message?: unknown
    readonly code?: unknown
    readonly stack?: unknown
    readonly cause?: unknown
    readonly errors?: unknown
  }
}

/**
 * Bytes that the added headers may take, and the longer names of a publisher's (OUR_NAMES_MAX of 7 bytes each), beyond the
 * record's own; a dead-letter topic's records may be that much larger.
 */
export const DEAD_LETTER_EXTRA_BYTES = 24_576
const MESSAGE_CHARS_MAX = 1_024
const STACK_CHARS_MAX = 2_048
const CAUSES_BYTES_MAX = 4_096
const CAUSE_CHARS_MAX = 500

function text(value: unknown, max: number): string {
  return typeof value === 'string' || typeof value === 'number'
    ? Buffer.from(String(value).slice(0, max)).toString()
    : ''
}

function headersOf(details: LetterDetails, priority: number): Headers {
  const { error } = details
  const added: Record<string, string> = {
    'millrace-topic': details.topic,
    'millrace-partition': String(details.partition),
    'millrace-offset': String(details.offset),
    'millrace-group': details.group,
    'millrace-reason': details.reason,
    'millrace-failed-attempts': String(details.failedAttempts),
    'millrace-first-failure': new Date(details.firstMs).toISOString(),
    'millrace-last-failure': new Date(details.lastMs).toISOString(),
    'millrace-error-name': text(error.name, 200),
    'millrace-error-message': text(error.message, MESSAGE_CHARS_MAX),
  }
  if (priority > 0) added[PRIORITY_HEADER] = String(priority)
  const code = text(error.code, 200)
  if (code !== '') added['millrace-error-code'] = code
  const stack = text(error.stack, STACK_CHARS_MAX)
  if (stack !== '') added['millrace-error-stack'] = stack
  const causes = causesOf(error)
  if (causes.length > 0) added['millrace-error-causes'] = causesText(causes)
  return added
}

/** What the error was caused by, and the errors of an AggregateError, each followed by its own; an error wire bounds how many. */
function causesOf(error: LetterDetails['error'], level = 1): DeadLetterCause[] {
  const below = [...(Array.isArray(error.errors) ? error.errors : []), error.cause].filter(
    each => each instanceof Error,
  )
  return below.flatMap(cause => {
    const { name, message, code } = cause as Error & { readonly code?: unknown }
    const shown = text(code, 200)
    return [
      { level, name: text(name, 200), message: text(message, CAUSE_CHARS_MAX), code: shown === '' ? null : shown },
      ...causesOf(cause, level + 1),
    ]
  })
}

/** As many of them as the bound takes, the first ones. */
function causesText(causes: readonly DeadLetterCause[]): string {
  for (let count = causes.length; ; count--) {
    const json = JSON.stringify(causes.slice(0, count))
    if (Buffer.byteLength(json) <= CAUSES_BYTES_MAX) return json
  }
}

/** The frame, ready but for its base offset. */
export function deadLetterFrame(record: StoredRecord, details: LetterDetails): Uint8Array<ArrayBuffer> {
  const own = record.headers === null ? {} : readHeaders(record.bytes, record.headers.start, record.headers.end)
  const headers = dyingHeaders(own, headersOf(details, record.priority ?? 0), {
    isReplayed: (record.attributes & IS_REPLAYED) !== 0,
    isLetter: (record.attributes & IS_LETTER) !== 0,
  })
  const keyLength = record.keyEnd - record.keyStart
  const valueLength = record.valueEnd - record.valueStart
  const headersLength = headersSize(headers, LETTER_NAME_BYTES_MAX)
  const length = RECORD_HEADER_BYTES + keyLength + 4 + headersLength + valueLength
  const frame = new Uint8Array((FRAME_HEADER_BYTES + length + 7) & ~7)
  const view = new DataView(frame.buffer)
  view.setInt32(0, frame.length, true)
  view.setUint32(4, FRAME_VERSION, true)
  view.setUint32(FRAME_COUNT, 1, true)
  view.setFloat64(FRAME_BASE_TIMESTAMP, record.timestamp, true)
  view.setFloat64(FRAME_PRODUCER_ID, details.cursor, true)
  view.setInt32(FRAME_BASE_SEQUENCE, details.offset | 0, true)
  let at = FRAME_HEADER_BYTES
  view.setUint32(at, length, true)
  const attributes = (record.attributes & (HAS_KEY | NO_VALUE | KEY_IS_BYTES | IS_REPLAYED)) | HAS_HEADERS | IS_LETTER
  view.setUint16(at + 6, attributes, true)
  view.setUint32(at + 12, keyLength, true)
  at += RECORD_HEADER_BYTES
  frame.set(record.bytes.subarray(record.keyStart, record.keyEnd), at)
  at += keyLength
  view.setUint32(at, headersLength, true)
  at = writeHeaders(frame, at + 4, headers)
  frame.set(record.bytes.subarray(record.valueStart, record.valueEnd), at)
  view.setUint32(FRAME_BODY_CRC, crc32(frame.subarray(FRAME_HEADER_BYTES)), true)
  return frame
}
