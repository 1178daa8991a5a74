/**
 * A member of a group whose deliveries are settled by the caller: what `observe` and `consume` stand on.
 *
 * The caller's thread. A delivery goes out only against a credit; its settlement returns the credit. Acks may come in
 * any order, commits follow the settled prefix. What a record that failed holds back is decided in lane.ts; what was out
 * already may still be settled. What of it is known to the next reader is in the slot's ledger.
 *
 * Bound: `window` deliveries out over all partitions, and WAITING_MAX records of a partition read and held back.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import { VERDICT } from '../link/link.ts'
import { PartitionReader } from '../reader/partition-reader.ts'
import { SettlementQueue } from '../reader/settlement-queue.ts'
import type { AttachedThread, TurnTaker, Verdict } from '../thread/attached-thread.ts'
import { LEDGER_RECORDS } from '../wire/layout.ts'
import type { Ledger } from '../wire/ledger.ts'
import type { RevokeAnswer } from '../wire/member-calls.ts'
import type { Assignment } from '../wire/places.ts'
import { MillraceError, toWire } from '../words/errors.ts'
import type { RetryOrder } from '../words/group-options.ts'
import { Credits } from './credits.ts'
import type { RunMember } from './handler-member.ts'
import { Lane, type LaneEntry } from './lane.ts'
import { type RecordRef, SettleableDelivery, type Settler } from './manual-delivery.ts'
import { WindowWatch } from './window-watch.ts'

/** Deliveries handed out in one turn, before the event loop has its own. */
const TURN_DELIVERIES_MAX = 1_024
/** Records read and not handed out, because one of their key failed. */
const WAITING_MAX = 1_024

interface HeldRecord extends RecordRef {
  /** The last one that was handed out for it. */
  delivery: SettleableDelivery | null
}

type Entry = LaneEntry<HeldRecord>

class ManualReader implements TurnTaker, Settler {
  readonly reader: PartitionReader
  readonly retryOrder: RetryOrder
  readonly #thread: AttachedThread
  readonly #credits: Credits
  readonly #emit: (delivery: SettleableDelivery) => void
  readonly #lane: Lane<HeldRecord>
  readonly #ledger: Ledger
  readonly #settlements: SettlementQueue
  /** Records whose failure is judged, by offset. */
  readonly #judged = new Map<number, Entry>()
  #timer: ReturnType<typeof setTimeout> | null = null
  #timerMs = Number.POSITIVE_INFINITY
  readonly #wake = (): void => this.#thread.wake(this)
  paused = false
  #closed = false

  constructor(
    thread: AttachedThread,
    assignment: Assignment,
    credits: Credits,
    retryOrder: RetryOrder,
    emit: (delivery: SettleableDelivery) => void,
  ) {
    this.#thread = thread
    this.retryOrder = retryOrder
    this.reader = new PartitionReader(thread, assignment)
    this.#credits = credits
    this.#emit = emit
    this.#lane = new Lane({ retryOrder, serial: false }, this.reader.committed)
    this.#ledger = this.reader.ledger()
    this.#settlements = new SettlementQueue(thread, assignment)
  }

  ready(): boolean {
    if (this.#lane.prefix > this.reader.committed) return true
    return !this.paused && this.#credits.available > 0 && this.#hasNext(nowMs())
  }

  #hasNext(now: number): boolean {
    return this.#lane.hasNext(now) || (this.#hasRoom() && this.reader.ready())
  }

