/**
 * Reads JSON whose shape is known (value-shapes.ts), straight from the bytes: keys are compared where they stand, and only the
 * values between them are taken out.
 *
 * Any thread, and one reader for each: it keeps the last fetch that it read from, as text from its MANY-th value on, and the
 * parts of the last value. What it returns is what `JSON.parse` would return, or UNKNOWN: whatever does not follow a known shape
 * to the byte, wrong text too, is left to `JSON.parse`. No code is generated.
 *
 * A string is a copy, so that who keeps one keeps nothing else: of less than SLICE_FROM characters V8 copies what it cuts out of
 * a text; a longer one is decoded by itself.
 */
import { areOrdinary } from '../base/ordinary-bytes.ts'
import type { KnownKey, KnownObject, Place } from './value-shapes.ts'

/** Not of a known shape: for `JSON.parse` to read, or to refuse. */
export const UNKNOWN: unique symbol = Symbol('not of a known shape')

/** In Node since 4, and not yet in its types: slices without the handling of optional arguments. */
interface Sliceable {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
}

/** V8 keeps longer pieces of a text as a reference into it. */
const SLICE_FROM = 13
/** From so many values of one fetch on it takes less time to have the text of all. */
const MANY = 32
/** Of larger fetches no text is kept. */
const TEXT_BYTES_MAX = 262_144
/** A string with escapes, or that is not ASCII, takes as long as this many bytes save. */
const SLOW_PART_BYTES = 64
/** So many digits make an integer that a double holds exactly. */
const EXACT_DIGITS = 15

const REPLACEMENT = '\ufffd'
const POWERS_OF_TEN: readonly number[] = Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power)

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

const NO_BYTES = Buffer.alloc(0)

class ShapedReader {
  /** Strings of the last value that had to be decoded by themselves. */
  #slowParts = 0
  #length = 0
  #bytes: Buffer & Sliceable = NO_BYTES as Buffer & Sliceable
  #view: DataView = new DataView(new ArrayBuffer(0))
  /** All bytes as characters; empty: not made. */
  #text = ''
  /** How many values of this fetch have been read. */
  #reads = 0
  #end = 0
  /** Where what is read next begins. */
  #at = 0
  /** Values of the keys of objects that are not complete. */
  readonly #parts: unknown[] = []
  #partsEnd = 0

  read(root: Place, buffer: Buffer, start: number, end: number): unknown {
    if (this.#bytes !== buffer) this.#open(buffer)
    else if (++this.#reads === MANY && buffer.length <= TEXT_BYTES_MAX)
      this.#text = this.#bytes.latin1Slice(0, buffer.length)
    this.#at = start
    this.#end = end
    this.#length = end - start
    this.#partsEnd = 0
    this.#slowParts = 0
    const value = this.#value(root)
    return this.#at === end ? value : UNKNOWN
  }

  /** Whether `JSON.parse` would have taken longer for the last value. */
  get hasPaid(): boolean {
    return this.#slowParts * SLOW_PART_BYTES <= this.#length
  }

  #open(buffer: Buffer): void {
    this.#bytes = buffer as Buffer & Sliceable
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
    this.#text = ''
    this.#reads = 1
  }

  #value(place: Place): unknown {
    const bytes = this.#bytes
    const at = this.#at
    const byte = bytes[at] as number
    if (byte === QUOTE) return this.#string(at + 1)
    if (byte === MINUS || (byte >= ZERO && byte <= NINE)) return this.#number(at)
    if (byte === OPEN_BRACE) return this.#object(place)
    if (byte === OPEN_BRACKET) return this.#array(place)
    return this.#word(at, byte)
  }

  /** `true`, `false` or `null`. */
  #word(at: number, byte: number): unknown {
    if (at + 4 > this.#end) return UNKNOWN
    const four = this.#view.getInt32(at, true)
    if (four === TRUE) return this.#passed(at + 4, true)
    if (four === NULL) return this.#passed(at + 4, null)
    const isFalse = byte === 0x66 && at + 5 <= this.#end && this.#view.getInt32(at + 1, true) === ALSE
    return isFalse ? this.#passed(at + 5, false) : UNKNOWN
  }

