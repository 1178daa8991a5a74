/** One timer of an executor: what is started last is what comes, if it is not cleared before. The handling thread. */
import { clearTimeout, setTimeout } from '../../actors/world.ts'

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
