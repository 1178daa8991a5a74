/** Takes a millisecond for each record, and sees whether the numbers of each key come without a gap. Handler thread. */
import { defineHandler } from '../define.ts'
import type { Handler } from '../types.ts'

/** What one partition saw. */
export interface Seen {
  records: number
  outOfOrder: number
  readonly lastOf: Map<string, number>
}

const handler: Handler<Uint8Array, Seen, { readonly records: number; readonly outOfOrder: number }> = defineHandler({
  start: (): Seen => ({ records: 0, outOfOrder: 0, lastOf: new Map() }),
  async message({ key, value }, seen) {
    const number = new DataView(value.buffer, value.byteOffset).getUint32(0)
    const last = seen.lastOf.get(key ?? '') ?? -1
    if (number !== last + 1) seen.outOfOrder++
    seen.lastOf.set(key ?? '', number)
    seen.records++
    await new Promise(resolve => setTimeout(resolve, 1))
  },
  stop: ({ records, outOfOrder }) => ({ records, outOfOrder }),
})

export default handler