  #passed<T>(at: number, value: T): T {
    this.#at = at
    return value
  }

  #object(place: Place): unknown {
    const parts = this.#parts
    const base = this.#partsEnd
    let key = place.first
    let last: KnownKey | null = null
    for (let at = this.#at; ; ) {
      while (key !== null && !this.#stands(key, at)) key = key.other
      if (key === null) return this.#closed(last, at, base)
      this.#at = at + key.length
      this.#partsEnd++
      const value = this.#value(key.value)
      if (value === UNKNOWN) return UNKNOWN
      parts[this.#partsEnd - 1] = value
      at = this.#at
      last = key
      key = key.next
    }
  }

  /** Whether the bytes at this place are those of the key, and a value may follow. */
  #stands({ length, head, tail, middle }: KnownKey, at: number): boolean {
    const view = this.#view
    if (at + length >= this.#end) return false
    if (length < 8) return view.getInt32(at, true) === head && view.getInt32(at + length - 4, true) === tail
    if (view.getFloat64(at, true) !== head || view.getFloat64(at + length - 8, true) !== tail) return false
    for (let index = 0; index < middle.length; index++)
      if (view.getFloat64(at + 8 + index * 8, true) !== middle[index]) return false
    return true
  }

  /** The object that ends with this key; null: an empty one. */
  #closed(last: KnownKey | null, at: number, base: number): unknown {
    const bytes = this.#bytes
    if (last === null)
      return bytes[at] === OPEN_BRACE && bytes[at + 1] === CLOSE_BRACE ? this.#passed(at + 2, {}) : UNKNOWN
    if (last.object === null || bytes[at] !== CLOSE_BRACE) return UNKNOWN
    this.#at = at + 1
    this.#partsEnd = base
    return objectOf(last.object, this.#parts, base)
  }

  #array(place: Place): unknown {
    const bytes = this.#bytes
    const values: unknown[] = []
    if (bytes[this.#at + 1] === CLOSE_BRACKET) return this.#passed(this.#at + 2, values)
    const { items } = place
    if (items === null) return UNKNOWN
    for (;;) {
      this.#at++
      const value = this.#value(items)
      if (value === UNKNOWN) return UNKNOWN
      values.push(value)
      const byte = bytes[this.#at]
      if (byte === COMMA) continue
      return byte === CLOSE_BRACKET ? this.#passed(this.#at + 1, values) : UNKNOWN
    }
  }

  /** `start`: behind the quotation mark. */
  #string(start: number): unknown {
    const bytes = this.#bytes
    const view = this.#view
    const fours = this.#end - 4
    let at = start
    while (at <= fours && areOrdinary(view.getInt32(at, true))) at += 4
    let seen = 0
    let byte = bytes[at] as number
    while (byte !== QUOTE) {
      if (byte === BACKSLASH) return this.#escaped(start, at)
      // Also where the fetch ends.
      if (!(byte >= 0x20)) return UNKNOWN
      seen |= byte
      byte = bytes[++at] as number
    }
    this.#at = at + 1
    if (seen > 0x7f) return this.#decoded(start, at)
    return at - start < SLICE_FROM && this.#text !== '' ? this.#text.substring(start, at) : bytes.latin1Slice(start, at)
  }

  /** Where bytes are no UTF-8 it has to be said, and U+FFFD itself is rare. */
  #decoded(start: number, end: number): unknown {
    this.#slowParts++
    const text = this.#bytes.utf8Slice(start, end)
    return text.includes(REPLACEMENT) ? UNKNOWN : text
  }

  /** `at`: of the first backslash. */
  #escaped(start: number, at: number): unknown {
    const bytes = this.#bytes
    let end = at
    while (end < this.#end && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1
    if (end >= this.#end) return UNKNOWN
    const text = this.#decoded(start - 1, end + 1)
    if (text === UNKNOWN) return UNKNOWN
    this.#at = end + 1
    try {
      return JSON.parse(text as string)
    } catch {
      return UNKNOWN
    }
  }

  /** Of few digits, with a point or without, it is a quotient of two exact doubles, and so rounded as by `JSON.parse`. */
  #number(start: number): unknown {
    const bytes = this.#bytes
    const isNegative = bytes[start] === MINUS
    const first = isNegative ? start + 1 : start
    let at = first
    let value = 0
    let byte = bytes[at] as number
    for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] as number) value = value * 10 + (byte - ZERO)
    let digits = at - first
    if (digits === 0 || (digits > 1 && bytes[first] === ZERO)) return UNKNOWN
    if (byte === POINT) {
      const point = at
      byte = bytes[++at] as number
      for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] as number) value = value * 10 + (byte - ZERO)
      const places = at - point - 1
      if (places === 0) return UNKNOWN
      digits += places
      if (digits <= EXACT_DIGITS) value /= POWERS_OF_TEN[places] as number
    }
    this.#at = at
    if (digits > EXACT_DIGITS || (byte | 0x20) === 0x65) return this.#long(start, at)
    return isNegative ? -value : value
  }

  /** A number with many digits, or with an exponent at `at`. */
  #long(start: number, at: number): unknown {
    const bytes = this.#bytes
    let end = at
    if (((bytes[at] as number) | 0x20) === 0x65) {
      const sign = bytes[at + 1] as number
      const first = sign === 0x2b || sign === MINUS ? at + 2 : at + 1
      for (end = first; isDigit(bytes[end] as number); ) end++
      if (end === first) return UNKNOWN
    }
    this.#at = end
    return Number(this.#text !== '' ? this.#text.substring(start, end) : bytes.latin1Slice(start, end))
  }
}

const TRUE = Buffer.from('true').readInt32LE(0)
const NULL = Buffer.from('null').readInt32LE(0)
const ALSE = Buffer.from('alse').readInt32LE(0)

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}

/**
 * The first ones each in a line of its own: as long as a thread reads objects of one kind, V8 knows for each line which property
 * it sets, and that takes half the time.
 */
function objectOf({ names, template }: KnownObject, parts: readonly unknown[], base: number): unknown {
  const object: Record<string, unknown> = { ...template }
  const { length } = names
  object[names[0] as string] = parts[base]
  if (length === 1) return object
  object[names[1] as string] = parts[base + 1]
  if (length === 2) return object
  object[names[2] as string] = parts[base + 2]
  if (length === 3) return object
  object[names[3] as string] = parts[base + 3]
  if (length === 4) return object
  object[names[4] as string] = parts[base + 4]
  if (length === 5) return object
  object[names[5] as string] = parts[base + 5]
  for (let index = 6; index < length; index++) object[names[index] as string] = parts[base + index]
  return object
}

/** The reader of this thread. */
export const shapedReader: ShapedReader = new ShapedReader()
