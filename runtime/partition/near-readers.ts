/**
 * How long the writer of a window on disk waits for groups that are about to fall out, or have just done so: then they read files.
 *
 * The partition host's thread. A group that reads files is slower than one that reads the window, and may never catch up with a writer that
 * does not wait. So a writer waits before it gives bytes up that such a group wants next, and while one is behind by half a
 * window or less. It waits a millisecond at a time, one for each 256 KiB of its window in a row. After that it writes a whole window
 * before it waits again.
 *
 * Bound: a millisecond for each 256 KiB written, however slow the groups are. A smaller window does not wait.
 */
import type { Offset } from '../words/quantities.ts'
import type { ReadBy } from './unread-word.ts'

const WAIT_MS = 1
/** Of a window, for each wait in a row. */
const WAIT_BYTES = 262_144

export class NearReaders {
  readonly #readBy: ReadBy
  /** Until then it waits; 0: it does not. */
  #untilMs = 0
  /** Waits in a row. */
  #waits = 0
  /** Bytes to be written before it waits again. */
  #restBytes = 0

  constructor(readBy: ReadBy) {
    this.#readBy = readBy
  }

  /**
   * Whether the oldest bytes of a window are not given up yet, as a group is near. `from`: its first offset; `to`: that after these bytes; `end`:
   * after its last record; `capacity`: of the window.
   */
  hold(from: Offset, to: Offset, end: Offset, capacity: number, nowMs: number): boolean {
    if (this.isWaiting(nowMs)) return true
    this.#untilMs = 0
    const waitsMax = Math.floor(capacity / WAIT_BYTES)
    if (this.#restBytes > 0) return false
    if (!this.#isNear(from - (end - from) / 2, to)) {
      this.#waits = 0
      return false
    }
    if (this.#waits === waitsMax) {
      this.#waits = 0
      this.#restBytes = capacity
      return false
    }
    this.#waits++
    this.#untilMs = nowMs + WAIT_MS
    return true
  }

  #isNear(from: Offset, to: Offset): boolean {
    for (const cursor of this.#readBy.readers.keys()) {
      const offset = this.#readBy.groups.get(cursor)?.committed() ?? to
      if (offset >= from && offset < to) return true
    }
    return false
  }

  /** So many bytes of the window are given up. */
  passed(bytes: number): void {
    this.#restBytes = Math.max(0, this.#restBytes - bytes)
  }

  /** Whether a wait is not over yet. */
  isWaiting(nowMs: number): boolean {
    return this.#untilMs > nowMs
  }

  /** Whether it waits, or has waited and was not asked since. */
  get isHolding(): boolean {
    return this.#untilMs !== 0
  }

  /** In how many milliseconds a wait is over; 0: it is, and was not asked since. Infinity: it does not wait. */
  dueInMs(nowMs: number): number {
    return this.isHolding ? Math.max(0, this.#untilMs - nowMs) : Number.POSITIVE_INFINITY
  }
}
