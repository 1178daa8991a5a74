/**
 * The calls of a queue's handler that did not end plainly, at one consumer: their promises, their outputs, and what becomes of their
 * messages.
 *
 * The handling thread. It keeps the words by which a death of the thread is charged: a message on the stack, or the only one pending.
 * What is handled and waits for its output is charged with nothing, unless it failed before. Nothing is awaited of the queue: a message
 * that failed is its own again.
 *
 * Bound: what its executor calls.
 */
import type { FailHow, SettleHow } from '../link/link.ts'
import type { QueueReader } from '../reader/queue-reader.ts'
import { MillraceError, toWire } from '../words/errors.ts'
import { ackOrReply, lost } from './answer-of.ts'
import { CallClock } from './call-clock.ts'
import { CancelWaits } from './cancel-waits.ts'
import { cancelledError } from './cancelled-error.ts'
import type { DeliveryContext } from './delivery-context.ts'
import type { QueueExecutorSetting } from './executor-setting.ts'
import { type CallFailure, type CallOwner, HandlerCall } from './handler-call.ts'
import type { SettleableDelivery } from './manual-delivery.ts'
import { onStack } from './on-stack.ts'
import { outputsOf } from './outputs.ts'
import {
  type CalledDelivery,
  failedIn,
  type QueueCall,
  type QueueHandlerCall,
  queueCall,
  staysCharged,
  unsettledIn,
  valueFor,
} from './queue-call.ts'
import type { QueuePlainRun } from './queue-plain-run.ts'
import { QueueSettleable, type QueueSettler } from './queue-settleable.ts'
import type { Held } from './self-wait.ts'
import { FOR_EVER } from './settled-for-good.ts'

export class QueueCalls implements CallOwner<QueueCall>, QueueSettler {
  readonly retryOrder = 'none'
  readonly #setting: QueueExecutorSetting
  readonly #reader: QueueReader
  readonly #slot: number
  readonly #clock: CallClock
  readonly #calls = new Set<QueueHandlerCall>()
  /** The call of each delivery that its handler may settle. */
  readonly #callOf = new Map<CalledDelivery, QueueHandlerCall>()
  /** Whose code is on the stack; null: none is. */
  calling: QueueHandlerCall | null = null
  /** Told when a call is over. */
  readonly #over: () => void
  /** Calls that are handled and wait for their outputs. */
  #handledCalls = 0
  readonly #waits = new CancelWaits()
  #pending = 0
  #handled = 0
  #isClosed = false

  constructor(setting: QueueExecutorSetting, over: () => void) {
    this.#setting = setting
    this.#reader = setting.reader
    this.#slot = setting.reader.assignment.slot
    this.#clock = new CallClock(setting.handlerTimeoutMs)
    this.#over = over
  }

  get isEmpty(): boolean {
    return this.#calls.size === 0
  }

  /** Calls that count against the concurrency: at most once, also those that wait for room in the output, which nothing else bounds. */
  get busy(): number {
    return this.#setting.atMostOnce ? this.#calls.size : this.#calls.size - this.#handledCalls
  }

