/**
 * What a queue's consumer has to say of messages that were not plainly acked, in order, on its way to the link.
 *
 * The consumer's thread. A settlement waits here while the link is full, and all behind it do. Bound: the messages that have begun,
 * of which the consumer has its prefetch at most; and the last NEWS_MAX failures of messages that were acked before their handler.
 */
import type { SettleHow } from '../link/link.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { Assignment } from '../wire/places.ts'
import type { ErrorWire } from '../words/errors.ts'
import { LinkRetry } from './link-retry.ts'

export interface QueueSettlement {
  readonly offset: number
  readonly how: SettleHow
  /** All that it is about; none: of a message that was acked before. */
  readonly tags: readonly number[]
  /** Wait for the next attempt that its consumer asks for; null: none in particular. */
  readonly delayMs: number | null
  /** Null: of a batch that failed as a whole. */
  readonly error: ErrorWire | null
}

/** Nobody waits for these, and a link that is full for so long has a host that is being replaced. */
const NEWS_MAX = 1_024

export class QueueSettlements {
  readonly #thread: Pick<AttachedThread, 'settle'>
  readonly #assignment: Pick<Assignment, 'cursor' | 'epoch' | 'place'>
  /** Told once a settlement is published. */
  readonly #sent: (settlement: QueueSettlement) => void
  #unsent: QueueSettlement[] = []
  #news = 0
  #drained: (() => void) | null = null
  readonly #retry = new LinkRetry(() => this.#flush())

  constructor(
    thread: Pick<AttachedThread, 'settle'>,
    assignment: Pick<Assignment, 'cursor' | 'epoch' | 'place'>,
    sent: (settlement: QueueSettlement) => void,
  ) {
    this.#thread = thread
    this.#assignment = assignment
    this.#sent = sent
  }

  /** Resolves when all of them are on their way, or nothing of it counts any more. */
  drained(): Promise<void> {
    if (this.#unsent.length === 0) return Promise.resolve()
    return new Promise(resolve => {
      const before = this.#drained
      this.#drained = () => {
        before?.()
        resolve()
      }
    })
  }

  #tellDrained(): void {
    if (this.#unsent.length > 0) return
    this.#drained?.()
    this.#drained = null
  }

  send(settlement: QueueSettlement): void {
    const isNews = settlement.tags.length === 0
    if (isNews && this.#news >= NEWS_MAX) return
    if (isNews) this.#news++
    this.#unsent.push(settlement)
    if (this.#unsent.length === 1) this.#flush()
  }

  close(): void {
    this.#retry.close()
    this.#unsent = []
    this.#tellDrained()
  }

  #flush(): void {
    const { cursor, epoch, place } = this.#assignment
    let count = 0
    for (const { offset, how, tags, delayMs, error } of this.#unsent) {
      const deliveryAttempt = tags[0] ?? 0
      const settlement = { cursor, epoch, offset, how, deliveryAttempt, delayMs, error: error ?? tags }
      if (!this.#thread.settle(place.host, settlement)) break
      count++
    }
    const sent = this.#unsent.splice(0, count)
    if (this.#unsent.length > 0) this.#retry.soon()
    for (const settlement of sent) {
      if (settlement.tags.length === 0) this.#news--
      this.#sent(settlement)
    }
    this.#tellDrained()
  }
}
