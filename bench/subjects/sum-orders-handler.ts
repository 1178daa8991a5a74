/** Sums one field of every order; runs on millrace's handler threads. */
import { defineHandler, type Handler } from 'millrace'
import type { Order } from '../checks.ts'

interface Total {
  sum: number
}

const handler: Handler<Order, Total, number> = defineHandler<Order, Total, number>({
  start: () => ({ sum: 0 }),
  message({ value }, total) {
    total.sum += value.amount
  },
  stop: ({ sum }) => sum,
})

export default handler
