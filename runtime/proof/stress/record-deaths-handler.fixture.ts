/** A handler with a cursor that dies amid its records, and writes down which it stood on and which it has passed. */
import { defineHandler } from '../../options/define.ts'
import type { RecordsHandler } from '../../words/handler.ts'

/** By the record's number. */
export interface DeathCounts {
  readonly handed: Int32Array
  readonly passed: Int32Array
  /** 1: the thread stands still on it, and is to be ended from outside. */
  readonly stands: Int32Array
}

export type Ending = 'none' | 'exit' | 'throw' | 'stand' | 'poison'

/** What record number `n` does to its thread at its first hand-outs. */
export function endingOf(n: number): Ending {
  const rest = n % 101
  if (n % 1_009 === 500) return 'poison'
  if (rest === 17) return 'exit'
  if (rest === 50) return 'throw'
  if (rest === 83) return 'stand'
  return 'none'
}

const handler: RecordsHandler<number> = defineHandler<number>({
  records(records, _state, { data }) {
    const { handed, passed, stands } = data as DeathCounts
    let last = -1
    while (records.next()) {
      if (last !== -1) passed[last] = (passed[last] as number) + 1
      const n = records.value
      last = n
      handed[n] = (handed[n] as number) + 1
      const ending = endingOf(n)
      if (ending === 'none') continue
      if (ending === 'poison') process.exit(1)
      if (records.failedAttempts > 0) continue
      if (ending === 'exit') process.exit(n % 3)
      if (ending === 'throw') throw new Error('thrown amid its records')
      Atomics.store(stands, n, 1)
      for (;;);
    }
    if (last !== -1) passed[last] = (passed[last] as number) + 1
  },
})

export default handler
