/**
 * Ends asynchronous waits after their time, by one timer for each word that was waited for.
 *
 * One thread only. `Atomics.waitAsync` with a time of its own makes a timer for each wait, and Node keeps it for all of that time, also when
 * the wait was over at once. A thread that is woken thousands of times a second would have as many timers for each second, and each
 * costs a look at all others. Here a timer that is there already serves the next waits as well: it rings early, and goes on for the rest.
 *
 * Bound: an entry for each word, until the time of the last wait is over. It keeps no process alive.
 */

interface WaitBound {
  /** When the last wait is over. */
  endMs: number
  /** When the timer rings, at that time or before. */
  ringsMs: number
  timer: NodeJS.Timeout
}

// As they are now: users' tests put fakes in their place.
const { setTimeout, clearTimeout } = globalThis
const now: () => number = performance.now.bind(performance)

/** The longest time of a timer. */
const TIMER_MAX_MS = 2 ** 31 - 1

export class WaitBounds {
  readonly #notify: (address: number) => void
  readonly #bounds = new Map<number, WaitBound>()

  /** `notify` wakes who waits for the word at this address. */
  constructor(notify: (address: number) => void) {
    this.#notify = notify
  }

  /** A wait for the word at this address has begun, and lasts so long at most. */
  begin(address: number, timeoutMs: number): void {
    const nowMs = now()
    const endMs = nowMs + timeoutMs
    const bound = this.#bounds.get(address)
    if (bound === undefined) this.#bounds.set(address, this.#ring(address, endMs, nowMs))
    else {
      bound.endMs = endMs
      if (endMs >= bound.ringsMs) return
      clearTimeout(bound.timer)
      this.#bounds.set(address, this.#ring(address, endMs, nowMs))
    }
  }

  #ring(address: number, endMs: number, nowMs: number): WaitBound {
    const leftMs = Math.min(Math.max(1, Math.ceil(endMs - nowMs)), TIMER_MAX_MS)
    const timer = setTimeout(this.#rang, leftMs, address)
    timer.unref()
    return { endMs, ringsMs: nowMs + leftMs, timer }
  }

  readonly #rang = (address: number): void => {
    const bound = this.#bounds.get(address)
    if (bound === undefined) return
    const nowMs = now()
    if (nowMs < bound.endMs) {
      this.#bounds.set(address, this.#ring(address, bound.endMs, nowMs))
      return
    }
    this.#bounds.delete(address)
    this.#notify(address)
  }
}
