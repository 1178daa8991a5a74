/**
 * Deliveries of a queue that the caller settles, at one consumer.
 *
 * The caller's thread. A delivery goes out only against a credit; its settlement returns the credit. It has begun when the caller gets
 * it; until then the queue may take it back. A delivery that is not settled in its time, if there is one, fails as `timeout`.
 *
 * Bound: the credits, and what the consumer may have unsettled.
 */
import { nowMs } from '../../actors/world.ts'
import type { QueueReader } from '../reader/queue-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { MillraceError, toWire } from '../words/errors.ts'
import { ackOrReply } from './answer-of.ts'
import { CallClock, type TimedCall } from './call-clock.ts'
import { CancelWaits } from './cancel-waits.ts'
import { cancelledError } from './cancelled-error.ts'
import type { Credits } from './credits.ts'
import type { SettleableDelivery } from './manual-delivery.ts'
import { type MemberReader, TURN_DELIVERIES_MAX } from './member-reader.ts'
import { QueueSettleable, type QueueSettler } from './queue-settleable.ts'

export interface QueueManualSetting {
  readonly thread: Pick<AttachedThread, 'wake'>
  readonly reader: QueueReader
  readonly credits: Credits
  readonly emit: (delivery: SettleableDelivery) => void
  /** Infinity: a delivery may stay unsettled for ever. */
  readonly ackTimeoutMs: number
}

export class QueueManualReader implements MemberReader, QueueSettler {
  readonly epoch: number
  readonly retryOrder = 'none'
  readonly #setting: QueueManualSetting
  readonly #reader: QueueReader
  readonly #credits: Credits
  readonly #clock: CallClock
  /** What is out and not settled, with its time. */
  readonly #out = new Map<QueueSettleable, AckTime>()
  readonly #wake = (): void => this.#setting.thread.wake(this.#reader.assignment.cursor)
  readonly #waits = new CancelWaits()
  #isPaused = false
  #isClosed = false

  constructor(setting: QueueManualSetting) {
    this.#setting = setting
    this.#reader = setting.reader
    this.epoch = setting.reader.assignment.epoch
    this.#credits = setting.credits
    this.#clock = new CallClock(setting.ackTimeoutMs)
    this.#reader.want(this.#reader.prefetchMax)
  }

  set paused(isPaused: boolean) {
    this.#isPaused = isPaused
    this.#reader.want(isPaused ? 0 : this.#reader.prefetchMax)
    if (isPaused) this.#takeBack()
  }

