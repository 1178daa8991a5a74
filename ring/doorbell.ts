/**
 * A bell by which any number of threads wake one sleeper.
 *
 * The sleeper arms the bell, looks once more for work, and only then waits. A ringer publishes its work first and then
 * looks at the bell. Both steps are atomic, so one of the two always sees the other (Dekker's argument), and a ringer
 * pays one load while the sleeper is awake. A ringer can die between its publication and its ring, or within the ring.
 * The code that sees its exit calls `wake`, and waits are bounded.
 */
import { BELL_NAP, BELL_SLEEPS } from './layout.ts'
import type { Memory } from './memory.ts'

export class Doorbell {
  readonly #memory: Memory
  readonly #word: number
  readonly #nap: number

  constructor(memory: Memory, address: number) {
    this.#memory = memory
    this.#word = address + BELL_SLEEPS
    this.#nap = address + BELL_NAP
  }

  /** Wakes the sleeper if it sleeps. Any thread, after publishing what it should see. */
  ring(): void {
    if (this.#memory.load(this.#word) === 1) {
      this.#memory.store(this.#word, 0)
      this.#memory.notify(this.#word)
    }
  }

  /**
   * Wakes the sleeper in any case: after the exit of a thread, which may have died in the middle of `ring`. Such a
   * thread leaves a bell that looks rung and a sleeper that was not woken. Any thread.
   */
  wake(): void {
    this.#memory.store(this.#word, 0)
    this.#memory.notify(this.#word)
  }

  /** Declares that the owner is about to sleep. It must look for work once more before it waits. Owner only. */
  arm(): void {
    this.#memory.store(this.#word, 1)
  }

  /** Declares that the owner is awake. Owner only. */
  disarm(): void {
    this.#memory.store(this.#word, 0)
  }

  /** Blocks until rung, at most `timeoutMs`; returns at once if it was rung since `arm`. Owner only, never on main. */
  wait(timeoutMs: number): void {
    this.#memory.wait(this.#word, 1, timeoutMs)
  }

  /** Wakes the owner if it sleeps, and also if it naps. Any thread, after publishing what it should see. */
  rouse(): void {
    this.ring()
    this.endNap()
  }

  /** Wakes the owner if it naps, and not if it sleeps: whoever has published has rung it for that. Any thread. */
  endNap(): void {
    if (this.#memory.load(this.#nap) === 1) {
      this.#memory.store(this.#nap, 0)
      this.#memory.notify(this.#nap)
    }
  }

  /**
   * Blocks for `ms`, whatever rings, or until `rouse`: under load this costs less than being woken for each of many
   * publications, which are found together. With `finds`, a last look for work, it does not block when there is some: a
   * thread that roused before the nap was not heard. Owner only, never on main.
   */
  nap(ms: number, finds: () => boolean = () => false): void {
    this.#memory.store(this.#nap, 1)
    if (!finds()) this.#memory.wait(this.#nap, 1, ms)
    this.#memory.store(this.#nap, 0)
  }

  /** The same as `wait` without blocking; `null` if it was rung since `arm`. Does not keep the process alive. Owner only. */
  waitAsync(timeoutMs: number): Promise<unknown> | null {
    return this.#memory.waitAsync(this.#word, 1, timeoutMs)
  }
}
