/**
 * Deliveries as an async iterable: the next turn acks the last, leaving the loop releases the current one.
 *
 * The creating thread. It joins the group with the first turn and leaves it when the loop is left, by break, return or
 * throw (a for-await loop calls `return` for each of them, so they cannot be told apart). It may also end by itself, once all is settled
 * that was there when it had joined.
 */
import { offAbort, onAbort } from '../base/abort-listeners.ts'
import type { SettleableDelivery } from '../delivery/manual-delivery.ts'
import type { ManualDelivery } from '../words/delivery.ts'
import { FullError, isMillraceError } from '../words/errors.ts'
import type { Run } from '../words/run.ts'

/** Deliveries that it may have in hand, and turns that may be asked for before they are answered. */
export const TURNS_MAX = 256

/** Joins the group; deliveries go to `emit`. */
export type Join = (emit: (delivery: SettleableDelivery) => void) => Promise<Joined>

/** Resolves when all is settled that is there when it is called, or when nobody waits for that any more. */
export type Settled = (gone: AbortSignal) => Promise<void>

/** What a consumer's run is to who consumes. */
export type Joined = Pick<Run<unknown>, 'finished' | 'stop'>

interface Waiting<V> {
  readonly resolve: (result: IteratorResult<ManualDelivery<V>>) => void
  readonly reject: (error: unknown) => void
}

export class DeliveryIterator<V> implements AsyncIterableIterator<ManualDelivery<V>> {
  readonly #join: Join
  readonly #signal: AbortSignal | undefined
  readonly #left: (deliveries: number) => void
  readonly #settled: Settled | null
  /** Ends what waits until all is settled. */
  readonly #gone = new AbortController()
  #run: Promise<Joined> | null = null
  #queue: SettleableDelivery[] = []
  #waiting: Waiting<V>[] = []
  /** Handed to the consumer since the last turn; more than one only if it asked again before it had an answer. */
  #current: SettleableDelivery[] = []
  #done = false
  #failure: unknown = null

  /**
   * `left` has the number of deliveries that were not settled when the loop was left. `settled` ends the loop
   * when it resolves; null: nothing does.
   */
  constructor(
    join: Join,
    signal: AbortSignal | undefined,
    settled: Settled | null,
    left: (deliveries: number) => void = () => undefined,
  ) {
    this.#left = left
    this.#join = join
    this.#signal = signal
    this.#settled = settled
    if (signal !== undefined) onAbort(signal, this.#endAtTurn)
    if (signal?.aborted === true) this.#finish(null)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The loop ends at its next turn, which acks what it has in hand. */
  readonly #endAtTurn = (): void => {
    if (this.#done) return
    const waiting = this.#waiting
    this.#waiting = []
    this.#finish(null)
    if (this.#current.length > 0) over(waiting)
    else
      this.#leave().then(
        () => over(waiting),
        () => over(waiting),
      )
  }

  #start(): void {
    this.#run = this.#join(delivery => this.#take(delivery))
    this.#run.then(
      run => {
        run.finished.then(
          () => this.#finish(null),
          (error: unknown) => this.#finish(error),
        )
        // How the run ends is known from `finished`, also when the broker closes.
        this.#settled?.(this.#gone.signal).then(
          this.#endAtTurn,
          (error: unknown) => isMillraceError(error, 'MILL_CLOSED') || this.#finish(error),
        )
      },
      (error: unknown) => this.#finish(error),
    )
  }

  #take(delivery: SettleableDelivery): void {
    if (this.#done || this.#waiting.length === 0) {
      delivery.unseen = true
      if (!this.#done) this.#queue.push(delivery)
    } else if (delivery.begin()) {
      this.#current.push(delivery)
      const waiting = this.#waiting.shift() as Waiting<V>
      waiting.resolve({ done: false, value: delivery as unknown as ManualDelivery<V> })
    }
  }

  #finish(error: unknown): void {
    if (this.#done) return
    this.#done = true
    this.#gone.abort()
    if (this.#signal !== undefined) offAbort(this.#signal, this.#endAtTurn)
    const waiting = this.#waiting
    this.#waiting = []
    this.#queue = []
    // One turn gets the failure; later turns only the end of the loop.
    const first = error === null ? undefined : waiting.shift()
    if (first === undefined) this.#failure = error
    else first.reject(error)
    over(waiting)
  }

  /**
   * A record that is to come again comes before those behind it, as far as its group's order requires. Records fetched
   * ahead are released, and come again in their order.
   */
  #yieldTo(last: SettleableDelivery): void {
    const queue = this.#queue
    this.#queue = queue.filter(delivery => !last.comesBefore(delivery))
    for (const delivery of queue) if (last.comesBefore(delivery) && !delivery.settled) delivery.withdraw()
  }

  async #leave(): Promise<void> {
    const run = await this.#run?.catch(() => null)
    await run?.stop()
  }

  next(): Promise<IteratorResult<ManualDelivery<V>>> {
    // More turns than may be in hand would never be answered: a delivery is acked by the next turn.
    if (this.#waiting.length >= TURNS_MAX) return Promise.reject(tooManyTurns())
    const last = this.#current
    this.#current = []
    for (const delivery of last) {
      if (!delivery.settled) delivery.ack()
      else if (delivery.comesAgain) this.#yieldTo(delivery)
    }
    if (this.#done) return this.#over()
    if (this.#run === null) this.#start()
    for (let delivery = this.#queue.shift(); delivery !== undefined; delivery = this.#queue.shift()) {
      if (delivery.settled) continue // its partition moved on while it waited here
      if (!delivery.begin()) continue
      delivery.unseen = false
      this.#current.push(delivery)
      return Promise.resolve({ done: false, value: delivery as unknown as ManualDelivery<V> })
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  async #over(): Promise<IteratorResult<ManualDelivery<V>>> {
    const error = this.#failure
    this.#failure = null
    if (error !== null) throw error
    await this.#leave()
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<ManualDelivery<V>>> {
    const unsettled = this.#current.filter(delivery => !delivery.settled)
    for (const delivery of unsettled) delivery.leave()
    this.#current = []
    this.#finish(null)
    if (unsettled.length > 0) this.#left(unsettled.length)
    await this.#leave()
    return { done: true, value: undefined }
  }
}

function tooManyTurns(): FullError {
  return new FullError(
    `${TURNS_MAX} turns of this loop wait for a delivery, as many as may be in hand; await next() before you call it again`,
    undefined,
  )
}

function over<V>(waiting: readonly Waiting<V>[]): void {
  for (const { resolve } of waiting) resolve({ done: true, value: undefined })
}
