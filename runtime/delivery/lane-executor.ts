/**
 * Runs a handler over one partition with more than one record in hand: several at a time, in batches, or others while
 * one is tried again.
 *
 * The thread that handles. What goes out next is decided in lane.ts, what becomes of a failure by the group; here calls
 * are made, awaited and timed, and the outcome of each record is carried to the lane, to the ledger in the slot (what a
 * successor must know), and to the group. A turn's settled prefix is committed at its end.
 *
 * Bounds: `concurrency` calls at a time; LEDGER_RECORDS records from the committed offset on, so that what is settled
 * ahead of it is known to whoever comes next.
 */

import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import { isPromiseLike, promiseOf } from '../base/promise-like.ts'
import type { UserContext } from '../base/user-context.ts'
import { type SettleHow, VERDICT } from '../link/link.ts'
import type { AnyHandler } from '../options/define.ts'
import type { TopicProducer } from '../publish/topic-producer.ts'
import { RecordDelivery } from '../reader/delivery.ts'
import type { PartitionReader } from '../reader/partition-reader.ts'
import { SettlementQueue } from '../reader/settlement-queue.ts'
import type { AttachedThread, TurnTaker, Verdict } from '../thread/attached-thread.ts'
import { LEDGER_RECORDS } from '../wire/layout.ts'
import type { Ledger } from '../wire/ledger.ts'
import type { BatchShape } from '../wire/member-calls.ts'
import type { ManualDelivery } from '../words/delivery.ts'
import { failureOf, MillraceError, toWire } from '../words/errors.ts'
import type { RetryOrder } from '../words/group-options.ts'
import type { DeliveryContext } from './delivery-context.ts'
import { Lane } from './lane.ts'
import type { Call, Entry } from './lane-call.ts'
import { type RecordRef, SettleableDelivery, type Settler } from './manual-delivery.ts'
import { countTurn, onStack } from './on-stack.ts'
import type { OneAtATime } from './one-at-a-time.ts'
import { outputsOf } from './outputs.ts'
import type { Held } from './self-wait.ts'

export interface LaneExecutorSetting {
  readonly thread: AttachedThread
  readonly reader: PartitionReader
  readonly handler: AnyHandler
  readonly context: DeliveryContext
  /** Where the handler is called. */
  readonly userContext: UserContext
  readonly handlerTimeoutMs: number
  readonly retryOrder: RetryOrder
  readonly concurrency: number
  readonly batch: BatchShape
  /** Takes what the handler returns; null: it is dropped. */
  readonly output: TopicProducer | null
  readonly turnstile: OneAtATime
}

/** A timer that fires so much later than it was set for says that the thread, or the process, stood still. */
const LATE_MS = 50

export class LaneExecutor implements TurnTaker, Settler {
  readonly reader: PartitionReader
  readonly userState: unknown
  readonly retryOrder: RetryOrder
  readonly #setting: LaneExecutorSetting
  readonly #thread: AttachedThread
  readonly #lane: Lane<RecordRef>
  readonly #ledger: Ledger
  readonly #settlements: SettlementQueue
  readonly #calls = new Set<Call>()
  /** The last one that began. */
  #calling: Call | null = null
  /** Records of all calls that are handled and wait for their outputs. */
  #handled = 0
  /** Entries out or judged, by offset: what a delivery's settlement or a verdict is about. */
  readonly #open = new Map<number, Entry>()
  #paused = false
  #closed = false
  #closing: (() => void) | null = null
  #timer: ReturnType<typeof setTimeout> | null = null
  #timerMs = Number.POSITIVE_INFINITY
  /** Since when a batch waits to be filled; -1: none does. */
  #filling = -1

  constructor(setting: LaneExecutorSetting, userState: unknown) {
    const { thread, reader, retryOrder } = setting
    this.#setting = setting
    this.#thread = thread
    this.retryOrder = retryOrder
    this.reader = reader
    this.userState = userState
    this.#lane = new Lane({ retryOrder, serial: true }, reader.committed)
    this.#ledger = reader.ledger()
    this.#settlements = new SettlementQueue(thread, reader.assignment)
  }

  /** Of the handler that is on the stack. */
  get calling(): Held | null {
    return this.#calling
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#thread.wake()
  }

  /** Resolves when the calls that are out are over; nothing is handed out afterwards. */
  close(): Promise<void> {
    return new Promise(resolve => {
      this.#closing = resolve
      this.#finish()
    })
  }

