/**
 * Says once that a window has been full for long without a settlement: nothing comes any more then, and nobody is told why.
 *
 * The consumer's thread. One timer at a time, and only while the window is full or was so a moment ago; it does not keep the
 * process alive.
 */
import { clearTimeout, setTimeout } from '../../actors/world.ts'
import { STALLED_MS } from '../base/clock.ts'

/** What it looks at. */
export interface Watched {
  /** Deliveries that may still go out. */
  readonly available: number
  /** Settlements so far. */
  readonly settled: number
}

export class WindowWatch {
  readonly #watched: Watched
  readonly #tell: (waitedMs: number) => void
  #timer: NodeJS.Timeout | null = null
  #isOver = false

  constructor(watched: Watched, tell: (waitedMs: number) => void) {
    this.#watched = watched
    this.#tell = tell
  }

  /** The window is full. */
  full(): void {
    if (this.#timer !== null || this.#isOver) return
    const { settled } = this.#watched
    this.#timer = setTimeout(() => {
      this.#timer = null
      if (this.#watched.available > 0) return
      if (this.#watched.settled === settled) {
        this.#isOver = true
        this.#tell(STALLED_MS)
      } else this.full()
    }, STALLED_MS)
    this.#timer.unref()
  }

  close(): void {
    this.#isOver = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
