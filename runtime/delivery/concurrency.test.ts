/** Several calls of a handler at a time in one partition: order per key, commits, and who is charged when a thread dies. */
import { createHook } from 'node:async_hooks'
import t from 'tap'
import { delay, openBroker, readAll, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { type Scripted, scriptedCounts } from './fixtures/scripted.fixture.ts'

const scripted = new URL('./fixtures/scripted.fixture.js', import.meta.url)
const QUICK = { backoff: { initialMs: 1, maxMs: 4, jitter: 0 } } as const

t.test('up to so many calls are pending, one of a key at a time, in its order', async t => {
  const topic = await newTopic<number>()
  const inside = new Map<string | null, number>()
  const seen = new Map<string | null, number[]>()
  let now = 0
  let most = 0
  const run = await topic.group('g').handle(
    async ({ key, value, failedAttempts }) => {
      most = Math.max(most, ++now)
      inside.set(key, (inside.get(key) ?? 0) + 1)
      if (key !== null && inside.get(key) !== 1) t.fail(`two of ${key} at once`)
      await delay(value % 3)
      inside.set(key, (inside.get(key) as number) - 1)
      now--
      if (value % 17 === 0 && failedAttempts === 0) throw new Error('once')
      seen.set(key, [...(seen.get(key) ?? []), value])
    },
    { concurrency: 8, ...QUICK },
  )
  await topic.publishBatch(
    Array.from({ length: 400 }, (_, value) => ({ key: value % 5 === 0 ? null : `k${value % 13}`, value })),
  )
  await run.idle()
  t.equal(most, 8)
  t.match(await run.stats(), { processed: 400, failures: 24, lag: 0 })
  for (const [key, values] of seen)
    if (key !== null && values.some((value, at) => at > 0 && value < (values[at - 1] as number)))
      t.fail(`${key} came as ${values.join()}`)
})

t.test('calls of one key wait for each other, however many may be pending', async t => {
  const topic = await newTopic<number>()
  let inside = 0
  const run = await topic.group('g').handle(
    async () => {
      if (++inside > 1) t.fail('two at once')
      await delay(1)
      inside--
    },
    { concurrency: 4 },
  )
  await topic.publishBatch(Array.from({ length: 8 }, (_, value) => ({ key: 'one', value })))
  await run.idle()
  t.match(await run.stats(), { processed: 8 })
})

t.test('the committed offset waits for the slowest, and stop for all that are pending', async t => {
  const topic = await newTopic<number>()
  const group = topic.group('g')
  let release: () => void = () => undefined
  const gate = new Promise<void>(resolve => {
    release = resolve
  })
  let done = 0
  const run = await group.handle(
    async ({ value }) => {
      if (value === 2) await gate
      done++
    },
    { concurrency: 4 },
  )
  await topic.publishBatch(Array.from({ length: 100 }, (_, value) => ({ value })))
  await until(() => done === 99)
  t.match((await group.stats()).partitions, [{ committed: 2 }])
  const stopping = run.stop()
  release()
  await stopping
  t.equal(done, 100)
  t.match(await group.stats(), { processed: 100, lag: 0 })
})

t.test('what is due waits for a call that may be long by no clock', async t => {
  const topic = await newTopic<number>()
  let timers = 0
  const hook = createHook({ init: (_, type) => void (type === 'Timeout' && timers++) })
  const seen: number[] = []
  const run = await topic.group('g').handle(
    async ({ value, failedAttempts }) => {
      seen.push(value)
      if (value === 0 && failedAttempts === 0) throw new Error('once')
      if (value === 1) await delay(600)
      if (value === 1) hook.disable()
    },
    { retryOrder: 'none', backoff: { initialMs: 20, maxMs: 20, jitter: 0 } },
  )
  hook.enable()
  await topic.publishBatch([0, 1].map(value => ({ value })))
  await run.idle()
  t.strictSame(seen, [0, 1, 0])
  t.ok(timers < 30, `${timers} timers`)
})

t.test('a call that does not settle in time is a failure of its record alone', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<number>()
  const calls: number[] = []
  const run = await topic.group('g').handle(
    async ({ value }) => {
      calls.push(value)
      if (value === 1) await new Promise(() => undefined)
      await delay(1)
    },
    { concurrency: 3, attempts: 2, handlerTimeoutMs: 40, ...QUICK },
  )
  await topic.publishBatch(Array.from({ length: 9 }, (_, value) => ({ value })))
  await run.idle()
  t.strictSame(
    calls.filter(value => value === 1),
    [1, 1],
  )
  t.match(await run.stats(), { processed: 8, deadLettered: 1, failures: 2 })
  const [letter] = await readAll(await broker.topic(`${topic.name}.g.dlq`))
  t.equal(letter?.headers['millrace-reason'], 'timeout')
})

