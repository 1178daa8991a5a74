/** Does what a record says: every way in which a handler can fail, and some in which its thread can. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineHandler } from '../define.ts'
import { RejectError } from '../errors.ts'
import type { Handler } from '../types.ts'

export type Oddity =
  | 'return'
  | 'await'
  | 'await5'
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

/** `counts`: entries 0 starts, 1 deliveries, 2 stops; 3: `start` hangs from the second on; 4: `stop` throws. */
export interface OddHandlerData {
  readonly counts: Int32Array
  /** When the last `start` was, and each delivery after it, in milliseconds since the epoch. */
  readonly times: Float64Array
}

function now(): number {
  return performance.timeOrigin + performance.now()
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
  if (value === 'await5') return sleep(5)
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
    const { counts, times } = data as OddHandlerData
    times[0] = now()
    const before = Atomics.add(counts, 0, 1)
    if (counts[3] === 1 && before > 0) await new Promise(() => undefined)
  },
  message({ value }, _state, { data }) {
    const { counts, times } = data as OddHandlerData
    times[Atomics.add(counts, 1, 1) + 1] = now()
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
