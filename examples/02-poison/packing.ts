/**
 * The handler of the group `packing`: how many boxes does an order need?
 *
 * Runs on worker threads. It has the faults of ordinary code: a loop that does not end for one input, a library that ends
 * the process when it does not like its input, and a field that is taken for granted.
 */
import { defineHandler, type Handler } from 'millrace'
import { type Order, ordersTopic } from './topics.ts'

/** An order from abroad needs one box more, around the others. */
const HOME = 'DE'

function boxesFor(items: number, perBox: number): number {
  let boxes = 0
  // With nothing in a box this goes on for ever.
  for (let left = items; left > 0; left -= perBox) boxes++
  return boxes
}

/** As of a library that was made for the command line. */
function checkCurrency(currency: string): void {
  if (currency !== 'EUR' && currency !== 'USD') process.exit(1)
}

const packing: Handler<Order> = defineHandler(ordersTopic, {
  message({ value: { id, items, perBox, currency, customer } }) {
    checkCurrency(currency)
    const home = (customer as NonNullable<typeof customer>).country === HOME
    return { id, boxes: boxesFor(items, perBox) + (home ? 0 : 1) }
  },
})

export default packing
