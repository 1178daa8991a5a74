/**
 * A queue's message that its consumer settles: what any such delivery has, and the queue, the id, the priority, and `renew`.
 *
 * The consumer's thread. It has begun when its consumer gets it, and may be taken back by the queue before.
 */
import { queueMicrotask } from '../../actors/world.ts'
import { checkNackOptions } from '../options/queue-options.ts'
import { deadlineIn, type Request, requestIn } from '../reader/message-request.ts'
import {
  type HandedMessage,
  messageId,
  messagePriority,
  type QueueMessageRef,
  withQueue,
} from '../reader/queue-delivery.ts'
import type { NackOptions } from '../words/queue-delivery.ts'
import { DeadlineTimer } from './deadline-timer.ts'
import { SettleableDelivery, type Settler } from './manual-delivery.ts'

/** Who is told how a message of a queue ended. */
export interface QueueSettler extends Settler {
  /** Its consumer is about to get it; false: the queue has taken it back. */
  begins(delivery: QueueSettleable): boolean
  /** Resolves when what was said of this one is as durable as the queue. */
  confirmed(): Promise<void>
  /** Its consumer has asked for its whole time again. */
  renewed(delivery: QueueSettleable): void
  /** It is done, and this is what whoever waits for an answer gets. */
  replied(delivery: QueueSettleable, value: unknown): void
}

/** What its consumer's end knows of a message. */
export class QueueEntry implements QueueMessageRef {
  readonly tag: number
  readonly offset: number
  readonly deliveryAttempt: number
  readonly failedAttempts: number
  readonly goesAlone: boolean
  readonly isRequest: boolean
  readonly frame: QueueMessageRef['frame']
  readonly at: number

  constructor({ tag, offset, deliveryAttempt, failedAttempts, goesAlone, isRequest, frame, at }: QueueMessageRef) {
    this.tag = tag
    this.offset = offset
    this.deliveryAttempt = deliveryAttempt
    this.failedAttempts = failedAttempts
    this.goesAlone = goesAlone
    this.isRequest = isRequest
    this.frame = frame
    this.at = at
  }
}

export class QueueSettleable<V = unknown> extends SettleableDelivery<V> implements HandedMessage {
  readonly #message: QueueEntry
  readonly #settler: QueueSettler
  #isBegun: boolean
  #isTooLate = false
  #confirmed: Promise<void> | null = null
  #ended: (() => void) | null = null
  #abort: AbortController | null = null
  #deadlineTimer: DeadlineTimer | null = null

  /** `isBegun`: it is in the hands of a handler at once. */
  constructor(settler: QueueSettler, message: QueueMessageRef, isBegun: boolean) {
    const entry = new QueueEntry(message)
    super(settler, message, message.deliveryAttempt, message.failedAttempts)
    this.#message = entry
    this.#settler = settler
    this.#isBegun = isBegun
  }

  get queue(): string {
    return this.topic
  }

  get tag(): number {
    return this.#message.tag
  }

  get goesAlone(): boolean {
    return this.#message.goesAlone
  }

  get id(): string {
    return messageId(this.#message.frame, this.#message.at, this.offset)
  }

  get priority(): number {
    return messagePriority(this.#message.frame, this.#message.at)
  }

  /** Null: nobody waits for an answer to it. */
  get request(): Request | null {
    const { isRequest, frame, at } = this.#message
    return isRequest ? requestIn(frame, at) : null
  }

  get deadline(): Date | null {
    return deadlineIn(this.#message.frame, this.#message.at)
  }

  /** Acks it, and answers who waits for that. */
  get reply(): (value?: unknown) => void {
    return value => {
      this.settleOnce()
      this.#settler.replied(this, value)
    }
  }

  /** Whether its consumer has it, or had it. */
  get isBegun(): boolean {
    return this.#isBegun
  }

  protected override get named(): string {
    return `message ${this.offset} of queue ${this.topic}`
  }

  override begin(): boolean {
    if (this.settled) return false
    this.#isBegun ||= this.#settler.begins(this)
    if (!this.#isBegun) this.expire()
    return this.#isBegun
  }

  /** Whether its time was over before it was settled. */
  get isTooLate(): boolean {
    return this.#isTooLate
  }

  /** Its time is over. */
  tooLate(): void {
    this.expire()
    this.#isTooLate = true
  }

  /** Waits for the settlement as well. Made when it is first asked for: it costs a call to the queue. */
  get confirmed(): Promise<void> {
    this.#confirmed ??= this.settled
      ? this.#confirm()
      : new Promise<void>((resolve, reject) => {
          this.#ended = () => this.#confirm().then(resolve, reject)
        })
    return this.#confirmed
  }

  async #confirm(): Promise<void> {
    if (this.expired) throw this.#settler.late(this)
    await this.#settler.confirmed()
  }

  protected override ended(): void {
    const ended = this.#ended
    this.#deadlineTimer?.clear()
    // Its settlement is said behind this.
    if (ended !== null) queueMicrotask(ended)
  }

  /** @throws MillraceError MILL_UNKNOWN_OPTION, MILL_INVALID_OPTION, MILL_OUT_OF_RANGE for the options: it is not settled then */
  override get nack(): (error?: unknown, options?: NackOptions) => void {
    return (error, options) =>
      this.fail(error, options === undefined ? null : (checkNackOptions(options).delayMs ?? null))
  }

  /** Made when it is first looked at. */
  get signal(): AbortSignal {
    if (this.#abort !== null) return this.#abort.signal
    const abort = new AbortController()
    this.#abort = abort
    const { request } = this
    if (request !== null && !this.settled)
      this.#deadlineTimer = new DeadlineTimer(request.deadlineMs, reason => abort.abort(reason))
    return abort.signal
  }

  /** It is cancelled. */
  abort(reason: unknown): void {
    this.#abort ??= new AbortController()
    this.#abort.abort(reason)
  }

  /** Restarts the time that it may stay unsettled. */
  get renew(): () => void {
    return () => {
      this.checkUnsettled()
      this.#settler.renewed(this)
    }
  }

  override toJSON(): unknown {
    return withQueue(super.toJSON(), this)
  }
}
