/** How a broker treats handlers that fail in each way there is, and handlers that wait. Real threads. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker, sessions } from '../../api/broker.ts'
import { runNumbers } from '../../api/opened-run.ts'
import type { Broker } from '../../words/broker.ts'
import type { DeadLetterReason } from '../../words/broker-events.ts'
import type { Delivery } from '../../words/delivery.ts'
import { RejectError } from '../../words/errors.ts'
import type { RunOptions } from '../../words/group-options.ts'
import type { OddHandlerData, Oddity } from './odd-handler.fixture.ts'
import { quantile, within } from './within.fixture.ts'

const HANDLER = new URL('./odd-handler.fixture.js', import.meta.url)
const HANG_MS = 20_000
const TIMEOUT_MS = 250
const ATTEMPTS = 2
const BYSTANDERS = 40

/** What each oddity is dead-lettered as, and after how many failures. */
export const EXPECTED: Readonly<Partial<Record<Oddity, readonly [DeadLetterReason, number]>>> = {
  throw: ['failed', ATTEMPTS],
  reject: ['failed', ATTEMPTS],
  rejectError: ['rejected', 1],
  neverSettle: ['timeout', ATTEMPTS],
  spin: ['timeout', ATTEMPTS],
  spinLater: ['timeout', ATTEMPTS],
  exit: ['crashed', ATTEMPTS],
  exitLater: ['crashed', ATTEMPTS],
  strayRejection: ['crashed', ATTEMPTS],
  outOfMemory: ['crashed', ATTEMPTS],
}

function dataOf(): OddHandlerData {
  return {
    counts: new Int32Array(new SharedArrayBuffer(64)),
    times: new Float64Array(new SharedArrayBuffer(80_000)),
  }
}

function quiet(): Promise<Broker> {
  return openBroker({ logger: false })
}

export interface FailureReport {
  readonly oddity: string
  readonly problems: readonly string[]
  readonly ms: number
}

/** One odd record among good ones, and a second partition on the same thread whose records must not be charged. */
export async function failureMode(oddity: Oddity | 'undecodable'): Promise<FailureReport> {
  const problems: string[] = []
  const since = performance.now()
  const broker = await quiet()
  try {
    const topic = await broker.topic<Oddity>('odd', { partitions: 2 })
    const options: RunOptions = {
      handler: HANDLER,
      threads: 1,
      data: dataOf(),
      attempts: ATTEMPTS,
      // Filling the heap takes a while, and so does dying on a busy machine.
      handlerTimeoutMs: oddity !== 'undecodable' && EXPECTED[oddity]?.[0] === 'timeout' ? TIMEOUT_MS : 10 * TIMEOUT_MS,
      backoff: { initialMs: 5, maxMs: 5 },
      deadLetter: 'dead',
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    }
    const run = await topic.group('g').run(options)
    const dead: Delivery<unknown>[] = []
    const reading = await (await broker.topic('dead', { partitions: 2 }))
      .group('r')
      .handle(each => void dead.push(each))
    if (oddity === 'undecodable') await publishUndecodable(broker)
    else await topic.publish({ partition: 0, value: oddity })
    const rest = Array.from({ length: BYSTANDERS }, () => ({ partition: 1, value: 'await' as const }))
    await topic.publishBatch([{ partition: 0, value: 'return' }, { partition: 0, value: 'await' }, ...rest])
    await within(HANG_MS, 'idle', Promise.race([run.idle(), run.finished]))
    await within(HANG_MS, 'idle of the reader', reading.idle())
    const found = dead.map(({ headers }) => [headers['millrace-reason'], Number(headers['millrace-failed-attempts'])])
    const expected = oddity === 'undecodable' ? ['decode', 1] : EXPECTED[oddity]
    if (JSON.stringify(found) !== JSON.stringify([expected])) {
      problems.push(`dead letters ${JSON.stringify(found)}, not ${JSON.stringify([expected])}`)
    }
    const { processed, deadLettered, failures, lag } = await run.stats()
    const figures = JSON.stringify({ processed, deadLettered, failures, lag })
    const wanted = JSON.stringify({ processed: BYSTANDERS + 2, deadLettered: 1, failures: expected?.[1], lag: 0 })
    if (figures !== wanted) problems.push(`${figures}, not ${wanted}`)
    await within(HANG_MS, 'stop', run.stop())
  } catch (error) {
    problems.push((error as Error).message)
  }
  await broker.close({ timeoutMs: 1_000 }).catch((error: Error) => problems.push(error.message))
  return { oddity, problems, ms: performance.now() - since }
}

/** Bytes that are no JSON, into a JSON topic: as dead letters of a topic of bytes, which keep their bytes. */
async function publishUndecodable(broker: Broker): Promise<void> {
  const raw = await broker.topic<Uint8Array>('raw', { codec: 'bytes', partitions: 2 })
  const reject = ({ offset }: Delivery<Uint8Array>): never => {
    throw new RejectError(`offset ${offset} is passed on`)
  }
  const run = await raw.group('passer').handle(reject, { deadLetter: 'odd' })
  await raw.publish({ partition: 0, value: new Uint8Array([123, 255]) })
  await within(HANG_MS, 'idle of the passer', run.idle())
  await run.stop()
}

/** Milliseconds from one delivery to the next where each awaits a timer of 5 ms. */
export async function timerMs(count = 300): Promise<{ readonly median: number; readonly p99: number }> {
  const broker = await quiet()
  try {
    const topic = await broker.topic<Oddity>('timers')
    const data = dataOf()
    const run = await topic.group('g').run({ handler: HANDLER, threads: 1, data })
    await topic.publishBatch(Array.from({ length: count }, () => ({ value: 'await5' as const })))
    await within(HANG_MS, 'idle', run.idle())
    await run.stop()
    const gaps = Array.from(
      { length: count - 1 },
      (_, at) => (data.times[at + 2] as number) - (data.times[at + 1] as number),
    )
    return { median: quantile(gaps, 0.5), p99: quantile(gaps, 0.99) }
  } finally {
    await broker.close({ timeoutMs: 1_000 })
  }
}

/** How long after this thread was blocked a killed handler's successor started; NaN: not before it was unblocked. */
export async function restartWhileBlocked(blockedMs: number): Promise<number> {
  const broker = await quiet()
  try {
    const topic = await broker.topic<Oddity>('blocked')
    const data = dataOf()
    const run = await topic.group('g').run({ handler: HANDLER, threads: 1, data })
    await topic.publish({ value: 'return' })
    await within(HANG_MS, 'idle', run.idle())
    const killed = sessions.get(broker)?.ask(control => control.killHandler(runNumbers.get(run) as number, 0, 'any'))
    const since = performance.timeOrigin + performance.now()
    const passed = (): number => performance.timeOrigin + performance.now() - since
    // Blocked for that long at least, and on a busy machine for longer: until it sees what it waits for.
    const never = new Int32Array(new SharedArrayBuffer(4))
    while (passed() < blockedMs || ((data.times[0] as number) < since && passed() < 20 * blockedMs))
      Atomics.wait(never, 0, 0, 5)
    const restarted = data.times[0] as number
    await killed
    await topic.publish({ value: 'return' })
    await within(HANG_MS, 'idle after the kill', run.idle())
    await run.stop()
    return data.counts[0] === 2 && restarted > since ? restarted - since : Number.NaN
  } finally {
    await sleep(0)
    await broker.close({ timeoutMs: 1_000 })
  }
}
