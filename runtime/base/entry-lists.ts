/**
 * Lists of pairs of numbers, first in, first out: many lists share one store of small pages, so that a list costs what it holds.
 *
 * The partition host's thread. Pure. Pages of PAGE_ENTRIES pairs, 16 bytes a pair; a page belongs to one list, and goes back to the store
 * when its last pair is taken. Arrays are made for CHUNK_PAGES pages at a time, so that nothing large is ever copied.
 *
 * Bound: that of what is in the lists, and one page more for each list. Pages that were given back are used again, and stay until the
 * store is garbage.
 */
const PAGE_ENTRIES = 64
const CHUNK_SHIFT = 4
const CHUNK_PAGES: number = 1 << CHUNK_SHIFT
const NONE = -1

/** Whether an entry is needed any more. */
export type IsNeeded = (number: number, time: number) => boolean

export class EntryLists {
  /** Of each page PAGE_ENTRIES times, then as many numbers. */
  readonly #chunks: Float64Array[] = []
  readonly #heads: Int32Array
  readonly #tails: Int32Array
  /** Of each page: the one behind it, or the free one behind it; where its first pair is, and where the next one goes. */
  #after: Int32Array = new Int32Array(CHUNK_PAGES)
  #firsts: Uint8Array = new Uint8Array(CHUNK_PAGES)
  #ends: Uint8Array = new Uint8Array(CHUNK_PAGES)
  #free = NONE
  #made = 0
  /** The list that is being swept, and the page of it up to which that is done. */
  #swept = NONE
  #filled = NONE
  #size = 0

  constructor(lists: number) {
    this.#heads = new Int32Array(lists).fill(NONE)
    this.#tails = new Int32Array(lists).fill(NONE)
  }

  /** Pairs in all lists. */
  get size(): number {
    return this.#size
  }

  /** Bytes of all arrays. */
  get bytes(): number {
    const { byteLength } = this.#heads
    return this.#chunks.length * CHUNK_PAGES * PAGE_ENTRIES * 16 + this.#after.length * 6 + 2 * byteLength
  }

  isEmpty(list: number): boolean {
    return this.#heads[list] === NONE
  }

