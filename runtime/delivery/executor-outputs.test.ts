/** What handlers put out and publish, as a user of the door sees it: what is settled when, and what a full or bad output does. */
import t from 'tap'
import { RejectError } from '../index.ts'
import { delay, readAll, rejection, SMALL, standStill, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { fillUp } from '../publish/full-topic.fixture.ts'
import { FAILURES_MAX } from '../wire/layout.ts'

const QUICK = { backoff: { initialMs: 1, maxMs: 4, jitter: 0 } } as const

t.test('what a handler publishes is confirmed before its input is settled, awaited or not', async t => {
  const topic = await newTopic<number>()
  const audit = await newTopic<string>({ ...SMALL, codec: 'string' })
  const tries: string[] = []
  const run = await topic.group('g').handle(async ({ value, failedAttempts }, context) => {
    tries.push(`${value} ${failedAttempts}`)
    if (value === 0) void context.publish(audit.name, { value: 'at once' })
    if (value === 1) {
      await delay(1)
      void context.publish(failedAttempts === 0 ? 'nowhere' : audit.name, { value: 'later' }).catch(() => undefined)
    }
    if (value === 2 && failedAttempts === 0) {
      void context.publish('nowhere', { value: 'x' }).catch(() => undefined)
      throw new Error('fails by itself')
    }
    if (value === 3 && failedAttempts === 0)
      void context.publish(audit.name, { value: 'x'.repeat(5_000) }).catch(() => undefined)
  }, QUICK)
  await topic.publishBatch([0, 1, 2, 3].map(value => ({ value })))
  await run.idle()
  t.strictSame(tries, ['0 0', '1 0', '1 1', '2 0', '2 1', '3 0', '3 1'])
  t.match(await run.stats(), { processed: 4, failures: 3 })
  t.strictSame(
    (await readAll(audit)).map(({ value }) => value),
    ['at once', 'later'],
  )
})

t.test('context.publish takes what it is given when it is called, and keeps the order', async t => {
  const topic = await newTopic<number>()
  const out = await newTopic<Uint8Array>({ codec: 'bytes' })
  const buffer = new Uint8Array(1)
  const run = await topic.group('g').handle(({ value }, context) => {
    for (let n = 0; n < 3; n++) {
      buffer[0] = value * 3 + n
      void context.publish(out.name, { value: buffer })
    }
    if (value === 0) queueMicrotask(() => queueMicrotask(() => undefined))
  })
  await topic.publishBatch(Array.from({ length: 20 }, (_, value) => ({ value })))
  await run.idle()
  t.strictSame(
    (await readAll(out)).map(({ value }) => value[0]),
    Array.from({ length: 60 }, (_, n) => n),
  )
})

t.test('what a handler publishes after its time is over is no business of the next delivery', async t => {
  const topic = await newTopic<number>()
  const out = await newTopic<string>({ ...SMALL, groups: ['reader'] })
  await fillUp(out, 3_900)
  const run = await topic.group('g').handle(
    async ({ value }, context) => {
      if (value > 0) return
      await delay(150)
      void context.publish(out.name, { value: 'late' }) // there is no room for it
    },
    { handlerTimeoutMs: 100, attempts: 1 },
  )
  await topic.publish({ value: 0 })
  await delay(250)
  for (let value = 1; value < 4; value++) await topic.publish({ value })
  await until(async () => (await run.lag()) === 0)
  t.match(await run.stats(), { processed: 3, failures: 1, deadLettered: 1 })
})

t.test('an output that is full holds its partition, and loses nothing', async t => {
  const topic = await newTopic<number>()
  const out = await newTopic<string>({ ...SMALL, groups: ['r'] })
  const run = await topic.group('g').handle(({ value }) => `${value}:`.padEnd(900), { output: out.name })
  await topic.publishBatch(Array.from({ length: 600 }, (_, value) => ({ value })))
  await delay(100)
  t.ok((await run.stats()).processed < 600)
  const seen: number[] = []
  const reading = await out.group('r').handle(({ value }) => void seen.push(Number.parseInt(value, 10)))
  await run.idle()
  await reading.idle()
  t.strictSame(
    seen,
    Array.from({ length: 600 }, (_, n) => n),
  )
  const refused = await rejection(topic.group('h').handle(() => 1, { output: 'nowhere' }))
  t.match(refused, { code: 'MILL_INVALID_OPTION', message: /nowhere/ })
})

t.test('a run that stops while a record waits for its verdict commits nothing whose output is not there', async t => {
  const out = await newTopic<string>({ ...SMALL, groups: ['sink'] })
  while (await out.publish({ value: 'x'.repeat(3_000) }, { timeoutMs: 50 }).catch(() => null));
  const topic = await newTopic<string>()
  let stopping: Promise<unknown> | undefined
  const run = await topic.group('g').handle(
    ({ value }) => {
      if (value === 'stops') {
        stopping = run.stop({ timeoutMs: 300 })
        // The verdict on the next record is there when the run has been told to end.
        standStill(15)
      }
      if (value === 'fails') throw new RejectError('no')
      return value
    },
    { output: out.name },
  )
  await topic.publishBatch(['one', 'stops', 'fails', 'four'].map(value => ({ value })))
  await until(() => stopping !== undefined)
  t.match(await rejection(stopping as Promise<unknown>), { code: 'MILL_TIMEOUT' })
  t.match(await topic.group('g').stats(), { partitions: [{ committed: 0 }] })
  const sink = await out.group('sink').handle(() => undefined)
  await sink.idle()
  await sink.stop()
})

t.test('what waits for its output is not held against a delivery before it', async t => {
  const topic = await newTopic<number>()
  const out = await newTopic<string>({ ...SMALL, groups: ['reader'] })
  const calls: number[] = []
  const run = await topic.group('g').handle(
    async ({ value }) => {
      calls.push(value)
      await delay(1)
      return `${value}:`.padEnd(3_900)
    },
    { output: out.name, handlerTimeoutMs: 100, attempts: 1, deadLetter: 'dead' },
  )
  await topic.publishBatch(Array.from({ length: 200 }, (_, value) => ({ value })))
  for (let before = -1; before < calls.length; await delay(300)) before = calls.length // then the output is full
  const reading = await out.group('reader').handle(() => undefined)
  await run.idle()
  t.match(await run.stats(), { processed: 200, failures: 0, deadLettered: 0 })
  t.strictSame(
    calls,
    Array.from({ length: 200 }, (_, value) => value),
  )
  await reading.stop()
})

t.test('more dead letters than a group keeps account of, before the outputs among them are confirmed', async t => {
  const topic = await newTopic<number>()
  const out = await newTopic()
  const run = await topic.group('g').handle(
    ({ value }) => {
      if (value === 0) return 'first'
      throw new RejectError('all the others')
    },
    { output: out.name },
  )
  const count = FAILURES_MAX + 150
  await topic.publishBatch(Array.from({ length: count }, (_, value) => ({ value })))
  await until(async () => (await run.stats()).deadLettered === count - 1)
  await run.idle()
  t.match(await run.stats(), { processed: 1, deadLettered: count - 1, lag: 0 })
})

t.test('an output that cannot be stored is a failed attempt', async t => {
  const topic = await newTopic<number>()
  const out = await newTopic<unknown>(SMALL)
  const run = await topic
    .group('g')
    .handle(({ value }) => (value === 1 ? 5n : value === 2 ? 'x'.repeat(5_000) : value === 3 ? undefined : null), {
      output: out.name,
      attempts: 2,
      ...QUICK,
    })
  await topic.publishBatch([0, 1, 2, 3].map(value => ({ key: `k${value}`, value })))
  await run.idle()
  t.match(await run.stats(), { processed: 2, deadLettered: 2, failures: 4 })
  t.strictSame(
    (await readAll(out)).map(({ key, value }) => [key, value]),
    [['k0', null]],
  )
})
