/**
 * How many deliveries of one member are still to be handed out, over all of its partitions.
 *
 * The caller's thread. Partitions that have more to hand out when there is no credit are remembered, and told when there is
 * some again: they are not looked at meanwhile. Bound: the partitions of the member.
 */
import type { WindowWatch } from './window-watch.ts'

export class Credits {
  available: number
  /** Settlements so far. */
  settled = 0
  /** Whether the run has ended, or the caller has asked for its end. */
  ended = false
  /** Told when none is available; null: it is no matter. */
  watch: WindowWatch | null = null
  readonly #waiting = new Set<() => void>()

  constructor(window: number) {
    this.available = window
  }

  /** One is handed out. */
  take(): void {
    if (--this.available === 0) this.watch?.full()
  }

  /** One is over; who waits for that is told. */
  giveBack(): void {
    this.available++
    if (this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** There is more to hand out, and no credit: `wake` is called once there is. */
  wait(wake: () => void): void {
    this.#waiting.add(wake)
  }

  /** It hands out nothing any more. */
  leave(wake: () => void): void {
    this.#waiting.delete(wake)
  }
}
