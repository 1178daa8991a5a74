/** Does what a record says: every way in which a handler can fail, and some in which its thread can. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineHandler } from '../define.ts'
import { RejectError } from '../errors.ts'
import type { Handler } from '../types.ts'

export type Oddity =
  | 'return'
  | 'await'
  | 'throw'
  | 'rejectError'
  | 'reject'
  | 'neverSettle'
  | 'spin'
  | 'spinLater'
  | 'exit'
  | 'exitLater'
  | 'strayRejection'
  | 'outOfMemory'

/** `counts`: entries 0 starts, 1 deliveries, 2 stops; 3: if set, `start` hangs from the second on; 4: `stop` throws. */
export interface OddHandlerData {
  readonly counts: Int32Array
}

function spin(): never {
  for (;;);
}

function leak(): never {
  let list: unknown = null
  for (;;) list = { list, filler: [1, 2, 3] }
}

async function odd(value: Oddity): Promise<unknown> {
  if (value === 'await') return sleep(2)
  if (value === 'reject') throw new TypeError('odd on purpose')
  if (value === 'neverSettle') return new Promise(() => undefined)
  if (value === 'strayRejection') {
    void Promise.reject(new Error('stray'))
    return sleep(5_000)
  }
  await sleep(2)
  if (value === 'spinLater') for (;;);
  process.exit(3)
}

const handler: Handler<Oddity, undefined, number> = defineHandler<Oddity, undefined, number>({
  async start({ data }): Promise<undefined> {
    const { counts } = data as OddHandlerData
    const before = Atomics.add(counts, 0, 1)
    if (counts[3] === 1 && before > 0) await new Promise(() => undefined)
    if (counts[3] === 2) setTimeout(() => process.exit(5), 5)
  },
  message({ value }, _state, { data }) {
    Atomics.add((data as OddHandlerData).counts, 1, 1)
    switch (value) {
      case 'return':
        return undefined
      case 'throw':
        throw new TypeError('odd on purpose')
      case 'rejectError':
        throw new RejectError('not wanted')
      case 'spin':
        return spin()
      case 'exit':
        return process.exit(0)
      case 'outOfMemory':
        return leak()
      default:
        return odd(value)
    }
  },
  stop(_state, { data }): number {
    const { counts } = data as OddHandlerData
    if (counts[4] === 1) throw new Error('stop went wrong')
    return Atomics.add(counts, 2, 1)
  },
})

export default handler
