/**
 * What is known of records that were handed out before, as the group tells it: by the assignment, then by verdicts.
 *
 * The reader's thread. Bound: what a group keeps account of, FAILURES_MAX records and a ledger.
 */

import { nowMs } from '../../actors/world.ts'
import { VERDICT } from '../link/link.ts'
import type { Verdict } from '../thread/turn-taker.ts'
import { FAILURES_MAX } from '../wire/layout.ts'
import type { KnownRecord } from '../wire/places.ts'
import type { Offset } from '../words/quantities.ts'

export class KnownRecords {
  readonly #known = new Map<number, KnownRecord>()
  /** Of those, what failed under the reader before, which may have died of it, until it is judged again. */
  readonly #doubtful = new Set<number>()
  /** The last record that was pending when the reader before died, of whichever it was; -1: that is known, or it did not die. */
  readonly suspectTo: number

  constructor(told: readonly KnownRecord[]) {
    this.suspectTo = told.reduce((to, { suspect, offset }) => (suspect ? offset : to), -1)
    for (const record of told) {
      this.#known.set(record.offset, record)
      if (!record.settled && !record.suspect && record.failedAttempts > 0) this.#doubtful.add(record.offset)
    }
  }

  get size(): number {
    return this.#known.size
  }

  of(offset: Offset): KnownRecord | undefined {
    return this.#known.size === 0 ? undefined : this.#known.get(offset)
  }

  /** Whether this record failed under the reader before, whose thread may have ended because of it. */
  isDoubtful(offset: Offset): boolean {
    return this.#doubtful.size > 0 && this.#doubtful.has(offset)
  }

  /** Whether there is so much that a commit should not wait for the end of a fetch. */
  get crowded(): boolean {
    return this.#known.size >= FAILURES_MAX / 2
  }

  /** What the group says of a record that failed. */
  keepVerdict({ offset, action, failedAttempts, delayMs }: Verdict, deliveryAttempt: number): void {
    const settled = action === VERDICT.skip
    const notBeforeMs = nowMs() + delayMs
    this.keep({ offset, failedAttempts, deliveryAttempt, notBeforeMs, settled, dying: false, suspect: false })
  }

  keep(record: KnownRecord): void {
    this.#known.set(record.offset, record)
    this.#doubtful.delete(record.offset)
  }

  /** Everything below this offset is committed. */
  forgetBelow(committed: Offset): void {
    for (const offset of this.#known.keys()) {
      if (offset >= committed) continue
      this.#known.delete(offset)
      this.#doubtful.delete(offset)
    }
  }
}
