/**
 * Calls of which a user may make many at once, as bindings are made: some are under way, and the others wait in the order of the calls.
 *
 * The creating thread. Bound: UNDER_WAY_MAX calls, and WAITING_MAX that wait; one more is refused.
 */
import { FullError } from '../words/errors.ts'

/** Far below what a port takes. */
const UNDER_WAY_MAX = 512
const WAITING_MAX = 100_000

export class CallsInLine {
  readonly #waiting = new Set<() => void>()
  #underWay = 0

  /** Makes the call when its turn comes. @throws FullError */
  async make<T>(call: () => Promise<T>): Promise<T> {
    if (this.#underWay === UNDER_WAY_MAX) await this.#turn()
    else this.#underWay++
    try {
      return await call()
    } finally {
      const [next] = this.#waiting
      if (next === undefined) this.#underWay--
      else {
        this.#waiting.delete(next)
        next()
      }
    }
  }

  /** Whoever has its turn takes the place of one that is over. */
  #turn(): Promise<void> {
    if (this.#waiting.size >= WAITING_MAX)
      throw new FullError(
        '100,000 calls of bind and unbind wait already: await them, a few thousand at a time',
        undefined,
      )
    return new Promise(resolve => this.#waiting.add(resolve))
  }
}
