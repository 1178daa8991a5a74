/** One timer of an executor: what is started last is what comes, if it is not cleared before. The handling thread. */
import { clearTimeout, setTimeout } from '../../actors/world.ts'

/** What failed under the reader before, which may have died of it, is held back, so that other partitions get on in between. */
export const BYSTANDERS_MS = 25
/** After which it goes beside what is pending on the thread. */
export const ALONE_MS = 100

export class HoldTimer {
  #timer: NodeJS.Timeout | null = null

  start(ms: number, act: () => void): void {
    this.clear()
    this.#timer = setTimeout(() => {
      this.#timer = null
      act()
    }, ms)
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
