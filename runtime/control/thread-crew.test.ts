/** What becomes of a run's threads and partitions when handlers hang, crash or exit at a moment that is known. */
import t from 'tap'
import { openBroker as openHere, sessions } from '../api/broker.ts'
import type { Session } from '../embedded/session.ts'
import type { Broker, Delivery } from '../index.ts'
import { delay, openBroker, rejection, standStill, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import type { FaultsData } from './fixtures/faults.fixture.ts'

const HANDLER = new URL('./fixtures/faults.fixture.js', import.meta.url)
const EXITS = new URL('./fixtures/exits-at-load.fixture.js', import.meta.url)
const ONCE = { initialMs: 1, maxMs: 1, jitter: 0 }

function faults(): FaultsData {
  return { words: new Int32Array(new SharedArrayBuffer(256)) }
}

async function census(broker: Broker): Promise<{ readonly blocks: number }> {
  return (sessions.get(broker) as Session).ask(control => control.census())
}

t.test('a start that hangs holds up nobody but its own partition, and stop ends it in time', async t => {
  const topic = await newTopic<string>({ partitions: 4 })
  const data = faults()
  data.words[0] = 1 // the start of partition 0 hangs
  const group = topic.group('g')
  const run = await group.run({ handler: HANDLER, threads: 2, data })
  await topic.publishBatch([0, 1, 2, 3].map(partition => ({ partition, value: 'return' })))
  await until(() => [1, 2, 3].every(partition => data.words[8 + partition] === 1))
  // Another member comes, and gets its share of what is there.
  const seen: number[] = []
  const other = await group.handle(({ partition }: Delivery<string>) => void seen.push(partition))
  await until(async () => (await run.stats()).threads === 3)
  await other.stop()
  t.equal((await rejection(run.stop({ timeoutMs: 300 }))).message.includes('did not stop within 300 ms'), true)
})

t.test('a partition that is taken away while its start hangs is handled by its new owner only', async t => {
  const topic = await newTopic<string>({ partitions: 2 })
  const data = faults()
  data.words.set([1, 0, 0, 1])
  const group = topic.group('g')
  const run = await group.run({ handler: HANDLER, threads: 1, data })
  await topic.publishBatch([0, 1, 1].map(partition => ({ partition, value: 'return' })))
  await until(() => data.words[8] === 1)
  const seen: string[] = []
  const other = await group.handle(
    ({ partition, offset }: Delivery<string>) => void seen.push(`${partition}:${offset}`),
  )
  await until(() => seen.length === 2)
  Atomics.store(data.words, 0, 0)
  await topic.publish({ partition: 1, value: 'return' })
  await run.idle()
  await delay(50)
  t.equal(data.words[9], 0, 'the start that came too late handled nothing')
  t.strictSame(seen, ['1:0', '1:1', '1:2'])
  await run.stop()
  await other.stop()
})

t.test('what a thread dies of while its run is being stopped is charged', async t => {
  const topic = await (await openBroker(t)).topic<string>('orders')
  const group = topic.group('g')
  const data = faults()
  const run = await group.run({ handler: HANDLER, threads: 1, data, backoff: ONCE })
  await topic.publish({ value: 'exitLater' })
  await until(() => data.words[4] === 1)
  await run.stop().catch(() => undefined)
  t.equal((await group.stats()).failures, 1)
})

t.test('what is cut short because its run is stopped is not charged', async t => {
  const topic = await newTopic<string>()
  const group = topic.group('g')
  const data = faults()
  const run = await group.run({ handler: HANDLER, threads: 1, data, backoff: ONCE })
  await topic.publish({ value: 'never' })
  await until(() => data.words[4] === 1)
  t.match(await rejection(run.stop({ timeoutMs: 100 })), { code: 'MILL_TIMEOUT' })
  t.equal((await group.stats()).failures, 0)
})

t.test('a thread is not taken for the one before it, which did as much and then hung', async t => {
  const topic = await (await openBroker(t)).topic<string>('orders')
  const options = {
    handler: HANDLER,
    threads: 1,
    data: faults(),
    attempts: 1,
    handlerTimeoutMs: 400,
    deadLetter: 'dead',
  }
  const run = await topic.group('g').run(options)
  await topic.publishBatch(Array.from({ length: 8 }, (_, at) => ({ value: at % 2 === 0 ? 'hang' : 'wait' })))
  await run.idle()
  t.match(await run.stats(), { failures: 4, processed: 4, deadLettered: 4 })
})

t.test('time in which the thread stood still is not held against a handler that waits', async t => {
  const topic = await newTopic<number>()
  const attempts: number[] = []
  const run = await topic.group('g').handle(
    async ({ deliveryAttempt }) => {
      attempts.push(deliveryAttempt)
      for (let part = 0; part < 3; part++) await delay(100)
    },
    { handlerTimeoutMs: 600, backoff: ONCE },
  )
  await topic.publish({ value: 1 })
  await until(() => attempts.length > 0)
  standStill(800)
  await run.idle()
  t.strictSame(attempts, [1])
  t.equal((await run.stats()).failures, 0)
  await run.stop()
})

t.test('a thread that cannot be ended is replaced, and what it held is given back when it ends after all', async t => {
  // Of the modules that are loaded here, whose sessions are known here.
  const broker = await openHere({ logger: false })
  t.teardown(() => broker.close({ timeoutMs: 300 }).catch(() => undefined))
  const topic = await broker.topic<string>('orders')
  const group = topic.group('g')
  const data = faults()
  const run = await group.run({ handler: HANDLER, threads: 1, data, attempts: 1, handlerTimeoutMs: 250, backoff: ONCE })
  await topic.publish({ value: 'return' })
  await run.idle()
  const { blocks } = await census(broker)
  await topic.publishBatch(['native', 'return'].map(value => ({ value })))
  await run.idle()
  t.match(await run.stats(), { processed: 2, deadLettered: 1, restarts: 1 })
  await until(async () => (await census(broker)).blocks === blocks, 'the end of the thread')
  t.equal((await census(broker)).blocks, blocks)
  t.equal(data.words[1], 0, 'its call was not interrupted, and nothing came after it')
  await run.stop()
})

t.test('a thread is said to be started again each time that it is, and not when it is given up', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<string>('orders')
  const data = faults()
  const restarted: number[] = []
  broker.on('restarted', ({ restarts }) => restarted.push(restarts))
  broker.on('failed', () => undefined)
  const refused = await rejection(topic.group('g').run({ handler: EXITS, threads: 2 }))
  t.match(refused, { code: 'MILL_HANDLER', message: /called process.exit\(9\)/ })
  t.strictSame(restarted, [], 'a run that does not start says so by its own error')
  const run = await topic
    .group('g')
    .run({ handler: HANDLER, threads: 1, data, restart: { intensity: 2, periodMs: 60_000 } })
  data.words[2] = 1
  await topic.publish({ value: 'strayExit' })
  t.match(await rejection(run.finished), { code: 'MILL_GAVE_UP', message: /ended 3 times/ })
  t.strictSame(restarted, [1, 2])
})
