/**
 * Deliveries of one intake that the caller settles, one of a member's.
 *
 * The caller's thread. A delivery goes out only against a credit; its settlement returns the credit. Acks may come in any
 * order, commits follow the settled prefix. What a record that failed holds back is decided in lane.ts; what was out already
 * may still be settled. What of it is known to the next reader is the intake's affair.
 *
 * Mostly a consumer acks a delivery while it gets it, as an observer does. An account of the record in the lane would cost as
 * much as the rest of its way, so while the lane is empty, and nothing is known of what comes next, a record goes out without
 * one. All else that may become of it is the lane's affair: it is put there first, where it is out.
 *
 * Bound: the credits that its member shares out, and WAITING_MAX records read and held back.
 */
import { nowMs } from '../../actors/world.ts'
import type { Intake, Taken } from '../reader/intake.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { Verdict } from '../thread/turn-taker.ts'
import { MillraceError, toWire } from '../words/errors.ts'
import type { RetryOrder } from '../words/group-options.ts'
import { CommitLine, type Entry } from './commit-line.ts'
import type { Credits } from './credits.ts'
import type { Lane } from './lane.ts'
import { SettleableDelivery, type Settler } from './manual-delivery.ts'
import { type MemberReader, TURN_DELIVERIES_MAX } from './member-reader.ts'

/** Records read and not handed out, because one of their key failed. */
const WAITING_MAX = 1_024

export class ManualReader implements MemberReader, Settler {
  readonly epoch: number
  readonly retryOrder: RetryOrder
  paused = false
  readonly #thread: Pick<AttachedThread, 'wake'>
  readonly #intake: Intake
  readonly #credits: Credits
  readonly #emit: (delivery: SettleableDelivery) => void
  readonly #line: CommitLine
  readonly #lane: Lane<Taken>
  /** The delivery whose record is in no lane: its consumer is getting it. Null: there is none. */
  #plain: SettleableDelivery | null = null
  readonly #wake = (): void => this.#thread.wake(this.#intake.cursor)

  constructor(
    thread: Pick<AttachedThread, 'wake'>,
    intake: Intake,
    credits: Credits,
    retryOrder: RetryOrder,
    emit: (delivery: SettleableDelivery) => void,
  ) {
    this.#thread = thread
    this.#intake = intake
    this.epoch = intake.epoch
    this.retryOrder = retryOrder
    this.#credits = credits
    this.#emit = emit
    this.#line = new CommitLine(thread, intake, { retryOrder, serial: false })
    this.#lane = this.#line.lane
  }

  ready(): boolean {
    if (this.#line.owesCommit) return true
    return !this.paused && this.#credits.available > 0 && this.#hasNext(nowMs())
  }

  #hasNext(now: number): boolean {
    return this.#lane.hasNext(now) || (this.#hasRoom() && this.#intake.ready())
  }

