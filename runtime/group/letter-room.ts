/**
 * Records that a group has given up and whose dead letters wait for room in their topic: since when, and who is to be told.
 *
 * Pure: the time is an input, in `nowMs`. A topic that somebody reads has room again when its readers get on: that is no
 * news before STALLED_MS. One that nobody reads has room when somebody replays or purges letters, and not before: that is
 * told at once. Either is told once for each wait, and at most once in STALLED_MS. Whoever waits for the group to be idle is given STALLED_MS in any case, in
 * which somebody may make room.
 *
 * Bound: FAILURES_MAX records, as the group keeps account of no more.
 */
import { STALLED_MS } from '../base/clock.ts'
import type { AwaitingLetter } from './awaiting-letter.ts'

export class LetterRoom {
  #waiting: AwaitingLetter[] = []
  /** When the first of them found its topic full; null: none has since a letter was written. */
  #fullSinceMs: number | null = null
  #isTold = false
  #toldMs = Number.NEGATIVE_INFINITY

  /** Records that wait, for room or for their topic's thread. */
  get size(): number {
    return this.#waiting.length
  }

  /** It waits; `isFull`: for room. */
  wait(dying: AwaitingLetter, isFull: boolean, now: number): void {
    this.#waiting.push(dying)
    if (isFull) this.#fullSinceMs ??= now
  }

  /** All that wait, to be tried again. */
  take(): AwaitingLetter[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting
  }

  /** A letter was written, or nothing is to be written any more. */
  goesOn(): void {
    this.#fullSinceMs = null
    this.#isTold = false
  }

  /** How long the topic has been full for the oldest of them, in milliseconds; -1: it is not. */
  fullForMs(now: number): number {
    return this.#fullSinceMs === null ? -1 : now - this.#fullSinceMs
  }

  /** Whether the group stands still, as far as can be told: nobody makes room. */
  isStuck(now: number): boolean {
    return this.fullForMs(now) >= STALLED_MS
  }

  /** Whether that is to be told now: once for each wait. `isRead`: a group reads the topic of the letters. */
  takeNews(now: number, isRead: boolean): boolean {
    if (this.#isTold || this.#fullSinceMs === null || (isRead && !this.isStuck(now))) return false
    if (now - this.#toldMs < STALLED_MS) return false
    this.#isTold = true
    this.#toldMs = now
    return true
  }

  /** After which there may be news, or the group may be stuck; Infinity: it does not wait, or that is known. */
  newsInMs(now: number): number {
    if (this.#fullSinceMs === null) return Number.POSITIVE_INFINITY
    const dues = this.#isTold ? [this.#fullSinceMs] : [this.#fullSinceMs, this.#toldMs]
    return Math.min(
      ...dues.map(since => since + STALLED_MS - now).map(left => (left > 0 ? left : Number.POSITIVE_INFINITY)),
    )
  }
}
