/**
 * A message on its way into several targets of one host, from its call to its answer. Settles once.
 *
 * The producer's thread. It is in all of them or in none. Its time-out or its signal takes it out of the frames again, unless the host is taking
 * them at that moment, and for 50 ms after it: only then it is not known whether they have it. Bound: its targets.
 */
import { nowMs, setTimeout } from '../../actors/world.ts'
import { offAbort, onAbort } from '../base/abort-listeners.ts'
import { FullError, MillraceError } from '../words/errors.ts'
import type { RouteOptions } from '../words/exchange.ts'
import type { Receipt } from '../words/message.ts'
import type { QueueMessage } from '../words/queue-message.ts'
import { AppendReceipt, SendReceipt } from './append-receipt.ts'
import type { JointTarget } from './joint-target.ts'
import type { JointMember, JointRecord, JointRefusal, JointTicket } from './joint-ticket.ts'
import type { JointLack, JointWriter } from './joint-writer.ts'
import { textOfId } from './message-fields.ts'
import type { Unanswered } from './overdue.ts'
import { fullText, PUBLISH_TIMEOUT_MS } from './publish-ends.ts'
import { type EncodedMessage, encodedSize } from './record-writer.ts'
import type { RouteOutcome } from './route-outcome.ts'
import type { RoutedUnit } from './routed-unit.ts'
import type { TopicProducer } from './topic-producer.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** How often a publish is taken out of frames that the host is trying, and how long after one another. */
const TRIES = 10
const TRIED_MS = 5

/** A partition that has no room. */
export interface JointHolder {
  readonly topic: number
  readonly partition: number
}

export class JointPublish implements RoutedUnit, JointRecord, Unanswered {
  readonly sentBy: number = Number.POSITIVE_INFINITY
  readonly mayRefuse: boolean
  readonly onlyRefuses: boolean
  done = false
  /** In whose frames it is; null: in none. */
  ticket: JointTicket | null = null
  readonly #exchange: string
  readonly writer: JointWriter
  readonly #targets: readonly JointTarget[]
  readonly #outcome: RouteOutcome
  readonly #room: WaitingRoom
  readonly #original: QueueMessage
  readonly #options: RouteOptions
  readonly roomSince: number = nowMs()
  /** The target that had no room when it was tried; null: it was not, or is in frames. */
  #short: JointTarget | null = null
  readonly #ended: (error: Error | null) => void

