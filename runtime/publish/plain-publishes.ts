/**
 * Single publishes without a time-out and a signal of their own, that stand in one frame, from their calls to the frame's receipt.
 *
 * The producer's thread. How many there are, and how each is told, is up to the class that extends this one. Bound: the records of a frame.
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

/** Why a publish has failed, given its message. */
export type ErrorOf = (original: Message | undefined) => Error

export abstract class PlainPublishes implements FrameObserver {
  done = false
  readonly partition: number
  /** An exchange has sent them here, and to no other target: their receipts are those of an exchange. */
  readonly isRouted: boolean
  readonly #topic: ProducedTopic
  readonly #room: WaitingRoom
  #sinceMs: number | null = null

  constructor(topic: ProducedTopic, room: WaitingRoom, partition: number, isRouted: boolean) {
    this.partition = partition
    this.isRouted = isRouted
    this.#topic = topic
    this.#room = room
    room.unsettled()
  }

  /** They are appended, the first of them at this offset. */
  protected abstract tell(firstOffset: number): void

  protected abstract reject(errorOf: ErrorOf): void

  protected receiptAt(offset: number): Receipt | RouteReceipt {
    return this.isRouted
      ? new OneTargetReceipt(this.#topic, this.partition, offset)
      : receiptOf(this.#topic, this.partition, offset)
  }

  /** When somebody looked first, four times a second at least: no publish reads the clock. */
  get roomSince(): number {
    this.#sinceMs ??= nowMs()
    return this.#sinceMs
  }

  get deadline(): number {
    return deadlineOf(undefined, this.roomSince, this.roomSince)
  }

  appended(_writer: Answerer, baseOffset: number, first: number): void {
    if (this.done) return
    this.#finish()
    this.tell(baseOffset + first)
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

  #settle(errorOf: ErrorOf): void {
    if (this.done) return
    this.#finish()
    this.reject(errorOf)
  }

  #finish(): void {
    this.done = true
    this.#room.settled()
  }
}
