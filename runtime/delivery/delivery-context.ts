/**
 * What a handler sees besides its delivery: where it runs, its data, its signal, and ways to publish.
 *
 * The handling thread; one per partition and incarnation, and one for each of several deliveries at a time. Publishes made during a delivery belong to that delivery: it
 * is not over before they are confirmed, and fails when one of them does.
 */
import { setMaxListeners } from 'node:events'
import { checkRouteOptions } from '../options/publish-options.ts'
import { checkRequestOptions } from '../options/request-options.ts'
import type { Publishers } from '../publish/publishers.ts'
import type { HandlerContext } from '../words/handler.ts'
import type { Message } from '../words/message.ts'
import type { QueueMessage, QueueReceipt } from '../words/queue-message.ts'
import type { QueueDefinition } from '../words/queue-options.ts'
import type { RequestOptions } from '../words/queue-request.ts'
import { DeadlineTimer } from './deadline-timer.ts'

export class DeliveryContext implements HandlerContext {
  readonly topic: string
  readonly group: string
  readonly partition: number
  readonly data: unknown
  readonly queue: string | null
  readonly #publishers: Publishers
  /** Of all that its consumer handles. */
  readonly #abort: AbortController
  /** Signals of messages of a queue that are in hand: they follow that of their consumer. */
  readonly #following: Set<AbortController>
  /** Whether it is that of one message of a queue, which may be cancelled. */
  readonly #isOfMessage: boolean
  /** Its own, once somebody has looked at it. */
  #own: AbortController | null = null
  #published: Promise<unknown>[] = []
  /** When the sender of its message waits for the answer no more, in `nowMs`; Infinity: nobody waits for one. */
  deadlineMs: number = Number.POSITIVE_INFINITY
  #deadlineTimer: DeadlineTimer | null = null

  constructor(
    topic: string,
    group: string,
    partition: number,
    data: unknown,
    publishers: Publishers,
    abort: AbortController = manyListeners(),
    queue: string | null = null,
    following: Set<AbortController> | null = null,
  ) {
    this.topic = topic
    this.group = group
    this.partition = partition
    this.data = data
    this.queue = queue
    this.#publishers = publishers
    this.#abort = abort
    this.#following = following ?? new Set()
    this.#isOfMessage = following !== null
  }

  /** The same context for one delivery of several at a time, so that what each publishes is known to be its own. */
  forDelivery(): DeliveryContext {
    const { topic, group, partition, data, queue } = this
    const following = queue === null ? null : this.#following
    return new DeliveryContext(topic, group, partition, data, this.#publishers, this.#abort, queue, following)
  }

  get signal(): AbortSignal {
    return this.#isOfMessage ? this.#ownAbort.signal : this.#abort.signal
  }

  get #ownAbort(): AbortController {
    if (this.#own !== null) return this.#own
    const own = manyListeners()
    this.#own = own
    const { aborted, reason } = this.#abort.signal
    if (aborted) own.abort(reason)
    else {
      this.#following.add(own)
      if (this.deadlineMs !== Number.POSITIVE_INFINITY)
        this.#deadlineTimer = new DeadlineTimer(this.deadlineMs, late => own.abort(late))
    }
    return own
  }

  /** Whether it has a signal of its own that somebody may have looked at. */
  get hasSignal(): boolean {
    return this.#own !== null
  }

  /** Of all that is in hand. */
  abort(): void {
    this.#abort.abort()
    for (const own of this.#following) own.abort(this.#abort.signal.reason)
    this.#following.clear()
  }

  /** Its message is cancelled. */
  cancel(reason: unknown): void {
    this.#ownAbort.abort(reason)
  }

  /** Its message is over: its signal is not aborted any more. */
  over(): void {
    if (this.#own === null) return
    this.#following.delete(this.#own)
    this.#deadlineTimer?.clear()
  }

  // Accessors, so that handlers can take them out of it: `message(delivery, { publish })`.
  get publish(): HandlerContext['publish'] {
    return (target, message) => this.#ofDelivery(() => this.#publishers.publish(nameOf(target), message))
  }

  get send(): HandlerContext['send'] {
    return (queue, message) => {
      // The producer of a queue gives receipts of a queue.
      const sent = (): Promise<unknown> => this.#publishers.publish(nameOf(queue), message, 'queue', this.deadlineMs)
      return this.#ofDelivery(sent as () => Promise<QueueReceipt>)
    }
  }

  get route(): HandlerContext['route'] {
    return (exchange, routingKey, message, options) =>
      this.#ofDelivery(() => {
        const checked = checkRouteOptions(options)
        const until = this.deadlineMs === Number.POSITIVE_INFINITY ? checked : { ...checked, untilMs: this.deadlineMs }
        return this.#publishers.exchanges.publish({ name: nameOf(exchange), id: null }, routingKey, message, until)
      })
  }

  get request(): HandlerContext['request'] {
    return <V, R>(target: string | QueueDefinition<V, R>, message: QueueMessage<V>, options?: RequestOptions) =>
      this.#request(nameOf(target), message as Message, options) as Promise<R>
  }

  async #request(target: string, message: Message, options: RequestOptions | undefined): Promise<unknown> {
    return this.#publishers.request(target, message, checkRequestOptions(options), this.deadlineMs)
  }

  #ofDelivery<T>(publish: () => Promise<T>): Promise<T> {
    let published: Promise<T>
    try {
      published = publish()
    } catch (error) {
      published = Promise.reject(error)
    }
    this.#published.push(published)
    published.catch(() => undefined) // the delivery's own `settled` sees it
    return published
  }

  /** Publishes not yet accounted for by `settled`. */
  get outstanding(): number {
    return this.#published.length
  }

  /** The delivery has failed: what it published does not count for the next attempt. */
  forget(): void {
    if (this.#published.length > 0) this.#published = []
  }

  /** Resolves when everything published since the last call is confirmed; rejects when one of them failed. */
  async settled(): Promise<void> {
    const published = this.#published
    this.#published = []
    await Promise.all(published)
  }
}

function nameOf(target: string | { readonly name: string }): string {
  return typeof target === 'string' ? target : String(target?.name)
}

/** Each of the deliveries that are pending may listen to the signal of their partition: that is no leak, of which Node warns. */
function manyListeners(): AbortController {
  const abort = new AbortController()
  setMaxListeners(0, abort.signal)
  return abort
}
