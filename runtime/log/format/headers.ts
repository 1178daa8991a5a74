/**
 * The bytes of a record's headers. All integers are little-endian, nothing is aligned.
 *
 *     +-----------+----------+----------+----- ...
 *     | u32 count | header 0 | header 1 |
 *     +-----------+----------+----------+----- ...
 *
 *     header:
 *     0                 2        3            4                  8
 *     +-----------------+--------+------------+------------------+----------------+-----------+
 *     | u16 name length | u8 type| u8 zero    | u32 value length | name, UTF-8    | value     |
 *     +-----------------+--------+------------+------------------+----------------+-----------+
 *
 *     type 0: a string, as UTF-8    type 1: bytes    type 2: a string, the routing key, whose name is left out
 *
 * Written on the publishing thread, read on the consuming one. Invariants: names are 1 to 1,000 bytes long, but for
 * the one that is left out, those of dead letters a few bytes longer, and unique. The section fills its range exactly. Reading touches no byte outside of
 * the given range.
 */
import { bytesOf, decodeText, isWellFormed } from '../../words/codec.ts'
import { MillraceError } from '../../words/errors.ts'
import type { Headers } from '../../words/message.ts'
import { show } from '../../words/names.ts'
import { putU32 } from './unaligned.ts'
import { WrittenHeader } from './written-header.ts'

const COUNT_BYTES = 4
const HEADER_BYTES = 8
const NAME_BYTES_MAX = 1_000
/**
 * Length of a letter's names, which grow by 7 bytes with each dead-letter topic that the record dies into
 * (letter-headers.ts).
 */
export const LETTER_NAME_BYTES_MAX = 8_192
const TYPE_STRING = 0
const TYPE_BYTES = 1
/** The header that an exchange adds to nearly all that it routes: its name is known. */
export const TYPE_ROUTING_KEY = 2
export const ROUTING_KEY_HEADER = 'millrace-routing-key'
const LOOP_CHARS_MAX = 64

const encoder = new TextEncoder()

/**
 * Checks headers and returns the size of their bytes. `nameBytesMax`: of headers that no replay has made.
 *
 * @throws MillraceError `MILL_UNSERIALISABLE`
 */
export function headersSize(headers: Headers, nameBytesMax: number = NAME_BYTES_MAX): number {
  if (headers instanceof WrittenHeader) return headers.size
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    throw unserialisable(`headers must be an object, not ${show(headers)}`)
  let size = COUNT_BYTES
  for (const name of Object.keys(headers)) {
    const bytes = isNameless(name, headers) ? 0 : nameSize(name)
    // A replay brings back what was there, also a letter of a letter.
    if (bytes > nameBytesMax && !(areByReplay(headers) && bytes <= LETTER_NAME_BYTES_MAX)) throw badName(name)
    size += HEADER_BYTES + bytes + valueSize(name, headers[name])
  }
  return size
}

/** Marks headers that a replay has made. Publishers cannot set it: only names of their headers are copied. */
export const BY_REPLAY: unique symbol = Symbol('by a replay')

export function areByReplay(headers: Headers): boolean {
  return (headers as { readonly [BY_REPLAY]?: true })[BY_REPLAY] === true
}

/** The same headers with bytes of their own, which the caller cannot change any more. */
export function ownedHeaders(headers: Headers): Headers {
  if (headers instanceof WrittenHeader) return headers
  const owned: Record<string, string | Uint8Array> = Object.create(null)
  for (const [name, value] of Object.entries(headers))
    owned[name] = value instanceof Uint8Array ? new Uint8Array(value) : value
  return areByReplay(headers) ? Object.assign(owned, { [BY_REPLAY]: true }) : owned
}

/** Writes headers that `headersSize` has measured; returns the position after them. */
export function writeHeaders(target: Uint8Array, position: number, headers: Headers): number {
  if (headers instanceof WrittenHeader) return headers.write(target, position)
  const names = Object.keys(headers)
  putU32(target, position, names.length)
  let at = position + COUNT_BYTES
  for (const name of names) {
    const value = headers[name]!
    const nameless = isNameless(name, headers)
    const nameAt = at + HEADER_BYTES
    const valueAt = nameless ? nameAt : nameAt + putText(target, nameAt, name)
    const valueEnd =
      valueAt + (typeof value === 'string' ? putText(target, valueAt, value) : putBytes(target, valueAt, value))
    target[at] = (valueAt - nameAt) & 0xff
    target[at + 1] = (valueAt - nameAt) >>> 8
    target[at + 2] = nameless ? TYPE_ROUTING_KEY : typeof value === 'string' ? TYPE_STRING : TYPE_BYTES
    target[at + 3] = 0
    putU32(target, at + 4, valueEnd - valueAt)
    at = valueEnd
  }
  return at
}

