/**
 * The messages of a queue that fell due, in the order in which they did, each with its place: what was appended from there on goes behind
 * it. One that is settled counts no more, and leaves when it is met.
 *
 * The thread that owns the file. Pure. Bound: 16 bytes for each, and as much again for those that are settled and were not met yet.
 */
import type { DueGroup } from '../format/settled-change.ts'

const PAGE_ENTRIES = 1_024
/** Below every offset that is not settled. */
const GONE = -1

interface Page {
  readonly offsets: Float64Array
  readonly places: Float64Array
  count: number
}

export class StoredDue {
  #pages: Page[] = []
  /** Entries of the first page that have left. */
  #head = 0
  #size = 0
  /** So many stayed when all were looked at last. */
  #stayed = 0

  /** Whether there is no entry, settled or not. */
  get isEmpty(): boolean {
    return this.#size === 0
  }

  /** The next ones. */
  add({ place, offsets }: DueGroup): void {
    for (const offset of offsets) this.#push(offset, place)
  }

  #push(offset: number, place: number): void {
    let page = this.#pages.at(-1)
    if (page === undefined || page.count === PAGE_ENTRIES) {
      page = { offsets: new Float64Array(PAGE_ENTRIES), places: new Float64Array(PAGE_ENTRIES), count: 0 }
      this.#pages.push(page)
    }
    page.offsets[page.count] = offset
    page.places[page.count++] = place
    this.#size++
  }

  /** Lets those go that are settled, from the first one on, and all of them when they may be half. */
  settled(isSettled: (offset: number) => boolean): void {
    for (let page = this.#pages[0]; page !== undefined; page = this.#pages[0]) {
      while (this.#head < page.count && isSettled(page.offsets[this.#head] as number)) {
        this.#head++
        this.#size--
      }
      if (this.#head < page.count) break
      this.#pages.shift()
      this.#head = 0
    }
    if (this.#size < 2 * this.#stayed + PAGE_ENTRIES) return
    const before = [...this.#entries()]
    this.clear()
    for (const [offset, place] of before) if (!isSettled(offset)) this.#push(offset, place)
    this.#stayed = this.#size
  }

  /** One that fell due is not due yet. All are looked through, page by page. */
  remove(offset: number): void {
    for (const { offsets } of this.#pages) {
      const at = offsets.indexOf(offset)
      // It leaves when it is met, as if it were settled.
      if (at !== -1) offsets[at] = GONE
    }
  }

  /** Those that are not settled and below `end`, which no place is beyond; at most so many offsets in a group. */
  *groups(isSettled: (offset: number) => boolean, end: number, most: number): Generator<DueGroup> {
    let group: { place: number; offsets: number[] } = { place: 0, offsets: [] }
    for (const [offset, written] of this.#entries()) {
      if (offset >= end || isSettled(offset)) continue
      const place = Math.min(written, end)
      if (group.offsets.length > 0 && (group.place !== place || group.offsets.length === most)) {
        yield group
        group = { place, offsets: [] }
      }
      group.place = place
      group.offsets.push(offset)
    }
    if (group.offsets.length > 0) yield group
  }

  clear(): void {
    this.#pages = []
    this.#head = 0
    this.#size = 0
    this.#stayed = 0
  }

  *#entries(): Generator<readonly [offset: number, place: number]> {
    let at = this.#head
    for (const { offsets, places, count } of this.#pages) {
      for (; at < count; at++) yield [offsets[at] as number, places[at] as number]
      at = 0
    }
  }
}
