/** Does what a record says: every way in which a handler can fail, and some in which its thread can. */
import { pbkdf2Sync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineHandler } from '../../options/define.ts'
import { RejectError } from '../../words/errors.ts'
import type { Handler } from '../../words/handler.ts'
import { keyNumber, Witness } from './witness.fixture.ts'

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
  | 'native'
  | 'exit'
  | 'exitBadly'
  | 'exitLater'
  | 'strayRejection'
  | 'timerThrow'
  | 'outOfMemory'

/** `counts`: entries 0 starts, 1 deliveries, 2 stops; 3: `start` hangs from the second on; 4: `stop` throws. */
export interface OddHandlerData {
  readonly counts: Int32Array
  /** When the last `start` was, and each delivery after it, in milliseconds since the epoch. */
  readonly times: Float64Array
  /** A journal's, if all is to be recorded: then the key of each message is its id there. */
  readonly journal?: SharedArrayBuffer
}

function now(): number {
  return performance.timeOrigin + performance.now()
}

function spin(beat: () => void): never {
  for (;;) beat()
}

/** A native call that `terminate` does not interrupt: the better part of a second. */
function native(): void {
  pbkdf2Sync('zombie', 'salt', 1_000_000, 64, 'sha512')
}

function leak(beat: () => void): never {
  let list: unknown = null
  for (let count = 0; ; count++) {
    list = { list, filler: [1, 2, 3] }
    if (count % 1_000 === 0) beat()
  }
}

async function later(value: Oddity): Promise<unknown> {
  if (value === 'await') return sleep(2)
  if (value === 'await5') return sleep(5)
  if (value === 'reject') throw new TypeError('odd on purpose')
  if (value === 'neverSettle') return new Promise(() => undefined)
  if (value === 'strayRejection') {
    void Promise.reject(new Error('stray'))
    return sleep(20_000)
  }
  if (value === 'timerThrow') {
    setTimeout(() => {
      throw new Error('thrown by a timer')
    }, 2)
    return sleep(20_000)
  }
  await sleep(2)
  if (value === 'spinLater') for (;;);
  process.exit(3)
}

/** Does what `value` says; `beat` is called as long as it holds the thread, where it can be. */
export function misbehave(value: Oddity, beat: () => void = () => undefined): unknown {
  switch (value) {
    case 'return':
      return undefined
    case 'throw':
      throw new TypeError('odd on purpose')
    case 'rejectError':
      throw new RejectError('not wanted')
    case 'spin':
      return spin(beat)
    case 'native':
      return native()
    case 'exit':
      return process.exit(0)
    case 'exitBadly':
      return process.exit(5)
    case 'outOfMemory':
      return leak(beat)
    default:
      return later(value)
  }
}

const handler: Handler<Oddity, Witness | null, number> = defineHandler<Oddity, Witness | null, number>({
  async start({ data, partition }): Promise<Witness | null> {
    const { counts, times, journal } = data as OddHandlerData
    times[0] = now()
    const before = Atomics.add(counts, 0, 1)
    if (counts[3] === 1 && before > 0) await new Promise(() => undefined)
    return journal === undefined ? null : new Witness(journal, partition)
  },
  message(delivery, witness, { data }) {
    const { counts, times } = data as OddHandlerData
    times[Atomics.add(counts, 1, 1) + 1] = now()
    if (witness === null) return misbehave(delivery.value)
    return witness.handle(delivery, keyNumber(delivery.key), () => misbehave(delivery.value))
  },
  stop(witness, { data }): number {
    witness?.left()
    const { counts } = data as OddHandlerData
    if (counts[4] === 1) throw new Error('stop went wrong')
    return Atomics.add(counts, 2, 1)
  },
})

export default handler
