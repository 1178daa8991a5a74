/**
 * Offsets gathered in a step, as ranges: mostly they come in order, and are one range then.
 *
 * Leaf, the partition host's thread. Bound: the offsets of a step.
 */
import type { OffsetRanges } from '../log/format/settled-change.ts'
import type { Offset } from '../words/quantities.ts'

const NONE = -1

export class OffsetRuns {
  #runs: [from: number, to: number][] = []
  #isSorted = true
  /** The run that may go on, which is not among the others yet; NONE: there is none. */
  #from: Offset = NONE
  #to: Offset = NONE

  /** None of them is here yet. */
  add(from: Offset, to: Offset = from + 1): void {
    if (from !== this.#to) {
      if (this.#from !== NONE) this.#runs.push([this.#from, this.#to])
      if (from < this.#to) this.#isSorted = false
      this.#from = from
    }
    this.#to = to
  }

  /** All of them, ascending, none touching the next; none is here any more. */
  take(): OffsetRanges {
    const runs = this.#runs
    const isSorted = this.#isSorted
    if (this.#from !== NONE) runs.push([this.#from, this.#to])
    this.#runs = []
    this.#isSorted = true
    this.#from = NONE
    this.#to = NONE
    return isSorted ? runs : joined(runs)
  }
}

/** The same offsets in ranges that are ascending and apart. */
export function joined(runs: readonly (readonly [number, number])[]): [number, number][] {
  const apart: [number, number][] = []
  for (const [from, to] of runs.toSorted((a, b) => a[0] - b[0])) {
    const last = apart.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
    else apart.push([from, to])
  }
  return apart
}
