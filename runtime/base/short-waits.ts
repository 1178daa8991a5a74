/**
 * How often a thread looks again for an answer that is on its way, before it sleeps: for as long as that has been worth it.
 *
 * Any thread. Pure. To sleep and to be woken costs both threads several microseconds. A wait that was shorter than SHORT_MS would have been
 * shorter still by looking, so the next one begins with twice as many looks. A longer one halves them, down to none. So looking
 * takes no more than about the time that it can save, whatever the other threads do.
 *
 * Bound: `looksMax`.
 */

/** What two threads need to sleep, wake each other and answer, on a machine with a processor for each. */
const SHORT_MS = 0.05

export class ShortWaits {
  readonly #looksMax: number
  /** So many looks are worth it now. */
  #looks: number
  /** Of these, so many were taken since something came last. */
  #looked = 0
  /** Whether an answer is on its way. */
  isAwaiting = false

  constructor(looksMax: number) {
    this.#looksMax = looksMax
    this.#looks = looksMax >> 3
  }

  /** Whether to look once more, as nothing has come. */
  looksOn(): boolean {
    if (!this.isAwaiting || this.#looked >= this.#looks) return false
    this.#looked++
    return true
  }

  /** Something has come. */
  came(): void {
    if (this.#looked > 0) this.#more()
    this.#looked = 0
  }

  /** Nothing has come by looking, and the thread has slept for so long. */
  slept(ms: number): void {
    this.#looked = 0
    if (!this.isAwaiting) return
    this.isAwaiting = false
    if (ms < SHORT_MS) this.#more()
    else this.#looks >>= 1
  }

  #more(): void {
    this.#looks = Math.min(this.#looksMax, 2 * this.#looks + 1)
  }
}
