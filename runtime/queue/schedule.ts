/**
 * The messages of a queue that are not due yet, and when the next one is.
 *
 * The partition host's thread. Pure. One falls due at the first whole millisecond that is not before its time. Those that do so at one
 * time go in the order of their times, then of their offsets. What came with a time that had passed already counts as due at
 * the moment up to which `due` had gone.
 *
 * Bound: 24 bytes a message (time-wheel.ts), and a bit; nothing for a queue that has none. DUE_MAX fall due in one call. The
 * entries of messages that were taken back are dropped when they are more than half. A message whose time was updated has an entry of a map;
 * the wheel keeps the entry of each earlier time until that comes, or until it is dropped.
 */
import { OffsetSet } from '../base/offset-set.ts'
import type { PagePool } from '../base/page-pool.ts'
import { TimeWheel } from '../base/time-wheel.ts'

/** Messages that fall due in one call; the rest is due at once. */
export const DUE_MAX = 1_024

export class Schedule {
  readonly #waiting: OffsetSet
  #wheel: TimeWheel | null = null
  #passedMs = 0
  /** When those come out of the wheel whose time was updated: any other time of theirs is not theirs any more. */
  readonly #updated = new Map<number, number>()
  /** Their bytes. */
  bytes = 0

  constructor(pool: PagePool) {
    this.#waiting = new OffsetSet(pool)
  }

  get size(): number {
    return this.#waiting.size
  }

  has(offset: number): boolean {
    return this.#waiting.has(offset)
  }

  /** `dueMs`: a time in `nowMs`, above 0. */
  add(offset: number, dueMs: number, bytes: number): void {
    this.#wheel ??= new TimeWheel()
    this.#wheel.add(offset, Math.max(dueMs, this.#passedMs))
    this.#waiting.add(offset)
    this.bytes += bytes
  }

  /** The same of one that was updated: it waits already, or may have waited before. */
  addAgain(offset: number, dueMs: number, bytes: number): void {
    this.#wheel ??= new TimeWheel()
    this.#updated.set(offset, this.#wheel.add(offset, Math.max(dueMs, this.#passedMs)))
    if (this.#waiting.has(offset)) return
    this.#waiting.add(offset)
    this.bytes += bytes
  }

  /** It waits no more, and is to be taken off `bytes`. */
  remove(offset: number): void {
    this.#waiting.remove(offset)
    this.#updated.delete(offset)
  }

  /** Notes what is due in `offsets`, in its order; how many. It waits no more, and is to be taken off `bytes`. */
  due(nowMs: number, offsets: Float64Array): number {
    if (nowMs > this.#passedMs) this.#passedMs = Math.floor(nowMs)
    const wheel = this.#wheel
    if (wheel === null) return 0
    if (wheel.size > 0) wheel.tend(this.size, this.#isNeeded)
    if (wheel.dueMs > nowMs) return 0
    const found = wheel.take(nowMs, offsets, this.#updated.size === 0 ? null : this.#isNeeded)
    let due = 0
    for (let at = 0; at < found; at++) {
      const offset = offsets[at] as number
      if (this.#updated.size > 0) this.#updated.delete(offset)
      if (this.#waiting.remove(offset)) offsets[due++] = offset
    }
    return due
  }

  /** When the next one is due, or earlier; Infinity: none waits. */
  get dueMs(): number {
    return this.#wheel === null || this.size === 0 ? Number.POSITIVE_INFINITY : this.#wheel.dueMs
  }

  readonly #isNeeded = (offset: number, timeMs: number): boolean =>
    this.#waiting.has(offset) && (this.#updated.size === 0 || (this.#updated.get(offset) ?? timeMs) === timeMs)
}
