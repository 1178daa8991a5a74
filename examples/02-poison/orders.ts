/**
 * A hundred thousand good orders, and the three that are none: made up, the same in every run.
 */
import type { Message } from 'millrace'
import type { Order } from './topics.ts'

export type Poison = 'loops' | 'exits' | 'throws'

/** What is wrong with each of the three. */
const POISONS: { readonly [poison in Poison]: Partial<Order> } = {
  loops: { perBox: 0 },
  exits: { currency: 'Galleon' },
  throws: { customer: null },
}

function goodOrder(id: number): Order {
  return {
    id,
    items: 1 + (id % 17),
    perBox: 1 + (id % 5),
    currency: id % 3 === 0 ? 'USD' : 'EUR',
    customer: { country: id % 4 === 0 ? 'FR' : 'DE' },
  }
}

/** `good` orders with the poisoned ones among them, a quarter, a half and three quarters of the way through. */
export function* orderMessages(good: number): Generator<Message<Order>> {
  const poisons = Object.values(POISONS)
  const count = good + poisons.length
  let met = 0
  for (let id = 0; id < count; id++) {
    const isPoison = met < poisons.length && id >= Math.floor(((met + 1) * count) / (poisons.length + 1))
    const value = isPoison ? { ...goodOrder(id), ...poisons[met++] } : goodOrder(id)
    yield { key: `customer-${id % 1_000}`, value }
  }
}

/** What someone who looks at a poisoned order would make of it. */
export function repaired(order: Order): Order {
  const { perBox, currency, customer } = order
  return {
    ...order,
    perBox: Math.max(1, perBox),
    currency: currency === 'Galleon' ? 'EUR' : currency,
    customer: customer ?? { country: 'DE' },
  }
}

/** The boxes that all of them need in the end, by a plain loop. */
export function boxesExpected(good: number): number {
  let boxes = 0
  for (const { value } of orderMessages(good)) {
    const { items, perBox, customer } = repaired(value)
    boxes += Math.ceil(items / perBox) + (customer?.country === 'DE' ? 0 : 1)
  }
  return boxes
}
