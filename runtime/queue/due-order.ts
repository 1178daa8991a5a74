/**
 * The order in which messages of a queue fell due: each has a number, and the place in the queue at which it fell due.
 *
 * The partition host's thread. Pure. Numbers go up and are given once. A message keeps its number until it is settled, so that it
 * finds its place again whenever it comes back. Numbers lie in pages, which go when all of a page are settled.
 *
 * Bound: messages that fell due and are not settled: 16 bytes each beside what a map of their offsets costs (offset-map.ts), and a
 * page at least for each that stays.
 */
import { OffsetMap } from '../base/offset-map.ts'

const PAGE_SHIFT = 9
const PAGE_NUMBERS: number = 1 << PAGE_SHIFT
const NONE = -1

interface Page {
  /** Number of the first one. */
  first: number
  /** Those that have not left. */
  live: number
  readonly offsets: Float64Array
  readonly places: Float64Array
}

export class DueOrder {
  readonly #pages: Page[] = []
  /** Indexes of pages that are in use, by the number of their first divided by PAGE_NUMBERS. */
  readonly #byNumber = new Map<number, number>()
  readonly #free: number[] = []
  /** Where each message is: index of its page times PAGE_NUMBERS, and its place there. */
  readonly #where = new OffsetMap()
  #next = 0
  /** Index of the page that gets the next number; NONE: a new one does. */
  #filled = NONE
  /** The page that was looked into last. */
  #last: Page | null = null

  get size(): number {
    return this.#where.size
  }

  /** The next number, for a message that has none. */
  enter(offset: number, place: number): number {
    const number = this.#next++
    const within = number & (PAGE_NUMBERS - 1)
    if (within === 0 || this.#filled === NONE) this.#filled = this.#newPage(number)
    const page = this.#pages[this.#filled] as Page
    page.offsets[within] = offset
    page.places[within] = place
    page.live++
    this.#where.set(offset, this.#filled * PAGE_NUMBERS + within)
    return number
  }

  /** Its number; NONE (-1): it has none. */
  numberOf(offset: number): number {
    if (this.#where.size === 0) return NONE
    const found = this.#where.get(offset)
    return found === NONE ? NONE : (this.#pages[found >> PAGE_SHIFT] as Page).first + (found & (PAGE_NUMBERS - 1))
  }

  /** Of a number whose message has not left. */
  offsetOf(number: number): number {
    return this.#pageAt(number).offsets[number & (PAGE_NUMBERS - 1)] as number
  }

  placeOf(number: number): number {
    return this.#pageAt(number).places[number & (PAGE_NUMBERS - 1)] as number
  }

  /** Whether the place of the first of two messages is before that of the second, also where they did not fall due. */
  isBefore(offset: number, other: number): boolean {
    if (this.size === 0) return offset < other
    const [number, otherNumber] = [this.numberOf(offset), this.numberOf(other)]
    const place = number === NONE ? offset : this.placeOf(number)
    const otherPlace = otherNumber === NONE ? other : this.placeOf(otherNumber)
    if (place !== otherPlace) return place < otherPlace
    return number !== NONE && (otherNumber === NONE || number < otherNumber)
  }

  /** It is settled; nothing happens when it has no number. */
  leave(offset: number): void {
    if (this.#where.size === 0) return
    const found = this.#where.get(offset)
    if (found === NONE) return
    this.#where.delete(offset)
    const index = found >> PAGE_SHIFT
    const page = this.#pages[index] as Page
    page.offsets[found & (PAGE_NUMBERS - 1)] = NONE
    if (--page.live > 0) return
    this.#byNumber.delete(pageOf(page.first))
    this.#free.push(index)
    this.#last = null
    if (index === this.#filled) this.#filled = NONE
  }

  /** All that have not left, in the order of their numbers. */
  *numbers(): Generator<number> {
    const pages = [...this.#byNumber.values()].map(index => this.#pages[index] as Page)
    for (const { first, offsets } of pages.sort((a, b) => a.first - b.first))
      for (let within = 0; within < PAGE_NUMBERS; within++) if (offsets[within] !== NONE) yield first + within
  }

  #pageAt(number: number): Page {
    const last = this.#last
    if (last !== null && number >= last.first && number < last.first + PAGE_NUMBERS) return last
    const page = this.#pages[this.#byNumber.get(pageOf(number)) as number] as Page
    this.#last = page
    return page
  }

  /** Index of a page in which this number and those behind it have their places. */
  #newPage(number: number): number {
    let index = this.#free.pop()
    const first = pageOf(number) * PAGE_NUMBERS
    if (index === undefined) {
      index = this.#pages.length
      const [offsets, places] = [new Float64Array(PAGE_NUMBERS), new Float64Array(PAGE_NUMBERS)]
      this.#pages.push({ first, live: 0, offsets, places })
    } else (this.#pages[index] as Page).first = first
    ;(this.#pages[index] as Page).offsets.fill(NONE)
    this.#byNumber.set(pageOf(number), index)
    return index
  }
}

function pageOf(number: number): number {
  return Math.floor(number / PAGE_NUMBERS)
}
