/**
 * A set of offsets whose lowest member is found at once: bitmaps in pages, made only where there are members.
 *
 * The partition host's thread. Pure. A page of 4,096 offsets costs 544 bytes while one of them is a member, and nothing
 * else does. `first`, `add` and `remove` take constant time where offsets come and go in their order, or nearly.
 */
import { PageDirectory } from './page-directory.ts'
import { PAGE_BITS, type PagePool } from './page-pool.ts'

export class OffsetSet {
  readonly #pool: PagePool
  readonly #directory = new PageDirectory()
  #size = 0

  constructor(pool: PagePool) {
    this.#pool = pool
  }

  get size(): number {
    return this.#size
  }

  /** Bytes beside those of the pool. */
  get bytes(): number {
    return this.#directory.bytes
  }

  has(offset: number): boolean {
    const number = Math.floor(offset / PAGE_BITS)
    const index = this.#directory.find(number)
    return index >= 0 && this.#pool.has(this.#directory.pageAt(index), offset - number * PAGE_BITS)
  }

  add(offset: number): void {
    const number = Math.floor(offset / PAGE_BITS)
    if (this.#pool.set(this.#pageFor(number), offset - number * PAGE_BITS)) this.#size++
  }

  /** Those from `from` to below `to`. */
  addRange(from: number, to: number): void {
    for (let offset = from; offset < to; ) {
      const number = Math.floor(offset / PAGE_BITS)
      const end = Math.min(to, (number + 1) * PAGE_BITS)
      const page = this.#pageFor(number)
      const before = this.#pool.count(page)
      this.#pool.setRange(page, offset - number * PAGE_BITS, end - number * PAGE_BITS)
      this.#size += this.#pool.count(page) - before
      offset = end
    }
  }

  /** Whether it was a member. */
  remove(offset: number): boolean {
    const number = Math.floor(offset / PAGE_BITS)
    const index = this.#directory.find(number)
    if (index < 0) return false
    const page = this.#directory.pageAt(index)
    if (!this.#pool.clear(page, offset - number * PAGE_BITS)) return false
    this.#size--
    if (this.#pool.count(page) === 0) {
      this.#directory.removeAt(index)
      this.#pool.giveBack(page)
    }
    return true
  }

  /** Those from `from` to below `to` are no members any more. */
  removeRange(from: number, to: number): void {
    const last = Math.floor((to - 1) / PAGE_BITS)
    const at = this.#directory.find(Math.floor(from / PAGE_BITS))
    for (let index = at < 0 ? ~at : at; index < this.#directory.size; ) {
      const number = this.#directory.numberAt(index)
      if (number > last) return
      const page = this.#directory.pageAt(index)
      const base = number * PAGE_BITS
      this.#size -= this.#pool.clearRange(page, Math.max(from - base, 0), Math.min(to - base, PAGE_BITS))
      if (this.#pool.count(page) === 0) {
        this.#directory.removeAt(index)
        this.#pool.giveBack(page)
      } else index++
    }
  }

  /** Removes those that follow one another from `from` on; the first that was no member. */
  removeRun(from: number): number {
    for (let offset = from; ; ) {
      const number = Math.floor(offset / PAGE_BITS)
      const index = this.#directory.find(number)
      if (index < 0) return offset
      const page = this.#directory.pageAt(index)
      const bit = offset - number * PAGE_BITS
      const end = this.#pool.next(page, bit, 0)
      if (end > bit) this.#size -= this.#pool.clearRange(page, bit, end)
      if (this.#pool.count(page) === 0) {
        this.#directory.removeAt(index)
        this.#pool.giveBack(page)
      }
      offset = number * PAGE_BITS + end
      if (end < PAGE_BITS) return offset
    }
  }

  /** Its members as ranges `[from, to)` in their order, none touching the next. */
  ranges(): [number, number][] {
    const found: [number, number][] = []
    for (let index = 0; index < this.#directory.size; index++)
      this.#pool.addRuns(found, this.#directory.pageAt(index), this.#directory.numberAt(index) * PAGE_BITS, 0)
    return found
  }

  /** The lowest member; -1: there is none. */
  first(): number {
    if (this.#size === 0) return -1
    return this.#directory.numberAt(0) * PAGE_BITS + this.#pool.first(this.#directory.pageAt(0))
  }

  /** Notes the lowest members at `at` to below `to` of these; up to where. */
  lowest(offsets: Float64Array, at: number, to: number): number {
    let end = at
    for (let index = 0; index < this.#directory.size && end < to; index++) {
      const base = this.#directory.numberAt(index) * PAGE_BITS
      end = this.#pool.lowest(this.#directory.pageAt(index), base, offsets, end, to)
    }
    return end
  }

  /** Removes the members below `end`, so many. */
  removeLowest(end: number, count: number): void {
    this.#size -= count
    const number = Math.floor(end / PAGE_BITS)
    while (this.#directory.size > 0 && this.#directory.numberAt(0) <= number) {
      const page = this.#directory.pageAt(0)
      if (this.#directory.numberAt(0) === number) this.#pool.clearBelow(page, end - number * PAGE_BITS)
      else this.#pool.clearBelow(page, PAGE_BITS)
      if (this.#pool.count(page) > 0) return
      this.#directory.removeAt(0)
      this.#pool.giveBack(page)
    }
  }

  /** How many members are below `offset`. */
  rank(offset: number): number {
    const number = Math.floor(offset / PAGE_BITS)
    let members = 0
    for (let index = 0; index < this.#directory.size; index++) {
      const page = this.#directory.pageAt(index)
      const there = this.#directory.numberAt(index)
      if (there < number) members += this.#pool.count(page)
      else if (there === number) members += this.#pool.rank(page, offset - number * PAGE_BITS)
      else break
    }
    return members
  }

  clear(): void {
    while (this.#directory.size > 0) {
      const last = this.#directory.size - 1
      this.#pool.giveBack(this.#directory.pageAt(last))
      this.#directory.removeAt(last)
    }
    this.#size = 0
  }

  #pageFor(number: number): number {
    const index = this.#directory.find(number)
    if (index >= 0) return this.#directory.pageAt(index)
    const page = this.#pool.take()
    this.#directory.insert(~index, number, page)
    return page
  }
}