  /** `ended`: called once, with the reason where none of them has it, or may not. */
  constructor(
    exchange: string,
    writer: JointWriter,
    targets: readonly JointTarget[],
    outcome: RouteOutcome,
    room: WaitingRoom,
    original: QueueMessage,
    options: RouteOptions,
    ended: (error: Error | null) => void,
  ) {
    this.mayRefuse = targets.some(refuses)
    this.onlyRefuses = this.mayRefuse && targets.every(refuses)
    this.#exchange = exchange
    this.writer = writer
    this.#targets = targets
    this.#outcome = outcome
    this.#room = room
    this.#original = original
    this.#options = options
    this.#ended = ended
    const { signal } = options
    if (signal !== undefined) onAbort(signal, this.#aborted)
    room.unsettled()
  }

  get partition(): number | null {
    return this.holder?.partition ?? null
  }

  /** What has no room for it, as far as that is known. */
  get holder(): JointHolder | null {
    const target = this.ticket === null ? this.#short : this.#targets[this.ticket.heldBy]
    return target == null ? null : { topic: target.producer.topic.id, partition: target.message.partition }
  }

  get deadline(): number {
    return this.roomSince + (this.#options.timeoutMs ?? PUBLISH_TIMEOUT_MS)
  }

  own(message: (producer: TopicProducer) => EncodedMessage): void {
    for (const target of this.#targets)
      target.message = { ...message(target.producer), partition: target.message.partition }
  }

  send(): boolean {
    if (this.done) return true
    try {
      for (const target of this.#targets) {
        const { producer, message } = target
        producer.checkOpen({})
        const said = producer.joint.ask(message.partition, producer.topic, this.#original)
        if (said instanceof Error) throw said
        if (said === 'now') continue
        this.#short = producer.joint.waitsForRate ? null : target
        return false
      }
      const lack = this.writer.append(this.#targets, this)
      if (lack !== null) this.#ask(lack)
      else for (const { producer } of this.#targets) producer.joint.took()
      return lack === null
    } catch (error) {
      this.refuse(error as Error)
      return true
    }
  }

  /** A partition may get a larger ring. */
  #ask({ writer, said }: JointLack): void {
    const short = this.#targets.find(({ producer, message }) => producer.joint.writerOf(message.partition) === writer)
    if (short === undefined) return
    this.#short = short
    const { key, value, headers } = short.message
    short.producer.joint.need(writer, said, encodedSize(key, value, headers))
  }

  /** None has it, as it was not sent. */
  refuse(error: Error): void {
    for (const { at } of this.#targets) this.#outcome.held(at)
    this.#fail(error)
  }

  failIn(producer: TopicProducer, partition: number, error: Error): void {
    const isFor = (one: JointTarget): boolean => one.producer === producer && one.message.partition === partition
    if (this.#targets.some(isFor)) this.refuse(error)
  }

  /** Its time is over; `hold` says what holds it, or nothing. */
  expire(hold = ''): void {
    const took = `publishing to ${this.#targets.length} targets of exchange ${this.#exchange} took longer than ${Math.round(this.#options.timeoutMs ?? PUBLISH_TIMEOUT_MS)} ms`
    this.#giveUp(
      doubt =>
        new MillraceError('MILL_TIMEOUT', `${took}${hold === '' ? '' : `; ${hold}`}; ${doubt}`, { retriable: true }),
    )
  }

  readonly #aborted = (): void => {
    const cause = this.#options.signal?.reason
    this.#giveUp(doubt => new MillraceError('MILL_ABORTED', `the publish was aborted; ${doubt}`, { cause }))
  }

  #giveUp(errorOf: (doubt: string) => Error, tries = TRIES): void {
    if (this.done) return
    // What is in an open frame is not in the host's sight, and cannot be taken out before it is.
    this.writer.seal()
    if (this.ticket === null || this.ticket.withdraw(this)) this.refuse(errorOf('none of them has the message'))
    // The host tries the frames just now. Mostly it leaves them again for want of room, or answers.
    else if (tries > 0) setTimeout(() => this.#giveUpLater(errorOf, tries - 1), TRIED_MS)
    else this.#fail(errorOf('either all of them have the message, or none'))
  }

  #giveUpLater(errorOf: (doubt: string) => Error, tries: number): void {
    // Its thread may be closed by now, and the memory another's.
    if (!this.done) this.writer.drain(() => this.#giveUp(errorOf, tries))
  }

  #fail(error: Error): void {
    if (this.done) return
    this.#finish()
    for (const { at } of this.#targets) this.#outcome.answered(at, error)
    this.#ended(error)
  }

  #finish(): void {
    this.done = true
    this.#room.settled()
    const { signal } = this.#options
    if (signal !== undefined) offAbort(signal, this.#aborted)
  }

  /** All partitions have answered; `index`: which of the frames' records it is. */
  answered(index: number): void {
    const { ticket } = this
    if (this.done || ticket === null) return
    this.#finish()
    if (ticket.isTaken && this.#outcome.taken(this.#targets.length, () => this.#receipts(ticket, index))) {
      this.#ended(null)
      return
    }
    let refusal: Error | null = null
    for (const [member, { at, producer, message }] of this.#targets.entries()) {
      const answer = ticket.members[member] as JointMember
      if (answer.refusal === 'withheld') this.#outcome.withheld(at)
      const said =
        answer.refusal === null ? receiptOf(producer, message, answer, index) : this.#errorOf(producer, answer.refusal)
      if (said instanceof Error) refusal ??= said
      this.#outcome.answered(at, said)
    }
    this.#ended(refusal)
  }

  #receipts({ members }: JointTicket, index: number): Receipt[] {
    return this.#targets.map(({ producer, message }, member) =>
      receiptOf(producer, message, members[member] as JointMember, index),
    )
  }

  #errorOf({ topic }: TopicProducer, refusal: JointRefusal): Error {
    if (refusal instanceof Error) return refusal
    if (refusal === 'refused') return new FullError(fullText(topic), this.#original)
    const text = `no target of exchange ${this.#exchange} has the message: one of them has no room, or was deleted`
    return new FullError(text, this.#original)
  }
}

function receiptOf({ topic }: TopicProducer, message: EncodedMessage, answer: JointMember, index: number): Receipt {
  const { id, name, durability, queue } = topic
  const offset = answer.offset + index
  if (queue === undefined) return new AppendReceipt(name, message.partition, offset, durability)
  return new SendReceipt(name, id, offset, durability, textOfId(message.fields), answer.isDuplicate)
}

function refuses({ producer }: JointTarget): boolean {
  return producer.topic.onFull === 'reject'
}
