/** How many deliveries go out between two looks at the clock: as many as take about a fifth of a millisecond. Pure. */

const STRIDE_MAX = 64
const STRIDE_MS = 0.2

export class Stride {
  #length = 1
  #left = 1
  #since = 0

  /** A turn begins at `now`. */
  begin(now: number): void {
    this.#left = this.#length
    this.#since = now
  }

  /** A delivery is over; whether it is time to look at the clock. */
  isOver(): boolean {
    return --this.#left <= 0
  }

  /** The clock says `now`: the next stride begins. */
  next(now: number): void {
    this.#length =
      now - this.#since < STRIDE_MS ? Math.min(STRIDE_MAX, this.#length * 2) : Math.max(1, this.#length >> 1)
    this.begin(now)
  }
}
