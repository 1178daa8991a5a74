/**
 * Runs a handler for one consumer of a queue: single messages, several at a time, or batches.
 *
 * The thread that handles. Which message comes next, what becomes of a failure, and when it comes again is the queue's affair; here
 * what was handed out is begun, handled and settled, in the order in which it came. What does not end plainly is in queue-calls.ts,
 * and what goes together in a batch in queue-batches.ts.
 *
 * Bounds: `concurrency` calls at a time; messages unsettled, as many as were asked for. Without a number in the options that is learnt
 * (learnt-prefetch.ts).
 */
import { nowMs } from '../../actors/world.ts'
import type { QueueReader } from '../reader/queue-reader.ts'
import type { ManualDelivery } from '../words/delivery.ts'
import type { QueueExecutorSetting } from './executor-setting.ts'
import type { HandlerExecutor } from './handler-executor.ts'
import { LearntPrefetch } from './learnt-prefetch.ts'
import { MessageContexts } from './message-contexts.ts'
import { countTurn, onStack } from './on-stack.ts'
import { QueueBatches } from './queue-batches.ts'
import type { CalledDelivery } from './queue-call.ts'
import { QueueCalls } from './queue-calls.ts'
import { QueuePlainRun } from './queue-plain-run.ts'
import type { QueueSettleable } from './queue-settleable.ts'
import type { Held } from './self-wait.ts'
import { Stride } from './stride.ts'

export class QueueExecutor implements HandlerExecutor {
  readonly slot: number
  readonly epoch: number
  readonly userState: unknown
  readonly #setting: QueueExecutorSetting
  readonly #thread: QueueExecutorSetting['thread']
  readonly #reader: QueueReader
  readonly #calls: QueueCalls
  /** Null: the handler takes batches. */
  readonly #run: QueuePlainRun | null
  readonly #batches: QueueBatches
  readonly #stride = new Stride()
  /** Null: the number is given. */
  readonly #learnt: LearntPrefetch | null
  readonly #contexts: MessageContexts
  /** Up to when time is accounted for while calls are pending; -1: none was. */
  #busyToMs = -1
  /** Of what the reader has handled, as it was accounted for. */
  #handled = 0
  #isPaused = false
  #closing: (() => void) | null = null
  #isClosed = false

  constructor(setting: QueueExecutorSetting, userState: unknown) {
    const { thread, reader, handler, userContext, atMostOnce, concurrency, batch, prefetch } = setting
    this.#setting = setting
    this.#thread = thread
    this.#reader = reader
    this.slot = reader.assignment.slot
    this.epoch = reader.assignment.epoch
    this.userState = userState
    this.#contexts = new MessageContexts(setting.context)
    this.#calls = new QueueCalls(setting, () => this.#callIsOver())
    const { message } = handler
    this.#run =
      message === undefined
        ? null
        : new QueuePlainRun(
            {
              thread,
              reader,
              handler: handler as typeof handler & { message: typeof message },
              userContext,
              atMostOnce,
            },
            userState,
            () => this.#mayGoOn(),
          )
    this.#batches = new QueueBatches(reader, this.#calls, batch, () => this.#wake())
    const useful = concurrency * (message === undefined ? batch.maxRecords : 1)
    reader.slot.handles(useful)
    this.#learnt = prefetch === null ? new LearntPrefetch(useful, reader.prefetchMax) : null
    this.#ask()
  }

  get calling(): Held | null {
    return this.#calls.calling ?? this.#calls.held(this.#run)
  }

  cancel(tag: number, withinMs: number): Promise<void> {
    return this.#calls.cancel(tag, withinMs)
  }

  pause(): void {
    this.#isPaused = true
    this.#reader.want(0)
    this.#wake()
  }

  resume(): void {
    this.#isPaused = false
    this.#ask()
    this.#wake()
  }

  /** Asks for as many messages as it is to have. */
  #ask(): void {
    const { prefetchMax } = this.#reader
    const deliveries = this.#learnt?.deliveries ?? this.#setting.prefetch ?? prefetchMax
    if (!this.#isPaused && this.#closing === null) this.#reader.want(Math.min(deliveries, prefetchMax))
  }

