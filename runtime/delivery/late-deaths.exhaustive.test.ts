/**
 * A record whose handler is over may yet end its thread, before the record is settled: it is charged with that as if it had
 * done so at once, and `attempts` bounds it. Real threads.
 */
import t from 'tap'
import type { RunOptions } from '../index.ts'
import { openBroker } from '../proof/fixtures/broker.fixture.ts'
import { drawn } from '../proof/fixtures/portion.fixture.ts'
import { DEATH_NAMES } from './fixtures/late-death.fixture.ts'

const ONE = new URL('./fixtures/late-death.fixture.js', import.meta.url)
const BATCHES = new URL('./fixtures/late-death-batches.fixture.js', import.meta.url)

const WAYS: Readonly<Record<string, Pick<RunOptions, 'handler' | 'retryOrder' | 'concurrency' | 'batch'>>> = {
  'one record after another': { handler: ONE },
  'records of other keys meanwhile': { handler: ONE, retryOrder: 'key' },
  'several records in hand': { handler: ONE, concurrency: 4 },
  batches: { handler: BATCHES, batch: { maxRecords: 4 } },
}

const pairs = [...drawn(Object.keys(WAYS).length * DEATH_NAMES.length)]

for (const [number, [way, options]] of Object.entries(WAYS).entries()) {
  const first = number * DEATH_NAMES.length
  const deaths = DEATH_NAMES.filter((_, index) => pairs.includes(first + index))
  if (deaths.length === 0) continue
  t.test(`${way}: each way in which a record may end its thread late`, async t => {
    const broker = await openBroker(t)
    for (const [index, death] of deaths.entries()) {
      const out = await broker.topic<string>(`out-${index}`)
      const topic = await broker.topic<string>(`orders-${index}`)
      await topic.publishBatch(['a', 'b', death, 'c', 'd'].map(value => ({ value })))
      const run = await topic.group('g').run({
        ...options,
        threads: 1,
        output: out.name,
        attempts: 2,
        backoff: { initialMs: 1, maxMs: 1, jitter: 0 },
        restart: { intensity: 6, periodMs: 60_000 },
      })
      await run.idle()
      t.match(await run.stats(), { processed: 4, deadLettered: 1, failures: 2, lag: 0 }, death)
      for await (const letter of broker.deadLetters<string>(topic).browse())
        t.match(letter, { value: death, reason: 'crashed', failedAttempts: 2 })
      await run.stop()
    }
  })
}
