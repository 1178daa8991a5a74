/**
 * The callers who wait for what becomes of a queue's messages: they are answered when one ends otherwise than by a reply, and what nobody
 * waits for any more is not handed out.
 *
 * The partition host's thread. Who waits is in the message's record, and so a successor knows it as well. An answer that is lost is not
 * made again: then the caller's time is over at some point. A queue without requests looks at a flag.
 *
 * Bound: the pieces of one answer for each consumer (link/answers.ts).
 */
import { type AnswerKind, AnswerParts, type AnswerPiece, type RequestAddress } from '../link/answers.ts'
import type { HandOutRun } from '../queue/queue-words.ts'
import type { Offset } from '../words/quantities.ts'
import type { MessageSource } from './message-source.ts'
import type { QueueConsumer } from './queue-consumer.ts'

/** How callers are reached. */
export interface Callers {
  /** Whether this one may still wait for that. */
  waits(to: RequestAddress): boolean
  /** An answer, which it gets as soon as it has room. */
  answer(to: RequestAddress, kind: AnswerKind, bytes: Uint8Array): void
}

/** Ways in which a message ends without a value. */
export type EndReason = Exclude<AnswerKind, 'nothing' | 'json' | 'bytes' | 'reply' | 'lost'>

const NOTHING = new Uint8Array(0)

export class QueueRequests {
  readonly #source: MessageSource
  readonly #callers: Callers
  /** What has come of each consumer's last answer. */
  readonly #parts = new Map<QueueConsumer, AnswerParts>()

  constructor(source: MessageSource, callers: Callers) {
    this.#source = source
    this.#callers = callers
  }

  /** A message ends: to be said before it is settled. `error` as JSON, or nothing. */
  ended(offset: Offset, reason: EndReason, error = ''): void {
    if (!this.#source.requests.any) return
    const to = this.#source.requests.of(offset)
    if (to !== null) this.#callers.answer(to, reason, error === '' ? NOTHING : Buffer.from(error))
  }

  /** How many messages at the beginning of a run somebody waits for, or are no requests. */
  wanted({ offsets, count }: HandOutRun): number {
    if (!this.#source.requests.maybe) return count
    for (let at = 0; at < count; at++) if (!this.isWanted(offsets[at] as Offset)) return at
    return count
  }

  /** Whether it is no request, or its caller may still wait for it. */
  isWanted(offset: Offset): boolean {
    const to = this.#source.requests.of(offset)
    return to === null || this.#callers.waits(to)
  }

  /** A consumer sends an answer, in pieces; whether this was the last one. */
  came(consumer: QueueConsumer, piece: AnswerPiece): boolean {
    const parts = this.#parts.get(consumer) ?? new AnswerParts()
    const whole = parts.take(piece)
    if (whole === null) {
      this.#parts.set(consumer, parts)
      return false
    }
    this.#parts.delete(consumer)
    if (whole === 'lost') this.#callers.answer(piece.to, 'lost', NOTHING)
    else this.#callers.answer(piece.to, piece.kind, whole)
    return true
  }

  /** It has ended. */
  left(consumer: QueueConsumer): void {
    this.#parts.delete(consumer)
  }
}
