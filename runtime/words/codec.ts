/**
 * How values become bytes and come back: `json`, `bytes` and `string`.
 *
 * Leaf module, any thread; on the path of every record, so no codec allocates beyond its result.
 * Invariants: `null` is "no value" in every codec; encode throws only MILL_UNSERIALISABLE and leaves nothing behind;
 * decode throws only MILL_DECODE. Text comes out of `encode` as a well-formed string, for the log to write as UTF-8.
 */
import { isUtf8 } from 'node:buffer'
import { types } from 'node:util'
import { MillraceError } from './errors.ts'
import { JsonBytes } from './json-bytes.ts'
import { type Culprit, jsonPath } from './json-path.ts'
import type { CodecName } from './message.ts'
import { show } from './names.ts'

/** A codec: values to bytes, and back. */
export interface Codec {
  /** Name of the codec in topic options. */
  readonly name: CodecName
  /**
   * Text to be written as UTF-8, bytes to be copied before the caller continues, or `null` for no value.
   *
   * @throws MillraceError `MILL_UNSERIALISABLE`
   */
  encode(value: unknown): string | Uint8Array | null
  /**
   * The value in the bytes from `start` up to `end`. The result of `bytes` is a view of them.
   *
   * @throws MillraceError `MILL_DECODE`
   */
  decode(buffer: Buffer, start: number, end: number): unknown
}

/** `Buffer.toString` without the handling of its optional arguments; in Node since 4, and not yet in its types. */
type Utf8Sliceable = { utf8Slice(start: number, end: number): string }
/** ES2024, in Node since 20. */
type WellFormedness = { isWellFormed(): boolean }

const REPLACEMENT = '\ufffd'

const json: Codec = Object.freeze<Codec>({
  name: 'json',
  encode(value) {
    if (value === null) return null
    return (typeof value === 'object' ? JsonBytes.of(value) : null) ?? jsonText(value)
  },
  decode(buffer, start, end) {
    const text = decodeText(buffer, start, end)
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new MillraceError('MILL_DECODE', 'value is not JSON: was it published with another codec?', { cause })
    }
  },
})

const bytes: Codec = Object.freeze<Codec>({
  name: 'bytes',
  encode(value) {
    return value === null ? null : bytesOf(value)
  },
  decode(buffer, start, end) {
    return new Uint8Array(buffer.buffer, buffer.byteOffset + start, end - start)
  },
})

const string: Codec = Object.freeze<Codec>({
  name: 'string',
  encode(value) {
    if (value === null) return null
    if (typeof value !== 'string')
      throw unserialisable(
        `the string codec takes a string or null, not ${show(value)}: convert it, or open the topic with \`codec: 'json'\``,
      )
    if (!isWellFormed(value))
      throw unserialisable(
        "string has half a surrogate pair, which UTF-8 cannot hold: repair it with `toWellFormed()`, or use `codec: 'bytes'`",
      )
    return value
  },
  decode: decodeText,
})

/**
 * A value as JSON. What is in it is JSON's affair (a `Map` in a field becomes `{}`, `undefined` is left out): to look at every
 * value below would cost more than to write them. What would arrive as nothing at all is refused.
 *
 * @throws MillraceError `MILL_UNSERIALISABLE`
 */
export function jsonText(value: unknown): string {
  let text: string | undefined
  let isLost: boolean
  try {
    text = JSON.stringify(value) as string | undefined
    isLost = (text === '{}' || ArrayBuffer.isView(value) || value instanceof Error) && isLostInJson(value, text)
  } catch (cause) {
    throw unserialisable(`value cannot be written as JSON: ${adviceOn(cause, value)}`, cause)
  }
  if (text === undefined)
    throw unserialisable(
      typeof value === 'object'
        ? 'JSON cannot hold what the `toJSON` of the value returned: return an object, array, string, number, boolean or null'
        : `JSON cannot hold ${show(value)}: publish an object, array, string, number, boolean or null${value === undefined ? '; a message without a value has `value: null`, and a promise of one has to be awaited first' : ''}`,
    )
  if (isLost) throw unserialisable(`JSON cannot hold what is in ${kindOf(value)}: ${wayOut(value)}`)
  return text
}

