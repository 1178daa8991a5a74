/**
 * Single publishes that stand in one frame, one after the other, from their calls to the frame's receipt.
 *
 * The producer's thread. They have no time-out and no signal of their own. So each has a promise that follows the run's: when that is
 * over, one function says in turn what each is told. A function for each, to settle its promise with, would cost twice its memory.
 * Bound: the records of a frame.
 */
import { nowMs } from '../../actors/world.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { FullError, MillraceError } from '../words/errors.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import type { Message, Receipt } from '../words/message.ts'
import { receiptOf } from './append-receipt.ts'
import type { Answerer, FrameObserver } from './frame-tickets.ts'
import { deadlineOf, fullText, lateText } from './publish-ends.ts'
import { OneTargetReceipt } from './routed-receipt.ts'
import type { WaitingRoom } from './waiting-room.ts'

export class PublishRun implements FrameObserver {
  done = false
  readonly partition: number
  /** An exchange has sent them here, and to no other target: their receipts are those of an exchange. */
  readonly isRouted: boolean
  readonly #topic: ProducedTopic
  readonly #room: WaitingRoom
  /** Resolved when it is known what each is told. */
  readonly #over: Promise<void>
  #end: () => void = () => undefined
  /** How many of them were told. */
  #told = 0
  #firstOffset = 0
  /** Why each has failed; null: they are appended. */
  #errorOf: ((original: Message | undefined) => Error) | null = null
  /** Only where a partition may refuse them: they are in its error. */
  readonly #originals: Message[] | null
  #sinceMs = Number.NaN

  constructor(topic: ProducedTopic, room: WaitingRoom, partition: number, isRouted = false) {
    this.partition = partition
    this.isRouted = isRouted
    this.#topic = topic
    this.#room = room
    this.#originals = topic.onFull === 'reject' || topic.queue !== undefined ? [] : null
    this.#over = new Promise(resolve => {
      this.#end = resolve
    })
    room.unsettled()
  }

  /** The message went into the frame, right after those before it. */
  add(original: Message): Promise<Receipt> {
    this.#originals?.push(original)
    return this.#over.then(this.#tellNext) as Promise<Receipt>
  }

  /** The same of a run of an exchange. */
  addRouted(original: Message): Promise<RouteReceipt> {
    this.#originals?.push(original)
    return this.#over.then(this.#tellNext) as Promise<RouteReceipt>
  }

  /** Promises are told in the order in which they were made. */
  readonly #tellNext = (): Receipt | RouteReceipt => {
    const index = this.#told++
    if (this.#errorOf !== null) throw this.#errorOf(this.#originals?.[index])
    const offset = this.#firstOffset + index
    return this.isRouted
      ? new OneTargetReceipt(this.#topic, this.partition, offset)
      : receiptOf(this.#topic, this.partition, offset)
  }

  /** When somebody looked first, four times a second at least: no publish reads the clock. */
  get roomSince(): number {
    if (Number.isNaN(this.#sinceMs)) this.#sinceMs = nowMs()
    return this.#sinceMs
  }

  get deadline(): number {
    return deadlineOf(undefined, this.roomSince, this.roomSince)
  }

  appended(_writer: Answerer, baseOffset: number, first: number): void {
    if (this.done) return
    this.#finish()
    this.#firstOffset = baseOffset + first
    this.#end()
  }

  failed(_count: number, error: Error): void {
    this.#settle(() => error)
  }

  refused(): void {
    this.#settle(original => new FullError(fullText(this.#topic), original))
  }

  /** Their time is over; `hold` says what holds them, or nothing. */
  expire(hold: string): void {
    const text = lateText(this.#topic, this.partition, undefined, hold)
    this.#settle(() => new MillraceError('MILL_TIMEOUT', text, { retriable: true }))
  }

  #settle(errorOf: (original: Message | undefined) => Error): void {
    if (this.done) return
    this.#finish()
    this.#errorOf = errorOf
    this.#end()
  }

  #finish(): void {
    this.done = true
    this.#room.settled()
  }
}
