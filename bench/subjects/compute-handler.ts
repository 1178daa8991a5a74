/** Computes for every record; runs on millrace's handler threads. */
import { defineHandler, type Handler } from 'millrace'
import { compute } from '../compute.ts'

interface Total {
  sum: number
}

const handler: Handler<unknown, Total, number> = defineHandler<unknown, Total, number>({
  start: () => ({ sum: 0 }),
  message(_delivery, total) {
    total.sum += compute()
  },
  stop: ({ sum }) => sum,
})

export default handler
