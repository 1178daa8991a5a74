/** Records of a lane by offset: those that may go, mostly few, and mostly taken from the front. Pure. */

import type { LaneEntry } from './lane-entry.ts'

export class ReadyList<P> {
  readonly #entries: LaneEntry<P>[] = []

  get length(): number {
    return this.#entries.length
  }

  at(index: number): LaneEntry<P> {
    return this.#entries[index] as LaneEntry<P>
  }

  /** Puts it in at its place, if it is not there. */
  add(entry: LaneEntry<P>): void {
    if (entry.listed) return
    entry.listed = true
    const entries = this.#entries
    let at = entries.length
    if (at === 0 || (entries[at - 1] as LaneEntry<P>).offset < entry.offset) {
      entries.push(entry)
      return
    }
    let low = 0
    while (low < at) {
      const middle = (low + at) >> 1
      if ((entries[middle] as LaneEntry<P>).offset < entry.offset) low = middle + 1
      else at = middle
    }
    entries.splice(at, 0, entry)
  }

  /** Takes it out, if it is there. */
  remove(entry: LaneEntry<P>): void {
    if (!entry.listed) return
    const entries = this.#entries
    // Mostly it is the only one, and was put in a moment ago.
    this.removeAt(entries[entries.length - 1] === entry ? entries.length - 1 : entries.indexOf(entry))
  }

  removeAt(index: number): void {
    const entries = this.#entries
    ;(entries[index] as LaneEntry<P>).listed = false
    if (index === entries.length - 1) entries.pop()
    else entries.splice(index, 1)
  }
}
