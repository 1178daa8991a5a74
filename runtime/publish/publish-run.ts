/**
 * Single publishes that stand in one frame, one after the other, from their calls to the frame's receipt.
 *
 * The producer's thread. They have no time-out and no signal of their own, so that what is kept for each is no more than the
 * function that settles its promise. Bound: the records of a frame.
 */
import { nowMs } from '../../actors/world.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import type { RouteTarget } from '../wire/route-changes.ts'
import { FullError, MillraceError } from '../words/errors.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import type { Message, Receipt } from '../words/message.ts'
import { receiptOf } from './append-receipt.ts'
import type { Answerer, FrameObserver } from './frame-tickets.ts'
import { deadlineOf, fullText, lateText } from './publish-ends.ts'
import { OneTargetReceipt } from './routed-receipt.ts'
import type { WaitingRoom } from './waiting-room.ts'

type Resolve = (receipt: Receipt | Promise<never>) => void

/** Of a promise of an exchange's receipt. */
export type ResolveRouted = (receipt: RouteReceipt | Promise<never>) => void

/** Of the promise that was made last. */
let madeResolve: Resolve

/** One function for all promises: a new one for each would be garbage at once. */
function made(resolve: Resolve): void {
  madeResolve = resolve
}

export class PublishRun implements FrameObserver {
  done = false
  readonly partition: number
  readonly #topic: ProducedTopic
  readonly #room: WaitingRoom
  readonly #resolves: Resolve[] = []
  /** Only where a partition may refuse them: they are in its error. */
  readonly #originals: Message[] | null
  /** Of a run that an exchange has sent here alone: for each the list with this target. Their receipts are those of an exchange. */
  readonly #onlyTargets: (readonly RouteTarget[])[] | null
  #sinceMs = Number.NaN

  constructor(topic: ProducedTopic, room: WaitingRoom, partition: number, isRouted = false) {
    this.partition = partition
    this.#onlyTargets = isRouted ? [] : null
    this.#topic = topic
    this.#room = room
    this.#originals = topic.onFull === 'reject' || topic.queue !== undefined ? [] : null
    room.unsettled()
  }

  /** The message went into the frame, right after those before it. */
  add(original: Message): Promise<Receipt> {
    const promise = new Promise<Receipt>(made)
    this.#resolves.push(madeResolve)
    this.#originals?.push(original)
    return promise
  }

  /** The same of a run of an exchange. */
  addRouted(original: Message, onlyTarget: readonly RouteTarget[], resolve: ResolveRouted): void {
    this.#resolves.push(resolve as Resolve)
    this.#originals?.push(original)
    this.#onlyTargets?.push(onlyTarget)
  }

  get isRouted(): boolean {
    return this.#onlyTargets !== null
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
    const { partition } = this
    const topic = this.#topic
    const resolves = this.#resolves
    let offset = baseOffset + first
    for (let index = 0; index < resolves.length; index++, offset++) {
      const resolve = resolves[index] as Resolve
      const targets = this.#onlyTargets?.[index]
      if (targets === undefined) resolve(receiptOf(topic, partition, offset))
      else (resolve as ResolveRouted)(new OneTargetReceipt(targets, topic, partition, offset))
    }
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
    // A second function for each would be kept for what hardly ever happens.
    for (const [index, resolve] of this.#resolves.entries()) resolve(Promise.reject(errorOf(this.#originals?.[index])))
  }

  #finish(): void {
    this.done = true
    this.#room.settled()
  }
}