/**
 * Reads headers back into an object without a prototype, in the order written; bytes are copies.
 *
 * @throws MillraceError `MILL_DECODE` if the bytes from `start` up to `end` are no headers
 */
export function readHeaders(buffer: Buffer, start: number, end: number): Headers {
  if (end - start < COUNT_BYTES) throw corrupt('cut short')
  const headers: Record<string, string | Uint8Array> = Object.create(null)
  let at = start + COUNT_BYTES
  for (let left = buffer.readUInt32LE(start); left > 0; left--) {
    // A false count is found out here, at the first header that is not there.
    if (end - at < HEADER_BYTES) throw corrupt('cut short')
    const nameLength = buffer.readUInt16LE(at)
    const type = buffer[at + 2]
    const valueLength = buffer.readUInt32LE(at + 4)
    if (type !== TYPE_STRING && type !== TYPE_BYTES && type !== TYPE_ROUTING_KEY) throw corrupt(`type ${type}`)
    const nameless = type === TYPE_ROUTING_KEY
    if ((nameLength === 0) !== nameless || nameLength > LETTER_NAME_BYTES_MAX)
      throw corrupt(`name of ${nameLength} bytes`)
    if (buffer[at + 3] !== 0) throw corrupt('reserved byte in use')
    const nameAt = at + HEADER_BYTES
    const valueAt = nameAt + nameLength
    if (valueLength > end - valueAt) throw corrupt('length beyond the end')
    const name = nameless ? ROUTING_KEY_HEADER : decodeText(buffer, nameAt, valueAt)
    if (name in headers) throw corrupt('name twice')
    at = valueAt + valueLength
    headers[name] = type === TYPE_BYTES ? new Uint8Array(buffer.subarray(valueAt, at)) : decodeText(buffer, valueAt, at)
  }
  if (at !== end) throw corrupt('bytes left over')
  return headers
}

/** Whether it is the routing key, which is a string wherever an exchange has added it. */
function isNameless(name: string, headers: Headers): boolean {
  return name === ROUTING_KEY_HEADER && typeof headers[name] === 'string'
}

function nameSize(name: string): number {
  const size = Buffer.byteLength(name)
  if (size >= 1 && isWellFormed(name)) return size
  throw badName(name)
}

function badName(name: string): MillraceError {
  return unserialisable(`header name ${show(name)} must be 1 to 1,000 bytes of well-formed text`)
}

function valueSize(name: string, value: unknown): number {
  if (typeof value === 'string') {
    if (isWellFormed(value)) return Buffer.byteLength(value)
    throw unserialisable(
      `header ${show(name)} has half a surrogate pair: repair it with \`toWellFormed()\`, or send bytes`,
    )
  }
  if (value instanceof Uint8Array) return bytesOf(value).length
  throw unserialisable(`header ${show(name)} must be a string or a Uint8Array, not ${show(value)}`)
}

/** Writes UTF-8 and returns its length. Nearly all headers are short and ASCII, which a loop writes fastest. */
function putText(target: Uint8Array, position: number, text: string): number {
  const length = text.length
  if (length <= LOOP_CHARS_MAX) {
    let index = 0
    for (; index < length; index++) {
      const unit = text.charCodeAt(index)
      if (unit > 0x7f) break
      target[position + index] = unit
    }
    if (index === length) return length
  }
  return encoder.encodeInto(text, target.subarray(position)).written
}

function putBytes(target: Uint8Array, position: number, value: Uint8Array): number {
  target.set(value, position)
  return value.length
}

function unserialisable(message: string): MillraceError {
  return new MillraceError('MILL_UNSERIALISABLE', message)
}

function corrupt(what: string): MillraceError {
  return new MillraceError('MILL_DECODE', `headers are corrupt: ${what}`)
}
