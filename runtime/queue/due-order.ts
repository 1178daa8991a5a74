/**
 * The order in which messages of a queue fell due: each has a number, and the place in the queue at which it fell due.
 *
 * The partition host's thread. Pure. Numbers go up and are given once. A message keeps its number until it is settled, so that it
 * finds its place again whenever it comes back. Numbers lie in pages, which go when all of a page are settled, and a
 * hash table of the offsets leads to them.
 *
 * Bound: messages that fell due and are not settled: 16 bytes each, and 8 to 16 in the table; a page at least for each that stays.
 */
const PAGE_SHIFT = 9
const PAGE_NUMBERS: number = 1 << PAGE_SHIFT
const FIRST_TABLE = 64
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
  /** 1 + where a message is: index of its page times PAGE_NUMBERS, and its place there; 0: nothing. Half of it is empty. */
  #table: Int32Array = new Int32Array(FIRST_TABLE)
  #next = 0
  #size = 0
  /** The page that was looked into last. */
  #last: Page | null = null

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#table.byteLength + this.#pages.length * PAGE_NUMBERS * 16
  }

  /** The next number, for a message that has none. */
  enter(offset: number, place: number): number {
    if (2 * (this.#size + 1) > this.#table.length) this.#grow()
    const number = this.#next++
    const within = number & (PAGE_NUMBERS - 1)
    const index = within === 0 ? this.#newPage(number) : (this.#byNumber.get(pageOf(number)) ?? this.#newPage(number))
    const page = this.#pages[index] as Page
    page.offsets[within] = offset
    page.places[within] = place
    page.live++
    this.#size++
    this.#insert(offset, index * PAGE_NUMBERS + within + 1)
    return number
  }

  /** Its number; NONE (-1): it has none. */
  numberOf(offset: number): number {
    if (this.#size === 0) return NONE
    const found = this.#table[this.#find(offset)] as number
    if (found === 0) return NONE
    const { first } = this.#pages[(found - 1) >> PAGE_SHIFT] as Page
    return first + ((found - 1) & (PAGE_NUMBERS - 1))
  }

  /** Of a number whose message has not left. */
  offsetOf(number: number): number {
    return this.#pageAt(number).offsets[number & (PAGE_NUMBERS - 1)] as number
  }

  placeOf(number: number): number {
    return this.#pageAt(number).places[number & (PAGE_NUMBERS - 1)] as number
  }

  /** It is settled; nothing happens when it has no number. */
  leave(offset: number): void {
    if (this.#size === 0) return
    const slot = this.#find(offset)
    const found = this.#table[slot] as number
    if (found === 0) return
    this.#close(slot)
    this.#size--
    const index = (found - 1) >> PAGE_SHIFT
    const page = this.#pages[index] as Page
    page.offsets[(found - 1) & (PAGE_NUMBERS - 1)] = NONE
    if (--page.live > 0) return
    this.#byNumber.delete(pageOf(page.first))
    this.#free.push(index)
    this.#last = null
  }

  /** All that have not left, in the order of their numbers. */
  *numbers(): Generator<number> {
    const pages = [...this.#byNumber.values()].map(index => this.#pages[index] as Page)
    for (const { first, offsets } of pages.sort((a, b) => a.first - b.first))
      for (let within = 0; within < PAGE_NUMBERS && first + within < this.#next; within++)
        if (offsets[within] !== NONE) yield first + within
  }

  #pageAt(number: number): Page {
    const last = this.#last
    if (last !== null && number >= last.first && number < last.first + PAGE_NUMBERS) return last
    const page = this.#pages[this.#byNumber.get(pageOf(number)) as number] as Page
    this.#last = page
    return page
  }

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

  // -- the table: open addressing, the next free place --------------------------------------------------------------

  #homeOf(offset: number): number {
    return Math.imul((offset % 0x1_0000_0000) | 0, 0x9e3779b1) >>> (Math.clz32(this.#table.length) + 1)
  }

  #offsetAt(found: number): number {
    return (this.#pages[(found - 1) >> PAGE_SHIFT] as Page).offsets[(found - 1) & (PAGE_NUMBERS - 1)] as number
  }

  /** Where it is, or would be. */
  #find(offset: number): number {
    const mask = this.#table.length - 1
    let slot = this.#homeOf(offset)
    for (let found = this.#table[slot] as number; found !== 0; found = this.#table[slot] as number) {
      if (this.#offsetAt(found) === offset) break
      slot = (slot + 1) & mask
    }
    return slot
  }

  #insert(offset: number, value: number): void {
    const mask = this.#table.length - 1
    let slot = this.#homeOf(offset)
    while (this.#table[slot] !== 0) slot = (slot + 1) & mask
    this.#table[slot] = value
  }

  /** Empties a place, and moves up what would not be found behind it. */
  #close(slot: number): void {
    const mask = this.#table.length - 1
    let hole = slot
    for (let at = (slot + 1) & mask; this.#table[at] !== 0; at = (at + 1) & mask) {
      const found = this.#table[at] as number
      const home = this.#homeOf(this.#offsetAt(found))
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      this.#table[hole] = found
      hole = at
    }
    this.#table[hole] = 0
  }

  #grow(): void {
    const before = this.#table
    this.#table = new Int32Array(2 * before.length)
    for (const found of before) if (found !== 0) this.#insert(this.#offsetAt(found), found)
  }
}

function pageOf(number: number): number {
  return Math.floor(number / PAGE_NUMBERS)
}
