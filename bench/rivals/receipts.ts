/**
 * Promises for records in the order they were sent, resolved by a running count.
 *
 * Main thread, for rivals whose threads acknowledge "so many more". Bound: the callers' window (1,000).
 */
export class Receipts<T = void> {
  readonly #waiting: ((receipt: T) => void)[] = []
  #head = 0

  next(): Promise<T> {
    return new Promise(resolve => {
      this.#waiting.push(resolve)
    })
  }

  /** `receiptOf` makes the receipt of the record with this number among them, from 0. */
  confirm(records: number, receiptOf: (n: number) => T): void {
    for (let n = 0; n < records; n++) this.#waiting[this.#head++]?.(receiptOf(n))
    if (this.#head !== this.#waiting.length) return
    this.#waiting.length = 0
    this.#head = 0
  }
}

/** For publishers that learn nothing but that it is done. */
export function nothing(): void {}
