/** The receipt of a message that an exchange has routed. Leaf, the producer's thread. */
import type { RouteTarget } from '../wire/route-changes.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import type { Durability, Receipt } from '../words/message.ts'

/** From the weakest to the strongest. */
const DURABILITIES: readonly Durability[] = ['memory', 'os', 'fsync']

/** The receipt of what has been routed; a class, because a million of them should not cost two lists each. */
export class RoutedReceipt implements RouteReceipt {
  readonly #targets: readonly RouteTarget[]
  /** One of one target. Of several they are made when they are asked for. */
  #receipts: Receipt | readonly Receipt[] | (() => readonly Receipt[])

  constructor(targets: readonly RouteTarget[], receipts: Receipt | readonly Receipt[] | (() => readonly Receipt[])) {
    this.#targets = targets
    this.#receipts = receipts
  }

  get targets(): readonly string[] {
    return this.#targets.map(({ name }) => name)
  }

  get receipts(): readonly Receipt[] {
    if (typeof this.#receipts === 'function') this.#receipts = this.#receipts()
    const receipts = this.#receipts
    return isList(receipts) ? receipts : [receipts]
  }

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
    Object.defineProperty(RoutedReceipt.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: RoutedReceipt): unknown {
        return this.toJSON()
      },
    })
  }
}

function isList(receipts: Receipt | readonly Receipt[]): receipts is readonly Receipt[] {
  return Array.isArray(receipts)
}
