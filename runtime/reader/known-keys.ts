/**
 * Keys that were looked at lately: an equal one is the same text, which need not be made again, nor be hashed again by a `Map`.
 *
 * Any thread, and one table for each. A key is looked up by its bytes, as words: records, and so their keys, begin at words.
 * Bounds: SLOTS keys of up to LENGTH_MAX bytes; of two that fall on one slot the later one stays.
 */

const SLOT_BITS = 10
const SLOTS = 1 << SLOT_BITS
const WORD_BYTES = 4
const LENGTH_MAX = 3 * WORD_BYTES

/** Buffer's, without the handling of optional arguments; in Node since 4, and not yet in its types. */
type Utf8Sliceable = { utf8Slice(start: number, end: number): string }

class KnownKeys {
  /** Of each slot the key's length and its three words. */
  readonly #entries = new Int32Array(SLOTS * 4)
  readonly #texts: string[] = new Array<string>(SLOTS).fill('')

  /** The text of the key of `length` bytes at `start`, an index into `buffer`, whose words are `words`. */
  textOf(buffer: Buffer, words: Int32Array, start: number, length: number): string {
    if (length > LENGTH_MAX || length === 0 || (start & 3) !== 0) return decoded(buffer, start, length)
    const index = start >> 2
    const first = wordOf(words, index, length)
    const second = length > WORD_BYTES ? wordOf(words, index + 1, length - WORD_BYTES) : 0
    const third = length > 2 * WORD_BYTES ? wordOf(words, index + 2, length - 2 * WORD_BYTES) : 0
    const slot = slotOf(first, second, third)
    const entries = this.#entries
    const at = slot * 4
    if (entries[at] === length && entries[at + 1] === first && entries[at + 2] === second && entries[at + 3] === third)
      return this.#texts[slot] as string
    const text = decoded(buffer, start, length)
    entries[at] = length
    entries[at + 1] = first
    entries[at + 2] = second
    entries[at + 3] = third
    this.#texts[slot] = text
    return text
  }
}

function decoded(buffer: Buffer, start: number, length: number): string {
  return (buffer as unknown as Utf8Sliceable).utf8Slice(start, start + length)
}

/** The word, of whose bytes only so many belong to the key. */
function wordOf(words: Int32Array, index: number, bytes: number): number {
  const word = words[index] as number
  return bytes >= WORD_BYTES ? word : word & ((1 << (8 * bytes)) - 1)
}

function slotOf(first: number, second: number, third: number): number {
  const mixed = Math.imul(first ^ Math.imul(second, 0x9e3779b1) ^ Math.imul(third, 0x85ebca6b), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 15)) & (SLOTS - 1)
}

/** The table of this thread. */
export const knownKeys: KnownKeys = new KnownKeys()
