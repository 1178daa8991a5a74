/**
 * The `json` codec of one producer of many values: it learns which keys they have, and writes those that have the same straight as
 * bytes, with what stands between the values copied eight bytes at a time.
 *
 * The producer's thread. The bytes are those of the text that `JSON.stringify` returns. What is not plain is left to that: text
 * that is escaped or not ASCII, other numbers than finite ones, what is not an object, an array, a string, a number, a boolean or
 * null, and what has a prototype or a `toJSON` of its own. A getter of such a value may be called a few times.
 *
 * Bounds: those of known-objects.ts, and DEPTH_MAX places inside each other. Bytes stand in pieces of
 * PIECE_BYTES that nothing is written to again; what does not fit into one is left to `JSON.stringify`. Where too many values are,
 * all are for a while (attempts.ts).
 */
import { Attempts } from '../base/attempts.ts'
import { areOrdinary } from '../base/ordinary-bytes.ts'
import { type Codec, codecOf } from '../words/codec.ts'
import { JsonBytes } from '../words/json-bytes.ts'
import type { CodecName } from '../words/message.ts'
import { learn, type Place, type Shape } from './known-objects.ts'

const DEPTH_MAX = 6
const PIECE_BYTES = 65_536
/** With less room than that a new piece is begun. */
const ROOM_MIN = 4_096
/** Longest text of a number, and what may be written behind what counts. */
const SPARE_BYTES = 40
/** A number that is no integer, or a long string, takes as long as this many bytes save. */
const SLOW_PART_BYTES = 128
/** From this length on Buffer's encoder is faster than a loop over the characters. */
const ENCODED_FROM = 24

/** Digits of a long integer that are written apart, and ten to that power. */
const LAST_DIGITS = 8
const LAST = 10 ** LAST_DIGITS

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const ZERO = 0x30
const BACKSLASH = 0x5c
const BRACE = 0x7d

/** Not written: where it would have ended. */
const NOT = -1
/** The same where keys, or what is inside, are other than was learnt for this shape: another one may have them. */
const OTHER_KEYS = -2

const json = codecOf('json')

class WrittenJson implements Codec {
  readonly name = 'json'
  readonly #root: Place = { shapes: [], items: null }
  readonly #attempts = new Attempts()
  #piece: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #end = 0
  /** Parts of the last value that a call had to write. */
  #slowParts = 0
  /** The last value did not fit into the piece. */
  #isFull = false
  /** A getter of the value may publish another one. */
  #isWriting = false

  encode(value: unknown): string | Uint8Array | null {
    if (typeof value !== 'object' || value === null || this.#isWriting || this.#attempts.pauses())
      return json.encode(value)
    const ready = JsonBytes.of(value)
    if (ready !== null) return ready
    const bytes = this.#written(value) ?? this.#writtenAnew(value)
    if (bytes !== null) {
      if (this.#slowParts * SLOW_PART_BYTES <= bytes.length) this.#attempts.good()
      else this.#attempts.inVain()
      return bytes
    }
    const text = json.encode(value)
    this.#attempts.inVain()
    this.#learn(value)
    return text
  }

  decode(buffer: Buffer, start: number, end: number): unknown {
    return json.decode(buffer, start, end)
  }

  /** The same in a new piece, if it did not fit into what was left of this one. */
  #writtenAnew(value: object): Uint8Array | null {
    if (!this.#isFull || this.#end === 0) return null
    this.#begin()
    return this.#written(value)
  }

  #written(value: object): Uint8Array | null {
    if (PIECE_BYTES - this.#end < ROOM_MIN || this.#piece.length === 0) this.#begin()
    const start = this.#end
    this.#isWriting = true
    this.#slowParts = 0
    this.#isFull = false
    try {
      const end = this.#value(value, this.#root, start)
      if (end < 0) return null
      // Its record's value begins at a multiple of 8 as well, and is copied fastest so.
      this.#end = (end + 7) & ~7
      return new Uint8Array(this.#piece.buffer, start, end - start)
    } catch {
      // A getter threw: JSON.stringify calls it again, and says what it threw.
      return null
    } finally {
      this.#isWriting = false
    }
  }

  /** What is published may be a proxy, of which each look may throw. */
  #learn(value: unknown): void {
    try {
      learn(this.#root, value, DEPTH_MAX)
    } catch {
      // It is written, and nothing is learnt from it.
    }
  }

  #begin(): void {
    this.#piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
    this.#view = new DataView(this.#piece.buffer)
    this.#end = 0
  }

  /** Where it ends; there is room for SPARE_BYTES. */
  #value(value: unknown, place: Place, at: number): number {
    if (typeof value === 'string') return this.#string(value, at)
    if (typeof value === 'number') return this.#number(value, at)
    if (value === null) return this.#ascii('null', at)
    if (typeof value === 'boolean') return this.#ascii(value ? 'true' : 'false', at)
    if (typeof value !== 'object' || (value as { readonly toJSON?: unknown }).toJSON !== undefined) return NOT
    if (Array.isArray(value)) return this.#array(value, place, at)
    if (Object.getPrototypeOf(value) !== Object.prototype) return NOT
    const { shapes } = place
    for (let index = 0; index < shapes.length; index++) {
      const end = this.#object(value as Record<string, unknown>, shapes[index] as Shape, at)
      if (end !== OTHER_KEYS) return end
    }
    return OTHER_KEYS
  }

  /** Looks for each key where it reads its value: V8 finds that by the place of the key then, and need not look it up. */
  #object(value: Readonly<Record<string, unknown>>, { names, lengths, eights, values }: Shape, start: number): number {
    const view = this.#view
    let at = start
    let index = 0
    for (const name in value) {
      if (name !== names[index]) return OTHER_KEYS
      const lead = eights[index] as readonly number[]
      if (at + lead.length * 8 + SPARE_BYTES > PIECE_BYTES) return this.#full()
      for (let eight = 0; eight < lead.length; eight++) view.setFloat64(at + eight * 8, lead[eight] as number, true)
      at = this.#value(value[name], values[index] as Place, at + (lengths[index] as number))
      if (at < 0) return at
      index++
    }
    if (index !== names.length) return OTHER_KEYS
    this.#piece[at] = BRACE
    return at + 1
  }

