/**
 * Keeps a producer from running ahead of its consumer: what is sent and not yet acknowledged is bounded.
 *
 * Main thread, for rivals that have no back-pressure of their own. Bound: `size` records; at it the producer awaits
 * `returned()`, which resolves when half of the window is free, so that it wakes for a batch and not for one record.
 */
export class CreditWindow {
  readonly #size: number
  #unacked = 0
  #target = -1
  #wake: (() => void) | undefined

  constructor(size: number) {
    this.#size = size
  }

  get spent(): boolean {
    return this.#unacked >= this.#size
  }

  take(records: number): void {
    this.#unacked += records
  }

  give(records: number): void {
    this.#unacked -= records
    if (this.#wake === undefined || this.#unacked > this.#target) return
    const wake = this.#wake
    this.#wake = undefined
    wake()
  }

  returned(): Promise<void> {
    return this.#fallTo(this.#size >> 1)
  }

  /** Resolves when everything sent is acknowledged. */
  drained(): Promise<void> {
    return this.#fallTo(0)
  }

  #fallTo(target: number): Promise<void> {
    if (this.#unacked <= target) return Promise.resolve()
    this.#target = target
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}
