/**
 * How long nothing moved, judged by a timer that takes its own lateness off: a machine that stops us is no stall.
 *
 * Main thread. The start time of a thread does not count either; it is reported separately.
 */
const TICK_MS = 20

export class StallWatch {
  readonly #timer: NodeJS.Timeout
  readonly #still = new Map<string, { last: number; ms: number }>()
  longestMs = 0
  longestName = ''

  /** Looks every 20 ms at numbers that should change; `null`: not to be expected now. */
  constructor(look: () => Iterable<readonly [name: string, value: number | null]>) {
    let before = performance.now()
    this.#timer = setInterval(() => {
      const now = performance.now()
      // Later than asked for by more than a little: so were all others, perhaps.
      const passed = Math.min(now - before, TICK_MS + 2)
      before = now
      for (const [name, value] of look()) {
        const still = this.#still.get(name)
        if (value === null) continue
        if (still === undefined || still.last !== value) this.#still.set(name, { last: value, ms: 0 })
        else {
          still.ms += passed
          if (still.ms > this.longestMs) {
            this.longestMs = still.ms
            this.longestName = name
          }
        }
      }
    }, TICK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
