/** The consumers of the naive model of a queue: what each has, and who is next. */
import { type OracleConsumer, type OracleMessage, sum } from './oracle-message.fixture.ts'
import { byPlace } from './oracle-times.fixture.ts'
import type { ConsumerTerms, QueuePolicy } from './queue-words.ts'

export class OracleConsumers {
  policy: QueuePolicy
  /** All that are not settled, by offset. */
  messages: OracleMessage[] = []
  consumers: OracleConsumer[] = []
  active = -1
  #clock = 0

  constructor(policy: QueuePolicy) {
    this.policy = policy
  }

  /** A number that grows. */
  tick(): number {
    return ++this.#clock
  }

  attach(number: number, { priority, prefetch, prefetchBytes, ackTimeoutMs }: ConsumerTerms): void {
    if (this.consumerOf(number) !== undefined) throw new RangeError(`consumer ${number} is attached already`)
    const attached = this.tick()
    this.consumers.push({ number, priority, prefetch, prefetchBytes, ackTimeoutMs, attached, waitsSince: 0 })
    if (this.policy.singleActive && this.active === -1) this.active = number
    this.look()
  }

  credit(number: number, prefetch: number, prefetchBytes: number): void {
    const consumer = this.consumerOf(number)
    if (consumer === undefined) return
    consumer.prefetch = prefetch
    consumer.prefetchBytes = prefetchBytes
    this.look()
  }

  consumerOf(number: number): OracleConsumer | undefined {
    return this.consumers.find(consumer => consumer.number === number)
  }

  heldBy(number: number): OracleMessage[] {
    return this.messages.filter(({ state, consumer }) => state === 'unacked' && consumer === number).sort(byPlace)
  }

  /** Consumers with room, in the order in which they get messages. */
  line(): OracleConsumer[] {
    const waiting = this.consumers.filter(consumer => this.hasRoom(consumer))
    return waiting.sort((a, b) => b.priority - a.priority || a.waitsSince - b.waitsSince)
  }

  hasRoom(consumer: OracleConsumer): boolean {
    const held = this.heldBy(consumer.number)
    if (held.length >= consumer.prefetch || !this.isServed(consumer)) return false
    return held.length === 0 || (sum(held) < consumer.prefetchBytes && !held.some(({ suspect }) => suspect))
  }

  isServed({ number, prefetch }: OracleConsumer): boolean {
    return prefetch > 0 && (!this.policy.singleActive || this.active === number)
  }

  fits({ number, prefetchBytes }: OracleConsumer, { bytes }: OracleMessage): boolean {
    return this.heldBy(number).length === 0 || sum(this.heldBy(number)) + bytes <= prefetchBytes
  }

  remove(number: number): void {
    this.consumers = this.consumers.filter(consumer => consumer.number !== number)
    if (this.active === number) {
      const next = this.consumers.toSorted((a, b) => b.priority - a.priority || a.attached - b.attached)[0]
      this.active = next?.number ?? -1
    }
    this.look()
  }

  /** Who has got room waits from now on. */
  look(): void {
    for (const consumer of this.consumers) {
      if (!this.hasRoom(consumer)) consumer.waitsSince = 0
      else if (consumer.waitsSince === 0) consumer.waitsSince = this.tick()
    }
  }
}
