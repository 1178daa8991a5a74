/**
 * The record that an executor of one delivery at a time has in hand, from its hand-out to its end, with retries where it stands.
 *
 * The thread that handles; one per executor, which decides when the next one goes out. What the executor is doing
 * (executor-state.ts) is kept here, because most of it is what this record waits for.
 */
import { nowMs } from '../../actors/world.ts'
import type { SettleHow } from '../link/link.ts'
import { RecordDelivery } from '../reader/delivery.ts'
import type { PartitionReader } from '../reader/partition-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { Verdict } from '../thread/turn-taker.ts'
import { failureOf, toWire } from '../words/errors.ts'
import { CallClock } from './call-clock.ts'
import { CursorRun } from './cursor-run.ts'
import type { DeliveryContext } from './delivery-context.ts'
import type { ExecutorSetting } from './executor-setting.ts'
import { type ExecutorState, entered } from './executor-state.ts'
import { FailedRecord } from './failed-record.ts'
import type { FetchCommits } from './fetch-commits.ts'
import { type CallFailure, type CallOwner, HandlerCall } from './handler-call.ts'
import { ALONE_MS, BYSTANDERS_MS, HoldTimer } from './hold-timer.ts'
import { countTurn, onStack } from './on-stack.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { PlainRun } from './plain-run.ts'
import { FOR_EVER, settledForGood } from './settled-for-good.ts'

export interface HandUpcalls {
  /** Whether the record behind one that has ended plainly may be handed out at once. */
  mayGoOn(): boolean
  /** What was waited for is over. */
  goOn(): void
  /** Nothing can be handled, and no record is to blame. */
  fail(error: Error): void
}

export class DeliveryInHand implements CallOwner<RecordDelivery> {
  /** Changed by `enter`. */
  state: ExecutorState = 'running'
  /** The record at the reader is to be handed out (again), without moving on. */
  current = false
  readonly #setting: ExecutorSetting
  readonly #thread: AttachedThread
  readonly #reader: PartitionReader
  readonly #commits: FetchCommits
  readonly #upcalls: HandUpcalls
  readonly #turnstile: OneAtATime
  readonly #clock: CallClock
  readonly #run: PlainRun | CursorRun
  readonly #timer = new HoldTimer()
  readonly #failure: FailedRecord
  /** Of the deliveries from now on. */
  #context: DeliveryContext
  /** The call that is pending. */
  #call: HandlerCall<RecordDelivery> | null = null
  /** Its thread has died of the record in hand, or may have: nothing else goes out before that is settled for good. */
  #isAlone = false
  /** In `nowMs`. */
  readonly #doubtsEndMs: number

  constructor(setting: ExecutorSetting, userState: unknown, commits: FetchCommits, upcalls: HandUpcalls) {
    const { thread, reader, turnstile, context, handlerTimeoutMs } = setting
    this.#setting = setting
    this.#thread = thread
    this.#reader = reader
    this.#commits = commits
    this.#upcalls = upcalls
    this.#turnstile = turnstile ?? new OneAtATime()
    this.#clock = new CallClock(handlerTimeoutMs)
    const Run = setting.handler.records === undefined ? PlainRun : CursorRun
    this.#run = new Run(setting, userState, upcalls.mayGoOn)
    this.#failure = new FailedRecord(thread, reader, this.#timer)
    this.#context = context
    this.#doubtsEndMs = nowMs() + BYSTANDERS_MS
  }

  enter(state: ExecutorState): void {
    this.state = entered(this.state, state)
  }

  /** First offset whose handler has not returned. */
  get returnedTo(): number {
    const reader = this.#reader
    if (reader.offset === -1) return reader.committed
    return this.current || this.state === 'pending' ? reader.offset : reader.offset + 1
  }

