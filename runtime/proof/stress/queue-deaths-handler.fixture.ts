/** Handles messages of a queue, and dies of some in every way in which a thread can. It writes down what it does. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineHandler } from '../../options/define.ts'
import { RejectError } from '../../words/errors.ts'
import type { QueueHandler } from '../../words/queue-handler.ts'
import { QueueLedger } from './queue-ledger.fixture.ts'

export interface DeathsHandlerData {
  readonly ledger: SharedArrayBuffer
  readonly handlerTimeoutMs: number
}

export type Conduct = 'return' | 'await' | 'throwOnce' | 'exitOnce' | 'reject' | 'exit' | 'throwOutside' | 'spin'

/** What a consumer does with message number `message`. Each hundred has three that no consumer can handle, and one thousand one that spins. */
export function conductOf(message: number): Conduct {
  const rest = message % 100
  if (message % 1_000 === 550) return 'spin'
  if (rest === 20) return 'exit'
  if (rest === 40) return 'throwOutside'
  if (rest === 60) return 'exitOnce'
  if (rest === 80) return 'reject'
  if (rest % 10 === 5) return 'throwOnce'
  return rest % 4 === 1 ? 'await' : 'return'
}

export function isPoison(message: number): boolean {
  return ['exit', 'throwOutside', 'spin'].includes(conductOf(message))
}

interface State {
  readonly ledger: QueueLedger
  readonly token: number
  readonly lateMs: number
}

async function conduct(message: number, failedAttempts: number, { ledger, token }: State): Promise<void> {
  switch (conductOf(message)) {
    case 'await':
      return sleep(1 + (message % 3))
    case 'throwOnce':
      if (failedAttempts === 0) throw new TypeError('failed on purpose')
      return
    case 'reject':
      throw new RejectError('not wanted')
    case 'exitOnce':
      if (failedAttempts === 0) process.exit(4)
      return
    case 'exit':
      return process.exit(message % 3)
    case 'throwOutside':
      setTimeout(() => {
        throw new Error('thrown by a timer')
      }, 1)
      await sleep(60_000)
      return
    case 'spin':
      for (;;) ledger.beat(token)
    case 'return':
  }
}

const handler: QueueHandler<number, State> = defineHandler<number, State>({
  start({ data }) {
    const { ledger: buffer, handlerTimeoutMs } = data as DeathsHandlerData
    const ledger = new QueueLedger(buffer)
    return { ledger, token: ledger.token(), lateMs: handlerTimeoutMs / 2 }
  },
  message({ value, deliveryAttempt, failedAttempts }, state) {
    const { ledger, token, lateMs } = state
    ledger.add(token, 'begun', value, deliveryAttempt, failedAttempts)
    if (conductOf(value) === 'return') {
      ledger.add(token, 'done', value)
      return undefined
    }
    const since = performance.now()
    const end = (kind: 'resolving' | 'rejecting'): void => {
      const isLate = performance.now() - since > lateMs
      ledger.add(token, isLate ? 'late' : kind, value)
      // Its promise is seen to before the next turn of the event loop.
      if (!isLate) setImmediate(() => ledger.add(token, 'settled', value))
    }
    return conduct(value, failedAttempts, state).then(
      () => end('resolving'),
      (error: Error) => {
        end('rejecting')
        throw error
      },
    )
  },
})

export default handler
