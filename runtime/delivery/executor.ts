/**
 * Runs a handler over one partition: one delivery at a time, in order, with retries where they stand.
 *
 * The thread that handles (a handler host, or the caller's). A delivery ends in one of three ways: the handler returned
 * (the next one follows at once), its promise is pending (the partition waits, others on the thread go on), or it
 * failed (the group decides, and the partition waits for its verdict and for the backoff in it).
 *
 * Commits: per record in the slot's RETURNED word; the window is freed when a fetch is used up. With an output topic
 * the commit waits until what the fetch produced is confirmed. At most once it comes before the handler, in COMMITTED.
 */
import { nowMs } from '../../actors/world.ts'
import { isPromiseLike, promiseOf } from '../base/promise-like.ts'
import { type SettleHow, VERDICT } from '../link/link.ts'
import { RecordDelivery } from '../reader/delivery.ts'
import type { PartitionReader } from '../reader/partition-reader.ts'
import type { AttachedThread, TurnTaker, Verdict } from '../thread/attached-thread.ts'
import { type ErrorWire, failureOf, toWire } from '../words/errors.ts'
import { DeliveryClock } from './delivery-clock.ts'
import type { DeliveryContext } from './delivery-context.ts'
import type { ExecutorSetting } from './executor-setting.ts'
import { type ExecutorState, entered } from './executor-state.ts'
import { ALONE_MS, BYSTANDERS_MS, HoldTimer } from './hold-timer.ts'
import { countTurn, onStack } from './on-stack.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { PlainRun } from './plain-run.ts'
import { FOR_EVER, settledForGood } from './settled-for-good.ts'
import type { SnapshotKeeper } from './snapshot-keeper.ts'
import { Stride } from './stride.ts'

/** After which a full link is tried again. */
const LINK_RETRY_MS = 5

export class Executor implements TurnTaker {
  readonly reader: PartitionReader
  readonly userState: unknown
  readonly #setting: ExecutorSetting
  readonly #thread: AttachedThread
  readonly #turnstile: OneAtATime
  readonly #clock: DeliveryClock
  #state: ExecutorState = 'running'
  #paused = false
  readonly #run: PlainRun
  /** Of the deliveries from now on. */
  #context: DeliveryContext
  /** The record at the reader is to be handed out (again), without moving on. */
  #current = false
  #hasUnconfirmed = false
  /** Counts hand-outs; what a promise of an earlier one says is too late. */
  #handOut = 0
  /** The delivery whose verdict is awaited. */
  #judged: RecordDelivery | null = null
  readonly #timer = new HoldTimer()
  /** Null: the handler keeps no snapshots. */
  readonly #keeper: SnapshotKeeper | null
  readonly #stride = new Stride()
  /** Its thread has died of the record in hand, or may have: nothing else goes out before that is settled for good. */
  #isAlone = false
  /** In `nowMs`. */
  readonly #doubtsEndMs: number
  #closing: (() => void) | null = null

  constructor(setting: ExecutorSetting, userState: unknown) {
    this.#setting = setting
    this.#thread = setting.thread
    this.#turnstile = setting.turnstile ?? new OneAtATime()
    this.reader = setting.reader
    this.#context = setting.context
    this.#clock = new DeliveryClock(setting.handlerTimeoutMs, delivery => this.#timedOut(delivery))
    this.userState = userState
    this.#run = new PlainRun(setting, userState, () => this.#mayGoOn())
    this.#doubtsEndMs = nowMs() + BYSTANDERS_MS
    this.#keeper = setting.keeper ?? null
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#thread.wake(this)
  }

  /** Resolves when the current delivery is over; nothing is handed out afterwards. */
  close(): Promise<void> {
    return new Promise(resolve => {
      this.#closing = resolve
      if (this.#state === 'running' || this.#state === 'held') this.#finish()
      else if (this.#state === 'closed') resolve()
    })
  }

  /** Its slot is closed: whatever its handler still does counts for nothing. */
  abandon(): void {
    this.#clearTimers()
    if (this.#state !== 'closed') this.#keeper?.close()
    this.#enter('closed')
    this.#handOut++
  }

  #finish(): void {
    const done = this.#closing
    if (done === null) return
    this.#clearTimers()
    this.#passed()
    if (this.#hasUnconfirmed) {
      this.#confirm()
      return
    }
    this.#enter('closed')
    this.#closing = null
    const kept = this.#keeper?.finish(this.#returnedTo())
    if (kept === undefined) this.reader.commit(this.#returnedTo())
    void Promise.resolve(kept).then(done)
  }

  #enter(state: ExecutorState): void {
    this.#state = entered(this.#state, state)
  }

  /** Whether what has returned may come again: its output is not confirmed, or its snapshot not kept. */
  get #confirms(): boolean {
    return (this.#setting.output !== null && !this.#setting.atMostOnce) || this.#keeper !== null
  }

  #clearTimers(): void {
    this.#clock.close()
    this.#timer.clear()
  }

  /** First offset whose handler has not returned. */
  #returnedTo(): number {
    const { reader } = this
    if (reader.offset === -1) return reader.committed
    return this.#current || this.#state === 'pending' ? reader.offset : reader.offset + 1
  }

