/**
 * Where the entries of an id table lie (id-table.ts): in pages of a thread's own, or in shared memory (queue-actor/id-block.ts).
 *
 * ```
 * an entry, at a multiple of 32
 *  0 i32 hash[4]  of the id
 * 16 f64 offset   of the message that has it
 * 24 f64 timeMs   when it came
 * ```
 *
 * One thread owns it. Entries are numbered from 0 on, and never again; those from `first` to below `end` are there. Whoever finds a room
 * after its owner has died finds a whole one: an entry counts once `end` is behind it.
 *
 * Bound of pages: 32 bytes an entry, in pieces of PAGE_ENTRIES, which go when all in them are forgotten.
 */

export const ID_ENTRY_BYTES = 32
export const ID_HASH_WORDS = 4
/** In f64, from the entry's beginning. */
export const ID_OFFSET = 2
export const ID_TIME = 3

export interface IdRoom {
  first: number
  end: number
  /** Messages that were not taken, because their ids were there. */
  duplicates: number
  /** Ids that were forgotten before their time, because there were too many. */
  forgotten: number
  /** Makes room for the entry of this number, which is `end`. */
  reserve(entry: number): void
  /** The words among which the entry is, and the same as f64. */
  words(entry: number): Int32Array
  doubles(entry: number): Float64Array
  /** Where it begins there, in entries. */
  at(entry: number): number
}

const PAGE_ENTRIES = 1_024

interface Page {
  readonly words: Int32Array
  readonly doubles: Float64Array
}

export class IdPages implements IdRoom {
  end = 0
  duplicates = 0
  forgotten = 0
  #first = 0
  readonly #pages: Page[] = []
  /** Number of the first page. */
  #base = 0

  get first(): number {
    return this.#first
  }

  set first(entry: number) {
    this.#first = entry
    while (this.#pages.length > 0 && (this.#base + 1) * PAGE_ENTRIES <= entry) {
      this.#pages.shift()
      this.#base++
    }
    if (this.#pages.length === 0) this.#base = Math.floor(entry / PAGE_ENTRIES)
  }

  /** Bytes of its pages. */
  get bytes(): number {
    return this.#pages.length * PAGE_ENTRIES * ID_ENTRY_BYTES
  }

  reserve(entry: number): void {
    if (Math.floor(entry / PAGE_ENTRIES) - this.#base < this.#pages.length) return
    const buffer = new ArrayBuffer(PAGE_ENTRIES * ID_ENTRY_BYTES)
    this.#pages.push({ words: new Int32Array(buffer), doubles: new Float64Array(buffer) })
  }

  words(entry: number): Int32Array {
    return this.#page(entry).words
  }

  doubles(entry: number): Float64Array {
    return this.#page(entry).doubles
  }

  at(entry: number): number {
    return entry % PAGE_ENTRIES
  }

  #page(entry: number): Page {
    return this.#pages[Math.floor(entry / PAGE_ENTRIES) - this.#base] as Page
  }
}
