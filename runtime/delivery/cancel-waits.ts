/**
 * Who waits until a message that is cancelled is let go of, at one consumer of a queue.
 *
 * The consumer's thread. Bound: one timer for each call that waits, which ends at its time.
 */
import { clearTimeout, setTimeout } from '../../actors/world.ts'

export class CancelWaits {
  readonly #waiting = new Map<number, Set<() => void>>()

  /** Resolves when the message of this tag is let go of, or after so long. */
  until(tag: number, withinMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(() => done(), withinMs)
      const waiting = this.#waiting.get(tag) ?? new Set()
      const done = (): void => {
        clearTimeout(timer)
        waiting.delete(done)
        if (waiting.size === 0 && this.#waiting.get(tag) === waiting) this.#waiting.delete(tag)
        resolve()
      }
      waiting.add(done)
      this.#waiting.set(tag, waiting)
    })
  }

  /** The message of this tag is let go of. */
  over(tag: number): void {
    if (this.#waiting.size === 0) return
    for (const done of [...(this.#waiting.get(tag) ?? [])]) done()
  }

  /** Its consumer ends. */
  close(): void {
    for (const tag of [...this.#waiting.keys()]) this.over(tag)
  }
}
