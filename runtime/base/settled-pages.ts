/**
 * Which messages of a queue are settled: all below a floor, and some above it.
 *
 * The partition host's thread. Pure. Of 4,096 offsets above the floor none is settled (no bytes), or all are (part of a
 * run of such pages, 16 bytes a run), or some are (a page of 532 bytes). In the order of offsets a settlement only moves
 * the floor.
 *
 * Bound: one bit for each offset between the floor and the last one settled, and less where all are.
 */
import { PageDirectory } from './page-directory.ts'
import { PAGE_BITS, type PagePool } from './page-pool.ts'

export class SettledPages {
  readonly #pool: PagePool
  readonly #partial = new PageDirectory()
  /** Runs of pages of which all offsets are settled, `[from, to)` in numbers of pages, in their order. */
  readonly #whole: { from: number; to: number }[] = []
  #floor: number

  constructor(pool: PagePool, floor: number) {
    this.#pool = pool
    this.#floor = floor
  }

  /** The lowest offset that is not settled. */
  get floor(): number {
    return this.#floor
  }

  /** Bytes beside those of the pool. */
  get bytes(): number {
    return this.#partial.bytes + 16 * this.#whole.length
  }

  has(offset: number): boolean {
    if (offset < this.#floor) return true
    const number = Math.floor(offset / PAGE_BITS)
    const index = this.#partial.find(number)
    if (index >= 0) return this.#pool.has(this.#partial.pageAt(index), offset - number * PAGE_BITS)
    return this.#runOf(number) !== -1
  }

  /** The lowest offset from this one on that is not settled. */
  next(offset: number): number {
    for (let at = Math.max(offset, this.#floor); ; ) {
      const number = Math.floor(at / PAGE_BITS)
      const index = this.#partial.find(number)
      if (index >= 0) {
        const bit = this.#pool.next(this.#partial.pageAt(index), at - number * PAGE_BITS, 0)
        if (bit < PAGE_BITS) return number * PAGE_BITS + bit
        at = (number + 1) * PAGE_BITS
        continue
      }
      const run = this.#runOf(number)
      if (run === -1) return at
      at = (this.#whole[run] as { to: number }).to * PAGE_BITS
    }
  }

  /** How many offsets from `from` to below `to` are settled. */
  countIn(from: number, to: number): number {
    let count = Math.max(0, Math.min(to, this.#floor) - from)
    const start = Math.max(from, this.#floor)
    if (start >= to) return count
    const firstPage = Math.floor(start / PAGE_BITS)
    for (let run = this.#firstRun(firstPage); run < this.#whole.length; run++) {
      const whole = this.#whole[run] as { from: number; to: number }
      if (whole.from * PAGE_BITS >= to) break
      count += Math.min(to, whole.to * PAGE_BITS) - Math.max(start, whole.from * PAGE_BITS)
    }
    const found = this.#partial.find(firstPage)
    for (let index = found < 0 ? ~found : found; index < this.#partial.size; index++) {
      const base = this.#partial.numberAt(index) * PAGE_BITS
      if (base >= to) break
      const page = this.#partial.pageAt(index)
      const below = this.#pool.rank(page, Math.max(start - base, 0))
      count += this.#pool.rank(page, Math.min(to - base, PAGE_BITS)) - below
    }
    return count
  }

  /** `offset` is not settled yet. */
  add(offset: number): void {
    if (offset === this.#floor) {
      this.#floor++
      if (this.#partial.size > 0 || this.#whole.length > 0) this.#rise()
      return
    }
    const number = Math.floor(offset / PAGE_BITS)
    const page = this.#pageFor(number)
    this.#pool.set(page, offset - number * PAGE_BITS)
    if (this.#pool.count(page) === PAGE_BITS) this.#addWhole(number, number + 1)
  }

  /** Those from `from` to below `to`, of which some may be settled. */
  addRange(from: number, to: number): void {
    if (to <= this.#floor) return
    if (from <= this.#floor) {
      this.#floor = to
      this.#rise()
      return
    }
    const firstWhole = Math.ceil(from / PAGE_BITS)
    const endWhole = Math.floor(to / PAGE_BITS)
    if (firstWhole > endWhole) {
      this.#addPart(endWhole, from, to)
      return
    }
    this.#addPart(firstWhole - 1, from, firstWhole * PAGE_BITS)
    if (firstWhole < endWhole) this.#addWhole(firstWhole, endWhole)
    this.#addPart(endWhole, endWhole * PAGE_BITS, to)
  }

  /** What is settled above the floor, as ranges `[from, to)` in their order, none touching the next. */
  ranges(): [number, number][] {
    const joined: [number, number][] = []
    for (const piece of this.pieces())
      for (const range of piece) {
        const last = joined.at(-1)
        if (last !== undefined && last[1] === range[0]) last[1] = range[1]
        else joined.push(range)
      }
    return joined
  }

  /** The same in pieces, of a page or a run of pages each: the last range of one may touch the first of the next. */
  *pieces(): Generator<[number, number][], void, void> {
    let run = 0
    for (let index = 0; index <= this.#partial.size; index++) {
      const number = index < this.#partial.size ? this.#partial.numberAt(index) : Number.POSITIVE_INFINITY
      for (let whole = this.#whole[run]; whole !== undefined && whole.from < number; whole = this.#whole[++run])
        yield [[whole.from * PAGE_BITS, whole.to * PAGE_BITS]]
      if (number === Number.POSITIVE_INFINITY) return
      const base = number * PAGE_BITS
      const piece: [number, number][] = []
      this.#pool.addRuns(piece, this.#partial.pageAt(index), base, Math.max(0, this.#floor - base))
      if (piece.length > 0) yield piece
    }
  }

  /** The floor has moved: over what is settled behind it, and pages below it go. */
  #rise(): void {
    for (;;) {
      const number = Math.floor(this.#floor / PAGE_BITS)
      while (this.#partial.size > 0 && this.#partial.numberAt(0) < number) this.#dropPartial(0)
      const run = this.#whole[0]
      if (run !== undefined && run.from <= number) {
        this.#whole.shift()
        if (run.to > number) this.#floor = run.to * PAGE_BITS
        continue
      }
      if (this.#partial.size === 0 || this.#partial.numberAt(0) > number) return
      const bit = this.#pool.next(this.#partial.pageAt(0), this.#floor - number * PAGE_BITS, 0)
      this.#floor = number * PAGE_BITS + bit
      if (bit < PAGE_BITS) return
    }
  }

  #addPart(number: number, from: number, to: number): void {
    if (from >= to || this.#runOf(number) !== -1) return
    const page = this.#pageFor(number)
    this.#pool.setRange(page, from - number * PAGE_BITS, to - number * PAGE_BITS)
    if (this.#pool.count(page) === PAGE_BITS) this.#addWhole(number, number + 1)
  }

  #addWhole(from: number, to: number): void {
    for (let index = this.#partial.find(from); ; ) {
      if (index < 0) index = ~index
      if (index >= this.#partial.size || this.#partial.numberAt(index) >= to) break
      this.#dropPartial(index)
    }
    const runs = this.#whole
    let start = runs.length
    while (start > 0 && (runs[start - 1] as { to: number }).to >= from) start--
    let end = start
    while (end < runs.length && (runs[end] as { from: number }).from <= to) {
      const run = runs[end] as { from: number; to: number }
      from = Math.min(from, run.from)
      to = Math.max(to, run.to)
      end++
    }
    runs.splice(start, end - start, { from, to })
  }

  /** Index of the run of whole pages that this page is in; -1: none. */
  #runOf(number: number): number {
    const first = this.#firstRun(number)
    const run = this.#whole[first]
    return run !== undefined && run.from <= number ? first : -1
  }

  /** Index of the first run that ends behind this page. */
  #firstRun(number: number): number {
    let low = 0
    let high = this.#whole.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#whole[middle] as { to: number }).to <= number) low = middle + 1
      else high = middle
    }
    return low
  }

  #pageFor(number: number): number {
    const index = this.#partial.find(number)
    if (index >= 0) return this.#partial.pageAt(index)
    const page = this.#pool.take()
    this.#partial.insert(~index, number, page)
    return page
  }

  #dropPartial(index: number): void {
    this.#pool.giveBack(this.#partial.pageAt(index))
    this.#partial.removeAt(index)
  }
}
