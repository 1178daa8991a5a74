/**
 * Queues whose messages wait while the wall clock is set, in memory and on disk: delays, times to live, ids, retries and rates. Then the folder
 * is opened by another broker, and the clock is set between the two.
 *
 * Main thread, under libfaketime. Times are those of the monotonic clock, which is not set. Each wait is bounded by LATE_MS.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../../api/broker.ts'
import type { Broker } from '../../words/broker.ts'
import type { Queue } from '../../words/queue.ts'
import type { FakeClock } from './fake-clock.fixture.ts'
import { within } from './within.fixture.ts'

/** Delays, times to live, retries, and how long ids are kept. */
const WAIT_MS = 2_000
const RATE = { max: 1, perMs: 500 } as const
const RATED = 5
/** What comes so late would not have come, or an hour later. */
const LATE_MS = 20_000
/** Clocks have whole milliseconds, and ends of waits are looked for in ticks. */
const TICK_MS = 10

type What = 'delayed' | 'retried' | 'rated'
type Tell = (problem: string) => void

interface Arrivals {
  readonly delayed: number[]
  readonly retried: number[]
  readonly rated: number[]
}

const OPTIONS = {
  deadLetter: false,
  attempts: Number.POSITIVE_INFINITY,
  backoff: { initialMs: WAIT_MS, maxMs: WAIT_MS, jitter: 0 },
} as const

async function come(isThere: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isThere())) await sleep(5)
}

async function consume(queue: Queue<What>, arrivals: Arrivals): Promise<void> {
  await queue.handle(({ value, failedAttempts }) => {
    arrivals[value].push(performance.now())
    if (value === 'retried' && failedAttempts === 0) throw new Error('failed on purpose')
  })
}

/** What waits in one broker while the clock is set. */
async function stepWithin(broker: Broker, step: () => void, tell: Tell): Promise<void> {
  const arrivals: Arrivals = { delayed: [], retried: [], rated: [] }
  const [jobs, rated, dying, named] = await Promise.all([
    broker.queue<What>('jobs', OPTIONS),
    broker.queue<What>('rated', { ...OPTIONS, rate: RATE }),
    broker.queue<What>('dying', OPTIONS),
    broker.queue<What>('named', { ...OPTIONS, dedupeMs: WAIT_MS }),
  ])
  await consume(jobs, arrivals)
  const sent = performance.now()
  await jobs.send({ value: 'delayed', delayMs: WAIT_MS })
  await jobs.send({ value: 'retried' })
  await dying.send({ value: 'delayed', ttlMs: WAIT_MS })
  await named.send({ value: 'delayed', id: 'one' })
  await rated.sendBatch(Array.from({ length: RATED }, () => ({ value: 'rated' as const })))
  await consume(rated, arrivals)
  await within(
    LATE_MS,
    'the first attempts',
    come(() => arrivals.retried.length === 1 && arrivals.rated.length > 0),
  )
  step()
  const { duplicate } = await named.send({ value: 'delayed', id: 'one' })
  if (!duplicate && performance.now() < sent + WAIT_MS) tell('an id was forgotten too early')
  const expired = come(async () => (await dying.stats()).expired === 1).then(() => performance.now())
  const free = come(async () => !(await named.send({ value: 'delayed', id: 'one' })).duplicate)
  await within(
    LATE_MS,
    'what waits',
    come(() => arrivals.delayed.length === 1 && arrivals.retried.length === 2 && arrivals.rated.length === RATED),
  )
  const [first = 0, second = 0] = arrivals.retried
  const early = (what: string, afterMs: number): void => {
    if (afterMs < WAIT_MS - TICK_MS) tell(`${what} after ${afterMs.toFixed(0)} ms, and not ${WAIT_MS}`)
  }
  early('a delayed message came', (arrivals.delayed[0] as number) - sent)
  early('a retry came', second - first)
  early('a message expired', (await within(LATE_MS, 'the end of a time to live', expired)) - sent)
  await within(LATE_MS, 'an id that is free again', free)
  early('an id was free', performance.now() - sent)
  const spread = (arrivals.rated.at(-1) as number) - (arrivals.rated[0] as number)
  const least = (RATED - 1) * RATE.perMs - TICK_MS * RATED
  if (spread < least) tell(`${RATED} messages were handed out in ${spread.toFixed(0)} ms, and not ${least}`)
}

/** What waits in a folder while the clock is set between two brokers: it never waits for longer than all of its time. */
async function stepBetween(dir: string, step: () => void, tell: Tell): Promise<void> {
  const open = async (): Promise<readonly [Broker, Queue<What>, Queue<What>]> => {
    const broker = await openBroker({ dir, logger: false })
    const later = await broker.queue<What>('later', OPTIONS)
    return [broker, later, await broker.queue<What>('known', { ...OPTIONS, dedupeMs: WAIT_MS })]
  }
  const [before, later, known] = await open()
  await later.send({ value: 'delayed', delayMs: WAIT_MS })
  await later.send({ value: 'rated', ttlMs: WAIT_MS })
  await known.send({ value: 'delayed', id: 'one' })
  await before.close()
  step()
  const opened = performance.now()
  const [after, again, ids] = await open()
  try {
    await within(
      LATE_MS,
      'the end of a time to live in the next broker',
      come(async () => (await again.stats()).expired === 1),
    )
    const arrivals: Arrivals = { delayed: [], retried: [], rated: [] }
    await consume(again, arrivals)
    await within(
      LATE_MS,
      'a delayed message in the next broker',
      come(() => arrivals.delayed.length === 1),
    )
    if (arrivals.rated.length > 0) tell('a message was handed out in the next broker after its time to live')
    await within(
      LATE_MS,
      'an id that is free again in the next broker',
      come(async () => !(await ids.send({ value: 'delayed', id: 'one' })).duplicate),
    )
    const tookMs = performance.now() - opened
    if (tookMs > LATE_MS) tell(`all took ${tookMs.toFixed(0)} ms in the next broker`)
  } finally {
    await after.close()
  }
}

/** What goes wrong in queues when the clock is set by so much, in words. */
export async function stepQueues(clock: FakeClock, byMs: number): Promise<readonly string[]> {
  const what = `queues, the clock was set by ${byMs / 3_600_000} h`
  const problems: string[] = []
  for (const where of ['memory', 'disk', 'between'] as const) {
    const dir = mkdtempSync(join(tmpdir(), 'millrace-clock-'))
    const tell: Tell = problem => void problems.push(`${what}, ${where}: ${problem}`)
    clock.step(0)
    const step = (): void => clock.step(byMs)
    try {
      if (where === 'between') await stepBetween(dir, step, tell)
      else {
        const broker = await openBroker({ logger: false, ...(where === 'disk' ? { dir } : {}) })
        await stepWithin(broker, step, tell).finally(() => broker.close({ timeoutMs: 5_000 }))
      }
    } catch (error) {
      tell((error as Error).message)
    } finally {
      clock.step(0)
      rmSync(dir, { recursive: true, force: true })
    }
  }
  console.log(`${what}: ${problems.length === 0 ? 'nobody noticed' : `${problems.length} problems`}`)
  return problems
}