  /** What a plain run has in hand, until no call has it either; null: nothing. */
  held(run: QueuePlainRun | null): Held | null {
    const delivery = run?.inHand ?? null
    if (run === null || delivery === null) return null
    const isCalled = (): boolean => [...this.#calls].some(({ records }) => records.deliveries.includes(delivery))
    return {
      get over() {
        return run.inHand !== delivery && !isCalled()
      },
    }
  }

  /** A call of the handler for these has begun. */
  begin(deliveries: readonly CalledDelivery[], context: DeliveryContext): QueueHandlerCall {
    const call = new HandlerCall<QueueCall>(this, this.#clock, context, queueCall(deliveries))
    this.#calls.add(call)
    if (this.#isBatch) for (const delivery of deliveries) this.#callOf.set(delivery, call)
    return call
  }

  /** Aborts the signal of a message in hand. Resolves when it is settled, or after so long. */
  async cancel(tag: number, withinMs: number): Promise<void> {
    for (const call of this.#calls) {
      const delivery = unsettledIn(call.records).find(each => each.tag === tag)
      if (delivery === undefined) continue
      const settled = this.#waits.until(tag, withinMs)
      const reason = cancelledError(delivery)
      this.onStack(call, () => {
        if (delivery instanceof QueueSettleable) delivery.abort(reason)
        call.context.cancel(reason)
      })
      await settled
      break
    }
    // The queue is to find what has ended, and is asked next.
    await this.#reader.drained()
    this.#reader.flush()
  }

  /** Runs `act`, in which code of a user's may run for these messages. One alone is charged with what that does. */
  #charged(left: readonly CalledDelivery[], act: () => void): void {
    const only = left.length === 1 ? left[0] : undefined
    this.#reader.slot.charge(only?.tag ?? 0)
    onStack(this.#setting.thread, only === undefined ? -this.#slot : this.#slot, act)
    this.charge()
  }

  /** Says which message a death of the thread is charged to while no code of a user's is on the stack. */
  charge(): void {
    if (!this.#isClosed) this.#reader.slot.charge(this.#pending === 1 ? this.#aloneTag() : 0)
  }

  /** The tag of the only message that is pending. */
  #aloneTag(): number {
    for (const { records } of this.#calls) if (records.pending === 1) return unsettledIn(records)[0]?.tag ?? 0
    return 0
  }

  /** The messages that are left in a call are pending from now on, or handled. */
  #count(records: QueueCall): void {
    const pending = records.isHandled ? 0 : records.left
    const handled = records.isHandled ? records.left : 0
    this.#pending += pending - records.pending
    this.#handled += handled - records.handled
    records.pending = pending
    records.handled = handled
    if (this.#isClosed) return
    this.#reader.slot.inHand(this.#pending, this.#handled)
    if (this.calling === null) this.charge()
  }

  // -- what becomes of a call -------------------------------------------------------------------------------------

  onStack(call: QueueHandlerCall, act: () => void): void {
    const before = this.calling
    this.calling = call
    this.#charged(unsettledIn(call.records), act)
    this.calling = before
  }

  waits({ records }: QueueHandlerCall): void {
    this.#count(records)
  }

  putOut({ records }: QueueHandlerCall, value: unknown): Promise<unknown> | null {
    const { output, handler } = this.#setting
    records.value = value
    if (output === null || value === undefined) return null
    const messages = outputsOf(records.deliveries, value, handler.batch !== undefined)
    if (!staysCharged(unsettledIn(records)) && !records.isHandled) {
      records.isHandled = true
      this.#handledCalls++
    }
    return Promise.all(messages.map(message => output.publish(message, FOR_EVER, true)))
  }

  /**
   * Of a call that failed one message that is left alone is charged; of several nobody is, and each half is tried by itself until the
   * one that fails stands alone.
   */
  ended(call: QueueHandlerCall, failure: CallFailure | null): void {
    const reader = this.#reader
    const left = unsettledIn(call.records)
    if (failure === null)
      for (const each of left)
        ackOrReply(reader, each, valueFor(call.records, each, this.#isBatch), this.#setting.atMostOnce)
    else {
      call.context.forget()
      const { how, error } = failure
      const failed = failedIn(left, error)
      if (failed !== undefined) {
        for (const each of left) if (each !== failed) reader.release(each.tag)
        this.#failed(failed, how, error)
      } else if (left.length > 1) reader.halve(left)
    }
    this.#end(call)
  }

  get #isBatch(): boolean {
    return this.#setting.handler.batch !== undefined
  }

  #failed(message: CalledDelivery, how: SettleHow, error: unknown, delayMs: number | null = null): void {
    // A look at it may run code of its own, while it is still charged with what that does.
    const wire = toWire(error)
    if (this.#setting.atMostOnce) lost(this.#reader, message, how as Single, wire)
    else this.#reader.settle(message, how as Single, wire, delayMs)
  }

  #end(call: QueueHandlerCall): void {
    this.#forget(call)
    call.records.left = 0
    this.#count(call.records)
    if (!this.#isClosed) this.#over()
  }

  #forget(call: QueueHandlerCall): void {
    call.end()
    this.#calls.delete(call)
    if (call.records.isHandled) this.#handledCalls--
    call.context.over()
    for (const delivery of call.records.deliveries) {
      this.#waits.over(delivery.tag)
      if (!(delivery instanceof QueueSettleable)) continue
      delivery.expire()
      this.#callOf.delete(delivery)
    }
  }

  /** Whatever its handlers still do counts for nothing. */
  close(): void {
    this.#isClosed = true
    this.#clock.close()
    for (const call of this.#calls) this.#forget(call)
  }

  // -- a batch handler settles single deliveries ------------------------------------------------------------------

  begins(): boolean {
    return true
  }

  confirmed(): Promise<void> {
    return this.#reader.confirm()
  }

  /** The time of a batch is that of its handler. */
  renewed(delivery: QueueSettleable): void {
    const call = this.#callOf.get(delivery)
    if (call?.isHandling !== true) return
    this.#clock.stop(call)
    this.#clock.start(call)
  }

  late({ topic, offset }: SettleableDelivery): MillraceError {
    return new MillraceError(
      'MILL_SETTLED',
      `message ${offset} of queue ${topic} cannot be settled any more: its batch is over; settle single deliveries before the batch handler returns`,
    )
  }

  acked(delivery: SettleableDelivery): void {
    this.replied(delivery as QueueSettleable, undefined)
  }

  replied(delivery: QueueSettleable, value: unknown): void {
    ackOrReply(this.#reader, delivery, value)
    this.#left(delivery)
  }

  failed(delivery: SettleableDelivery, how: Single, error: unknown, delayMs: number | null = null): void {
    this.#failed(delivery as QueueSettleable, how, error, delayMs)
    this.#left(delivery as QueueSettleable)
  }

  released(delivery: SettleableDelivery): void {
    this.#reader.release((delivery as QueueSettleable).tag)
    this.#left(delivery as QueueSettleable)
  }

  withdrawn(delivery: SettleableDelivery): void {
    this.released(delivery)
  }

  /** A message left its batch: those that stay are fewer, and one of them may be alone now. */
  #left(delivery: QueueSettleable): void {
    const records = this.#callOf.get(delivery)?.records
    if (records === undefined) return
    this.#waits.over(delivery.tag)
    records.left--
    if (records.pending > 0) this.#count(records)
    this.#setting.thread.wake(this.#reader.assignment.cursor)
  }
}

/** How one message ended. */
type Single = FailHow