  /** Its slot is closed: whatever its handler still does counts for nothing. */
  abandon(): void {
    this.#end()
    for (const call of this.#calls) this.#over(call)
  }

  #end(): void {
    this.#closed = true
    this.#settlements.close()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #finish(): void {
    const done = this.#closing
    if (done === null || this.#calls.size > 0 || this.#closed) return
    this.#commit()
    this.#end()
    this.#passed()
    done()
  }

  ready(): boolean {
    if (this.#closed) return false
    if (this.#lane.prefix > this.reader.committed) return true
    if (!this.#mayCall()) return false
    const now = nowMs()
    if (this.#lane.hasNext(now) && (this.#filling === -1 || this.#batchIsDue(now))) return true
    return this.#hasRoom() && this.reader.ready()
  }

  #mayCall(): boolean {
    const { concurrency, turnstile } = this.#setting
    if (this.#paused || this.#closing !== null || this.#closed || this.#calls.size >= concurrency) return false
    return turnstile.admits(this.reader.assignment.cursor)
  }

  #hasRoom(): boolean {
    return this.reader.offset - this.reader.committed < LEDGER_RECORDS - 1
  }

  turn(deadline: number): boolean {
    if (this.#closed) return false
    let worked = false
    this.#thread.phase('executing')
    while (this.#mayCall()) {
      const entries = this.#pick()
      if (entries.length === 0) break
      worked = true
      this.#call(entries)
      if (nowMs() >= deadline) break
    }
    if (this.#commit()) worked = true
    this.#thread.phase('idle')
    if (this.#calls.size === 0 && !(this.#lane.careful && this.#lane.hasNext(nowMs()))) this.#passed()
    // While no more calls may be made, one that is due waits for the end of one, and no clock brings that.
    if (this.#mayCall()) this.#arm(this.#lane.dueMs - nowMs())
    return worked
  }

  /** Records for one call, once there are some that may go. */
  #pick(): readonly Entry[] {
    const { maxRecords, maxWaitMs } = this.#setting.batch
    const now = nowMs()
    const lane = this.#lane
    while (this.reader.offset < this.reader.suspectTo || !lane.batchIsReady(maxRecords, now)) {
      if (!this.#hasRoom()) this.#commit()
      if (!this.#hasRoom() || !this.reader.next()) break
      this.#take()
    }
    if (!lane.hasNext(now)) return []
    if (!this.#batchIsDue(now)) {
      if (this.#filling === -1) this.#filling = nowMs()
      this.#arm(this.#filling + maxWaitMs - nowMs())
      return []
    }
    this.#filling = -1
    return lane.batch(maxRecords, now)
  }

  #batchIsDue(now: number): boolean {
    const { maxRecords, maxWaitMs } = this.#setting.batch
    if (maxWaitMs === 0 || this.#lane.batchIsReady(maxRecords, now)) return true
    return this.#filling !== -1 && nowMs() - this.#filling >= maxWaitMs
  }

  #take(): void {
    const { reader } = this
    const { frame, at, offset } = reader
    const known = reader.knownOf(offset)
    const entry = this.#lane.take(offset, reader.keyText(), { frame, at }, known)
    if (known?.settled === true) this.#ledger.settle(offset, entry.deliveryAttempt)
    else if (entry.stage === 'judged') {
      this.#open.set(offset, entry)
      this.#settlements.send(offset, 'failed', entry.deliveryAttempt, toWire(new Error('it waits for its dead letter')))
    }
  }

  /** Wakes the thread after `delayMs`, unless it is woken sooner anyway. */
  #arm(delayMs: number): void {
    if (delayMs === Number.POSITIVE_INFINITY || this.#closed) return
    const at = nowMs() + Math.max(0, delayMs)
    if (this.#timer !== null) {
      if (this.#timerMs <= at) return
      clearTimeout(this.#timer)
    }
    this.#timerMs = at
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        this.#thread.wake()
      },
      Math.ceil(Math.max(0, delayMs)),
    )
  }

  #commit(): boolean {
    const { prefix } = this.#lane
    if (prefix <= this.reader.committed) return false
    this.#thread.phase('committing')
    this.reader.commit(prefix)
    this.#settlements.committed(prefix)
    return true
  }

  /** Nothing is in hand that the thread may die of: others need not wait for it. */
  #passed(): void {
    if (this.#setting.turnstile.leave(this.reader.assignment.cursor)) this.#thread.wake()
  }

  #call(entries: readonly Entry[]): void {
    const { handler, turnstile, userContext } = this.#setting
    const { batch, message } = handler
    const context = this.#setting.context.forDelivery()
    const batches = batch !== undefined
    const deliveries = entries.map(entry => {
      if (batches) return new SettleableDelivery(this, entry)
      const { payload, offset, deliveryAttempt, failedAttempts } = entry
      return new RecordDelivery(payload.frame, payload.at, offset, deliveryAttempt, failedAttempts)
    })
    const call: Call = { entries, deliveries, context, timer: null, dueMs: 0, handled: 0, over: false }
    this.#calls.add(call)
    this.#calling = call
    for (const entry of entries) {
      this.#open.set(entry.offset, entry)
      this.#ledger.handOut(entry.offset, entry.deliveryAttempt)
    }
    countTurn(this.#thread)
    this.#onStack(entries, () => {
      let result: unknown
      try {
        if (batch !== undefined) {
          const manual = deliveries as unknown as readonly ManualDelivery[]
          result = userContext.call(batch, handler, manual, this.userState, context)
        } else if (message !== undefined)
          result = userContext.call(message, handler, deliveries[0] as RecordDelivery, this.userState, context)
      } catch (error) {
        this.#failed(call, failureOf(error), error)
        return
      }
      if (result === undefined && context.outstanding === 0) {
        this.#done(call)
        return
      }
      turnstile.enter(this.reader.assignment.cursor)
      const { handlerTimeoutMs } = this.#setting
      if (handlerTimeoutMs !== Number.POSITIVE_INFINITY) this.#timeOutAfter(call, handlerTimeoutMs)
      this.#returned(call, result)
      this.#sayActive()
    })
  }

  /** Code of a user's may run for these records, of which one alone is charged with what it does. */
  #onStack(entries: readonly Entry[], act: () => void): void {
    const { slot } = this.reader.assignment
    const [first] = entries
    if (first !== undefined && entries.length === 1) this.reader.handOut(first.offset)
    onStack(this.#thread, entries.length === 1 ? slot : -slot, act)
  }

  /** The handler gave `value` back: a promise, an output, or nothing; what it published is confirmed first. */
  #returned(call: Call, value: unknown): void {
    if (isPromiseLike(value)) this.#await(call, value)
    else if (call.context.outstanding > 0)
      this.#await(
        call,
        call.context.settled().then(() => value),
      )
    else this.#putOut(call, value)
  }

  #await(call: Call, promise: PromiseLike<unknown>): void {
    promiseOf(promise).then(
      value => {
        if (call.over) return
        this.#onStack(this.#left(call), () => {
          this.#returned(call, value)
          if (!call.over) this.#sayActive()
        })
      },
      (error: unknown) => {
        if (!call.over) this.#onStack(this.#left(call), () => this.#failed(call, failureOf(error), error))
      },
    )
  }

  #putOut(call: Call, value: unknown): void {
    const { output, handler } = this.#setting
    if (output === null || value === undefined) {
      this.#done(call)
      return
    }
    let published: Promise<unknown>
    try {
      const messages = outputsOf(call.deliveries, value, handler.batch !== undefined)
      // A full output is waited for, for as long as that takes; time is not held against them.
      if (call.timer !== null) clearTimeout(call.timer)
      const left = this.#left(call)
      // Nor is the thread's death, unless it has died of one of them before, or may have.
      if (!(this.#lane.careful || (left.length === 1 && (left[0] as Entry).failedAttempts > 0))) {
        call.handled = left.length
        this.#handled += left.length
      }
      published = Promise.all(
        messages.map(message => output.publish(message, { timeoutMs: Number.POSITIVE_INFINITY }, true)),
      )
    } catch (error) {
      this.#failed(call, failureOf(error), error)
      return
    }
    this.#await(
      call,
      published.then(() => undefined),
    )
  }

