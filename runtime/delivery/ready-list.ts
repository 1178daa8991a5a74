/** Records of a lane by offset: those that may go, mostly few, and mostly taken from the front. Pure. */

import type { LaneEntry } from './lane-entry.ts'

/** Before so many, the room of those that were taken from the front is not given back. */
const FRONT_MAX = 64

export class ReadyList<P> {
  #entries: LaneEntry<P>[] = []
  /** Where the first one is; what is in front of it was taken. */
  #head = 0

  get length(): number {
    return this.#entries.length - this.#head
  }

  at(index: number): LaneEntry<P> {
    return this.#entries[this.#head + index] as LaneEntry<P>
  }

  /** Puts it in at its place, if it is not there. */
  add(entry: LaneEntry<P>): void {
    if (entry.listed) return
    entry.listed = true
    const entries = this.#entries
    let at = entries.length
    if (at === this.#head || (entries[at - 1] as LaneEntry<P>).offset < entry.offset) {
      entries.push(entry)
      return
    }
    let low = this.#head
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
    // Mostly it is the first one.
    const index = this.at(0) === entry ? this.#head : this.#entries.lastIndexOf(entry)
    this.removeAt(index - this.#head)
  }

  removeAt(index: number): void {
    const entries = this.#entries
    this.at(index).listed = false
    if (index === entries.length - 1 - this.#head) entries.pop()
    else if (index === 0) this.#head++
    else entries.splice(this.#head + index, 1)
    // Of a list from whose front nothing was taken there is nothing to give back: mostly it is emptied record by record.
    if (this.#head > 0 && (this.#head === entries.length || this.#head >= FRONT_MAX)) this.#giveBack()
  }

  #giveBack(): void {
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }
}
