/**
 * The gaps (log/format/gap-frame.ts) that a reader has passed, and has not committed yet.
 *
 * The consumer's thread. Bound: one for each gap behind the oldest record that is read and not committed; those that touch are one.
 */

import type { Offset } from '../words/quantities.ts'

export class PassedGaps {
  /** In order; `from` of each lies above `to` of the one before. */
  readonly #gaps: { readonly from: Offset; readonly to: Offset }[] = []

  /** Nothing is kept of the offsets from one on and below the other, and nothing was read behind them yet. */
  passed(from: Offset, to: Offset): void {
    const last = this.#gaps.at(-1)
    if (last?.to === from) this.#gaps.pop()
    this.#gaps.push({ from: last?.to === from ? last.from : from, to })
  }

  /** The first offset at or above this one that is in no gap; gaps below it are forgotten. */
  behind(offset: Offset): Offset {
    let upTo = offset
    for (let first = this.#gaps[0]; first !== undefined && first.from <= upTo; first = this.#gaps[0]) {
      upTo = Math.max(upTo, first.to)
      this.#gaps.shift()
    }
    return upTo
  }
}
