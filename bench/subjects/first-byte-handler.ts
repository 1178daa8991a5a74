/** Reads one byte of every value; runs on millrace's handler threads. */
import { defineHandler, type Handler } from 'millrace'
import { readFirst } from '../checks.ts'

interface Total {
  sum: number
}

const handler: Handler<Uint8Array, Total, number> = defineHandler<Uint8Array, Total, number>({
  start: () => ({ sum: 0 }),
  message({ value }, total) {
    total.sum += readFirst(value, 0)
  },
  stop: ({ sum }) => sum,
})

export default handler