  /** What nobody has got yet is the queue's again. */
  #takeBack(): void {
    for (const delivery of this.#out.keys()) {
      if (delivery.isBegun) continue
      delivery.expire()
      this.withdrawn(delivery)
    }
    this.#reader.fill()
    this.#reader.yieldAll()
  }

  ready(): boolean {
    if (this.#isClosed) return false
    if (this.#reader.owes || this.#reader.hasUnread) return true
    return this.#reader.waiting > 0 && (this.#isPaused || this.#credits.available > 0)
  }

  turn(deadline: number): boolean {
    const reader = this.#reader
    if (this.#isClosed) return false
    reader.fill()
    if (this.#isPaused) this.#takeBack()
    let count = 0
    while (count < TURN_DELIVERIES_MAX && !this.#isClosed && this.#credits.available > 0 && reader.pass()) {
      this.#handOut()
      if ((++count & 63) === 0 && nowMs() >= deadline) break
    }
    if (reader.waiting > 0 && this.#credits.available <= 0) this.#credits.wait(this.#wake)
    return reader.tell() || count > 0
  }

  #handOut(): void {
    const delivery = new QueueSettleable(this, this.#reader.message, false)
    this.#out.set(delivery, new AckTime(delivery, this))
    this.#credits.take()
    this.#setting.emit(delivery)
  }

  begins(delivery: QueueSettleable): boolean {
    const time = this.#out.get(delivery)
    if (time === undefined) return false
    if (this.#reader.begin(delivery.tag) && !this.#reader.isLate(delivery, delivery.request)) {
      this.#clock.start(time)
      return true
    }
    this.#isOver(delivery)
    return false
  }

  confirmed(): Promise<void> {
    return this.#reader.confirm()
  }

  renewed(delivery: QueueSettleable): void {
    const time = this.#out.get(delivery)
    if (time === undefined) return
    this.#clock.stop(time)
    this.#clock.start(time)
  }

  async cancel(tag: number, withinMs: number): Promise<void> {
    for (const delivery of this.#out.keys()) {
      if (delivery.tag !== tag) continue
      const settled = this.#waits.until(tag, withinMs)
      delivery.abort(cancelledError(delivery))
      await settled
      await this.#reader.drained()
      this.#reader.flush()
      return
    }
  }

  /** Whether it was still out; it is not from now on. */
  #isOver(delivery: SettleableDelivery): boolean {
    const time = this.#out.get(delivery as QueueSettleable)
    if (time === undefined) return false
    this.#out.delete(delivery as QueueSettleable)
    this.#clock.stop(time)
    this.#waits.over((delivery as QueueSettleable).tag)
    this.#credits.settled++
    this.#credits.giveBack()
    this.#wake()
    return true
  }

  acked(delivery: SettleableDelivery): void {
    this.replied(delivery as QueueSettleable, undefined)
  }

  replied(delivery: QueueSettleable, value: unknown): void {
    if (this.#isOver(delivery)) ackOrReply(this.#reader, delivery, value)
  }

  released(delivery: SettleableDelivery): void {
    if (this.#isOver(delivery)) this.#reader.release((delivery as QueueSettleable).tag)
  }

  withdrawn(delivery: SettleableDelivery): void {
    if (this.#isOver(delivery)) this.#giveBack(delivery as QueueSettleable)
  }

  #giveBack({ isBegun, tag }: QueueSettleable): void {
    if (isBegun) this.#reader.release(tag)
    else this.#reader.yield(tag)
  }

  failed(
    delivery: SettleableDelivery,
    how: 'failed' | 'rejected' | 'decode' | 'timeout',
    error: unknown,
    delayMs: number | null = null,
  ): void {
    const wire = toWire(error)
    if (this.#isOver(delivery)) this.#reader.settle(delivery as QueueSettleable, how, wire, delayMs)
  }

  /** Its time is over. */
  expired(delivery: QueueSettleable): void {
    delivery.tooLate()
    this.failed(delivery, 'timeout', new Error(`the delivery was not settled within ${this.#clock.timeoutMs} ms`))
  }

  late(delivery: SettleableDelivery): MillraceError {
    const { topic, offset, left, isTooLate } = delivery as QueueSettleable
    const what = `message ${offset} of queue ${topic} cannot be settled any more`
    if (isTooLate) {
      const time = `its time of ${this.#clock.timeoutMs} ms is over, and the queue hands it out again; call renew() while you work on it, or give more time by \`ackTimeoutMs\``
      return new MillraceError('MILL_SETTLED', `${what}: ${time}`)
    }
    return this.#credits.ended || left
      ? new MillraceError(
          'MILL_CLOSED',
          `${what}: its subscription has ended, and the message is handed to whoever comes next`,
        )
      : new MillraceError('MILL_SETTLED', `${what}: the queue took it back, and hands it to a consumer again`)
  }

  /** Nobody is asked for verdicts: a message that failed comes again by itself. */
  verdict(): void {}

  async close(): Promise<void> {
    if (this.#isClosed) return
    for (const delivery of this.#out.keys()) this.#giveBack(delivery)
    this.#end()
    this.#reader.want(0)
    this.#reader.fill()
    this.#reader.yieldAll()
    this.#reader.flush()
    await this.#reader.drained()
    this.#reader.flush()
    this.#reader.close()
  }

  abandon(): void {
    if (!this.#isClosed) this.#end()
    this.#reader.close()
  }

  #end(): void {
    this.#isClosed = true
    this.#clock.close()
    this.#waits.close()
    for (const delivery of this.#out.keys()) {
      this.#credits.giveBack()
      delivery.expire()
    }
    this.#out.clear()
    this.#credits.leave(this.#wake)
  }
}

/** The time that a delivery may stay unsettled. */
class AckTime implements TimedCall {
  dueMs = 0
  earlier: TimedCall | null = null
  later: TimedCall | null = null
  readonly #delivery: QueueSettleable
  readonly #reader: QueueManualReader

  constructor(delivery: QueueSettleable, reader: QueueManualReader) {
    this.#delivery = delivery
    this.#reader = reader
  }

  timedOut(): void {
    this.#reader.expired(this.#delivery)
  }
}
