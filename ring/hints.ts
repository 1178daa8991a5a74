/**
 * Numbers by which one thread tells another where to look: of things that both know, those that have something new.
 *
 * The writer adds the number of a thing after it has published there, and the reader looks at those things only, however many
 * there are. A hint is no record: the truth is where it points, and nothing is lost with it. So the writer never waits and never
 * asks how far the reader is. It writes over the oldest numbers, and a reader that finds itself too far behind looks everywhere.
 *
 * ```
 * writer                               reader
 * publishes in thing n                 load COUNT: as before? then there is nothing new
 * entry[COUNT mod entries] = n           no: loads the entries since the last time
 * COUNT = COUNT + 1                          load COUNT again: has the writer come to the oldest of them?
 *                                              yes: some may be others' numbers, so all things are looked at
 * ```
 *
 * Between its two stores the writer is at the entry of number COUNT, which is also that of number COUNT - entries. So what was
 * read counts while COUNT is less than `entries` ahead of the oldest that was read. A number too many does no harm: that thing
 * is looked at in vain. All accesses are atomic.
 *
 * A writer that dies after it has published, and before COUNT, has told nothing: whoever sees it end looks at all of its things.
 * Its successor goes on at COUNT, and so does a reader's, which looks everywhere first.
 *
 * ```
 * +0    COUNT    writer writes, reader reads   how many numbers were added, wraps
 * +128  entries  writer writes, reader reads   a power of two of words, the number added last at (COUNT - 1) mod entries
 * ```
 */
import { LINE_BYTES } from './layout.ts'
import type { Memory } from './memory.ts'

const COUNT = 0
const ENTRIES: number = LINE_BYTES

/** Shared bytes of hints with so many entries, a power of two. */
export function hintsBytes(entries: number): number {
  return ENTRIES + 4 * entries
}

function checkedEntries(entries: number): number {
  if (Number.isInteger(entries) && entries > 0 && (entries & (entries - 1)) === 0) return entries
  throw new RangeError(`give a power of two of entries, not ${entries}`)
}

/** The writer's side; one thread only. */
export class HintWriter {
  readonly #memory: Memory
  readonly #address: number
  readonly #mask: number
  #count: number

  /** Goes on where the last writer of these hints ended. */
  constructor(memory: Memory, address: number, entries: number) {
    this.#memory = memory
    this.#address = address
    this.#mask = checkedEntries(entries) - 1
    this.#count = memory.load(address + COUNT)
  }

  /** Says that there is something new in the thing of this number; call after it is published there. */
  add(number: number): void {
    this.#memory.store(this.#address + ENTRIES + 4 * (this.#count & this.#mask), number)
    this.#count = (this.#count + 1) | 0
    this.#memory.store(this.#address + COUNT, this.#count)
  }
}

/** The reader's side; one thread only. */
export class HintReader {
  readonly #memory: Memory
  readonly #address: number
  readonly #entries: number
  /** As COUNT was when it looked last. */
  seen: number

  /** Knows of nothing that was added before: whoever begins to read looks everywhere once. */
  constructor(memory: Memory, address: number, entries: number) {
    this.#memory = memory
    this.#address = address
    this.#entries = checkedEntries(entries)
    this.seen = memory.load(address + COUNT)
  }

  /** Whether `take` would find something. */
  ready(): boolean {
    return this.#memory.load(this.#address + COUNT) !== this.seen
  }

  /** Hands over the numbers that were added since the last time; false: some are lost, and everything is to be looked at. */
  take(each: (number: number) => void): boolean {
    const first = this.seen
    const count = this.#memory.load(this.#address + COUNT)
    if (count === first) return true
    this.seen = count
    if (((count - first) | 0) >= this.#entries || ((count - first) | 0) < 0) return false
    for (let at = first; at !== count; at = (at + 1) | 0)
      each(this.#memory.load(this.#address + ENTRIES + 4 * (at & (this.#entries - 1))))
    return ((this.#memory.load(this.#address + COUNT) - first) | 0) < this.#entries
  }
}
