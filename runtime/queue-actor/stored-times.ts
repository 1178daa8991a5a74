/**
 * When messages on disk are due and expire, on the clock of the process. Their records have moments of the wall clock, which may be set.
 *
 * The partition host's thread. Pure. While a host has the queue each message keeps the time that it had when it was taken, or when the
 * host found it in the log. What is found waits for what is left of its wait, and never for longer than it was to wait at first.
 *
 * Bound: DIFFERENCES_MAX. When the clock was set more often, the oldest messages have the times of those behind them.
 */
import { type Instant, remainingMs } from '../base/clock.ts'
import type { Offset } from '../words/quantities.ts'
import { processMs } from './window-times.ts'

/** Smaller differences of the two clocks are taken for the same. */
const STEP_MS = 20
const DIFFERENCES_MAX = 1_024

/** From this message on the clocks differ by so much. */
interface Difference {
  readonly from: Offset
  readonly ms: number
}

export class StoredTimes {
  readonly #found: Offset
  readonly #foundAt: Instant
  #differences: Difference[] = []

  /** `found`: the end of the log when it was opened, at `foundAt`. */
  constructor(found: Offset, foundAt: Instant) {
    this.#found = found
    this.#foundAt = foundAt
  }

  /** Messages from this offset on are taken now. */
  taken(offset: Offset, at: Instant): void {
    const ms = at.wallMs - at.nowMs
    const last = this.#differences.at(-1)
    if (last !== undefined && Math.abs(ms - last.ms) < STEP_MS) return
    // An append that was withdrawn may have been the first of them.
    while ((this.#differences.at(-1)?.from ?? -1) >= offset) this.#differences.pop()
    this.#differences.push({ from: offset, ms })
    if (this.#differences.length > DIFFERENCES_MAX) this.#differences.shift()
  }

  /** A moment of a message's record in `nowMs`, 1 at least. `sentMs`: when it was sent. */
  msOf(offset: Offset, wallMs: number, sentMs: number): number {
    if (offset < this.#found)
      return Math.max(1, this.#foundAt.nowMs + remainingMs(wallMs, sentMs, this.#foundAt.wallMs))
    return Math.max(1, wallMs - this.#differenceAt(offset))
  }

  /** The same of a message that is taken now; `sentMs`: when it was written. A clock that went back since does not make it wait longer. */
  takenMs(offset: Offset, wallMs: number, sentMs: number, at: Instant): number {
    return sentMs - at.wallMs < STEP_MS ? this.msOf(offset, wallMs, sentMs) : processMs(wallMs, sentMs, at)
  }

  /** How long a moment of a message's record was over when the log was opened; -1: it is to come. */
  sinceMs(wallMs: number, sentMs: number): number {
    const { wallMs: foundAt } = this.#foundAt
    return remainingMs(wallMs, sentMs, foundAt) === 0 ? Math.max(0, foundAt - wallMs) : -1
  }

  #differenceAt(offset: Offset): number {
    const differences = this.#differences
    let at = differences.length - 1
    while (at > 0 && (differences[at] as Difference).from > offset) at--
    return differences[at]?.ms ?? this.#foundAt.wallMs - this.#foundAt.nowMs
  }
}
