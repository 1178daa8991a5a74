/**
 * How many more may go now, where at most `max` may in any `perMs`.
 *
 * Pure, any thread; whoever uses it reads the clock. There are `max` tokens. Each that goes takes one, which comes back `perMs` later: no
 * window of `perMs`, wherever it begins, has more than `max`. (A bucket that fills drop by drop would allow nearly twice as many in a
 * window: what was saved, and what comes meanwhile.) Tokens taken within a 64th of `perMs` are counted together, and come back
 * with the last of them. So at least 64/65 of the rate can be used, and the bound is 66 counts, whatever `max` is.
 *
 * Clocks: only differences count. A clock that goes back is taken to stand still. After a pause of any length there are `max` tokens,
 * never more.
 */
const SLICES = 64
/** Those of a window, one that began before it, and the one that is being filled. */
const COUNTS_MAX = SLICES + 2

export class TokenBucket {
  readonly #perMs: number
  readonly #sliceMs: number
  /** Counts in the order of their times, in a circle; `#oldest` is the first of `#used`. */
  readonly #firstMs = new Float64Array(COUNTS_MAX)
  readonly #lastMs = new Float64Array(COUNTS_MAX)
  readonly #taken = new Float64Array(COUNTS_MAX)
  #oldest = 0
  #used = 0
  #left: number
  #nowMs = Number.NEGATIVE_INFINITY

  /** `max`: a whole number from 1; `perMs`: above 0. */
  constructor(max: number, perMs: number) {
    this.#perMs = perMs
    this.#sliceMs = perMs / SLICES
    this.#left = max
  }

  /** Tokens there are now. */
  available(nowMs: number): number {
    this.#advance(nowMs)
    return this.#left
  }

  /** Tokens there were at the last look. */
  get left(): number {
    return this.#left
  }

  /** When the first one comes back; Infinity: all are there. */
  get nextMs(): number {
    return this.#used === 0 ? Number.POSITIVE_INFINITY : (this.#lastMs[this.#oldest] as number) + this.#perMs
  }

  /** What is taken, in the order in which it comes back. Taken again, at the same times, it says the same. */
  taken(): { readonly ms: number; readonly count: number }[] {
    return Array.from({ length: this.#used }, (_, index) => {
      const at = (this.#oldest + index) % COUNTS_MAX
      return { ms: this.#lastMs[at] as number, count: this.#taken[at] as number }
    })
  }

  /** So many of those that were taken last did not go after all. */
  giveBack(count: number): void {
    const newest = (this.#oldest + this.#used - 1 + COUNTS_MAX) % COUNTS_MAX
    if (this.#used === 0) return
    const given = Math.min(count, this.#taken[newest] as number)
    this.#taken[newest]! -= given
    this.#left += given
    if (this.#taken[newest] === 0) this.#used--
  }

  /** So many go now, which must be available. */
  take(count: number, nowMs: number): void {
    this.#advance(nowMs)
    if (count <= 0) return
    const newest = (this.#oldest + this.#used - 1 + COUNTS_MAX) % COUNTS_MAX
    const joins = this.#used > 0 && this.#nowMs - (this.#firstMs[newest] as number) <= this.#sliceMs
    const at = joins ? newest : (newest + 1) % COUNTS_MAX
    if (!joins) {
      this.#used++
      this.#firstMs[at] = this.#nowMs
      this.#taken[at] = 0
    }
    this.#lastMs[at] = this.#nowMs
    this.#taken[at] = (this.#taken[at] as number) + count
    this.#left -= count
  }

  /** Time until there is one, in ms; 0: there is. */
  waitMs(nowMs: number): number {
    this.#advance(nowMs)
    return this.#left > 0 ? 0 : this.#perMs - (this.#nowMs - (this.#lastMs[this.#oldest] as number))
  }

  #advance(nowMs: number): void {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
    while (this.#used > 0 && this.#nowMs - (this.#lastMs[this.#oldest] as number) >= this.#perMs) {
      this.#left += this.#taken[this.#oldest] as number
      this.#oldest = (this.#oldest + 1) % COUNTS_MAX
      this.#used--
    }
  }
}
