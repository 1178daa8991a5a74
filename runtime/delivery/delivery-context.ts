/**
 * What a handler sees besides its delivery: where it runs, its data, its signal, and a way to publish.
 *
 * The handling thread; one per partition and incarnation, and one for each of several deliveries at a time. Publishes made during a delivery belong to that delivery: it
 * is not over before they are confirmed, and fails when one of them does.
 */
import { setMaxListeners } from 'node:events'
import type { Publishers } from '../publish/publishers.ts'
import type { HandlerContext } from '../words/handler.ts'
import type { Message, Receipt } from '../words/message.ts'
import type { QueueMessage } from '../words/queue-message.ts'
import type { QueueDefinition } from '../words/queue-options.ts'
import type { TopicDefinition } from '../words/topic-definition.ts'

export class DeliveryContext implements HandlerContext {
  readonly topic: string
  readonly group: string
  readonly partition: number
  readonly data: unknown
  readonly queue: string | null
  readonly #publishers: Publishers
  readonly #abort: AbortController
  #published: Promise<unknown>[] = []

  constructor(
    topic: string,
    group: string,
    partition: number,
    data: unknown,
    publishers: Publishers,
    abort: AbortController = manyListeners(),
    queue: string | null = null,
  ) {
    this.topic = topic
    this.group = group
    this.partition = partition
    this.data = data
    this.queue = queue
    this.#publishers = publishers
    this.#abort = abort
  }

  /** The same context for one delivery of several at a time, so that what each publishes is known to be its own. */
  forDelivery(): DeliveryContext {
    const { topic, group, partition, data, queue } = this
    return new DeliveryContext(topic, group, partition, data, this.#publishers, this.#abort, queue)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  abort(): void {
    this.#abort.abort()
  }

  publish<V>(
    target: string | TopicDefinition<V> | QueueDefinition<V>,
    message: Message<V> | QueueMessage<V>,
  ): Promise<Receipt> {
    const published = this.#publish(target, message)
    this.#published.push(published)
    published.catch(() => undefined) // the delivery's own `settled` sees it
    return published
  }

  #publish(topic: string | { readonly name: string }, message: Message): Promise<Receipt> {
    try {
      return this.#publishers.publish(typeof topic === 'string' ? topic : String(topic?.name), message)
    } catch (error) {
      return Promise.reject(error)
    }
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

/** Each of the deliveries that are pending may listen to the signal of their partition: that is no leak, of which Node warns. */
function manyListeners(): AbortController {
  const abort = new AbortController()
  setMaxListeners(0, abort.signal)
  return abort
}
