/** Handlers as a user of the public door sees them: retries, dead letters, state, publishing, stopping. */
import { EventEmitter } from 'node:events'
import t from 'tap'
import { type Delivery, defineHandler, type HandlerContext, isMillraceError } from '../index.ts'
import { byPartition, delay, readAll, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import type { Order } from './fixtures/totals.fixture.ts'

const totals = new URL('./fixtures/totals.fixture.js', import.meta.url)
const QUICK = { backoff: { initialMs: 1, maxMs: 4, jitter: 0 } } as const

t.test('worker threads handle everything once, in order per partition, with state, output, data and stop', async t => {
  const broker = await sharedBroker()
  const audit = await newTopic<string>()
  const out = await newTopic<{ n: number; partition: number }>({ partitions: 2 })
  const orders = await newTopic<Order>({ partitions: 3 })
  const run = await orders.group('billing').run<{ partition: number; seen: number; sum: number; data: unknown }>({
    handler: totals,
    threads: 2,
    output: out.name,
    data: { rate: 5n, audit: audit.name },
    ...QUICK,
  })
  const values = Array.from(
    { length: 2_000 },
    (_, n): Order => ({
      n,
      ...(n % 100 === 7 && { fail: true }),
      ...(n % 100 === 9 && { reject: true }),
      slow: n % 500 === 1,
    }),
  )
  await orders.publishBatch(values.map(value => ({ key: `k${value.n % 40}`, value })))
  await run.idle()
  const stats = await run.stats()
  t.match(stats, {
    processed: 1_960,
    deadLettered: 40,
    failures: 20 * 5 + 20,
    lag: 0,
    restarts: 0,
    threads: 2,
    topic: orders.name,
    group: 'billing',
  })
  t.equal(stats.partitions.length, 3)
  t.ok(stats.partitions.every(({ committed, highWatermark, lag }) => committed === highWatermark && lag === 0))
  t.equal(await run.lag(), 0)
  const { results } = await run.stop()
  t.strictSame(
    results.map(({ partition }) => partition),
    [0, 1, 2],
  )
  t.strictSame(
    results.map(({ data }) => data),
    Array.from({ length: 3 }, () => ({ rate: 5n, audit: audit.name })),
  )
  t.equal(
    results.reduce((sum, { seen }) => sum + seen, 0),
    1_960,
  )
  const good = values.filter(({ fail, reject }) => fail !== true && reject !== true)
  t.equal(
    results.reduce((sum, each) => sum + each.sum, 0),
    good.reduce((sum, { n }) => sum + n, 0),
  )
  const outputs = await readAll(out)
  t.strictSame(
    outputs.map(({ value }) => value.n).sort((a, b) => a - b),
    good.map(({ n }) => n),
  )
  for (const { key, value } of outputs) if (key !== `k${value.n % 40}`) t.fail('an output has not its input’s key')
  const order = new Map<string | null, number>()
  for (const { key, value } of outputs) {
    if ((order.get(key) ?? -1) >= value.n) t.fail(`${value.n} came late`)
    order.set(key, value.n)
  }
  t.strictSame(
    (await readAll(audit)).map(({ value }) => value).sort(),
    [0, 1, 2].flatMap(n => [`start ${n}`, `stop ${n} true`]).sort(),
  )
  t.equal((await readAll(await broker.topic(`${orders.name}.billing.dlq`))).length, 40)
})

t.test('more threads than partitions: the rest stand idle', async t => {
  const audit = await newTopic()
  const orders = await newTopic<Order>()
  const run = await orders.group('g').run({ handler: totals, threads: 2, data: { audit: audit.name } })
  await orders.publishBatch(Array.from({ length: 100 }, (_, n) => ({ value: { n } })))
  await run.idle()
  t.match(await run.stats(), { processed: 100, threads: 1 })
  t.equal((await run.stop()).results.length, 1)
})

t.test('deliveries stay valid after they are settled and the window has moved on', async t => {
  const topic = await newTopic<number>(SMALL)
  const kept: Delivery<number>[] = []
  const run = await topic.group('g').handle(delivery => void kept.push(delivery))
  for (let value = 0; value < 9_000; value += 1_000) {
    await topic.publishBatch(
      Array.from({ length: 1_000 }, (_, at) => ({
        key: `k${value + at}`,
        value: value + at,
        headers: { n: String(value + at) },
      })),
    )
  }
  await run.idle()
  t.equal(kept.length, 9_000)
  t.ok(
    kept.every(
      ({ key, value, headers, offset }, at) =>
        value === at && key === `k${at}` && headers.n === String(at) && offset === at,
    ),
  )
  t.match(JSON.parse(JSON.stringify(kept[5])), { topic: topic.name, offset: 5, value: 5, key: 'k5' })
})

t.test('a handler may be a function, or an object with state; both see their context', async t => {
  const topic = await newTopic<number>({ partitions: 2 })
  await topic.publishBatch([0, 1, 2, 3].map(value => ({ value, partition: value % 2 })))
  const contexts: HandlerContext[] = []
  const run = await topic.group('f').handle((_delivery, context) => void contexts.push(context))
  await run.idle()
  t.strictSame(contexts.map(({ topic: name, group, partition }) => `${name} ${group} ${partition}`).sort(), [
    `${topic.name} f 0`,
    `${topic.name} f 0`,
    `${topic.name} f 1`,
    `${topic.name} f 1`,
  ])
  t.notOk(contexts[0]?.signal.aborted)
  await run.stop()
  t.ok(contexts.every(({ signal }) => signal.aborted))
  const handler = defineHandler({
    start: ({ partition }) => ({ partition, sum: 0 }),
    message({ value }: Delivery<number>, state: { partition: number; sum: number }) {
      state.sum += value
    },
    stop: state => state,
  })
  const second = await topic.group('h').handle(handler)
  await second.idle()
  t.strictSame((await second.stop()).results, [
    { partition: 0, sum: 2 },
    { partition: 1, sum: 4 },
  ])
  for (const bad of [null, undefined, 5, 'text', {}, { message: 5 }, { mesage() {} }]) {
    t.match(await rejection(topic.group('bad').handle(bad as unknown as () => void)), { code: 'MILL_HANDLER' })
  }
})

t.test('strange things returned or thrown by a handler do no harm', async t => {
  const topic = await newTopic<number>()
  const badThen = {
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested
    get then() {
      throw new Error('then throws')
    },
  }
  const throwingThen = {
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested
    then() {
      throw new Error('calling then throws')
    },
  }
  const twice = {
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested
    then(yes: (value: unknown) => void, no: (error: unknown) => void) {
      yes(1)
      yes(2)
      no(new Error('late'))
    },
  }
  const acts: (() => unknown)[] = [
    () => badThen,
    () => throwingThen,
    () => twice,
    () => 5,
    () => null,
    () => Promise.reject(undefined),
    () => {
      // biome-ignore lint/style/useThrowOnlyError: that is what is tested
      throw undefined
    },
    () => {
      throw Object.create(null)
    },
    () => {
      throw Symbol('s')
    },
  ]
  const tries: number[] = []
  const run = await topic.group('g').handle(
    ({ value }) => {
      tries.push(value)
      return acts[value]?.()
    },
    { attempts: 2, ...QUICK },
  )
  await topic.publishBatch(acts.map((_, value) => ({ value })))
  await run.idle()
  t.strictSame(tries, [0, 0, 1, 1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8])
  t.match(await run.stats(), { processed: 3, deadLettered: 6 })
})

t.test('a handler that does not settle in time has failed, and what it says later changes nothing', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<string>()
  const late = new EventEmitter()
  const calls: string[] = []
  const run = await topic.group('g').handle(
    async ({ value, failedAttempts }) => {
      calls.push(`${value} ${failedAttempts}`)
      if (value === 'hangs' && failedAttempts === 0)
        await new Promise((_, no) => late.once('now', () => no(new Error('late'))))
      if (value === 'never') await new Promise(() => undefined)
    },
    { attempts: 2, handlerTimeoutMs: 40, ...QUICK },
  )
  await topic.publishBatch([{ value: 'hangs' }, { value: 'ok' }, { value: 'never' }, { value: 'last' }])
  await run.idle()
  late.emit('now')
  await delay(20)
  t.strictSame(calls, ['hangs 0', 'hangs 1', 'ok 0', 'never 0', 'never 1', 'last 0'])
  t.match(await run.stats(), { processed: 3, deadLettered: 1, failures: 3 })
  const [letter] = await readAll(await broker.topic(`${topic.name}.g.dlq`))
  t.equal(letter?.headers['millrace-reason'], 'timeout')
})

