/**
 * The exchanges and bindings of a broker by the generation that made them: what a table lacks that is some generations behind.
 *
 * One thread, which decides. Pure. Each change is a generation of its own. A table at `{ seen, generation }` has what was made up to `seen`,
 * as far as it existed in `generation`. So it is told what is gone of that since, and then what was made after `seen` and exists. What came
 * and went meanwhile is never told. An empty table and one that is behind are told alike, and changes may fall between two pages.
 *
 * Bound: what exists, and twice REMOVALS_MAX of what is gone. A table that misses more of that begins again. A page has PAGE_CHANGES_MAX changes.
 */
import type { GoneRoute, MadeRoute, RoutePage, TablePosition } from '../wire/route-changes.ts'

const REMOVALS_MAX = 4_096
export const PAGE_CHANGES_MAX = 2_048
/** So many places of what is gone are left open before they are closed up. */
const GAPS_MIN = 1_024

interface Gone {
  readonly generation: number
  readonly madeIn: number
  readonly change: GoneRoute
}

export class RouteLog {
  #generation = 0
  /** What exists, in the order of its generations; null: it is gone. */
  #made: (MadeRoute | null)[] = []
  #madeIn: number[] = []
  #gaps = 0
  #gone: Gone[] = []
  /** Of what was gone by this generation, some is not known any more. */
  #forgottenTo = 0

  get generation(): number {
    return this.#generation
  }

  /** How much exists. */
  get size(): number {
    return this.#made.length - this.#gaps
  }

  /** The generation that it was made in, by which it is known here. */
  make(change: MadeRoute): number {
    this.#made.push(change)
    this.#madeIn.push(++this.#generation)
    return this.#generation
  }

  /** What exists and was made in this generation. */
  madeIn(generation: number): MadeRoute {
    return this.#made[this.#placeOf(generation)] as MadeRoute
  }

  remove(madeIn: number, change: GoneRoute): void {
    this.#made[this.#placeOf(madeIn)] = null
    this.#gaps++
    this.#gone.push({ generation: ++this.#generation, madeIn, change })
    if (this.#gone.length === 2 * REMOVALS_MAX) {
      this.#forgottenTo = (this.#gone[REMOVALS_MAX - 1] as Gone).generation
      this.#gone = this.#gone.slice(REMOVALS_MAX)
    }
    if (this.#gaps > GAPS_MIN && 2 * this.#gaps > this.#made.length) this.#closeUp()
  }

  since({ seen, generation }: TablePosition): RoutePage {
    if (seen === 0) return this.#page(0, this.#generation, false)
    if (generation < this.#forgottenTo) return this.#page(0, this.#generation, true)
    return this.#page(seen, generation, false)
  }

  #page(from: number, asOf: number, restarts: boolean): RoutePage {
    const changes: RoutePage['changes'][number][] = []
    let generation = asOf
    const firstGone = firstAfter(this.#gone.length, at => (this.#gone[at] as Gone).generation, asOf)
    for (let at = firstGone; at < this.#gone.length; at++) {
      const { madeIn, change, generation: goneIn } = this.#gone[at] as Gone
      if (changes.length === PAGE_CHANGES_MAX) return { changes, position: { seen: from, generation }, restarts }
      if (madeIn <= from) changes.push(change)
      generation = goneIn
    }
    generation = this.#generation
    let seen = from
    for (let at = this.#after(from); at < this.#made.length; at++) {
      const change = this.#made[at]
      if (change == null) continue
      if (changes.length >= PAGE_CHANGES_MAX) return { changes, position: { seen, generation }, restarts }
      changes.push(change)
      seen = this.#madeIn[at] as number
    }
    return { changes, position: { seen: generation, generation }, restarts }
  }

  #placeOf(generation: number): number {
    return this.#after(generation) - 1
  }

  /** Place of the first that was made after this generation. */
  #after(generation: number): number {
    return firstAfter(this.#madeIn.length, at => this.#madeIn[at] as number, generation)
  }

  #closeUp(): void {
    this.#madeIn = this.#madeIn.filter((_, at) => this.#made[at] !== null)
    this.#made = this.#made.filter(change => change !== null)
    this.#gaps = 0
  }
}

/** The first place whose number is above the limit; numbers rise. */
function firstAfter(length: number, numberAt: (place: number) => number, limit: number): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (numberAt(middle) <= limit) low = middle + 1
    else high = middle
  }
  return low
}