/** Whether JSON keeps nothing of `value`: an instance of a class of the language or of Node. The caller's own classes are accepted. */
function isLostInJson(value: unknown, text: string | undefined): boolean {
  if (ArrayBuffer.isView(value)) return true
  if (text !== '{}' && typeof (value as { readonly toJSON?: unknown }).toJSON === 'function') return false
  return kindOf(value) !== 'an Object'
}

function kindOf(value: unknown): string {
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  return `${/^[AEIO]/.test(tag) ? 'an' : 'a'} ${tag}`
}

function wayOut(value: unknown): string {
  switch (kindOf(value)) {
    case 'a Map':
      return 'publish Object.fromEntries(map), or [...map]'
    case 'a Set':
      return 'publish [...set]'
    case 'a Promise':
      return 'await it first'
    case 'an Error':
      return 'publish { name, message } of it'
    case 'a RegExp':
      return 'publish String(regexp)'
    case 'a URLSearchParams':
    case 'a Headers':
    case 'a FormData':
      return 'publish Object.fromEntries(it)'
  }
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)
    ? "open the topic with `codec: 'bytes'`, or publish an array or text of it"
    : 'publish a plain object'
}

/** The codec of this name. Any thread. */
export function codecOf(name: CodecName): Codec {
  switch (name) {
    case 'json':
      return json
    case 'bytes':
      return bytes
    case 'string':
      return string
  }
}

/** The text in the bytes from `start` up to `end`. @throws MillraceError `MILL_DECODE` if they are no UTF-8 */
export function decodeText(buffer: Buffer, start: number, end: number): string {
  const text = (buffer as unknown as Utf8Sliceable).utf8Slice(start, end)
  // Bad bytes come out as U+FFFD, so bytes without one were good. For most text this looks at nothing: a string that
  // V8 keeps with one byte per character cannot hold that character.
  if (text.includes(REPLACEMENT) && !isUtf8(buffer.subarray(start, end)))
    throw new MillraceError('MILL_DECODE', 'bytes are not UTF-8: were they published with another codec?')
  return text
}

/** Whether no surrogate stands alone, so that the text survives UTF-8. */
export function isWellFormed(text: string): boolean {
  return (text as unknown as WellFormedness).isWellFormed()
}

/** The bytes of any view or buffer, without a copy. @throws MillraceError `MILL_UNSERIALISABLE` */
export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array && value.length > 0) return value
  try {
    if (types.isTypedArray(value)) {
      // Throws for a view whose buffer was detached or shrunk away, which otherwise passes for an empty one.
      value.values()
      return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    }
    if (types.isDataView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    if (types.isAnyArrayBuffer(value)) return new Uint8Array(value, 0, value.byteLength)
  } catch (cause) {
    throw unserialisable(
      'bytes are gone: their buffer was transferred or resized; publish before you transfer it, or copy it',
      cause,
    )
  }
  throw unserialisable(`bytes must be a Uint8Array, Buffer, other view or ArrayBuffer, not ${show(value)}`)
}

/** The same bytes, of a length that stays: another thread may grow a buffer that is shared. */
export function ofFixedLength(bytes: Uint8Array): Uint8Array {
  const { growable } = bytes.buffer as { readonly growable?: boolean }
  return growable === true ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes
}

function unserialisable(message: string, cause?: unknown): MillraceError {
  return new MillraceError('MILL_UNSERIALISABLE', message, { cause })
}

function adviceOn(cause: unknown, value: unknown): string {
  // What a getter or `toJSON` threw may be a proxy, and a look at its prototype throws.
  if (!types.isNativeError(cause)) return 'a getter or `toJSON` of it threw (see `cause`); publish plain data'
  if (cause instanceof RangeError)
    return "it is nested too deeply or too long; flatten it, or encode it yourself and use `codec: 'bytes'`"
  const text = cause instanceof TypeError ? cause.message : ''
  if (text.includes('BigInt')) return `it holds a BigInt${placed(value, 'bigint')}; convert it to a string or a number`
  if (text.includes('circular')) return `it refers to itself${placed(value, 'cycle')}; publish a copy without the cycle`
  return 'a getter or `toJSON` of it threw (see `cause`); publish plain data'
}

function placed(value: unknown, culprit: Culprit): string {
  const path = jsonPath(value, culprit)
  return path === undefined ? '' : ` at ${path}`
}
