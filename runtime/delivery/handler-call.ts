/**
 * One call of a handler, from what it gave back to its end: its promise, what it published and did not await, its output,
 * and its time.
 *
 * The handling thread. Whoever called the handler owns the call, and says what its end means for the records in it. Once a
 * call is over nothing that its handler still does counts for anything.
 *
 * ```
 *   returned ────────────────> putting out ──> done
 *      │  ^                      ^     │
 *      v  │ it published more    │     │ the output failed
 *    handling ───────────────────┘     v
 *      └── rejects, time is over ──> failed
 * ```
 *
 * Only `handling` is timed: room in an output is waited for as long as that takes.
 */
import { isPromiseLike, promiseOf } from '../base/promise-like.ts'
import type { SettleHow } from '../link/link.ts'
import { failureOf } from '../words/errors.ts'
import type { CallClock, TimedCall } from './call-clock.ts'
import type { DeliveryContext } from './delivery-context.ts'

/** Who called the handler. */
export interface CallOwner<R> {
  /** Runs `act`, in which code of a user's may run for the records of the call. */
  onStack(call: HandlerCall<R>, act: () => void): void
  /** The call goes on: it is handling, or putting out. Told each time that it comes to wait. */
  waits(call: HandlerCall<R>): void
  /** Puts out what the handler gave back; null: that is over, or there is nothing to put out. What it throws fails the call. */
  putOut(call: HandlerCall<R>, value: unknown): Promise<unknown> | null
  /** `failure`: why it failed; null: all of it is done. */
  ended(call: HandlerCall<R>, failure: CallFailure | null): void
}

export interface CallFailure {
  readonly how: SettleHow
  readonly error: unknown
}

export class HandlerCall<R> implements TimedCall {
  readonly records: R
  readonly context: DeliveryContext
  readonly #owner: CallOwner<R>
  readonly #clock: CallClock
  #stage: 'returned' | 'handling' | 'putting out' | 'over' = 'returned'
  dueMs = 0
  earlier: TimedCall | null = null
  later: TimedCall | null = null

  constructor(owner: CallOwner<R>, clock: CallClock, context: DeliveryContext, records: R) {
    this.#owner = owner
    this.#clock = clock
    this.context = context
    this.records = records
  }

  /** Whether it waits for its handler, or for what that published. */
  get isHandling(): boolean {
    return this.#stage === 'handling'
  }

  get over(): boolean {
    return this.#stage === 'over'
  }

  /** The handler gave `value` back, or its promise did. */
  returned(value: unknown): void {
    const { context } = this
    if (isPromiseLike(value)) this.#await(value)
    else if (context.outstanding > 0) this.#await(context.settled().then(() => value))
    else if (this.#stage === 'putting out') this.#done()
    else this.#putOut(value)
  }

  /** The handler threw, or its promise rejected. */
  threw(error: unknown): void {
    this.end()
    this.#owner.ended(this, { how: failureOf(error), error })
  }

  timedOut(): void {
    this.end()
    const error = new Error(`the handler did not settle within ${this.#clock.timeoutMs} ms`)
    this.#owner.ended(this, { how: 'timeout', error })
  }

  /** Nobody waits for it any more. */
  end(): void {
    if (this.isHandling) this.#clock.stop(this)
    this.#stage = 'over'
  }

  #await(promise: PromiseLike<unknown>): void {
    if (this.#stage === 'returned') {
      this.#stage = 'handling'
      this.#clock.start(this)
    }
    this.#owner.waits(this)
    promiseOf(promise).then(
      value => {
        if (!this.over) this.#owner.onStack(this, () => this.returned(value))
      },
      (error: unknown) => {
        if (!this.over) this.#owner.onStack(this, () => this.threw(error))
      },
    )
  }

  #putOut(value: unknown): void {
    if (this.isHandling) this.#clock.stop(this)
    this.#stage = 'putting out'
    let put: Promise<unknown> | null
    try {
      put = this.#owner.putOut(this, value)
    } catch (error) {
      this.threw(error)
      return
    }
    if (put === null) this.#done()
    else this.#await(put.then(() => undefined))
  }

  #done(): void {
    this.end()
    this.#owner.ended(this, null)
  }
}
