/**
 * Takes a millisecond for each record, and sees whether the numbers of each key come without a gap. Handler thread.
 *
 * ```
 * value   0 u32 number of its key, from 0   and where there is a journal   4 u32 id
 * ```
 */
import { defineHandler } from '../../options/define.ts'
import type { Delivery } from '../../words/delivery.ts'
import type { Handler } from '../../words/handler.ts'
import { Witness } from './witness.fixture.ts'

/** What one partition saw. */
export interface Seen {
  records: number
  outOfOrder: number
  readonly lastOf: Map<string, number>
  readonly witness: Witness | null
}

export interface SlowHandlerData {
  /** A journal's, in which everything is recorded. */
  readonly journal: SharedArrayBuffer
}

function wordOf(value: Uint8Array, at: number): number {
  return new DataView(value.buffer, value.byteOffset).getUint32(at)
}

async function act({ key, value }: Delivery<Uint8Array>, seen: Seen): Promise<void> {
  const number = wordOf(value, 0)
  const last = seen.lastOf.get(key ?? '') ?? -1
  if (number !== last + 1) seen.outOfOrder++
  seen.lastOf.set(key ?? '', number)
  seen.records++
  await new Promise(resolve => setTimeout(resolve, 1))
}

const handler: Handler<Uint8Array, Seen, { readonly records: number; readonly outOfOrder: number }> = defineHandler({
  start({ partition, data }): Seen {
    const given = data as SlowHandlerData | undefined
    const witness = given === undefined ? null : new Witness(given.journal, partition)
    return { records: 0, outOfOrder: 0, lastOf: new Map(), witness }
  },
  message(delivery, seen) {
    const { witness } = seen
    return witness === null
      ? act(delivery, seen)
      : witness.handle(delivery, wordOf(delivery.value, 4), () => act(delivery, seen))
  },
  stop({ records, outOfOrder, witness }) {
    witness?.left()
    return { records, outOfOrder }
  },
})

export default handler
