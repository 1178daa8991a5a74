/** Computes for about 1 us with every value; runs on millrace's handler threads. */
import { defineHandler, type Handler } from 'millrace'
import { workFirst } from '../checks.ts'

interface Total {
  sum: number
}

const handler: Handler<Uint8Array, Total, number> = defineHandler<Uint8Array, Total, number>({
  start: () => ({ sum: 0 }),
  message({ value }, total) {
    total.sum += workFirst(value, 0)
  },
  stop: ({ sum }) => sum,
})

export default handler
