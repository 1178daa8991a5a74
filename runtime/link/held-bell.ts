/**
 * The bell of a thread as its partition host rings it: once for all that a pass has for the thread, at the end of that pass.
 *
 * The partition host's thread. To wake a thread costs the host as much as to append the frames of several partitions. What is told is
 * published at once, and is seen by a thread that is awake. Only the ring of one that sleeps waits. A host that dies before it rings is no
 * worse than one that dies before it tells: its exit wakes all threads (ring/doorbell.ts).
 *
 * Bound: a few words.
 */
import type { Doorbell } from 'sharedarraybuffer-ring'

/** Receipts and verdicts for who publishes and settles, or something to read. */
export type Told = 'answers' | 'records'

export class HeldBell {
  readonly #bell: Doorbell
  #isHeld = false
  /** Whether its thread was told each while it was held. */
  readonly #owed: { answers: boolean; records: boolean } = { answers: false, records: false }
  #awaited = 0

  constructor(bell: Doorbell) {
    this.#bell = bell
  }

  /** How much of what its thread was told while it was held is awaited there. */
  get awaited(): number {
    return this.#awaited
  }

  /** From now on nothing rings before `letGo`. */
  hold(): void {
    this.#isHeld = true
  }

  /** Its thread was told something, of which so much is awaited: wakes it if it sleeps, now or when it is let go. */
  ring(told: Told, awaited = 0): void {
    if (!this.#isHeld) {
      this.#bell.ring()
      return
    }
    this.#owed[told] = true
    this.#awaited += awaited
  }

  /** Rings if its thread was told this while it was held. */
  ringFor(told: Told): void {
    if (!this.#owed[told]) return
    this.#owed[told] = false
    this.#bell.ring()
  }

  /** Rings for whatever its thread was told while it was held, and holds nothing any more. */
  letGo(): void {
    this.#isHeld = false
    this.#awaited = 0
    this.ringFor('answers')
    this.ringFor('records')
  }
}