  #hasRoom(): boolean {
    return this.#lane.size - this.#lane.out < WAITING_MAX
  }

  turn(deadline: number): boolean {
    let worked = this.#line.commit()
    const now = nowMs()
    if (this.#handOut(now, deadline) > 0) worked = true
    this.#line.wakeAfter(this.#lane.dueMs - now)
    if (this.#credits.available <= 0 && !this.#line.closed && this.#hasNext(now)) this.#credits.wait(this.#wake)
    return this.#line.commit() || worked
  }

  /**
   * How many went out. Nothing stands behind the loop: V8 may compile it in its first turn, in which nothing behind it has run yet,
   * and would leave that code there at each later turn.
   */
  #handOut(now: number, deadline: number): number {
    for (let count = 0; count < TURN_DELIVERIES_MAX; count++) {
      if (this.paused || this.#line.closed || this.#credits.available <= 0) return count
      if (!this.#handOutPlain() && !this.#handOutNext(now)) return count
      if ((count & 63) === 63 && nowMs() >= deadline) return count + 1
    }
    return TURN_DELIVERIES_MAX
  }

  /** Hands out the record that comes next; false: there is none, or it goes by the lane. */
  #handOutPlain(): boolean {
    if (this.#lane.size > 0) return false
    const place = this.#line.takePlace()
    if (place === null) return false
    const delivery = new SettleableDelivery(this, place, 1, 0)
    this.#plain = delivery
    this.#intake.stands(delivery.offset, 1, 'out')
    this.#credits.take()
    try {
      this.#emit(delivery)
    } finally {
      this.#intoLane()
    }
    return true
  }

  /** The record that is in no lane, if there is one, is put there. */
  #intoLane(): void {
    const delivery = this.#plain
    if (delivery === null) return
    this.#plain = null
    this.#line.putIn(SettleableDelivery.placeOf(delivery))
    const entry = this.#lane.next(0) as Entry
    SettleableDelivery.keepEntry(delivery, entry)
    entry.payload.kept = delivery
  }

  #handOutNext(now: number): boolean {
    const lane = this.#lane
    let entry = lane.next(now)
    while (entry === null && this.#hasRoom() && this.#line.take()) entry = lane.next(now)
    if (entry === null) return false
    const delivery = new SettleableDelivery(this, entry.payload, entry.deliveryAttempt, entry.failedAttempts, entry)
    entry.payload.kept = delivery
    this.#line.handOut(entry)
    this.#credits.take()
    this.#emit(delivery)
    return true
  }

  /** The record of a delivery that has just been settled, if that still counts. */
  #returned(delivery: SettleableDelivery): Entry | null {
    if (this.#line.closed) return null
    if (delivery === this.#plain) this.#intoLane()
    this.#credits.settled++
    this.#credits.giveBack()
    this.#wake()
    return SettleableDelivery.entryOf(delivery) as Entry
  }

  acked(delivery: SettleableDelivery): void {
    if (delivery === this.#plain) {
      this.#plainAcked(delivery)
      return
    }
    const entry = this.#returned(delivery)
    if (entry !== null) this.#line.settle(entry)
  }

  /** The turn that handed it out commits it, and is followed by another. */
  #plainAcked(delivery: SettleableDelivery): void {
    const offset = SettleableDelivery.offsetOf(delivery)
    this.#plain = null
    this.#intake.stands(offset, 1, 'settled')
    this.#lane.passed(offset + 1)
    this.#credits.settled++
    this.#credits.giveBack()
  }

  withdrawn(delivery: SettleableDelivery): void {
    this.#intoLane()
    if (!this.#line.closed) (SettleableDelivery.entryOf(delivery) as Entry).deliveryAttempt--
    this.released(delivery)
  }

  released(delivery: SettleableDelivery): void {
    const entry = this.#returned(delivery)
    if (entry !== null) this.#line.release(entry)
  }

  failed(delivery: SettleableDelivery, how: 'failed' | 'rejected' | 'decode', error: unknown): void {
    const wire = toWire(error)
    const entry = this.#returned(delivery)
    if (entry !== null) this.#line.fail(entry, how, wire)
  }

  late({ topic, partition, offset, left }: SettleableDelivery): MillraceError {
    const what = `the delivery at ${topic}/${partition}, offset ${offset}, cannot be settled any more`
    return this.#credits.ended || left
      ? new MillraceError(
          'MILL_CLOSED',
          `${what}: its subscription has ended, and the record is handed to whoever comes next`,
        )
      : new MillraceError('MILL_SETTLED', `${what}: its partition went to another member, which handles the record`)
  }

  verdict(verdict: Verdict): void {
    this.#line.verdict(verdict)
  }

  abandon(): void {
    this.close()
  }

  close(): void {
    this.#intoLane()
    this.#line.commit()
    for (const entry of this.#lane.entries) {
      if (entry.stage !== 'out' && entry.stage !== 'judged') continue
      // The last one that was handed out for it.
      const delivery = entry.payload.kept as SettleableDelivery | null
      if (entry.stage === 'out') {
        this.#credits.giveBack()
        // A record that its consumer has not seen was not handed out.
        if (delivery?.unseen === true) entry.deliveryAttempt--
        this.#line.release(entry)
      }
      delivery?.expire()
    }
    this.#credits.leave(this.#wake)
    this.#line.close()
  }
}