  push(list: number, time: number, number: number): void {
    let page = this.#tails[list] as number
    if (page === NONE || this.#ends[page] === PAGE_ENTRIES) page = this.#lengthen(list, page)
    const chunk = this.#chunks[page >> CHUNK_SHIFT] as Float64Array
    const at = (page & (CHUNK_PAGES - 1)) * 2 * PAGE_ENTRIES + (this.#ends[page] as number)
    chunk[at] = time
    chunk[at + PAGE_ENTRIES] = number
    this.#ends[page]!++
    this.#size++
  }

  /** Takes the first pairs of a list, so many at most; how many there were. `take` puts nothing into this list. */
  shift(list: number, most: number, take: (time: number, number: number) => void): number {
    let taken = 0
    for (let page = this.#heads[list] as number; page !== NONE && taken < most; page = this.#heads[list] as number) {
      const chunk = this.#chunks[page >> CHUNK_SHIFT] as Float64Array
      const base = (page & (CHUNK_PAGES - 1)) * 2 * PAGE_ENTRIES
      const first = this.#firsts[page] as number
      const end = Math.min(this.#ends[page] as number, first + most - taken)
      for (let at = base + first; at < base + end; at++) take(chunk[at] as number, chunk[at + PAGE_ENTRIES] as number)
      taken += end - first
      this.#size -= end - first
      if (end < (this.#ends[page] as number)) this.#firsts[page] = end
      else this.#unlink(list, page, NONE)
    }
    return taken
  }

  clear(): void {
    for (let list = 0; list < this.#heads.length; list++)
      while (this.#heads[list] !== NONE) this.#unlink(list, this.#heads[list] as number, NONE)
    this.#size = 0
  }

  /** Whether a sweep goes on. */
  get isSwept(): boolean {
    return this.#swept !== NONE
  }

  /** Begins to drop what is not needed any more; `sweep` goes on with it. */
  beginSweep(): void {
    this.#swept = 0
    this.#filled = NONE
  }

  /** Drops pairs with a number that is not needed, from so many pages at most. The others keep their order, and fill pages. */
  sweep(isNeeded: IsNeeded, pages: number): void {
    for (let left = pages; left > 0 && this.#swept !== NONE; ) {
      const next = (this.#filled === NONE ? this.#heads[this.#swept] : this.#after[this.#filled]) as number
      if (next !== NONE) {
        this.#sweepPage(next, isNeeded)
        left--
        continue
      }
      this.#filled = NONE
      this.#swept = this.#swept + 1 === this.#heads.length ? NONE : this.#swept + 1
    }
  }

  /** What is needed of a page goes to the one before it, as far as that has room, and to its own beginning. */
  #sweepPage(page: number, isNeeded: IsNeeded): void {
    const from = this.#chunks[page >> CHUNK_SHIFT] as Float64Array
    const base = (page & (CHUNK_PAGES - 1)) * 2 * PAGE_ENTRIES
    const [first, end] = [this.#firsts[page] as number, this.#ends[page] as number]
    const before = this.#filled
    let room = before === NONE ? 0 : PAGE_ENTRIES - (this.#ends[before] as number)
    let [to, target] = [from, base]
    if (room > 0) {
      to = this.#chunks[before >> CHUNK_SHIFT] as Float64Array
      target = (before & (CHUNK_PAGES - 1)) * 2 * PAGE_ENTRIES + (this.#ends[before] as number)
    }
    let kept = 0
    for (let at = base + first; at < base + end; at++) {
      if (!isNeeded(from[at + PAGE_ENTRIES] as number, from[at] as number)) continue
      to[target] = from[at] as number
      to[target + PAGE_ENTRIES] = from[at + PAGE_ENTRIES] as number
      target++
      kept++
      if (room > 0 && --room === 0) [to, target] = [from, base]
    }
    this.#size -= end - first - kept
    const moved = before === NONE ? 0 : Math.min(kept, PAGE_ENTRIES - (this.#ends[before] as number))
    if (moved > 0) this.#ends[before]! += moved
    this.#firsts[page] = 0
    this.#ends[page] = kept - moved
    if (kept > moved) this.#filled = page
    else this.#unlink(this.#swept, page, before)
  }

  #lengthen(list: number, tail: number): number {
    const page = this.#take()
    if (tail === NONE) this.#heads[list] = page
    else this.#after[tail] = page
    this.#tails[list] = page
    return page
  }

  /** A page leaves its list, where it stands behind `before`. */
  #unlink(list: number, page: number, before: number): void {
    const after = this.#after[page] as number
    if (before === NONE) this.#heads[list] = after
    else this.#after[before] = after
    if (after === NONE) this.#tails[list] = before
    if (page === this.#filled) this.#filled = NONE
    this.#after[page] = this.#free
    this.#free = page
  }

  #take(): number {
    let page = this.#free
    if (page === NONE) {
      page = this.#made++
      if (page >> CHUNK_SHIFT === this.#chunks.length)
        this.#chunks.push(new Float64Array(2 * CHUNK_PAGES * PAGE_ENTRIES))
      if (page === this.#after.length) this.#grow()
    } else this.#free = this.#after[page] as number
    this.#after[page] = NONE
    this.#firsts[page] = 0
    this.#ends[page] = 0
    return page
  }

  #grow(): void {
    const pages = 2 * this.#after.length
    const [after, firsts, ends] = [new Int32Array(pages), new Uint8Array(pages), new Uint8Array(pages)]
    after.set(this.#after)
    firsts.set(this.#firsts)
    ends.set(this.#ends)
    this.#after = after
    this.#firsts = firsts
    this.#ends = ends
  }
}
