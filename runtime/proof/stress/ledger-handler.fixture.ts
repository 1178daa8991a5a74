/** Writes down what it handles; most deliveries take some microseconds, some await a timer. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineHandler } from '../../options/define.ts'
import type { Delivery } from '../../words/delivery.ts'
import { RejectError } from '../../words/errors.ts'
import type { Handler } from '../../words/handler.ts'
import { Ledger } from './ledger.fixture.ts'
import { Witness } from './witness.fixture.ts'

export interface LedgerHandlerData {
  readonly buffer: SharedArrayBuffer
  /** A journal's, in which everything is recorded. */
  readonly journal: SharedArrayBuffer
  readonly partitions: number
  /** Busy time of a delivery. */
  readonly busyUs: number
  /** Each delivery whose value divides by this awaits a millisecond. */
  readonly awaitEach: number
  /** Each delivery whose value divides by this is rejected; 0: none. */
  readonly rejectEach?: number
  /** How long `stop` takes. */
  readonly stopMs?: number
}

interface State {
  readonly ledger: Ledger
  readonly witness: Witness
  readonly data: LedgerHandlerData
}

function work({ partition, offset, value }: Delivery<number>, { ledger, data }: State): Promise<void> | undefined {
  ledger.entered(partition, offset, value)
  if (data.rejectEach !== undefined && value % data.rejectEach === 0) throw new RejectError('not wanted')
  if (data.busyUs > 0) for (const until = performance.now() + data.busyUs / 1_000; performance.now() < until; );
  if (value % data.awaitEach === 0) return sleep(1).then(() => ledger.finished(partition, offset, value))
  ledger.finished(partition, offset, value)
  return undefined
}

const handler: Handler<number, State, undefined> = defineHandler<number, State>({
  start(context) {
    const data = context.data as LedgerHandlerData
    const ledger = new Ledger(data.partitions, data.buffer)
    ledger.began(context.partition)
    return { ledger, witness: new Witness(data.journal, context.partition), data }
  },
  message: (delivery, state) => state.witness.handle(delivery, delivery.value, () => work(delivery, state)),
  async stop({ data, witness }) {
    witness.left()
    if (data.stopMs !== undefined) await sleep(data.stopMs)
    return undefined
  },
})

export default handler