  #timeOutAfter(call: Call, delayMs: number): void {
    call.dueMs = nowMs() + delayMs
    call.timer = setTimeout(() => this.#timedOut(call), delayMs)
  }

  #timedOut(call: Call): void {
    call.timer = null
    if (call.over) return
    const { handlerTimeoutMs } = this.#setting
    // Time in which this thread stood still is not held against the handler.
    const late = nowMs() - call.dueMs
    if (late > LATE_MS) {
      this.#timeOutAfter(call, Math.min(late, handlerTimeoutMs))
      return
    }
    this.#failed(call, 'timeout', new Error(`the handler did not settle within ${handlerTimeoutMs} ms`))
  }

  #done(call: Call): void {
    for (const entry of this.#left(call)) this.#settled(entry)
    this.#over(call)
  }

  /**
   * The call failed. One record that is left alone is charged; of several nobody is, and each half is tried by itself
   * until the one that fails stands alone.
   */
  #failed(call: Call, how: SettleHow, error: unknown): void {
    call.context.forget()
    const left = this.#left(call)
    const guilty = left.length === 1 ? left[0] : this.#undecodable(call, left, error)
    if (guilty !== undefined) {
      for (const entry of left) if (entry !== guilty) this.#back(entry)
      this.#judge(guilty, how, error)
    } else if (left.length > 1) {
      this.#lane.halve(left)
      for (const entry of left) this.#ledger.back(entry.offset, entry.deliveryAttempt)
    }
    this.#over(call)
  }

  /** Which record of a batch does not decode, if that is why the call failed. */
  #undecodable(call: Call, left: readonly Entry[], error: unknown): Entry | undefined {
    const index = call.deliveries.findIndex(
      delivery => delivery instanceof SettleableDelivery && delivery.undecodable === error && error !== null,
    )
    const entry = call.entries[index]
    return entry !== undefined && left.includes(entry) ? entry : undefined
  }

  /** Records of the call that are neither settled nor judged nor handed back. */
  #left(call: Call): Entry[] {
    return call.entries.filter(
      ({ stage }, index) => stage === 'out' && (call.deliveries[index] as { settled?: boolean }).settled !== true,
    )
  }

  #over(call: Call): void {
    call.over = true
    this.#calls.delete(call)
    this.#handled -= call.handled
    call.handled = 0
    if (call.timer !== null) clearTimeout(call.timer)
    for (const delivery of call.deliveries) if (delivery instanceof SettleableDelivery) delivery.expire()
    if (this.#closed) return
    this.#sayActive()
    if (this.#closing === null) this.#thread.wake()
    else this.#finish()
  }

  /** How many records handlers have in hand now, and of one alone, which: a death of the thread is charged to it. */
  #sayActive(): void {
    const active = this.#lane.out - this.#handled
    if (active === 1) {
      for (const { entries, handled } of this.#calls)
        for (const { stage, offset } of entries) if (handled === 0 && stage === 'out') this.reader.handOut(offset)
    }
    this.reader.active(active)
    this.reader.handled(this.#handled)
  }

  #settled(entry: Entry): void {
    this.#open.delete(entry.offset)
    this.#lane.settle(entry)
    this.#ledger.settle(entry.offset, entry.deliveryAttempt)
  }

  #back(entry: Entry): void {
    this.#open.delete(entry.offset)
    this.#lane.release(entry)
    this.#ledger.back(entry.offset, entry.deliveryAttempt)
  }

  #judge(entry: Entry, how: SettleHow, error: unknown): void {
    // A look at it may run code of its own, while it is still charged with what that does.
    const wire = toWire(error)
    this.#lane.fail(entry)
    this.#ledger.back(entry.offset, entry.deliveryAttempt)
    this.#settlements.send(entry.offset, how, entry.deliveryAttempt, wire)
  }

  verdict({ epoch, offset, action, failedAttempts, delayMs }: Verdict): void {
    const entry = this.#open.get(offset)
    if (this.#closed || epoch !== this.reader.assignment.epoch || entry?.stage !== 'judged') return
    if (action === VERDICT.skip) this.#settled(entry)
    else if (failedAttempts >= entry.failedAttempts) {
      this.#open.delete(offset)
      this.#lane.judge(entry, failedAttempts, nowMs() + delayMs)
    }
    this.#thread.wake()
  }

  late({ topic, partition, offset }: SettleableDelivery): MillraceError {
    return new MillraceError(
      'MILL_SETTLED',
      `the delivery at ${topic}/${partition}, offset ${offset}, cannot be settled any more: its batch is over; settle single deliveries before the batch handler returns`,
    )
  }

  // -- a batch handler settles single deliveries ------------------------------------------------------------------

  acked({ offset }: SettleableDelivery): void {
    const entry = this.#open.get(offset)
    if (entry !== undefined) this.#settled(entry)
  }

  failed({ offset }: SettleableDelivery, how: SettleHow, error: unknown): void {
    const entry = this.#open.get(offset)
    if (entry !== undefined) this.#judge(entry, how, error)
  }

  released({ offset }: SettleableDelivery): void {
    const entry = this.#open.get(offset)
    if (entry !== undefined) this.#back(entry)
  }

  withdrawn(delivery: SettleableDelivery): void {
    this.released(delivery)
  }
}
