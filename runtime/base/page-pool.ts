/**
 * Bitmaps of 4,096 bits, kept together in large arrays and used again: one typed array for each would cost more than its
 * bits.
 *
 * The partition host's thread. Pure.
 *
 * ```
 * word 0-127    bit n is bit (n mod 32) of word (n / 32)
 * word 128-131  summary: bit w of them is set while word w is not 0
 * word 132      number of bits that are set
 * ```
 *
 * Bound: that of its users; a page that was given back is the next one given out. Arrays are made for 64 pages at a time
 * and stay until the pool is garbage.
 */

export const PAGE_BITS = 4096
const WORDS = 128
const SUMMARY: number = WORDS
const COUNT = 132
const PAGE_WORDS = 133
const CHUNK_SHIFT = 6
const CHUNK_MASK = 63

/** Number of the lowest bit that is set; `word` is not 0. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word)
}

function onesIn(word: number): number {
  let ones = word - ((word >>> 1) & 0x55555555)
  ones = (ones & 0x33333333) + ((ones >>> 2) & 0x33333333)
  return Math.imul((ones + (ones >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

export class PagePool {
  readonly #chunks: Uint32Array[] = []
  readonly #free: number[] = []
  #made = 0

  /** Bytes of all its arrays. */
  get bytes(): number {
    return this.#chunks.length * (CHUNK_MASK + 1) * PAGE_WORDS * 4
  }

  /** Pages in use. */
  get used(): number {
    return this.#made - this.#free.length
  }

  /** A page without a bit. */
  take(): number {
    const page = this.#free.pop()
    if (page !== undefined) {
      const at = (page & CHUNK_MASK) * PAGE_WORDS
      this.#chunk(page).fill(0, at, at + PAGE_WORDS)
      return page
    }
    if (this.#made >> CHUNK_SHIFT === this.#chunks.length)
      this.#chunks.push(new Uint32Array((CHUNK_MASK + 1) * PAGE_WORDS))
    return this.#made++
  }

  giveBack(page: number): void {
    this.#free.push(page)
  }

  /** Number of bits set. */
  count(page: number): number {
    return this.#chunk(page)[(page & CHUNK_MASK) * PAGE_WORDS + COUNT] as number
  }

  has(page: number, bit: number): boolean {
    const word = this.#chunk(page)[(page & CHUNK_MASK) * PAGE_WORDS + (bit >> 5)] as number
    return (word & (1 << (bit & 31))) !== 0
  }

  /** Whether it was not set before. */
  set(page: number, bit: number): boolean {
    const chunk = this.#chunk(page)
    const base = (page & CHUNK_MASK) * PAGE_WORDS
    const word = bit >> 5
    const before = chunk[base + word] as number
    const mask = 1 << (bit & 31)
    if ((before & mask) !== 0) return false
    chunk[base + word] = before | mask
    if (before === 0) chunk[base + SUMMARY + (word >> 5)]! |= 1 << (word & 31)
    chunk[base + COUNT]!++
    return true
  }

  /** Sets those from `from` to below `to`. */
  setRange(page: number, from: number, to: number): void {
    for (let bit = from; bit < to; ) {
      const end = Math.min(to, (bit | 31) + 1)
      this.#setInWord(page, bit >> 5, (0xffffffff >>> (32 - (end - bit))) << (bit & 31))
      bit = end
    }
  }

  /** Whether it was set. */
  clear(page: number, bit: number): boolean {
    const chunk = this.#chunk(page)
    const base = (page & CHUNK_MASK) * PAGE_WORDS
    const word = bit >> 5
    const before = chunk[base + word] as number
    const mask = 1 << (bit & 31)
    if ((before & mask) === 0) return false
    const after = before & ~mask
    chunk[base + word] = after
    if (after === 0) chunk[base + SUMMARY + (word >> 5)]! &= ~(1 << (word & 31))
    chunk[base + COUNT]!--
    return true
  }

  /** Clears those from `from` to below `to`; returns how many were set. */
  clearRange(page: number, from: number, to: number): number {
    const before = this.count(page)
    for (let bit = from; bit < to; ) {
      const end = Math.min(to, (bit | 31) + 1)
      this.#clearInWord(page, bit >> 5, (0xffffffff >>> (32 - (end - bit))) << (bit & 31))
      bit = end
    }
    return before - this.count(page)
  }

  /** The lowest bit that is set; -1: none. */
  first(page: number): number {
    const chunk = this.#chunk(page)
    const base = (page & CHUNK_MASK) * PAGE_WORDS
    for (let index = 0; index < 4; index++) {
      const summary = chunk[base + SUMMARY + index] as number
      if (summary === 0) continue
      const word = index * 32 + lowestBit(summary)
      return word * 32 + lowestBit(chunk[base + word] as number)
    }
    return -1
  }

  /** Notes `base` and the number of each of the lowest bits that are set, at `at` to below `to` of these; up to where. */
  lowest(page: number, base: number, numbers: Float64Array, at: number, to: number): number {
    const chunk = this.#chunk(page)
    const first = (page & CHUNK_MASK) * PAGE_WORDS
    let end = at
    for (let index = 0; index < 4 && end < to; index++)
      for (let summary = chunk[first + SUMMARY + index] as number; summary !== 0 && end < to; summary &= summary - 1) {
        const word = index * 32 + lowestBit(summary)
        for (let bits = chunk[first + word] as number; bits !== 0 && end < to; bits &= bits - 1)
          numbers[end++] = base + word * 32 + lowestBit(bits)
      }
    return end
  }

  /** Clears the bits below `end`. */
  clearBelow(page: number, end: number): void {
    const chunk = this.#chunk(page)
    const first = (page & CHUNK_MASK) * PAGE_WORDS
    const last = end >> 5
    for (let word = 0; word <= last && word < WORDS; word++) {
      const bits = chunk[first + word] as number
      if (bits === 0) continue
      const left = word === last ? bits & (-1 << (end & 31)) : 0
      chunk[first + word] = left
      if (left === 0) chunk[first + SUMMARY + (word >> 5)]! &= ~(1 << (word & 31))
      chunk[first + COUNT]! -= onesIn(bits) - onesIn(left)
    }
  }

  /** The lowest bit from `from` on that is set, or with `value` 0 that is not; PAGE_BITS: none. */
  next(page: number, from: number, value: 0 | 1): number {
    const chunk = this.#chunk(page)
    const base = (page & CHUNK_MASK) * PAGE_WORDS
    let mask = 0xffffffff << (from & 31)
    for (let word = from >> 5; word < WORDS; word++) {
      const bits = chunk[base + word] as number
      const wanted = (value === 1 ? bits : ~bits) & mask
      if (wanted !== 0) return word * 32 + lowestBit(wanted)
      mask = -1
    }
    return PAGE_BITS
  }

  /** Adds the runs of bits that are set, from `from` on, as ranges of offsets. One that touches the last range prolongs it. */
  addRuns(into: [number, number][], page: number, base: number, from: number): void {
    for (let at = from; at < PAGE_BITS; ) {
      const start = this.next(page, at, 1)
      if (start === PAGE_BITS) return
      at = this.next(page, start, 0)
      const last = into.at(-1)
      if (last !== undefined && last[1] === base + start) last[1] = base + at
      else into.push([base + start, base + at])
    }
  }

  /** How many bits below `bit` are set. */
  rank(page: number, bit: number): number {
    const chunk = this.#chunk(page)
    const base = (page & CHUNK_MASK) * PAGE_WORDS
    let ones = 0
    for (let word = 0; word < bit >> 5; word++) ones += onesIn(chunk[base + word] as number)
    return ones + onesIn((chunk[base + (bit >> 5)] as number) & ((1 << (bit & 31)) - 1))
  }

  #setInWord(page: number, word: number, mask: number): void {
    const chunk = this.#chunk(page)
    const base = (page & CHUNK_MASK) * PAGE_WORDS
    const before = chunk[base + word] as number
    chunk[base + word] = before | mask
    chunk[base + SUMMARY + (word >> 5)]! |= 1 << (word & 31)
    chunk[base + COUNT]! += onesIn(mask & ~before)
  }

  #clearInWord(page: number, word: number, mask: number): void {
    const chunk = this.#chunk(page)
    const base = (page & CHUNK_MASK) * PAGE_WORDS
    const before = chunk[base + word] as number
    if (before === 0) return
    const after = before & ~mask
    chunk[base + word] = after
    if (after === 0) chunk[base + SUMMARY + (word >> 5)]! &= ~(1 << (word & 31))
    chunk[base + COUNT]! -= onesIn(before & mask)
  }

  #chunk(page: number): Uint32Array {
    return this.#chunks[page >> CHUNK_SHIFT] as Uint32Array
  }
}
