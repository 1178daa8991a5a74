/**
 * Whether something is worth another attempt that mostly succeeds, or not.
 *
 * Leaf module, any thread. Attempts in vain cost; too many of them, and there is a pause, in which none is made. Each pause is
 * twice as long as the one before, up to PAUSE_MAX.
 */

/** What an attempt in vain counts, and a good one takes away again: more than one in nine is too many. */
const VAIN = 8
/** At this count a pause begins. */
const TOO_MANY = 256
const PAUSE_MIN = 256
const PAUSE_MAX = 65_536

export class Attempts {
  #vain = 0
  #pause = 0
  #nextPause = PAUSE_MIN

  /** Whether to make none this time. */
  pauses(): boolean {
    if (this.#pause === 0) return false
    this.#pause--
    return true
  }

  good(): void {
    if (this.#vain > 0) this.#vain--
  }

  inVain(): void {
    this.#vain += VAIN
    if (this.#vain < TOO_MANY) return
    this.#vain = 0
    this.#pause = this.#nextPause
    this.#nextPause = Math.min(this.#nextPause * 2, PAUSE_MAX)
  }
}
