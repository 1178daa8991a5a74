/**
 * Messages that may have killed their thread, and go out alone: one of them at a time in the whole queue, to a consumer
 * that holds nothing else. If that one dies as well, it is known who did it.
 *
 * The partition host's thread. Pure. By priority, then by place, as they are ready. Bound: what consumers held when they
 * died.
 */
import type { WaitingMessage } from './queue-words.ts'

interface Suspect extends WaitingMessage {
  /** Where it stands among those of its priority. */
  readonly place: number
}

export class Suspects {
  readonly #waiting: Suspect[] = []
  /** Whether one of them is out. */
  isOut = false

  /** Those that are ready. */
  get size(): number {
    return this.#waiting.length
  }

  get first(): Suspect | undefined {
    return this.#waiting[0]
  }

  /** The oldest of the lowest priority; null: there is none. */
  oldestOfLowest(): WaitingMessage | null {
    const lowest = this.#waiting.at(-1)?.priority
    const alike = this.#waiting.filter(({ priority }) => priority === lowest)
    return alike.reduce<Suspect | null>((a, b) => (a !== null && a.offset < b.offset ? a : b), null)
  }

  add(offset: number, priority: number, place: number): void {
    this.#waiting.splice(this.ahead(place, priority), 0, { offset, priority, place })
  }

  /** Whether it was ready. */
  remove(offset: number): boolean {
    const index = this.#waiting.findIndex(each => each.offset === offset)
    if (index === -1) return false
    this.#waiting.splice(index, 1)
    return true
  }

  has(offset: number): boolean {
    return this.#waiting.some(each => each.offset === offset)
  }

  /** How many go before a place. */
  ahead(place: number, priority: number): number {
    let low = 0
    let high = this.#waiting.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#waiting[middle] as Suspect
      if (goesBefore(other.place, other.priority, place, priority)) low = middle + 1
      else high = middle
    }
    return low
  }

  countOf(priority: number): number {
    return this.#waiting.reduce((count, each) => (each.priority === priority ? count + 1 : count), 0)
  }
}

/** Whether the first of two places goes before the second. */
export function goesBefore(place: number, priority: number, other: number, otherPriority: number): boolean {
  return priority > otherPriority || (priority === otherPriority && place < other)
}
