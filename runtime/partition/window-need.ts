/**
 * Decides when a partition on disk asks for a larger window, and when it gives that back: by the bytes that it takes.
 *
 * Pure: whoever looks, once in a while, says so (window-loans.ts). A burst asks at once, and not again before the next look; a
 * window is given back after QUIET_LOOKS looks in a row between which it took less than the small window holds.
 */

/** So many small windows full between two looks are a reason for a larger one. */
const BURST_WINDOWS = 4
/** So many looks after its last traffic a partition gives back what it has. */
export const QUIET_LOOKS = 5

/** What a look says: nothing is to be done; what there is beyond the small window goes back; and it need not be looked at. */
export type Looked = 'keep' | 'giveBack' | 'rest'

export class WindowNeed {
  readonly #smallBytes: number
  readonly #wantedBytes: number
  /** Bytes since the last look. */
  #bytes = 0
  #quiet = 0
  #hasAsked = false

  /** For a partition whose window has `smallBytes` at rest, and `wantedBytes` when it is busy. */
  constructor(smallBytes: number, wantedBytes: number) {
    this.#smallBytes = smallBytes
    this.#wantedBytes = wantedBytes
  }

  /** Takes note of an append to a window of this capacity; whether a larger one is to be asked for now. */
  took(bytes: number, capacity: number): boolean {
    this.#bytes += bytes
    if (this.#hasAsked || capacity >= this.#wantedBytes || this.#bytes < BURST_WINDOWS * this.#smallBytes) return false
    this.#hasAsked = true
    return true
  }

  /** At a window of this capacity. */
  look(capacity: number): Looked {
    this.#quiet = this.#bytes < this.#smallBytes ? this.#quiet + 1 : 0
    this.#bytes = 0
    this.#hasAsked = false
    if (this.#quiet < QUIET_LOOKS) return 'keep'
    return capacity > this.#smallBytes ? 'giveBack' : 'rest'
  }
}
