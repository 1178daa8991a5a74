/** Work that goes one after another, for each key by itself. Any one thread. Bound: keys with work that is not over; others are forgotten. */
export class Turns {
  /** The last work of each key; it never rejects. */
  readonly #last = new Map<number, Promise<void>>()

  /** Keys with work that is not over. */
  get busy(): number {
    return this.#last.size
  }

  /** Does the work when all before it, of this key, is over. */
  async take(key: number, work: () => Promise<void>): Promise<void> {
    const done = (this.#last.get(key) ?? Promise.resolve()).then(work)
    const over = done.catch(() => undefined)
    this.#last.set(key, over)
    try {
      await done
    } finally {
      if (this.#last.get(key) === over) this.#last.delete(key)
    }
  }
}
