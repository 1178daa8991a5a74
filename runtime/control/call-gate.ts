/**
 * Which control calls may go on, and which wait for each other.
 *
 * The control thread. A topic, group or producer is made, grown or deleted while no other one is, so that two openers of one name
 * find one. A broker that closes takes no new work, and goes on with what runs need until they have stopped.
 */
import { closedError } from '../words/closed-error.ts'

export class CallGate {
  #making: Promise<unknown> = Promise.resolve()
  #isClosed = false
  #runsAreOver = false

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** From now on nothing new is taken. */
  close(): void {
    this.#isClosed = true
  }

  /** All runs have stopped, or were given up. */
  endRuns(): void {
    this.#runsAreOver = true
  }

  /** One task at a time, in the order of the calls. */
  serially<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#making.then(task)
    this.#making = done.catch(() => undefined)
    return done
  }

  /** The same, for what a broker that closes does not take. @throws MillraceError MILL_CLOSED */
  whileOpen<T>(task: () => Promise<T>): Promise<T> {
    return this.serially(async () => {
      this.checkOpen()
      return task()
    })
  }

  /** @throws MillraceError MILL_CLOSED */
  checkOpen(): void {
    if (this.#isClosed) throw closedError()
  }

  /** Runs that are being stopped finish what they have in hand, and what that publishes may need a ring, or a larger one. */
  checkRunning(): void {
    if (this.#runsAreOver) this.checkOpen()
  }
}
