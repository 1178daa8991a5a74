/**
 * Deliveries as an async iterable: the next turn acks the last, leaving the loop releases the current one.
 *
 * The creating thread. It joins the group with the first turn and leaves it when the loop is left, by break, return or
 * throw (a for-await loop calls `return` for each of them, so they cannot be told apart).
 */
import type { RunClient } from '../group/run-client.ts'
import type { ManualDelivery } from '../types.ts'
import type { SettleableDelivery } from './manual-delivery.ts'

/** Joins the group; deliveries go to `emit`. */
export type Join = (emit: (delivery: SettleableDelivery) => void) => Promise<RunClient<unknown>>

interface Waiting<V> {
  readonly resolve: (result: IteratorResult<ManualDelivery<V>>) => void
  readonly reject: (error: unknown) => void
}

export class DeliveryIterator<V> implements AsyncIterableIterator<ManualDelivery<V>> {
  readonly #join: Join
  #run: Promise<RunClient<unknown>> | null = null
  #queue: SettleableDelivery[] = []
  #waiting: Waiting<V>[] = []
  #current: SettleableDelivery | null = null
  #done = false
  #failure: unknown = null

  constructor(join: Join) {
    this.#join = join
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #start(): void {
    this.#run = this.#join(delivery => this.#take(delivery))
    this.#run.then(
      run =>
        run.finished.then(
          () => this.#finish(null),
          (error: unknown) => this.#finish(error),
        ),
      (error: unknown) => this.#finish(error),
    )
  }

  #take(delivery: SettleableDelivery): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#queue.push(delivery)
    else {
      this.#current = delivery
      waiting.resolve({ done: false, value: delivery as unknown as ManualDelivery<V> })
    }
  }

  #finish(error: unknown): void {
    this.#done = true
    this.#failure = error
    const waiting = this.#waiting
    this.#waiting = []
    for (const { resolve, reject } of waiting) {
      if (error === null) resolve({ done: true, value: undefined })
      else reject(error)
    }
    this.#queue = []
  }

  next(): Promise<IteratorResult<ManualDelivery<V>>> {
    if (this.#current !== null && !this.#current.settled) this.#current.ack()
    this.#current = null
    if (this.#run === null && !this.#done) this.#start()
    const delivery = this.#queue.shift()
    if (delivery !== undefined) {
      if (delivery.settled) return this.next() // its partition moved on while it waited here
      this.#current = delivery
      return Promise.resolve({ done: false, value: delivery as unknown as ManualDelivery<V> })
    }
    if (this.#done) {
      const error = this.#failure
      this.#failure = null
      return error === null ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error)
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  async return(): Promise<IteratorResult<ManualDelivery<V>>> {
    if (this.#current !== null && !this.#current.settled) this.#current.release()
    this.#current = null
    const run = this.#run
    this.#finish(null)
    if (run !== null) await (await run).stop()
    return { done: true, value: undefined }
  }
}
