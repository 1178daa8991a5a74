/**
 * Acks in any order, commits in order: how far the settled prefix of what was handed out reaches.
 *
 * Pure. Bound: what is handed out and not settled, which its user limits.
 */

export class AckTracker {
  /** Handed out, oldest first; settled ones stay until everything before them is settled. */
  readonly #offsets: number[] = []
  readonly #settled = new Set<number>()
  #head = 0

  /** An offset was handed out; larger than all before it. */
  handOut(offset: number): void {
    this.#offsets.push(offset)
  }

  /** Settles an offset that was handed out; the offset after the settled prefix, or -1 when that has not moved. */
  settle(offset: number): number {
    if (this.#offsets[this.#head] !== offset) {
      this.#settled.add(offset)
      return -1
    }
    this.#head++
    let last = offset
    for (;;) {
      const next = this.#offsets[this.#head]
      if (next === undefined || !this.#settled.delete(next)) break
      last = next
      this.#head++
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#offsets.length) {
      this.#offsets.splice(0, this.#head)
      this.#head = 0
    }
    return last + 1
  }

  /** Handed out and not behind the settled prefix. */
  get pending(): number {
    return this.#offsets.length - this.#head
  }
}
