/**
 * Runs a handler over one intake with several records in hand: concurrent calls, batches, or others during a retry.
 *
 * The thread that handles. What goes out next is decided in lane.ts, what becomes of a failure by the group; here calls are
 * made (handler-call.ts), and what becomes of their records is told to the line (commit-line.ts). A turn's settled prefix is
 * committed at its end.
 *
 * Bounds: `concurrency` calls at a time; records from the committed offset on, as many as the intake keeps account of.
 */
import { nowMs } from '../../actors/world.ts'
import type { SettleHow } from '../link/link.ts'
import type { RecordDelivery } from '../reader/delivery.ts'
import type { Intake, Taken } from '../reader/intake.ts'
import type { Verdict } from '../thread/turn-taker.ts'
import type { ManualDelivery } from '../words/delivery.ts'
import { toWire } from '../words/errors.ts'
import { BatchFill } from './batch-fill.ts'
import { BatchSettler } from './batch-settler.ts'
import { CallClock } from './call-clock.ts'
import { CommitLine, type Entry } from './commit-line.ts'
import type { LaneExecutorSetting } from './executor-setting.ts'
import { type CallFailure, type CallOwner, HandlerCall } from './handler-call.ts'
import type { HandlerExecutor } from './handler-executor.ts'
import type { Lane } from './lane.ts'
import { aloneIn, guiltyIn, type LaneCall, laneCall, leftIn } from './lane-call.ts'
import { SettleableDelivery } from './manual-delivery.ts'
import { countTurn, onStack } from './on-stack.ts'
import { outputsOf } from './outputs.ts'
import { PlainBatch } from './plain-batch.ts'
import type { Held } from './self-wait.ts'
import { FOR_EVER } from './settled-for-good.ts'

export class LaneExecutor implements HandlerExecutor, CallOwner<LaneCall> {
  readonly slot: number
  readonly epoch: number
  readonly userState: unknown
  readonly #setting: LaneExecutorSetting
  readonly #thread: LaneExecutorSetting['thread']
  readonly #intake: Intake
  readonly #line: CommitLine
  readonly #lane: Lane<Taken>
  readonly #settler: BatchSettler
  readonly #plain: PlainBatch
  readonly #fill: BatchFill
  readonly #clock: CallClock
  readonly #calls = new Set<HandlerCall<LaneCall>>()
  /** The last one that began. */
  #calling: HandlerCall<LaneCall> | null = null
  /** Records in hand, as the intake was told last. */
  #pending = 0
  /** Records of all calls that are handled and wait for their outputs. */
  #handled = 0
  #paused = false
  #closing: (() => void) | null = null

  constructor(setting: LaneExecutorSetting, userState: unknown) {
    const { thread, intake, retryOrder } = setting
    this.#setting = setting
    this.#thread = thread
    this.#intake = intake
    this.slot = intake.slot
    this.epoch = intake.epoch
    this.userState = userState
    this.#line = new CommitLine(thread, intake, { retryOrder, serial: true })
    this.#lane = this.#line.lane
    const wake = (): void => thread.wake(intake.cursor)
    this.#settler = new BatchSettler(retryOrder, this.#line, () => this.#plain.intoLane(), wake)
    this.#plain = new PlainBatch(this.#line, intake, this.#settler)
    this.#fill = new BatchFill(setting.batch)
    this.#clock = new CallClock(setting.handlerTimeoutMs)
  }

