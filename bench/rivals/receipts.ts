/**
 * Promises for records in the order they were sent, resolved by a running count.
 *
 * Main thread, for rivals whose threads acknowledge "so many more". Bound: the callers' window (1,000).
 */
export class Receipts {
  readonly #waiting: (() => void)[] = []
  #head = 0

  next(): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push(resolve)
    })
  }

  confirm(records: number): void {
    for (const end = this.#head + records; this.#head < end; this.#head++) this.#waiting[this.#head]?.()
    if (this.#head !== this.#waiting.length) return
    this.#waiting.length = 0
    this.#head = 0
  }
}
