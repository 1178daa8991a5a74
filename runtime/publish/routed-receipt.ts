/**
 * The receipts of messages that an exchange has routed. Leaf, the producer's thread.
 *
 * Classes, because a million of them should not cost two lists each: what hardly anybody looks at is made when it is looked at.
 */
import type { ProducedTopic } from '../wire/produced-topic.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import type { Durability, Receipt } from '../words/message.ts'
import { receiptOf } from './append-receipt.ts'

/** From the weakest to the strongest. */
const DURABILITIES: readonly Durability[] = ['memory', 'os', 'fsync']

type Named = Pick<ProducedTopic, 'name'>

abstract class TargetsReceipt implements RouteReceipt {
  abstract get receipts(): readonly Receipt[]

  abstract get targets(): readonly string[]

  get durability(): Durability | null {
    let least: Durability | null = null
    for (const { durability } of this.receipts)
      if (least === null || DURABILITIES.indexOf(durability) < DURABILITIES.indexOf(least)) least = durability
    return least
  }

  /** For inspection and JSON. */
  toJSON(): RouteReceipt {
    const { targets, receipts, durability } = this
    return { targets, receipts, durability }
  }

  /** Output of console.log. */
  static {
    Object.defineProperty(TargetsReceipt.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: TargetsReceipt): unknown {
        return this.toJSON()
      },
    })
  }
}

/** Of what went to any number of targets. */
export class RoutedReceipt extends TargetsReceipt {
  readonly #targets: readonly Named[]
  #receipts: readonly Receipt[] | (() => readonly Receipt[])

  constructor(targets: readonly Named[], receipts: readonly Receipt[] | (() => readonly Receipt[])) {
    super()
    this.#targets = targets
    this.#receipts = receipts
  }

  get targets(): readonly string[] {
    return this.#targets.map(({ name }) => name)
  }

  get receipts(): readonly Receipt[] {
    if (typeof this.#receipts === 'function') this.#receipts = this.#receipts()
    return this.#receipts
  }
}

/** Of what went to one target, as most does. */
export class OneTargetReceipt extends TargetsReceipt {
  readonly #topic: ProducedTopic
  readonly #partition: number
  readonly #offset: number

  constructor(topic: ProducedTopic, partition: number, offset: number) {
    super()
    this.#topic = topic
    this.#partition = partition
    this.#offset = offset
  }

  get targets(): readonly string[] {
    return [this.#topic.name]
  }

  get receipts(): readonly Receipt[] {
    return [receiptOf(this.#topic, this.#partition, this.#offset)]
  }
}
