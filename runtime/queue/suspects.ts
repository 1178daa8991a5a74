/**
 * Messages that may have killed their thread, and go out alone: one of them at a time in the whole queue, to a consumer
 * that holds nothing else. If that one dies as well, it is known who did it.
 *
 * The partition host's thread. Pure. By priority, then by place, as they are ready. Bound: what consumers held when they
 * died.
 */
import type { WaitingMessage } from './queue-words.ts'

/** Which of two messages of one priority goes before the other. */
interface Places {
  isBefore(offset: number, other: number): boolean
}

export class Suspects {
  readonly #places: Places
  readonly #ages: Places
  readonly #waiting: WaitingMessage[] = []
  /** Whether one of them is out. */
  isOut = false

  /** `ages`: which of two is the older one, where that is not the order in which they go. */
  constructor(places: Places, ages: Places) {
    this.#places = places
    this.#ages = ages
  }

  /** Those that are ready. */
  get size(): number {
    return this.#waiting.length
  }

  get first(): WaitingMessage | undefined {
    return this.#waiting[0]
  }

  /** The oldest of the lowest priority; null: there is none. */
  oldestOfLowest(): WaitingMessage | null {
    const lowest = this.#waiting.at(-1)?.priority
    let oldest: WaitingMessage | null = null
    for (const each of this.#waiting)
      if (each.priority === lowest && (oldest === null || this.#ages.isBefore(each.offset, oldest.offset)))
        oldest = each
    return oldest
  }

  add(offset: number, priority: number): void {
    this.#waiting.splice(this.ahead(offset, priority), 0, { offset, priority })
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

  /** How many go before a message. */
  ahead(offset: number, priority: number): number {
    let low = 0
    let high = this.#waiting.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#waiting[middle] as WaitingMessage
      if (goesBefore(this.#places, other, offset, priority)) low = middle + 1
      else high = middle
    }
    return low
  }

  countOf(priority: number): number {
    return this.#waiting.reduce((count, each) => (each.priority === priority ? count + 1 : count), 0)
  }
}

/** Whether a ready message goes before another one. */
export function goesBefore(places: Places, message: WaitingMessage, other: number, otherPriority: number): boolean {
  const { offset, priority } = message
  return priority > otherPriority || (priority === otherPriority && places.isBefore(offset, other))
}
