/**
 * The requests of one thread: who waits for an answer, until when, and what each gets.
 *
 * The requester's thread. A request ends once, by whichever comes first: its answer, its time, its signal, an error of its send, the end of
 * its queue or of the broker. What comes for it later is dropped. Its message ends by itself when its time is over (queue-fields.ts); if its
 * signal is aborted, it is cancelled.
 *
 * Bound: PENDING_MAX that wait. One more is refused.
 */
import { clearTimeout, nowMs, random, setTimeout } from '../../actors/world.ts'
import { offAbort, onAbort } from '../base/abort-listeners.ts'
import { type AnswerKind, AnswerParts, type AnswerPiece, requestNumber, TAGS } from '../link/answers.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { THREAD_TAG } from '../wire/layout.ts'
import { FullError, MillraceError } from '../words/errors.ts'
import type { Message } from '../words/message.ts'
import type { SendReceipt } from './append-receipt.ts'
import { answerError, answerValue, duplicateError } from './request-ends.ts'
import type { TopicProducer } from './topic-producer.ts'

/** Requests of a thread that wait for their answer. */
export const PENDING_MAX = 65_536

/** How messages end whose time is over: at its end a message may be the first to say so, and one clock is not read at one moment. */
const ENDS_BY_TIME: ReadonlySet<AnswerKind> = new Set<AnswerKind>(['expired', 'cancelled'])
const NEAR_MS = 20

interface PendingRequest {
  readonly name: string
  /** Number of its queue; -1: that is not open yet. */
  queue: number
  readonly parts: AnswerParts
  readonly deadlineMs: number
  resolve(value: unknown): void
  reject(error: unknown): void
  /** Its time is over. */
  overdue(): void
}

/** Checked options of a request. */
export interface WantedAnswer {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** The producer of a queue that this thread has not sent to yet. */
export interface OpeningQueue {
  readonly name: string
  readonly producer: Promise<TopicProducer>
}

/** Cancels a message that was sent, and ends no thread for it. */
export type CancelSent = (queue: number, offset: number) => Promise<unknown>

export class Requests {
  readonly #thread: Pick<AttachedThread, 'id' | 'memory' | 'address' | 'answer'>
  readonly #cancel: CancelSent
  readonly #pending = new Map<number, PendingRequest>()
  /** In the thread's words, once there was a request; 0: there was none. */
  #tag = 0
  #next = 0

  constructor(thread: AttachedThread, cancel: CancelSent) {
    this.#thread = thread
    this.#cancel = cancel
    thread.answer = (request, kind, piece) => this.#answered(request, kind, piece)
  }

  /** Those that wait. */
  get size(): number {
    return this.#pending.size
  }