  get calling(): Held | null {
    return this.#calling
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#thread.wake(this.#intake.cursor)
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#closing = resolve
      this.#finish()
    })
  }

  abandon(): void {
    this.#end()
    for (const call of this.#calls) this.#over(call)
  }

  #end(): void {
    this.#line.close()
    this.#clock.close()
  }

  #finish(): void {
    const done = this.#closing
    if (done === null || this.#calls.size > 0 || this.#line.closed) return
    this.#commit()
    this.#end()
    this.#passed()
    done()
  }

  ready(): boolean {
    if (this.#line.closed) return false
    if (this.#line.owesCommit) return true
    if (!this.#mayCall()) return false
    const now = nowMs()
    if (this.#lane.hasNext(now) && this.#fill.wakes(this.#lane, now)) return true
    return this.#line.hasRoom() && this.#intake.ready()
  }

  #mayCall(): boolean {
    const { concurrency, turnstile } = this.#setting
    if (this.#paused || this.#closing !== null || this.#line.closed || this.#calls.size >= concurrency) return false
    return turnstile.admits(this.#intake.cursor)
  }

  turn(deadline: number): boolean {
    if (this.#line.closed) return false
    let worked = false
    this.#thread.phase('executing')
    while (this.#mayCall()) {
      const records = this.#pick()
      if (records === null) break
      worked = true
      this.#call(records)
      if (nowMs() >= deadline) break
    }
    if (this.#commit()) worked = true
    this.#thread.phase('idle')
    if (this.#calls.size === 0 && !(this.#lane.careful && this.#lane.hasNext(nowMs()))) this.#passed()
    // While no more calls may be made, one that is due waits for the end of one, and no clock brings that.
    if (this.#mayCall()) this.#line.wakeAfter(this.#lane.dueMs - nowMs())
    return worked
  }

  /** Records for one call, once there are some that may go. */
  #pick(): LaneCall | null {
    const { handler, concurrency, batch } = this.#setting
    const takesBatches = handler.batch !== undefined
    const plain = takesBatches && concurrency === 1 ? this.#plain.take(batch, this.#makeRoom) : null
    if (plain !== null) return plain
    const entries = this.#pickByLane()
    if (entries.length === 0) return null
    for (const entry of entries) this.#line.handOut(entry)
    return laneCall(entries, takesBatches ? this.#settler : null)
  }

  #pickByLane(): readonly Entry[] {
    const { maxRecords } = this.#setting.batch
    const now = nowMs()
    const lane = this.#lane
    const line = this.#line
    while (!line.tookSuspects || !lane.batchIsReady(maxRecords, now)) {
      if (!line.hasRoom()) this.#makeRoom()
      if (!line.hasRoom() || !line.take()) break
    }
    if (!lane.hasNext(now)) return []
    if (!this.#fill.isDue(lane, now)) {
      line.wakeAfter(this.#fill.waits(now))
      return []
    }
    this.#fill.goes()
    return lane.batch(maxRecords, now)
  }

  #commit(): boolean {
    if (!this.#line.owesCommit) return false
    this.#thread.phase('committing')
    return this.#line.commit()
  }

  /** In the middle of a turn, of which a call may be next. */
  readonly #makeRoom = (): void => {
    if (this.#commit()) this.#thread.phase('executing')
  }

  /** Nothing is in hand that the thread may die of: others need not wait for it. */
  #passed(): void {
    if (this.#setting.turnstile.leave(this.#intake.cursor)) this.#thread.wake(null)
  }

  #call(records: LaneCall): void {
    const { handler, userContext } = this.#setting
    const { batch, message } = handler
    const context = this.#setting.context.forDelivery()
    const call = new HandlerCall<LaneCall>(this, this.#clock, context, records)
    this.#calls.add(call)
    this.#calling = call
    countTurn(this.#thread)
    this.#onStack(records.entries, () => {
      let result: unknown
      try {
        if (batch !== undefined) {
          const manual = records.deliveries as unknown as readonly ManualDelivery[]
          result = userContext.call(batch, handler, manual, this.userState, context)
        } else if (message !== undefined)
          result = userContext.call(message, handler, records.deliveries[0] as RecordDelivery, this.userState, context)
      } catch (error) {
        call.threw(error)
        return
      }
      call.returned(result)
    })
  }

  /** One record alone is charged with what a user's code does that runs for it. */
  #onStack(entries: readonly Entry[], act: () => void): void {
    const alone = entries.length === 1 ? entries[0] : undefined
    if (alone !== undefined) this.#intake.inHand(this.#pending, this.#handled, alone.offset)
    onStack(this.#thread, alone === undefined ? -this.slot : this.slot, act)
  }

  /** How many records handlers have in hand now, and of one alone, which: a death of the thread is charged to it. */
  #sayInHand(): void {
    this.#pending = this.#lane.out + this.#plain.out - this.#handled
    this.#intake.inHand(this.#pending, this.#handled, this.#pending === 1 ? aloneIn(this.#calls) : -1)
  }

  verdict(verdict: Verdict): void {
    this.#line.verdict(verdict)
  }

  // -- what becomes of a call -------------------------------------------------------------------------------------

  onStack({ records }: HandlerCall<LaneCall>, act: () => void): void {
    this.#onStack(leftIn(records), act)
  }

  waits(): void {
    this.#setting.turnstile.enter(this.#intake.cursor)
    this.#sayInHand()
  }

  putOut({ records }: HandlerCall<LaneCall>, value: unknown): Promise<unknown> | null {
    const { output, handler } = this.#setting
    if (output === null || value === undefined) return null
    const messages = outputsOf(records.deliveries, value, handler.batch !== undefined)
    this.#plain.intoLane()
    const left = leftIn(records)
    // The thread's death is not held against them any more, unless it has died of one of them before, or may have.
    if (!(this.#lane.careful || (left.length === 1 && (left[0] as Entry).failedAttempts > 0))) {
      records.handled = left.length
      this.#handled += left.length
    }
    return Promise.all(messages.map(message => output.publish(message, FOR_EVER, true)))
  }

  /**
   * Of a call that failed one record that is left alone is charged; of several nobody is, and each half is tried by itself
   * until the one that fails stands alone.
   */
  ended(call: HandlerCall<LaneCall>, failure: CallFailure | null): void {
    if (failure === null) this.#plain.settle()
    else this.#plain.intoLane()
    const left = leftIn(call.records)
    if (failure === null) for (const entry of left) this.#line.settle(entry)
    else {
      call.context.forget()
      const { how, error } = failure
      const guilty = guiltyIn(call.records, left, error)
      if (guilty !== undefined) {
        for (const entry of left) if (entry !== guilty) this.#line.release(entry)
        this.#judge(guilty, how, error)
      } else if (left.length > 1) this.#line.halve(left)
    }
    this.#over(call)
  }

  #judge(entry: Entry, how: SettleHow, error: unknown): void {
    // A look at the error may run code of its own, while the record is still charged with what that does.
    this.#line.fail(entry, how, toWire(error))
  }

  #over(call: HandlerCall<LaneCall>): void {
    call.end()
    const { records } = call
    this.#calls.delete(call)
    this.#handled -= records.handled
    records.handled = 0
    for (const delivery of records.deliveries) if (delivery instanceof SettleableDelivery) delivery.expire()
    if (this.#line.closed) return
    this.#sayInHand()
    // Also before an end: what is over is committed while others are pending.
    if (this.#closing === null || this.#calls.size > 0) this.#thread.wake(this.#intake.cursor)
    else this.#finish()
  }
}