  #array(value: readonly unknown[], place: Place, start: number): number {
    const { items } = place
    const { length } = value
    if (length === 0) return this.#ascii('[]', start)
    if (items === null) return OTHER_KEYS
    let at = this.#ascii('[', start)
    for (let index = 0; index < length; index++) {
      if (at + SPARE_BYTES > PIECE_BYTES) return this.#full()
      if (index > 0) this.#piece[at++] = COMMA
      at = this.#value(value[index], items, at)
      if (at < 0) return at
    }
    return this.#ascii(']', at)
  }

  #full(): number {
    this.#isFull = true
    return NOT
  }

  #ascii(text: string, at: number): number {
    for (let index = 0; index < text.length; index++) this.#piece[at + index] = text.charCodeAt(index)
    return at + text.length
  }

  #number(value: number, start: number): number {
    if ((value | 0) === value) return this.#integer(value, start)
    if (Math.floor(value) === value && value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER)
      return this.#longInteger(value, start)
    this.#slowParts++
    return value - value === 0 ? this.#ascii(String(value), start) : NOT
  }

  #integer(value: number, start: number): number {
    const piece = this.#piece
    let first = start
    let rest = value
    if (value < 0) {
      piece[first++] = MINUS
      rest = -value
    }
    let end = first + 1
    for (let power = 10; power <= rest; power *= 10) end++
    for (let at = end - 1; at >= first; at--) {
      const tenth = (rest / 10) | 0
      piece[at] = ZERO + rest - tenth * 10
      rest = tenth
    }
    return end
  }

  /** One of more than 32 bits, such as a time: its last digits are written apart. */
  #longInteger(value: number, start: number): number {
    const piece = this.#piece
    const front = Math.trunc(value / LAST)
    let rest = Math.abs(value - front * LAST)
    const first = this.#integer(front, start)
    const end = first + LAST_DIGITS
    for (let at = end - 1; at >= first; at--) {
      const tenth = (rest / 10) | 0
      piece[at] = ZERO + rest - tenth * 10
      rest = tenth
    }
    return end
  }

  #string(text: string, start: number): number {
    const { length } = text
    if (start + length + SPARE_BYTES > PIECE_BYTES) return this.#full()
    const piece = this.#piece
    let at = start
    piece[at++] = QUOTE
    if (length < ENCODED_FROM) {
      for (let index = 0; index < length; index++) {
        const code = text.charCodeAt(index)
        if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return NOT
        piece[at++] = code
      }
    } else {
      this.#slowParts++
      if (piece.write(text, at, length, 'utf8') !== length) return NOT
      const end = at + length
      for (; at + 4 <= end; at += 4) if (!areOrdinary(this.#view.getInt32(at, true))) return NOT
      for (; at < end; at++) if (!isOrdinary(piece[at] as number)) return NOT
    }
    piece[at] = QUOTE
    return at + 1
  }
}

function isOrdinary(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7f && byte !== QUOTE && byte !== BACKSLASH
}

/** The codec of this name, for a producer of many values. The producer's thread. */
export function producerCodecOf(name: CodecName): Codec {
  return name === 'json' ? new WrittenJson() : codecOf(name)
}
