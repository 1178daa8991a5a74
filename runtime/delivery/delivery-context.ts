/**
 * What a handler sees besides its delivery: where it runs, its data, its signal, and a way to publish.
 *
 * The handling thread; one per partition and incarnation, and one for each of several deliveries at a time. Publishes made during a delivery belong to that delivery: it
 * is not over before they are confirmed, and fails when one of them does.
 */
import type { Publishers } from '../publish/publishers.ts'
import type { HandlerContext, Message, Receipt, TopicDefinition } from '../types.ts'

export class DeliveryContext implements HandlerContext {
  readonly topic: string
  readonly group: string
  readonly partition: number
  readonly data: unknown
  readonly #publishers: Publishers
  readonly #abort: AbortController
  #published: Promise<unknown>[] = []

  constructor(
    topic: string,
    group: string,
    partition: number,
    data: unknown,
    publishers: Publishers,
    abort: AbortController = new AbortController(),
  ) {
    this.topic = topic
    this.group = group
    this.partition = partition
    this.data = data
    this.#publishers = publishers
    this.#abort = abort
  }

  /** The same context for one delivery of several at a time, so that what each publishes is known to be its own. */
  forDelivery(): DeliveryContext {
    const { topic, group, partition, data } = this
    return new DeliveryContext(topic, group, partition, data, this.#publishers, this.#abort)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  abort(): void {
    this.#abort.abort()
  }

  publish<V>(topic: string | TopicDefinition<V>, message: Message<V>): Promise<Receipt> {
    const name = typeof topic === 'string' ? topic : topic.name
    const published = this.#publishers.publish(name, message)
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
