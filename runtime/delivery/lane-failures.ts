/**
 * The records of a lane that failed and are not settled: which is the oldest, and when those that wait may be tried again.
 *
 * Pure; the time is an input. Bound: its user's, for each of them holds others back.
 */

import type { LaneEntry } from './lane-entry.ts'

export class LaneFailures<P> {
  readonly #failed = new Set<LaneEntry<P>>()
  #oldest = Number.POSITIVE_INFINITY
  readonly #parked = new Set<LaneEntry<P>>()
  #dueMs = Number.POSITIVE_INFINITY

  /** Offset of the first of them; Infinity: there is none. */
  get oldest(): number {
    return this.#oldest
  }

  /** When the next one that waits may be tried again; Infinity: none waits. */
  get dueMs(): number {
    return this.#dueMs
  }

  add(entry: LaneEntry<P>): void {
    this.#failed.add(entry)
    this.#oldest = Math.min(this.#oldest, entry.offset)
  }

  /** It is settled. */
  remove(entry: LaneEntry<P>): void {
    if (!this.#failed.delete(entry)) return
    this.#oldest = Number.POSITIVE_INFINITY
    for (const { offset } of this.#failed) if (offset < this.#oldest) this.#oldest = offset
  }

  /** It waits until its `notBeforeMs`. */
  park(entry: LaneEntry<P>): void {
    entry.stage = 'parked'
    this.#parked.add(entry)
    this.#dueMs = Math.min(this.#dueMs, entry.notBeforeMs)
  }

  unpark(entry: LaneEntry<P>): void {
    this.#parked.delete(entry)
  }

  /** Takes those out that need not wait any longer. */
  takeDue(now: number): LaneEntry<P>[] {
    const due: LaneEntry<P>[] = []
    this.#dueMs = Number.POSITIVE_INFINITY
    for (const entry of this.#parked) {
      if (entry.notBeforeMs <= now) due.push(entry)
      else this.#dueMs = Math.min(this.#dueMs, entry.notBeforeMs)
    }
    for (const entry of due) this.#parked.delete(entry)
    return due
  }
}
