/**
 * When to tell of something that may happen very often: the first time at once, and later with how often it was.
 *
 * Pure, and bounded by two numbers. Its owner looks again after `dueInMs`, so that every occurrence is reported.
 */

/** Time between two reports. */
export const NEWS_EVERY_MS = 5_000

export class News {
  #untold = 0
  #toldMs = Number.NEGATIVE_INFINITY

  add(count: number): void {
    this.#untold += count
  }

  /** Number of occurrences since the last report, if a report is due; 0: none is due, or none occurred. */
  take(nowMs: number): number {
    if (this.dueInMs(nowMs) > 0) return 0
    const untold = this.#untold
    this.#untold = 0
    this.#toldMs = nowMs
    return untold
  }

  /** Infinity: there is nothing to tell. */
  dueInMs(nowMs: number): number {
    return this.#untold === 0 ? Number.POSITIVE_INFINITY : Math.max(0, this.#toldMs + NEWS_EVERY_MS - nowMs)
  }

  get isEmpty(): boolean {
    return this.#untold === 0
  }
}
