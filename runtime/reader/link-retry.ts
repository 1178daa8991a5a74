/** The next try of what a full link had no room for, or of what need not be said at once. The consumer's thread; one timer at a time. */
import { clearTimeout, setTimeout } from '../../actors/world.ts'

/** A full link is tried again after this long. */
export const LINK_RETRY_MS = 5

export class LinkRetry {
  readonly #act: () => void
  #timer: ReturnType<typeof setTimeout> | null = null

  constructor(act: () => void) {
    this.#act = act
  }

  /** Tries again in so many ms, if it does not do so anyway. */
  soon(ms: number = LINK_RETRY_MS): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      this.#act()
    }, ms)
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
