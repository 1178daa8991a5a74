/** Handles values through a cursor over many records; runs on millrace's handler threads. Its `data` is the check. */
import { defineHandler, type RecordsHandler } from 'millrace'
import { type Check, type CheckBytes, checkOf, type Order } from '../checks.ts'

interface Total {
  /** Null: values are orders. */
  readonly check: CheckBytes | null
  sum: number
}

type Value = Uint8Array | Order

const handler: RecordsHandler<Value, Total, number> = defineHandler<Value, Total, number>({
  start: ({ data }) => ({ check: data === 'json' ? null : checkOf(data as Check), sum: 0 }),
  records(records, total) {
    const { check } = total
    let sum = 0
    if (check === null) while (records.next()) sum += (records.value as Order).amount
    else {
      const { bytes } = records
      while (records.next()) sum += check(bytes, records.valueStart, records.valueEnd)
    }
    total.sum += sum
  },
  stop: ({ sum }) => sum,
})

export default handler