  #wake(): void {
    this.#thread.wake(this.#reader.assignment.cursor)
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      if (this.#isClosed) {
        resolve()
        return
      }
      this.#closing = resolve
      this.#reader.want(0)
      this.#giveBack()
      this.#reader.flush()
      this.#finish()
    })
  }

  abandon(): void {
    this.#end()
    this.#closing?.()
  }

  #end(): void {
    this.#isClosed = true
    this.#batches.clear()
    this.#calls.close()
    this.#reader.close()
  }

  /** What has not begun is the queue's again. */
  #giveBack(): void {
    this.#reader.fill()
    this.#reader.yieldAll()
    this.#batches.clear()
  }

  #finish(): void {
    if (!this.#calls.isEmpty) return
    void this.#reader.drained().then(() => {
      if (this.#isClosed) return
      this.#reader.flush()
      this.#end()
      this.#closing?.()
    })
  }

  ready(): boolean {
    const reader = this.#reader
    if (this.#isClosed || reader.owes) return !this.#isClosed
    if (!this.#isOpen()) return reader.waiting > 0 || reader.hasUnread
    if (this.#calls.busy >= this.#setting.concurrency) return false
    return reader.hasUnread || this.#batches.wakes()
  }

  get isAnswered(): boolean {
    return this.#calls.busy === 0 && this.#reader.isAnswered
  }

  #isOpen(): boolean {
    return !this.#isPaused && this.#closing === null && !this.#isClosed
  }

  #mayCall(): boolean {
    return this.#isOpen() && this.#calls.busy < this.#setting.concurrency
  }

  turn(deadline: number): boolean {
    const reader = this.#reader
    if (this.#isClosed) return false
    reader.fill()
    if (!this.#isOpen()) this.#giveBack()
    const calls = reader.waiting > 0 && this.#mayCall()
    const hasCalled = calls && this.#callUntil(deadline)
    const { owes } = reader
    if (!calls) this.#account()
    // What is learnt from time that went by is told as well; it is no work, and nobody waits for it.
    return (reader.tell() && owes) || hasCalled
  }

  /** Whether it called the handler. */
  #callUntil(deadline: number): boolean {
    const { waiting } = this.#reader
    const begun = nowMs()
    this.#thread.phase('executing')
    if (this.#run === null) this.#callBatches(deadline)
    else {
      this.#stride.begin(begun)
      onStack(this.#thread, this.slot, () => this.#callPlain(this.#run as QueuePlainRun, deadline))
      this.#calls.charge()
    }
    this.#thread.phase('idle')
    this.#account(begun)
    return this.#reader.waiting < waiting
  }

  /** Learns from the time up to now, as far as something was in hand: from `begun` on it was; -1: nothing was begun. */
  #account(begun = -1): void {
    if (this.#learnt === null || this.#isClosed) return
    const now = nowMs()
    const isFirst = this.#busyToMs === -1
    const since = isFirst && begun === -1 ? now : isFirst ? begun : this.#busyToMs
    const { handled } = this.#reader
    const deliveries = this.#learnt.deliveries
    if (this.#learnt.handled(handled - this.#handled, now - since) !== deliveries) this.#ask()
    this.#handled = handled
    this.#busyToMs = this.#calls.busy > 0 ? now : -1
  }

  // -- single messages --------------------------------------------------------------------------------------------

  #callPlain(run: QueuePlainRun, deadline: number): void {
    while (this.#mayCall() && this.#reader.next()) {
      this.#callOne(run)
      if (!this.#stride.isOver()) continue
      const now = nowMs()
      this.#stride.next(now)
      if (now >= deadline) return
    }
  }

  /** Whether the message behind one that has ended plainly may be handed out at once. */
  #mayGoOn(): boolean {
    return this.#mayCall() && !this.#stride.isOver()
  }

  #callOne(run: QueuePlainRun): void {
    const context = this.#contexts.current
    let result: unknown
    try {
      result = run.begin(context)
    } catch (error) {
      this.#calls.begin([run.inHand as CalledDelivery], context).threw(error)
      run.inHand = null
      this.#contexts.over()
      return
    }
    const { inHand } = run
    const call = inHand === null ? null : this.#calls.begin([inHand], context)
    call?.returned(result)
    run.inHand = null
    if (call?.over === false) this.#contexts.next()
    else this.#contexts.over()
  }

  // -- batches ----------------------------------------------------------------------------------------------------

  #callBatches(deadline: number): void {
    while (this.#mayCall()) {
      const deliveries = this.#batches.pick()
      if (deliveries.length === 0) return
      this.#callBatch(deliveries)
      if (nowMs() >= deadline) return
    }
  }

  #callBatch(deliveries: readonly QueueSettleable[]): void {
    const { handler, userContext } = this.#setting
    const context = this.#setting.context.forDelivery()
    const call = this.#calls.begin(deliveries, context)
    countTurn(this.#thread)
    this.#calls.onStack(call, () => {
      let result: unknown
      try {
        if (handler.batch !== undefined) {
          const manual = deliveries as unknown as readonly ManualDelivery[]
          result = userContext.call(handler.batch, handler, manual, this.userState, context)
        }
      } catch (error) {
        call.threw(error)
        return
      }
      call.returned(result)
    })
  }

  #callIsOver(): void {
    if (this.#closing === null) this.#wake()
    else {
      this.#reader.flush()
      this.#finish()
    }
  }

  /** Nobody asks a queue for verdicts: a message that failed comes again by itself. */
  verdict(): void {}
}
