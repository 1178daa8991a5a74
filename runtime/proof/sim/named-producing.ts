/**
 * A named producer of a simulation, through all its processes: it goes on where the one before was, with the same records.
 *
 * The simulated main thread, through the public API only. A record is known by its number; what the producer says it has
 * passed counts as confirmed, because nobody publishes it again.
 */

import type { Broker } from '../../words/broker.ts'
import type { Message } from '../../words/message.ts'
import type { NamedProducer } from '../../words/named-producer.ts'
import type { Lab, Value } from './lab.ts'

/** Records published in one go, at most. */
const BATCH_MAX = 6

export class NamedProducing {
  readonly #lab: Lab
  readonly #broker: Broker
  readonly #topic: string
  readonly #name: string
  /** By producer: numbers below were published, by whichever process. */
  readonly #numbered: Map<string, number>
  /** A loss of power may have taken what it knows of. */
  readonly #mayForget: boolean
  #producer: NamedProducer<Value> | null = null

  constructor(
    lab: Lab,
    broker: Broker,
    topic: string,
    name: string,
    numbered: Map<string, number>,
    mayForget: boolean,
  ) {
    this.#lab = lab
    this.#broker = broker
    this.#topic = topic
    this.#name = name
    this.#numbered = numbered
    this.#mayForget = mayForget
  }

  #idOf(number: number): string {
    return `${this.#name}-${number}`
  }

  /** The same again for the same number. */
  #message(number: number): Message<Value> {
    const value = { id: this.#idOf(number), script: 'k', pad: 'x'.repeat((number * 37) % 500) }
    return { key: `k${number % 5}`, value }
  }

  #answered(first: number, count: number, outcome: 'ok' | 'info'): void {
    for (let number = first; number < first + count; number++)
      this.#lab.record({ kind: 'answered', topic: this.#topic, id: this.#idOf(number), outcome })
  }

  async #open(): Promise<NamedProducer<Value>> {
    const producer = await this.#broker.producer<Value>(this.#name, this.#topic)
    if (producer.next > (this.#numbered.get(this.#name) ?? 0))
      throw new Error(`it is to go on at ${producer.next}, and nobody published that many`)
    if (!this.#mayForget) this.#answered(0, producer.next, 'ok')
    this.#producer = producer
    return producer
  }

  /** Publishes some records, and opens the producer again where that has failed. @throws MillraceError where that fails, too */
  async some(): Promise<void> {
    const { chance } = this.#lab.scheduler
    const producer = this.#producer ?? (await this.#open())
    const first = producer.next
    const count = chance.between(1, BATCH_MAX)
    const messages = Array.from({ length: count }, (_, index) => this.#message(first + index))
    for (let number = first; number < first + count; number++) {
      const id = this.#idOf(number)
      const { key = null } = this.#message(number)
      this.#lab.record({ kind: 'sent', producer: this.#name, topic: this.#topic, id, key: key as string | null })
    }
    this.#numbered.set(this.#name, Math.max(this.#numbered.get(this.#name) ?? 0, first + count))
    const published = chance.happens(0.5)
      ? producer.publishBatch(messages)
      : Promise.all(messages.map(message => producer.publish(message)))
    const outcome = await published.then(
      () => 'ok' as const,
      () => 'info' as const,
    )
    this.#answered(first, count, outcome)
    if (outcome === 'ok') return
    this.#producer = null
    await producer.close()
  }

  async finish(): Promise<void> {
    await this.#producer?.close()
  }
}
