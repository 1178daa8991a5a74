/**
 * How many messages a queue's consumer asks for when nobody said it: as many as it handles in about AHEAD_MS.
 *
 * Pure: times are inputs, of whole turns. The consumer's thread; one for each consumer. More would wait behind a slow handler while
 * another consumer is idle; fewer would make a fast one wait for the queue. It begins with few, and grows fourfold at most at a time.
 * A change by less than a quarter is none, so that the queue is not asked anew each time.
 *
 * Bounds: `least` to `most`.
 */

/** Time that the messages asked for ahead may take. */
const AHEAD_MS = 10
const GROWTH_MAX = 4
/** Of the number it is, what it may become at once is at least this. */
const SHRINKAGE_MAX = 0.5
const CHANGE_MIN = 0.25

export class LearntPrefetch {
  readonly #least: number
  readonly #most: number
  #now: number
  #handled = 0
  #busyMs = 0

  /** `least`: of what is out it can use so many at a time. */
  constructor(least: number, most: number) {
    this.#most = most
    this.#least = Math.min(least, most)
    this.#now = Math.min(2 * least, most)
  }

  get deliveries(): number {
    return this.#now
  }

  /** So many messages were handled in so much time in which some were in hand. Returns how many to ask for. */
  handled(messages: number, busyMs: number): number {
    this.#handled += messages
    this.#busyMs += busyMs
    // A look tells something once what was asked for has been handled, or much time has passed.
    if (this.#handled < this.#now && this.#busyMs < AHEAD_MS) return this.#now
    const wanted = this.#busyMs === 0 ? Number.POSITIVE_INFINITY : (this.#handled / this.#busyMs) * AHEAD_MS
    this.#handled = 0
    this.#busyMs = 0
    const within = Math.min(Math.max(wanted, this.#now * SHRINKAGE_MAX), this.#now * GROWTH_MAX)
    const next = Math.min(Math.max(Math.round(within), this.#least), this.#most)
    const isBound = next === this.#least || next === this.#most
    if (isBound || Math.abs(next - this.#now) >= this.#now * CHANGE_MIN) this.#now = next
    return this.#now
  }
}
