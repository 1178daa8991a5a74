/**
 * Asks the queue of a consumer to make durable what the consumer has said of its messages.
 *
 * The consumer's thread. Whoever asks while a call is on its way shares the next one. Bound: one call on its way.
 */
export class QueueConfirmations {
  readonly #ask: () => Promise<void>
  #asked: Promise<void> | null = null
  /** The call behind the one that is on its way. */
  #next: Promise<void> | null = null

  /** `ask`: one call, for all that was said before it. */
  constructor(ask: () => Promise<void>) {
    this.#ask = ask
  }

  /** Resolves when all that was said before is durable; rejects with why nobody can tell. */
  confirm(): Promise<void> {
    if (this.#asked === null) return this.#begin()
    this.#next ??= this.#asked.then(
      () => this.#begin(),
      () => this.#begin(),
    )
    return this.#next
  }

  #begin(): Promise<void> {
    this.#next = null
    const asked = this.#ask()
    this.#asked = asked
    const over = (): void => {
      if (this.#asked === asked) this.#asked = null
    }
    asked.then(over, over)
    return asked
  }
}
