/**
 * How a thread waits for work at its bell: spins for as long as that has been worth it, then parks.
 *
 * The bell's owner only. This order loses no wake-up: look, arm, look again, wait, disarm. The time to look before
 * arming is learnt. A wait that ended within the cost of parking would have been shorter by spinning, so the next one
 * spins twice as long, up to `spinsMax`. A long wait halves it, down to nothing. Spinning thus never takes more than
 * about the time that it can save, and an idle thread does not spin at all.
 *
 * Bound: one wait at a time, each at most `timeoutMs`. A ringer can die before it rings, so no wait is endless: the
 * awaited condition is checked again after each.
 */
import type { Doorbell } from './doorbell.ts'

export interface SleeperOptions {
  /** Looks before parking, at most. Default 500, a few microseconds; 0: park at once. */
  readonly spinsMax?: number
  /** Longest single wait in ms. Default 100. */
  readonly timeoutMs?: number
  /** Whether the process stays alive while `sleepAsync` waits, which `waitAsync` alone does not do. Default false. */
  readonly keepsAlive?: boolean
}

/** About what it costs to park and to be woken, on both sides together. */
const PARK_MS = 0.02
/** A timer that never matters, except that it is there. */
const HELD_MS = 2 ** 31 - 1

export class Sleeper {
  readonly #bell: Doorbell
  readonly #spinsMax: number
  readonly #timeoutMs: number
  readonly #handle: NodeJS.Timeout | null
  #spins: number

  constructor(bell: Doorbell, options: SleeperOptions = {}) {
    const { spinsMax = 500, timeoutMs = 100, keepsAlive = false } = options
    this.#bell = bell
    this.#spinsMax = spinsMax
    this.#timeoutMs = timeoutMs
    this.#handle = keepsAlive ? setInterval(() => {}, HELD_MS).unref() : null
    this.#spins = spinsMax >> 3
  }

  /** Looks that the next wait begins with. */
  get spins(): number {
    return this.#spins
  }

  /**
   * Blocks until `ready` returns true or the time is over; returns its last result. Never on the main thread.
   *
   * @param ready looks for work; called many times, it must be cheap and change nothing
   */
  sleep(ready: () => boolean): boolean {
    if (this.#spin(ready)) return true
    this.#bell.arm()
    const found = ready()
    if (!found) {
      const since = this.#now()
      this.#bell.wait(this.#timeoutMs)
      this.#learn(this.#now() - since)
    }
    this.#bell.disarm()
    return found || ready()
  }

  /** The same as `sleep`, but leaves the thread to its event loop while it is parked. */
  async sleepAsync(ready: () => boolean): Promise<boolean> {
    if (this.#spin(ready)) return true
    this.#bell.arm()
    const found = ready()
    const rung = found ? null : this.#bell.waitAsync(this.#timeoutMs)
    if (rung !== null) {
      const since = this.#now()
      this.#handle?.ref()
      await rung
      this.#handle?.unref()
      this.#learn(this.#now() - since)
    }
    this.#bell.disarm()
    return found || ready()
  }

  /** Gives up the handle that keeps the process alive. */
  close(): void {
    if (this.#handle !== null) clearInterval(this.#handle)
  }

  #spin(ready: () => boolean): boolean {
    for (let spin = 0; spin < this.#spins; spin++) {
      if (!ready()) continue
      if (spin > 0) this.#grow()
      return true
    }
    return this.#spins === 0 && ready()
  }

  /** Time for learning; a clock costs as much as many looks. */
  #now(): number {
    return this.#spinsMax === 0 ? 0 : performance.now()
  }

  #learn(waitedMs: number): void {
    if (waitedMs < PARK_MS) this.#grow()
    else this.#spins >>= 1
  }

  #grow(): void {
    this.#spins = Math.min(this.#spinsMax, 2 * this.#spins + 1)
  }
}
