/**
 * What was cancelled while a consumer had it, so that who has asked for that is told when it asks again.
 *
 * The partition host's thread. Bound: the last KNOWN of them; a call asks again until it knows.
 */
import type { Offset } from '../words/quantities.ts'

const KNOWN = 1_024

export class CancelledOut {
  readonly #offsets = new Set<Offset>()

  add(offset: Offset): void {
    this.#offsets.add(offset)
    if (this.#offsets.size <= KNOWN) return
    const [oldest] = this.#offsets
    this.#offsets.delete(oldest as Offset)
  }

  has(offset: Offset): boolean {
    return this.#offsets.has(offset)
  }
}