  /** Whether a record may go out now, apart from what its executor waits for. */
  mayDeliver(): boolean {
    if (!(this.current || this.#reader.ready())) return false
    return this.#turnstile.admits(this.#reader.assignment.cursor) && (!this.current || this.isAdmitted())
  }

  /** Whether no other partition of the thread has to be let through first. */
  get isOpen(): boolean {
    return this.#turnstile.open
  }

  /** Nothing is waited for any more. */
  clearTimers(): void {
    this.#clock.close()
    this.#timer.clear()
  }

  /** Whatever its handler still does counts for nothing. */
  abandon(): void {
    this.clearTimers()
    this.enter('closed')
    this.#call?.end()
  }

  /** Others need not wait for it. `isOver`: a delivery is, and behind it may come what the thread before died of. */
  passed(isOver = false): void {
    const { assignment, offset, suspectTo } = this.#reader
    if (this.#turnstile.leave(assignment.cursor, isOver && offset < suspectTo)) this.#thread.wake(null)
  }

  /** At most once, whether the record at the reader may be claimed. */
  isAdmitted(): boolean {
    return !this.#setting.atMostOnce || this.#reader.admits()
  }

  /** Hands out the record that the reader moved to, or holds it, or passes it over. */
  deliver(): void {
    const reader = this.#reader
    const { offset } = reader
    const known = reader.knownOf(offset)
    if (known !== undefined) {
      if (known.settled) {
        reader.returned(offset + 1)
        return
      }
      if (known.dying) {
        const dying = this.#delivery(known.deliveryAttempt, known.failedAttempts)
        this.#settle(dying, 'failed', new Error('it waits for its dead letter'))
        return
      }
      // What comes before a suspect had returned.
      const isDoubtful = offset > reader.suspectTo && reader.isDoubtful(offset)
      const wait = Math.max(known.notBeforeMs, isDoubtful ? this.#doubtsEndMs : 0) - nowMs()
      if (wait > 0) {
        this.hold(wait, isDoubtful)
        return
      }
      // It goes, and need not give up being alone.
      if (isDoubtful) this.#timer.clear()
    }
    const delivery = this.#delivery((known?.deliveryAttempt ?? 0) + 1, known?.failedAttempts ?? 0)
    this.#isAlone = this.#commits.isLate && (offset <= reader.suspectTo || delivery.failedAttempts > 0)
    reader.handOut(offset)
    if (this.#setting.atMostOnce) reader.claim(offset + 1)
    countTurn(this.#thread)
    const run = this.#run
    let result: unknown
    try {
      result = run.begin(delivery, this.#context, this.#isAlone)
    } catch (error) {
      // What was thrown is looked at by `failureOf` only: it may be a value that throws when it is looked at.
      if (run.unusable !== null) this.#upcalls.fail(run.unusable)
      else this.#settle(run.inHand as RecordDelivery, failureOf(error), error)
      return
    }
    if (run.inHand !== null) new HandlerCall(this, this.#clock, this.#context, run.inHand).returned(result)
  }

  #delivery(deliveryAttempt: number, failedAttempts: number): RecordDelivery {
    const { frame, at, offset } = this.#reader
    return new RecordDelivery(frame, at, offset, deliveryAttempt, failedAttempts)
  }

  // -- what becomes of a call that does not end plainly -----------------------------------------------------------

  onStack(_call: HandlerCall<RecordDelivery>, act: () => void): void {
    onStack(this.#thread, this.#reader.assignment.slot, act)
  }

  waits(call: HandlerCall<RecordDelivery>): void {
    const wasPending = this.state === 'pending'
    this.enter('pending')
    this.#call = call
    // Nothing is held against a record that only waits for room in the output.
    if (call.isHandling || this.#isAlone) {
      this.#reader.active(1)
      this.#turnstile.enter(this.#reader.assignment.cursor)
    } else if (wasPending) this.#letGo()
  }

  /** No promise of it is pending that its thread may die of. */
  #letGo(): void {
    this.#reader.active(0)
    this.passed(true)
  }

  putOut({ records: delivery }: HandlerCall<RecordDelivery>, value: unknown): Promise<unknown> | null {
    const { output, atMostOnce, keeper } = this.#setting
    const message = value === undefined || output === null ? null : { key: delivery.rawKey, value }
    if (this.#isAlone) return settledForGood(output, keeper ?? null, message, this.#reader.offset + 1)
    if (message === null || output === null) return null
    if (!atMostOnce && output.tryPublish(message, false)) {
      this.#commits.hasUnconfirmed = true
      return null
    }
    // The output topic is full, or no commit can wait for it: the partition does, for as long as that takes.
    return output.publish(message, FOR_EVER, true)
  }

  ended({ records: delivery }: HandlerCall<RecordDelivery>, failure: CallFailure | null): void {
    // Not that of the delivery, which users can write.
    const { offset } = this.#reader
    const wasPending = this.state === 'pending'
    this.#call = null
    if (wasPending) this.#letGo()
    if (failure !== null) {
      const { how, error } = failure
      // Its handler goes on, and what that publishes is no business of those that follow.
      if (how === 'timeout') this.#context = this.#context.forDelivery()
      this.#settle(delivery, how, error)
    } else {
      if (wasPending) this.enter('running')
      this.#reader.returned(offset + 1)
      if (this.#isAlone) {
        this.#commits.hasUnconfirmed = false
        this.#commits.reached(offset + 1, false)
      }
    }
    if (wasPending) this.#upcalls.goOn()
  }

  #settle(delivery: RecordDelivery, how: SettleHow, error: unknown): void {
    // A look at it may run code of its own, while it is still charged with what that does.
    const wire = toWire(error)
    this.#context.forget() // what it published is none of the next delivery's business
    this.enter('held')
    this.current = true
    this.passed()
    if (!this.#setting.atMostOnce) this.#reader.failed(this.#reader.offset)
    this.#failure.tell(delivery, how, wire)
  }

  /** In how many ms the record goes out again, or is skipped, 0: at once; null: the verdict is on another failure. */
  heard(verdict: Verdict): number | null {
    return this.state === 'held' ? this.#failure.heard(verdict) : null
  }

  /** `alone`: when the time has come it waits until no other promise of the thread is pending. */
  hold(delayMs: number, alone = false): void {
    this.enter('held')
    this.current = true
    this.passed()
    this.#timer.start(delayMs, () => {
      if (this.state !== 'held') return
      this.enter('running')
      // Nobody else goes in meanwhile, and a promise beside it may never be settled: then it goes with the others.
      if (alone) {
        this.#turnstile.expect([this.#reader.assignment.cursor])
        this.#timer.start(ALONE_MS, () => this.passed())
      }
      this.#thread.wake(this.#reader.assignment.cursor)
    })
  }
}
