/** Whatever a handler returns or throws fails its own record, and nothing else: in each way of handling. */
import t, { type Test } from 'tap'
import type { Delivery, Run, Topic } from '../index.ts'
import { until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { HOSTILE, type HostileJob, message, UNSEEN } from './fixtures/hostile.fixture.ts'

const ATTEMPTS = { attempts: 2, backoff: { initialMs: 1, maxMs: 1, jitter: 0 } } as const
const HOWS = ['return', 'throw', 'resolve', 'reject'] as const
const jobs: readonly HostileJob[] = HOWS.flatMap(how =>
  HOSTILE.flatMap((_, n): HostileJob[] => [
    { n, how },
    { n, how: 'well' },
  ]),
)

/** All fail, but functions that are returned: whoever resolves a promise with a value looks at it. */
const DEAD = HOWS.length * HOSTILE.length - UNSEEN

async function judge(t: Test, topic: Topic<HostileJob>, run: Run): Promise<void> {
  await topic.publishBatch(jobs.map(value => ({ value })))
  await run.idle()
  t.match(await run.stats(), {
    processed: jobs.length - DEAD,
    deadLettered: DEAD,
    failures: 2 * DEAD,
    restarts: 0,
    lag: 0,
  })
  await run.stop()
}

t.test('a handler of one record', async t => {
  const topic = await newTopic<HostileJob>()
  await judge(t, topic, await topic.group('g').handle(message, ATTEMPTS))
})

t.test('a handler with several records in hand', async t => {
  const topic = await newTopic<HostileJob>()
  await judge(t, topic, await topic.group('g').handle(message, { ...ATTEMPTS, concurrency: 4, retryOrder: 'none' }))
})

t.test('a handler of batches, in which the bad one is found', async t => {
  const topic = await newTopic<HostileJob>()
  const batch = (deliveries: readonly Delivery<HostileJob>[]): unknown => {
    // The first that is not well speaks for its batch.
    const bad = deliveries.find(({ value }) => value.how !== 'well')
    return bad === undefined ? undefined : message(bad)
  }
  const handler = { batch: batch as () => Promise<void> }
  await judge(t, topic, await topic.group('g').handle(handler, { ...ATTEMPTS, batch: { maxRecords: 8 } }))
})

t.test('a handler on a thread of its own, which lives on', async t => {
  const topic = await newTopic<HostileJob>()
  const handler = new URL('./fixtures/hostile.fixture.js', import.meta.url)
  await judge(t, topic, await topic.group('g').run({ handler, threads: 1, ...ATTEMPTS }))
})

t.test('a handler on a thread of its own knows an error of ours by its class', async t => {
  const topic = await newTopic<string>({ partitions: 1 })
  const handler = new URL('./fixtures/error-class.fixture.js', import.meta.url)
  const run = await topic.group('g').run<boolean>({ handler, threads: 1 })
  await topic.publish({ value: 'any' })
  await run.idle()
  t.strictSame((await run.stop()).results, [true])
})

t.test('deliveries that are settled by hand', async t => {
  const topic = await newTopic<HostileJob>()
  await topic.publishBatch(HOSTILE.map((_, n) => ({ value: { n, how: 'throw' } })))
  const subscription = topic
    .group('g')
    .observe({ window: 8, ...ATTEMPTS })
    .subscribe(delivery => delivery.nack(HOSTILE[delivery.value.n]?.()))
  const letters = async (): Promise<number> => (await topic.group('g').stats()).deadLettered
  await until(async () => (await letters()) >= HOSTILE.length)
  subscription.unsubscribe()
  t.equal(await letters(), HOSTILE.length)
})