t.test('outputs and publishes are each their own delivery’s', async t => {
  const topic = await newTopic<number>()
  const out = await newTopic<number>()
  const audit = await newTopic<number>()
  const run = await topic.group('g').handle(
    async ({ value, failedAttempts }, context) => {
      await delay(value % 4)
      if (value % 5 === 0 && failedAttempts === 0) {
        void context.publish('nowhere', { value }).catch(() => undefined)
        return undefined
      }
      void context.publish(audit.name, { value })
      return value % 2 === 0 ? value : undefined
    },
    { concurrency: 6, output: out.name, ...QUICK },
  )
  await topic.publishBatch(Array.from({ length: 60 }, (_, value) => ({ value })))
  await run.idle()
  t.match(await run.stats(), { processed: 60, failures: 12 })
  const sorted = (read: readonly { value: number }[]): number[] => read.map(({ value }) => value).sort((a, b) => a - b)
  t.strictSame(
    sorted(await readAll(out)),
    Array.from({ length: 30 }, (_, n) => 2 * n),
  )
  t.strictSame(
    sorted(await readAll(audit)),
    Array.from({ length: 60 }, (_, n) => n),
  )
})

t.test('a thread that dies with many pending charges nobody, until the one that does it stands alone', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<Scripted>('orders')
  const counts = scriptedCounts(120)
  const run = await topic.group('g').run({
    handler: scripted,
    threads: 1,
    concurrency: 6,
    attempts: 2,
    data: counts,
    ...QUICK,
  })
  const value = (n: number): Scripted => ({ n, act: n === 40 ? 'exitLater' : undefined, waitMs: n === 40 ? 1 : 4 })
  await topic.publishBatch(Array.from({ length: 120 }, (_, n) => ({ value: value(n) })))
  await run.idle()
  t.match(await run.stats(), { processed: 119, deadLettered: 1, failures: 2, lag: 0 })
  const letters = await readAll(await broker.topic<Scripted>('orders.g.dlq'))
  t.match(letters, [{ value: { n: 40 }, headers: { 'millrace-reason': 'crashed', 'millrace-failed-attempts': '2' } }])
  const repeated = [...counts.handed.entries()].filter(([n, handed]) => n !== 40 && handed > 1)
  t.ok(repeated.length <= 10, 'only those that were pending come again')
  for (const [n, handed] of counts.handed.entries())
    if (counts.attempts[n] !== handed) t.fail(`${n} was handed out ${handed} times, and told ${counts.attempts[n]}`)
})

t.test('a call that spins is charged alone, whatever is pending beside it', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<Scripted>('orders')
  const counts = scriptedCounts(30)
  const run = await topic.group('g').run({
    handler: scripted,
    threads: 1,
    concurrency: 4,
    attempts: 1,
    handlerTimeoutMs: 200,
    data: counts,
    ...QUICK,
  })
  await topic.publishBatch(
    Array.from({ length: 30 }, (_, n) => ({ value: { n, act: n === 9 ? ('spin' as const) : undefined, waitMs: 10 } })),
  )
  await run.idle()
  t.match(await run.stats(), { processed: 29, deadLettered: 1, failures: 1, restarts: 1, lag: 0 })
  const letters = await readAll(await broker.topic<Scripted>('orders.g.dlq'))
  t.match(letters, [{ value: { n: 9 }, headers: { 'millrace-reason': 'timeout' } }])
})
