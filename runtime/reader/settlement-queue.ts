/**
 * What a reader has to say to its group about records that were not plainly acked, on its way to the link.
 *
 * The consumer's thread. A settlement waits here while the link is full, or while the group keeps account of
 * FAILURES_MAX records: then those that it knows already go first, because only they make room for others. Bound: the
 * records that are in hand.
 */

import type { SettleHow } from '../link/link.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { FAILURES_MAX } from '../wire/layout.ts'
import type { Assignment } from '../wire/places.ts'
import type { ErrorWire } from '../words/errors.ts'
import type { Offset } from '../words/quantities.ts'
import { LinkRetry } from './link-retry.ts'

interface Unsent {
  readonly offset: Offset
  readonly how: SettleHow
  readonly deliveryAttempt: number
  readonly error: ErrorWire
}

export class SettlementQueue {
  readonly #thread: Pick<AttachedThread, 'settle'>
  readonly #assignment: Pick<Assignment, 'cursor' | 'epoch' | 'place' | 'known'>
  /** Records that the group keeps account of, until they are behind the committed offset. */
  readonly #accounts = new Set<number>()
  #unsent: Unsent[] = []
  #isClosed = false
  readonly #retry = new LinkRetry(() => this.#flush())

  constructor(
    thread: Pick<AttachedThread, 'settle'>,
    assignment: Pick<Assignment, 'cursor' | 'epoch' | 'place' | 'known'>,
  ) {
    this.#thread = thread
    this.#assignment = assignment
    for (const { offset, failedAttempts } of assignment.known) if (failedAttempts > 0) this.#accounts.add(offset)
  }

  send(offset: Offset, how: SettleHow, deliveryAttempt: number, error: ErrorWire): void {
    if (this.#isClosed) return
    this.#unsent.push({ offset, how, deliveryAttempt, error })
    this.#flush()
  }

  /** The group forgets what is behind. */
  committed(upTo: number): void {
    if (this.#accounts.size === 0) return
    for (const offset of this.#accounts) if (offset < upTo) this.#accounts.delete(offset)
    if (this.#unsent.length > 0) this.#flush()
  }

  close(): void {
    this.#isClosed = true
    this.#retry.close()
    this.#unsent = []
  }

  #flush(): void {
    const { cursor, epoch, place } = this.#assignment
    let full = false
    this.#unsent = this.#unsent.filter(({ offset, how, deliveryAttempt, error }) => {
      if (full || (this.#accounts.size >= FAILURES_MAX && !this.#accounts.has(offset))) return true
      full = !this.#thread.settle(place.host, { cursor, epoch, offset, how, deliveryAttempt, error })
      if (!full) this.#accounts.add(offset)
      return full
    })
    if (full) this.#retry.soon()
  }
}