  #hasRoom(): boolean {
    return this.#lane.size - this.#lane.out < WAITING_MAX
  }

  turn(deadline: number): boolean {
    let worked = this.#commit()
    const now = nowMs()
    for (
      let count = 0;
      count < TURN_DELIVERIES_MAX && !this.paused && !this.#closed && this.#credits.available > 0;
      count++
    ) {
      if (!this.#handOutNext(now)) break
      worked = true
      if ((count & 63) === 63 && nowMs() >= deadline) break
    }
    this.#arm(now)
    if (this.#credits.available <= 0 && !this.#closed && this.#hasNext(now)) this.#credits.wait(this.#wake)
    return this.#commit() || worked
  }

  #handOutNext(now: number): boolean {
    const { reader } = this
    const lane = this.#lane
    let entry = lane.next(now)
    while (entry === null && this.#hasRoom() && reader.next()) {
      const { frame, at, offset } = reader
      const key = this.retryOrder === 'key' ? reader.keyText() : null
      const taken = lane.take(offset, key, { frame, at, delivery: null }, reader.knownOf(offset))
      if (taken.stage === 'judged') this.#askAgain(taken)
      entry = lane.next(now)
    }
    if (entry === null) return false
    const delivery = new SettleableDelivery(this, entry)
    entry.payload.delivery = delivery
    if (this.#isKept(entry.offset)) this.#ledger.handOut(entry.offset, entry.deliveryAttempt)
    this.#credits.take()
    this.#emit(delivery)
    return true
  }

  /** It is to be a dead letter: its verdict went to the reader before, if it was given. */
  #askAgain(entry: Entry): void {
    this.#judged.set(entry.offset, entry)
    this.#settlements.send(
      entry.offset,
      'failed',
      entry.deliveryAttempt,
      toWire(new Error('it waits for its dead letter')),
    )
  }

  /** Whether the ledger reaches as far as this record. */
  #isKept(offset: number): boolean {
    return offset < this.reader.committed + LEDGER_RECORDS
  }

  #commit(): boolean {
    const { prefix } = this.#lane
    if (prefix <= this.reader.committed) return false
    this.reader.commit(prefix)
    this.#settlements.committed(prefix)
    return true
  }

  /** Wakes the thread when the next record is due. */
  #arm(now: number): void {
    const { dueMs } = this.#lane
    if (dueMs === Number.POSITIVE_INFINITY || this.#closed || (this.#timer !== null && this.#timerMs <= dueMs)) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timerMs = dueMs
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        this.#wake()
      },
      Math.max(0, dueMs - now),
    )
  }

  #settle(entry: Entry): void {
    this.#lane.settle(entry)
    if (this.#isKept(entry.offset)) this.#ledger.settle(entry.offset, entry.deliveryAttempt)
    this.#thread.wake(this)
  }

  #back(entry: Entry): void {
    if (this.#isKept(entry.offset)) this.#ledger.back(entry.offset, entry.deliveryAttempt)
    this.#thread.wake(this)
  }

  /** The record of a delivery that has just been settled, if that still counts. */
  #returned({ entry }: SettleableDelivery): Entry | null {
    if (this.#closed) return null
    this.#credits.settled++
    this.#credits.giveBack()
    return entry as Entry
  }

  acked(delivery: SettleableDelivery): void {
    const entry = this.#returned(delivery)
    if (entry !== null) this.#settle(entry)
  }

  withdrawn(delivery: SettleableDelivery): void {
    if (!this.#closed) delivery.entry.deliveryAttempt--
    this.released(delivery)
  }

  released(delivery: SettleableDelivery): void {
    const entry = this.#returned(delivery)
    if (entry === null) return
    this.#lane.release(entry)
    this.#back(entry)
  }

  failed(delivery: SettleableDelivery, how: 'failed' | 'rejected' | 'decode', error: unknown): void {
    const wire = toWire(error)
    const entry = this.#returned(delivery)
    if (entry === null) return
    // Known here at once, so that nothing it holds goes out while the group decides.
    this.#lane.fail(entry)
    this.#judged.set(entry.offset, entry)
    this.#back(entry)
    this.#settlements.send(entry.offset, how, entry.deliveryAttempt, wire)
  }

  late({ topic, partition, offset }: SettleableDelivery): MillraceError {
    const what = `the delivery at ${topic}/${partition}, offset ${offset}, cannot be settled any more`
    return this.#credits.ended
      ? new MillraceError(
          'MILL_CLOSED',
          `${what}: its subscription has ended, and the record is handed to whoever comes next`,
        )
      : new MillraceError('MILL_SETTLED', `${what}: its partition went to another thread, which handles the record`)
  }

  verdict({ epoch, offset, action, failedAttempts, delayMs }: Verdict): void {
    const entry = this.#judged.get(offset)
    if (this.#closed || epoch !== this.reader.assignment.epoch || entry === undefined) return
    if (action === VERDICT.skip) {
      this.#judged.delete(offset)
      this.#settle(entry)
    } else if (failedAttempts >= entry.failedAttempts) {
      this.#judged.delete(offset)
      this.#lane.judge(entry, failedAttempts, nowMs() + delayMs)
      this.#thread.wake(this)
    }
  }

  close(): void {
    this.#commit()
    this.#closed = true
    this.#credits.leave(this.#wake)
    this.#settlements.close()
    this.reader.close()
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const { stage, offset, deliveryAttempt, payload } of this.#lane.entries) {
      if (stage !== 'out' && stage !== 'judged') continue
      if (stage === 'out') this.#credits.giveBack()
      const unseen = stage === 'out' && payload.delivery?.unseen === true
      if (this.#isKept(offset)) this.#ledger.back(offset, unseen ? deliveryAttempt - 1 : deliveryAttempt)
      payload.delivery?.expire()
    }
    this.#judged.clear()
  }
}

export class ManualMember implements RunMember {
  readonly #thread: AttachedThread
  readonly #credits: Credits
  readonly #retryOrder: RetryOrder
  readonly #emit: (delivery: SettleableDelivery) => void
  readonly #readers = new Map<number, ManualReader>()
  #paused = false

  constructor(
    thread: AttachedThread,
    window: number,
    retryOrder: RetryOrder,
    emit: (delivery: SettleableDelivery) => void,
    stuck: ((waitedMs: number) => void) | null = null,
  ) {
    this.#thread = thread
    this.#retryOrder = retryOrder
    this.#credits = new Credits(window)
    if (stuck !== null) this.#credits.watch = new WindowWatch(this.#credits, stuck)
    this.#emit = emit
  }

  async assign(assignment: Assignment): Promise<void> {
    const reader = new ManualReader(this.#thread, assignment, this.#credits, this.#retryOrder, this.#emit)
    reader.paused = this.#paused
    this.#readers.set(assignment.cursor, reader)
    this.#thread.addTaker(assignment.cursor, reader)
  }

  async revoke(cursor: number, epoch: number): Promise<RevokeAnswer> {
    const reader = this.#readers.get(cursor)
    if (reader === undefined || reader.reader.assignment.epoch !== epoch) return { held: false }
    reader.close()
    this.#readers.delete(cursor)
    this.#thread.removeTaker(cursor, reader)
    return { held: true }
  }

  /** No handler of a user's runs in it. */
  onStack(): null {
    return null
  }

  abandon(): void {
    this.#credits.ended = true
    this.#credits.watch?.close()
    for (const [cursor, reader] of this.#readers) {
      reader.close()
      this.#thread.removeTaker(cursor, reader)
    }
    this.#readers.clear()
  }

  pause(): void {
    this.#paused = true
    for (const reader of this.#readers.values()) reader.paused = true
  }

  resume(): void {
    this.#paused = false
    for (const reader of this.#readers.values()) {
      reader.paused = false
      this.#thread.wake(reader)
    }
  }
}
