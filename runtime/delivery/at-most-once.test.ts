/** Groups that commit before they handle: nothing comes twice, and what fails is said. */
import t from 'tap'
import { RejectError } from '../index.ts'
import { delay, openBroker, readAll, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { dyingOnce } from './at-most-once.fixture.ts'
import { type Scripted, scriptedCounts } from './fixtures/scripted.fixture.ts'

const SCRIPTED = new URL('./fixtures/scripted.fixture.js', import.meta.url)
const ONCE = { delivery: 'at-most-once' } as const

t.test('a record is committed before its handler is called, and settled after it', async t => {
  const topic = await newTopic<number>()
  const group = topic.group('g')
  let idle = false
  const run = await group.handle(async ({ offset }) => {
    t.match((await group.stats()).partitions, [{ committed: offset + 1 }])
    await delay(5)
    t.notOk(idle, 'what is handled is not over')
  }, ONCE)
  await topic.publishBatch([1, 2, 3].map(value => ({ value })))
  await run.idle()
  idle = true
  t.match(await run.stats(), { processed: 3, failures: 0, lag: 0 })
})

t.test('what fails is handled once, dead-lettered with its reason, and the next one follows', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<number>()
  const calls: string[] = []
  const run = await topic.group('g').handle(
    async ({ value, deliveryAttempt }) => {
      calls.push(`${value} ${deliveryAttempt}`)
      if (value === 1) throw new Error('broken')
      if (value === 2) throw new RejectError('unwanted')
      if (value === 3) await new Promise(() => undefined)
    },
    { ...ONCE, handlerTimeoutMs: 30 },
  )
  await topic.publishBatch([0, 1, 2, 3, 4].map(value => ({ value })))
  await run.idle()
  t.strictSame(calls, ['0 1', '1 1', '2 1', '3 1', '4 1'])
  t.match(await run.stats(), { processed: 2, deadLettered: 3, failures: 3, lag: 0 })
  const letters = await readAll(await broker.topic<number>(`${topic.name}.g.dlq`))
  t.strictSame(
    letters.map(({ value, headers }) => [value, headers['millrace-reason'], headers['millrace-failed-attempts']]),
    [
      [1, 'failed', '1'],
      [2, 'rejected', '1'],
      [3, 'timeout', '1'],
    ],
  )
})

t.test('without a dead-letter topic what fails is counted, and gone', async t => {
  const topic = await newTopic<number>()
  const run = await topic.group('g').handle(
    ({ value }) => {
      if (value % 3 === 0) throw new Error('broken')
    },
    { ...ONCE, deadLetter: false },
  )
  await topic.publishBatch(Array.from({ length: 900 }, (_, value) => ({ value })))
  await run.idle()
  t.match(await run.stats(), { processed: 600, deadLettered: 0, failures: 300, lag: 0 })
})

t.test('a thread that dies loses at most what it was executing, and that is dead-lettered', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<Scripted>('gauges', { partitions: 2 })
  const { run, deadly, lost } = await dyingOnce(t, topic)
  const letters = await readAll(await broker.topic<Scripted>('gauges.g.dlq'))
  t.strictSame(letters.map(({ value }) => value.n).sort(), [...lost].sort())
  t.ok(letters.every(({ headers }) => headers['millrace-reason'] === 'crashed'))
  for (const n of deadly) t.ok(lost.includes(n))
  t.ok(lost.length <= 6, 'the other partition may have been at its await')
  t.match(await run.stats(), { processed: 60 - lost.length, deadLettered: lost.length, restarts: 3, lag: 0 })
})

t.test('a full dead-letter topic holds the source, and nothing is lost, whoever reads on', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<{ n: number; pad: string }>(SMALL)
  const group = topic.group('g')
  const handle = () =>
    group.handle(({ value }) => {
      if (value.n % 2 === 0) throw new RejectError('never')
    }, ONCE)
  const first = await handle()
  const count = 800
  const publishing = topic.publishBatch(
    Array.from({ length: count }, (_, n) => ({ value: { n, pad: 'x'.repeat(500) } })),
  )
  const letters = await broker.topic<{ n: number }>(`${topic.name}.g.dlq`)
  await delay(200)
  t.ok((await first.stats()).deadLettered < count / 2, 'it is full')
  await first.stop()
  const second = await handle()
  await delay(50)
  const seen: number[] = []
  const reading = await letters.group('r').handle(({ value }) => void seen.push(value.n))
  await publishing
  await second.idle()
  await reading.idle()
  t.strictSame(
    seen.sort((a, b) => a - b),
    Array.from({ length: count / 2 }, (_, n) => 2 * n),
  )
  t.match(await second.stats(), { processed: count / 2, deadLettered: count / 2, lag: 0 })
})

t.test('an output is confirmed before the run is idle', async t => {
  const topic = await newTopic<number>()
  const out = await newTopic<number>()
  const run = await topic.group('g').handle(({ value }) => value * 2, { ...ONCE, output: out.name })
  await topic.publishBatch([1, 2, 3].map(value => ({ value })))
  await run.idle()
  t.strictSame(
    (await readAll(out)).map(({ value }) => value),
    [2, 4, 6],
  )
})

t.test('it is one attempt, one guarantee for the whole group, and not for who settles deliveries', async t => {
  const topic = await newTopic<number>()
  const group = topic.group('g')
  t.match(await rejection(group.handle(() => 1, { ...ONCE, attempts: 2 })), {
    code: 'MILL_INVALID_OPTION',
    message: /attempts/,
  })
  const run = await group.handle(() => undefined, { ...ONCE, attempts: 1 })
  t.match(await rejection(group.handle(() => 1, { delivery: 'at-least-once' })), {
    code: 'MILL_CONFIG_MISMATCH',
    message: /delivery/,
  })
  t.match(await rejection(group.consume().next()), { code: 'MILL_CONFIG_MISMATCH', message: /delivery/ })
  const other = await group.handle(() => undefined)
  await other.stop()
  await run.stop()
})

t.test(
  'a stop that ends the threads says that what they had in hand is not delivered again, and it is dead-lettered',
  async t => {
    const topic = await newTopic<Scripted>()
    const run = await topic.group('g').run({ ...ONCE, handler: SCRIPTED, threads: 1, data: scriptedCounts(2) })
    await topic.publish({ value: { n: 1, waitMs: 600_000 } })
    await until(async () => (await topic.group('g').stats()).partitions[0]?.committed === 1)
    const error = await rejection(run.stop({ timeoutMs: 50 }))
    t.match(error, { code: 'MILL_TIMEOUT', message: /what is not finished is not delivered again/ })
    const letters = await readAll(await (await sharedBroker()).topic<Scripted>(`${topic.name}.g.dlq`))
    t.match(letters, [{ value: { n: 1 }, headers: { 'millrace-reason': 'crashed' } }])
  },
)
