/**
 * What a queue's consumer has to say of messages that were not plainly acked, in order, on its way to the link.
 *
 * The consumer's thread. A settlement waits here while the link is full, and all behind it do. Bound: the messages that have begun,
 * of which the consumer has its prefetch at most; and the last NEWS_MAX failures of messages that were acked before their handler.
 */
import { type AnswerKind, PIECE_TO_HOST, type RequestAddress } from '../link/answers.ts'
import type { SettleHow } from '../link/link.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { Assignment } from '../wire/places.ts'
import type { ErrorWire } from '../words/errors.ts'
import { LINK_RETRY_MS, LinkRetry } from './link-retry.ts'

export interface QueueSettlement {
  readonly offset: number
  readonly how: SettleHow
  /** All that it is about; none: of a message that was acked before. */
  readonly tags: readonly number[]
  /** Wait for the next attempt that its consumer asks for; null: none in particular. */
  readonly delayMs: number | null
  /** Null: of a batch that failed as a whole, or of a request that is answered. */
  readonly error: ErrorWire | null
  /** Of a request that is done: what its sender gets. */
  readonly answer?: SentReply
}

/** Of a request whose deadline was over before it was handled. */
export function lateRequest(offset: number, tag: number): QueueSettlement {
  const error = { name: 'MillraceError', message: 'its sender waits for the answer no more', retriable: false }
  return { offset, how: 'late', tags: [tag], delayMs: null, error }
}

/** An answer on its way, which goes in pieces if it is long. */
export interface SentReply {
  readonly to: RequestAddress
  readonly kind: AnswerKind
  readonly bytes: Uint8Array
}

/** Nobody waits for these, and a link that is full for so long has a host that is being replaced. */
const NEWS_MAX = 1_024
/** A queue takes what is in the link with its next pass. */
const ANSWER_RETRY_MS = 1

export class QueueSettlements {
  readonly #thread: Pick<AttachedThread, 'settle' | 'reply'>
  readonly #assignment: Pick<Assignment, 'cursor' | 'epoch' | 'place'>
  /** Told once a settlement is published. */
  readonly #sent: (settlement: QueueSettlement) => void
  #unsent: QueueSettlement[] = []
  #news = 0
  /** Bytes that were sent of the answer of the first. */
  #answered = 0
  #drained: (() => void) | null = null
  readonly #retry = new LinkRetry(() => this.#flush())

  constructor(
    thread: Pick<AttachedThread, 'settle' | 'reply'>,
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
    const isNews = settlement.tags.length === 0 && settlement.answer === undefined
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

  /** Whether all of it is published. */
  #send({ offset, how, tags, delayMs, error, answer }: QueueSettlement): boolean {
    const { cursor, epoch, place } = this.#assignment
    const tag = tags[0] ?? 0
    if (answer !== undefined) return this.#sendAnswer(offset, tag, answer)
    const settlement = { cursor, epoch, offset, how, deliveryAttempt: tag, delayMs, error: error ?? tags }
    return this.#thread.settle(place.host, settlement)
  }

  #sendAnswer(offset: number, tag: number, { to, kind, bytes }: SentReply): boolean {
    const { cursor, epoch, place } = this.#assignment
    do {
      const before = this.#answered
      const piece = { to, kind, before, all: bytes.length, bytes: bytes.subarray(before, before + PIECE_TO_HOST) }
      if (!this.#thread.reply(place.host, { cursor, epoch, offset, tag, piece })) return false
      this.#answered += piece.bytes.length
    } while (this.#answered < bytes.length)
    this.#answered = 0
    return true
  }

  #flush(): void {
    let count = 0
    while (count < this.#unsent.length && this.#send(this.#unsent[count] as QueueSettlement)) count++
    const sent = this.#unsent.splice(0, count)
    // The rest of an answer is waited for.
    if (this.#unsent.length > 0)
      this.#retry.soon(this.#unsent[0]?.answer === undefined ? LINK_RETRY_MS : ANSWER_RETRY_MS)
    for (const settlement of sent) {
      if (settlement.tags.length === 0 && settlement.answer === undefined) this.#news--
      this.#sent(settlement)
    }
    this.#tellDrained()
  }
}