t.test('handlers of different partitions overlap at their awaits; within one they do not', async t => {
  const topic = await newTopic<number>({ partitions: 3 })
  let now = 0
  let most = 0
  const inside = [0, 0, 0]
  // The first call of each partition waits until there is one of each.
  const waited = new Set<number>()
  const run = await topic.group('g').handle(async ({ partition }) => {
    inside[partition] = (inside[partition] as number) + 1
    if ((inside[partition] as number) > 1) t.fail('two at once in one partition')
    most = Math.max(most, ++now)
    if (!waited.has(partition)) {
      waited.add(partition)
      await until(() => most === 3, 'all three at once')
    }
    await delay(3)
    now--
    inside[partition] = (inside[partition] as number) - 1
  })
  await topic.publishBatch(Array.from({ length: 60 }, (_, value) => ({ value, partition: value % 3 })))
  await run.idle()
  t.equal(most, 3)
})

t.test('errors keep their code and cause on their way to the user', async t => {
  const topic = await newTopic<unknown>()
  const seen: unknown[] = []
  const run = await topic.group('g').handle(
    async (_, context) => {
      seen.push(await context.publish('nowhere', { value: 1 }).catch((error: unknown) => error))
      seen.push(await context.publish(topic.name, { value: 5n }).catch((error: unknown) => error))
    },
    { attempts: 1 },
  )
  await topic.publish({ value: 1 })
  await until(() => seen.length === 2)
  t.ok(isMillraceError(seen[0], 'MILL_INVALID_OPTION'))
  t.ok(isMillraceError(seen[1], 'MILL_UNSERIALISABLE'))
  await run.stop()
})

t.test('byPartition order is kept while records of other partitions fail', async t => {
  const topic = await newTopic<number>({ partitions: 2 })
  const done: Delivery<number>[] = []
  const run = await topic.group('g').handle(delivery => {
    if (delivery.partition === 0 && delivery.failedAttempts < 2) throw new Error('twice')
    done.push(delivery)
  }, QUICK)
  await topic.publishBatch(Array.from({ length: 40 }, (_, value) => ({ value, partition: value % 2 })))
  await run.idle()
  t.strictSame(
    byPartition(done),
    new Map([
      [1, Array.from({ length: 20 }, (_, n) => 2 * n + 1)],
      [0, Array.from({ length: 20 }, (_, n) => 2 * n)],
    ]),
  )
})