  /**
   * Resolves with what the handler of the message returned. `untilMs`: when it waits no more in any case, in `nowMs`. While its queue is
   * opened its time goes on.
   *
   * @throws MillraceError as `queue.request`
   */
  send(
    to: TopicProducer | OpeningQueue,
    message: Message,
    { timeoutMs, signal }: WantedAnswer,
    untilMs: number = Number.POSITIVE_INFINITY,
  ): Promise<unknown> {
    const { name } = 'topic' in to ? to.topic : to
    const deadlineMs = Math.min(nowMs() + timeoutMs, untilMs)
    const leftMs = deadlineMs - nowMs()
    if ('topic' in to && to.topic.queue === undefined) return Promise.reject(notAQueue(name))
    if (this.#pending.size >= PENDING_MAX) return Promise.reject(tooMany(message))
    if (leftMs <= 0) return Promise.reject(overdue(name, timeoutMs))
    const request = this.#nextNumber()
    return new Promise((resolve, reject) => {
      const state = { offset: -1, isOver: false }
      const timer = setTimeout(() => ended.overdue(), Math.ceil(leftMs))
      const aborted = (): void => {
        ended.reject(abortedError(name, signal?.reason))
        if (state.offset !== -1) this.#takeBack(ended.queue, state.offset)
      }
      const over = (): void => {
        state.isOver = true
        this.#pending.delete(request)
        clearTimeout(timer)
        if (signal !== undefined) offAbort(signal, aborted)
      }
      const ended: PendingRequest = {
        name,
        queue: -1,
        parts: new AnswerParts(),
        deadlineMs,
        overdue: () => ended.reject(overdue(name, leftMs)),
        resolve: value => {
          over()
          resolve(value)
        },
        reject: error => {
          over()
          reject(error)
        },
      }
      const publish = (producer: TopicProducer, publishMs: number): void => {
        const { id, queue } = producer.topic
        if (queue === undefined) {
          ended.reject(notAQueue(name))
          return
        }
        ended.queue = id
        // The time of the request is that of its send as well.
        const sent = {
          timeoutMs: publishMs,
          signal,
          request: {
            client: this.#thread.id,
            request,
            deadlineMs,
            appendedLate: (offset: number) => this.#takeBack(id, offset),
          },
        }
        producer.publish(message, sent).then(
          receipt => {
            const { offset, duplicate } = receipt as SendReceipt
            state.offset = offset
            if (!state.isOver && duplicate) ended.reject(duplicateError(name, (receipt as SendReceipt).id))
            else if (state.isOver && signal?.aborted === true && !duplicate) this.#takeBack(id, offset)
          },
          error => {
            if (!state.isOver) ended.reject(error)
          },
        )
      }
      this.#pending.set(request, ended)
      if (signal !== undefined) onAbort(signal, aborted)
      if ('topic' in to) publish(to, leftMs)
      else if (signal?.aborted === true) aborted()
      else
        to.producer.then(
          producer => {
            const restMs = deadlineMs - nowMs()
            if (state.isOver) return
            if (restMs > 0) publish(producer, restMs)
            else ended.overdue()
          },
          error => {
            if (!state.isOver) ended.reject(error)
          },
        )
    })
  }

  /** Nobody waits for it any more, and how that goes is told to nobody: at the latest it ends by its time. */
  #takeBack(queue: number, offset: number): void {
    void this.#cancel(queue, offset).catch(() => undefined)
  }

  #nextNumber(): number {
    if (this.#tag === 0) {
      this.#tag = 1 + Math.floor(random() * (TAGS - 1))
      const { memory, address } = this.#thread
      memory.store(address + THREAD_TAG, this.#tag)
    }
    const number = this.#next
    this.#next = (number + 1) >>> 0
    return requestNumber(this.#tag, number)
  }

  #answered(request: number, kind: AnswerKind, piece: Omit<AnswerPiece, 'to' | 'kind'>): void {
    const pending = this.#pending.get(request)
    const bytes = pending?.parts.take(piece) ?? null
    if (pending === undefined || bytes === null) return
    const { name } = pending
    if (bytes === 'lost') pending.reject(answerError(name, 'lost', new Uint8Array(0)))
    else if (kind === 'nothing' || kind === 'json' || kind === 'bytes') pending.resolve(answerValue(kind, bytes))
    else if (ENDS_BY_TIME.has(kind) && nowMs() >= pending.deadlineMs - NEAR_MS) pending.overdue()
    else pending.reject(answerError(name, kind, bytes))
  }

  /** Its queue was deleted. */
  queueGone(queue: number, error: MillraceError): void {
    for (const pending of [...this.#pending.values()]) if (pending.queue === queue) pending.reject(error)
  }

  /** Nothing comes any more. */
  fail(error: MillraceError): void {
    for (const pending of [...this.#pending.values()]) pending.reject(error)
  }
}

function notAQueue(name: string): MillraceError {
  return new MillraceError('MILL_INVALID_OPTION', `${name} is a topic, and only a message to a queue is answered`)
}

function overdue(queue: string, timeoutMs: number): MillraceError {
  return new MillraceError(
    'MILL_TIMEOUT',
    `no answer to a request to queue ${queue} within ${Math.max(0, Math.round(timeoutMs))} ms; its message is handled no more, unless its handler has begun. Raise \`timeoutMs\`, or look with queue.stats() whether the queue has consumers`,
    { retriable: true },
  )
}

function abortedError(queue: string, reason: unknown): MillraceError {
  return new MillraceError('MILL_ABORTED', `a request to queue ${queue} was aborted; its message is cancelled`, {
    cause: reason,
  })
}

function tooMany(message: Message): FullError {
  return new FullError(
    `this thread has ${PENDING_MAX} requests that wait for an answer, and can have no more: await some of them first`,
    message,
  )
}
