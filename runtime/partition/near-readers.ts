/**
 * How long the writer of a window on disk waits for groups that are about to fall out, or have just done so: then they read files.
 *
 * The partition host's thread. A group that reads files is slower than one that reads the window, and may never catch up with a writer that
 * does not wait. So a writer does not give bytes up that such a group wants next, or while one is behind by half a window or less.
 * It goes on when the group has. Most groups tell so once a fetch, so that the host looks by itself as well. Time that it has waited is paid for by what it gives up afterwards.
 *
 * Bound: a millisecond for each 256 KiB given up, and at first for each of the window. A smaller window does not wait.
 */
import type { Offset } from '../words/quantities.ts'
import type { ReadBy } from './unread-word.ts'

/** Given up, they pay for a millisecond. */
const BYTES_PER_MS = 262_144
/** Less is not worth a wait. */
const LEAST_MS = 1
/** Groups go on record by record, and tell once a fetch. */
const LOOK_MS = 1

export class NearReaders {
  readonly #readBy: ReadBy
  /** How long it may wait from now on, or from the begin of this wait on. */
  #leftMs = Number.POSITIVE_INFINITY
  /** When the wait is over, whatever groups do; 0: it does not wait. */
  #untilMs = 0
  /** It waits for groups that read next from here on. */
  #from: Offset = 0
  /** And below this. */
  #to: Offset = 0

  constructor(readBy: ReadBy) {
    this.#readBy = readBy
  }

  /**
   * Whether the oldest bytes of a window are not given up yet, as a group is near. `from`: its first offset; `to`: that after these bytes; `end`:
   * after its last record; `capacity`: of the window.
   */
  hold(from: Offset, to: Offset, end: Offset, capacity: number, nowMs: number): boolean {
    if (this.isWaiting(nowMs)) return true
    if (this.#untilMs !== 0) this.#leftMs = Math.max(0, this.#untilMs - nowMs)
    this.#untilMs = 0
    this.#leftMs = Math.min(this.#leftMs, capacity / BYTES_PER_MS)
    if (this.#leftMs < LEAST_MS) return false
    this.#from = from - (end - from) / 2
    this.#to = to
    if (!this.#isNear()) return false
    this.#untilMs = nowMs + this.#leftMs
    return true
  }

  #isNear(): boolean {
    for (const cursor of this.#readBy.readers.keys()) {
      const offset = this.#readBy.groups.get(cursor)?.committed()
      if (offset !== undefined && offset >= this.#from && offset < this.#to) return true
    }
    return false
  }

  /** So many bytes of the window are given up. */
  passed(bytes: number): void {
    this.#leftMs += bytes / BYTES_PER_MS
  }

  /** Whether a wait goes on: its time is not over, and a group is still there. */
  isWaiting(nowMs: number): boolean {
    return this.#untilMs > nowMs && this.#isNear()
  }

  /** In how many milliseconds to look again; 0: its time is over, and it was not asked since. Infinity: it does not wait. */
  dueInMs(nowMs: number): number {
    if (this.#untilMs === 0) return Number.POSITIVE_INFINITY
    return Math.max(0, Math.min(LOOK_MS, this.#untilMs - nowMs))
  }
}