  /** Everything below is over. `isIdle`: there is nothing to hand out. */
  #commit(offset: number, isIdle: boolean): void {
    if (this.#keeper === null) this.reader.commit(offset)
    else this.#keeper.reached(offset, isIdle)
  }

  get #owesCommit(): boolean {
    return this.#returnedTo() > this.reader.committed && this.#keeper?.isBusy !== true
  }

  ready(): boolean {
    return this.#state === 'running' && (this.#mayDeliver() || this.#owesCommit)
  }

  #mayDeliver(): boolean {
    if (this.#paused || !(this.#current || this.reader.ready())) return false
    return this.#turnstile.admits(this.reader.assignment.cursor) && (!this.#current || this.#isAdmitted())
  }

  /** At most once, whether the record at the reader may be claimed. */
  #isAdmitted(): boolean {
    return !this.#setting.atMostOnce || this.reader.admits()
  }

  /** Others need not wait for it. `isOver`: a delivery is, and behind it may come what the thread before died of. */
  #passed(isOver = false): void {
    const { assignment, offset, suspectTo } = this.reader
    if (this.#turnstile.leave(assignment.cursor, isOver && offset < suspectTo)) this.#thread.wake(null)
  }

  turn(deadline: number): boolean {
    if (this.#state !== 'running') return false
    if (!this.#mayDeliver()) {
      if (!this.#current && !this.reader.ready()) this.#passed()
      return this.#commitOwed()
    }
    this.#thread.phase('executing')
    this.#onStack(() => this.#deliverUntil(deadline))
    return true
  }

  #onStack(act: () => void): void {
    onStack(this.#thread, this.reader.assignment.slot, act)
  }

  /**
   * Nothing can be handed out now: what has been handled is committed, or a window that is full because of it would
   * stay full, and nothing new would come to be handed out.
   */
  #commitOwed(): boolean {
    if (!this.#owesCommit) return false
    this.#endFetch(true)
    if (this.#state === 'running') this.#thread.phase('idle')
    return true
  }

  #deliverUntil(deadline: number): void {
    const { reader } = this
    this.#stride.begin(nowMs())
    for (;;) {
      if (!this.#current) {
        if (reader.exhausted && !this.#endFetch()) return
        if (!reader.next()) {
          this.#thread.phase('idle')
          return
        }
        this.#current = true
      }
      if (!this.#isAdmitted()) {
        this.#thread.phase('idle')
        return
      }
      this.#current = false
      this.#deliver()
      if (this.#state !== 'running') return
      if (!this.#turnstile.open) {
        this.#passed(true)
        return
      }
      if (this.#closing !== null) {
        this.#finish()
        return
      }
      if (!this.#stride.isOver()) continue
      const now = nowMs()
      this.#stride.next(now)
      if (now >= deadline || this.#paused) return
    }
  }

  /** The fetch is used up: its records are committed, once their outputs are confirmed. False: that is not yet so. */
  #endFetch(isIdle = false): boolean {
    if (this.#hasUnconfirmed) {
      this.#confirm(isIdle)
      return false
    }
    if (this.reader.offset >= this.reader.committed) {
      this.#thread.phase('committing')
      this.#commit(this.#returnedTo(), isIdle)
      this.#thread.phase('executing')
    }
    return true
  }

  /** Commits when the outputs are confirmed, and goes on; `keeper`: when that is kept, too. */
  #confirm(isIdle = false, keeper: SnapshotKeeper | null = null): void {
    const upTo = this.#returnedTo()
    this.#enter('confirming')
    this.#hasUnconfirmed = false
    const confirmed = Promise.resolve(this.#setting.output?.flush())
    const kept = keeper === null ? confirmed : confirmed.then(() => keeper.keepNow(upTo))
    kept.then(
      () => {
        if (this.#state !== 'confirming') return
        this.#thread.phase('committing')
        this.#commit(upTo, isIdle)
        this.#enter('running')
        this.#goOn()
      },
      // What was put out is not there: nothing of it is committed, and the run is told.
      (error: Error) => {
        if (this.#state === 'confirming') this.reader.fail(error)
        if (this.#state !== 'closed') this.#keeper?.close()
        this.#enter('closed')
        this.#closing?.()
      },
    )
  }

  #goOn(): void {
    if (this.#closing !== null) {
      this.#finish()
      return
    }
    this.#thread.wake(this)
  }

  #deliver(): void {
    const { reader } = this
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
        this.#hold(wait, isDoubtful)
        return
      }
      // It goes, and need not give up being alone.
      if (isDoubtful) this.#timer.clear()
    }
    const delivery = this.#delivery((known?.deliveryAttempt ?? 0) + 1, known?.failedAttempts ?? 0)
    this.#isAlone = this.#confirms && (offset <= reader.suspectTo || delivery.failedAttempts > 0)
    reader.handOut(offset)
    if (this.#setting.atMostOnce) reader.claim(offset + 1)
    countTurn(this.#thread)
    this.#handOut++
    const run = this.#run
    let result: unknown
    try {
      result = run.begin(delivery, this.#context, this.#isAlone)
    } catch (error) {
      this.#failed(run.inHand as RecordDelivery, error)
      return
    }
    if (run.inHand !== null) this.#take(run.inHand, result)
  }

  /** Whether the record behind one that has ended plainly may be handed out at once. */
  #mayGoOn(): boolean {
    if (this.#setting.atMostOnce || this.#state !== 'running' || this.#closing !== null) return false
    return this.#turnstile.open && !this.#stride.isOver()
  }

  #delivery(deliveryAttempt: number, failedAttempts: number): RecordDelivery {
    const { frame, at, offset } = this.reader
    return new RecordDelivery(frame, at, offset, deliveryAttempt, failedAttempts)
  }

  /** The rarer ends of a call: a promise, an output, publishes that nobody awaited. */
  #take(delivery: RecordDelivery, result: unknown): void {
    const context = this.#context
    if (isPromiseLike(result)) this.#await(delivery, result)
    else if (context.outstanding > 0) this.#awaitPublishes(delivery, result)
    else this.#output(delivery, result)
  }

  #awaitPublishes(delivery: RecordDelivery, value: unknown): void {
    const published = this.#context.settled().then(() => value)
    this.#await(delivery, published)
  }

  #await(delivery: RecordDelivery, promise: PromiseLike<unknown>): void {
    const handOut = this.#handOut
    this.#enter('pending')
    this.reader.active(1)
    this.#turnstile.enter(this.reader.assignment.cursor)
    this.#clock.start(delivery)
    promiseOf(promise).then(
      value => this.#onStack(() => this.#resolved(delivery, handOut, value)),
      (error: unknown) => this.#onStack(() => this.#rejected(delivery, handOut, error)),
    )
  }

  #resolved(delivery: RecordDelivery, handOut: number, value: unknown): void {
    if (handOut !== this.#handOut || this.#state !== 'pending') return
    if (this.#context.outstanding > 0) {
      this.#awaitPublishes(delivery, value)
      return
    }
    this.#settles(handOut)
    this.#enter('running')
    this.#output(delivery, value)
    // A call may have changed what the compiler takes it for.
    if ((this.#state as ExecutorState) === 'running') this.#goOn()
  }

  #rejected(delivery: RecordDelivery, handOut: number, error: unknown): void {
    if (!this.#settles(handOut)) return
    this.#failed(delivery, error)
    this.#goOn()
  }

  /** Whether this hand-out is still the one that is pending; if so it is over. */
  #settles(handOut: number): boolean {
    if (handOut !== this.#handOut || this.#state !== 'pending') return false
    this.#clock.stop()
    this.reader.active(0)
    this.#passed(true)
    return true
  }

  #timedOut(delivery: RecordDelivery): void {
    this.#handOut++
    this.reader.active(0)
    // Its handler goes on, and what that publishes is no business of those that follow.
    this.#context = this.#context.forDelivery()
    const error = new Error(`the handler did not settle within ${this.#setting.handlerTimeoutMs} ms`)
    this.#settle(delivery, 'timeout', error)
    this.#goOn()
  }

  #output(delivery: RecordDelivery, value: unknown): void {
    const { output, atMostOnce } = this.#setting
    const message = value === undefined || output === null ? null : { key: delivery.rawKey, value }
    if (this.#isAlone)
      this.#awaitEnd(delivery, settledForGood(output, this.#keeper, message, delivery.offset + 1), true)
    else if (message === null || output === null) this.reader.returned(delivery.offset + 1)
    else {
      try {
        if (!atMostOnce && output.tryPublish(message, false)) {
          this.#hasUnconfirmed = true
          this.reader.returned(delivery.offset + 1)
          return
        }
      } catch (error) {
        this.#failed(delivery, error)
        return
      }
      // The output topic is full, or no commit can wait for it: the partition does, for as long as that takes.
      this.#awaitEnd(delivery, output.publish(message, FOR_EVER, true), false)
    }
  }

  /**
   * The handler has returned, and its record waits for this to be over; no time is held against it. `isCharged`: the death of
   * its thread is, because it may have died of it before.
   */
  #awaitEnd(delivery: RecordDelivery, ending: Promise<unknown>, isCharged: boolean): void {
    const handOut = this.#handOut
    this.#enter('pending')
    if (isCharged) {
      this.reader.active(1)
      this.#turnstile.enter(this.reader.assignment.cursor)
    }
    ending.then(
      () => {
        if (!this.#settles(handOut)) return
        this.#enter('running')
        this.reader.returned(delivery.offset + 1)
        if (isCharged) {
          this.#hasUnconfirmed = false
          this.#commit(delivery.offset + 1, false)
        }
        this.#goOn()
      },
      (error: unknown) => this.#onStack(() => this.#rejected(delivery, handOut, error)),
    )
  }

  #failed(delivery: RecordDelivery, error: unknown): void {
    this.#settle(delivery, failureOf(error), error)
  }

  #settle(delivery: RecordDelivery, how: SettleHow, error: unknown): void {
    // A look at it may run code of its own, while it is still charged with what that does.
    const wire = toWire(error)
    this.#context.forget() // what it published is none of the next delivery's business
    this.#enter('held')
    this.#current = true
    this.#passed()
    this.#judged = delivery
    if (!this.#setting.atMostOnce) this.reader.failed(delivery.offset)
    this.#tell(delivery, how, wire)
  }

  #tell(delivery: RecordDelivery, how: SettleHow, error: ErrorWire): void {
    const { cursor, epoch, place } = this.reader.assignment
    if (!this.#thread.settle(place.host, cursor, epoch, delivery.offset, how, delivery.deliveryAttempt, error))
      this.#timer.start(LINK_RETRY_MS, () => this.#tell(delivery, how, error))
  }

  /** `alone`: when the time has come it waits until no other promise of the thread is pending. */
  #hold(delayMs: number, alone = false): void {
    this.#enter('held')
    this.#current = true
    this.#passed()
    this.#timer.start(delayMs, () => {
      if (this.#state !== 'held') return
      this.#enter('running')
      // Nobody else goes in meanwhile, and a promise beside it may never be settled: then it goes with the others.
      if (alone) {
        this.#turnstile.expect([this.reader.assignment.cursor])
        this.#timer.start(ALONE_MS, () => this.#passed())
      }
      this.#thread.wake(this)
    })
  }

  verdict(verdict: Verdict): void {
    const { reader } = this
    const judged = this.#judged
    // When the partition is being given up, its group remembers the verdict, and nothing goes out any more. A verdict may come
    // twice, when its partition host died in between: one on an earlier hand-out is none on this.
    const isStale = verdict.epoch !== reader.assignment.epoch || verdict.offset !== judged?.offset
    if (this.#state !== 'held' || judged === null || isStale) return
    this.#timer.clear() // its failure need not be told any more
    const skip = verdict.action === VERDICT.skip
    if (!skip && verdict.failedAttempts <= judged.failedAttempts) return
    this.#judged = null
    reader.keepVerdict(verdict, judged.deliveryAttempt)
    if (!reader.crowded && !skip && verdict.delayMs > 0) {
      this.#hold(verdict.delayMs)
      return
    }
    this.#enter('running')
    // The group forgets what is behind a commit, and waits for one when it can keep no more in mind.
    if (reader.crowded && this.#keeper !== null) this.#confirm(false, this.#keeper)
    else if (!reader.crowded || this.#endFetch()) this.#goOn()
  }
}
