/** Writes down what it handles, and misbehaves at the records that say so. Handler thread. */
import { setTimeout as sleep } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import { defineHandler } from '../../options/define.ts'
import type { Delivery } from '../../words/delivery.ts'
import type { Handler } from '../../words/handler.ts'
import { clockMs, Ledger } from './ledger.fixture.ts'
import { misbehave, type Oddity } from './odd-handler.fixture.ts'
import { keyNumber, Witness } from './witness.fixture.ts'

/** A tick's value is when it was published, by `clockMs`; any other value is a way to fail. */
export type Tick = number | Oddity

export interface ModeHandlerData {
  readonly buffer: SharedArrayBuffer
  /** A journal's. The key of a message is its id there. */
  readonly journal: SharedArrayBuffer
  readonly partitions: number
  /** Which thread has each partition. */
  readonly threads: Int32Array
  /** A handler that spins or leaks says here, by its attempt, when it was last alive. */
  readonly beats: Float64Array
}

interface State {
  readonly ledger: Ledger
  readonly witness: Witness
  readonly data: ModeHandlerData
}

/** What the ledger has as the value of a record, and the log too. */
export function ledgerValue(value: unknown): number {
  return typeof value === 'number' ? Math.trunc(value) | 0 : -1
}

function act({ partition, offset, value, deliveryAttempt }: Delivery<Tick>, { ledger, data }: State): unknown {
  const noted = ledgerValue(value)
  ledger.entered(partition, offset, noted)
  const beat = (): void => {
    data.beats[deliveryAttempt] = clockMs()
  }
  if (typeof value === 'string') return misbehave(value, beat)
  // Some wait, so that a thread that dies has promises of bystanders pending.
  if (offset % 7 === 3) return sleep(1).then(() => ledger.finished(partition, offset, noted))
  ledger.finished(partition, offset, noted)
  return undefined
}

const handler: Handler<Tick, State, undefined> = defineHandler<Tick, State>({
  start({ partition, data }) {
    const given = data as ModeHandlerData
    const ledger = new Ledger(given.partitions, given.buffer)
    Atomics.store(given.threads, partition, threadId)
    ledger.began(partition)
    return { ledger, witness: new Witness(given.journal, partition), data: given }
  },
  message: (delivery, state) =>
    state.witness.handle(delivery, keyNumber(delivery.key), () => act(delivery, state)) as Promise<void> | undefined,
  stop({ witness }) {
    witness.left()
    return undefined
  },
})

export default handler
