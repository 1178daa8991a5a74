/** Handlers that take several records at a time: single outcomes, halving, timeouts, crashes, outputs. */
import t from 'tap'
import { defineHandler, type ManualDelivery, RejectError } from '../index.ts'
import { delay, openBroker, readAll, rejection, until } from '../proof/fixtures/broker.fixture.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { type Scripted, scriptedCounts } from './fixtures/scripted.fixture.ts'

const QUICK = { backoff: { initialMs: 1, maxMs: 4, jitter: 0 } } as const
const batches = new URL('./fixtures/batches.fixture.js', import.meta.url)

function valuesOf(deliveries: readonly ManualDelivery<number>[]): number[] {
  return deliveries.map(({ value }) => value)
}

t.test('records come in order, as many as there are up to the bound; returning acks them', async t => {
  const topic = await newTopic<number>()
  const sizes: number[] = []
  const seen: number[] = []
  await topic.publishBatch(Array.from({ length: 250 }, (_, value) => ({ key: `k${value % 3}`, value })))
  const handler = defineHandler({
    start: () => ({ batches: 0 }),
    batch(deliveries: readonly ManualDelivery<number>[], state: { batches: number }) {
      state.batches++
      sizes.push(deliveries.length)
      seen.push(...valuesOf(deliveries))
    },
    stop: state => state.batches,
  })
  const run = await topic.group('g').handle(handler, { batch: { maxRecords: 40 } })
  await run.idle()
  t.strictSame(
    seen,
    Array.from({ length: 250 }, (_, value) => value),
  )
  t.strictSame(sizes, [40, 40, 40, 40, 40, 40, 10])
  t.match(await run.stats(), { processed: 250, failures: 0, lag: 0 })
  t.strictSame((await run.stop()).results, [7])
})

t.test('single deliveries are settled by hand, once; the others are acked', async t => {
  const topic = await newTopic<number>()
  const seen: string[] = []
  let late: ManualDelivery<number> | undefined
  await topic.publishBatch(Array.from({ length: 6 }, (_, value) => ({ value })))
  const run = await topic.group('g').handle(
    {
      batch(deliveries: readonly ManualDelivery<number>[]) {
        seen.push(deliveries.map(each => `${each.value}/${each.deliveryAttempt}/${each.failedAttempts}`).join(' '))
        for (const delivery of deliveries) {
          const { value, failedAttempts, deliveryAttempt } = delivery
          if (value === 0) delivery.ack()
          if (value === 1 && failedAttempts === 0) delivery.nack(new Error('not yet'))
          if (value === 2) delivery.reject('unwanted')
          if (value === 3 && deliveryAttempt === 1) delivery.release()
          if (value === 4) delivery.nack(new RejectError('nor this'))
          if (value === 0) t.throws(() => delivery.nack(), { code: 'MILL_SETTLED' })
        }
        late ??= deliveries[5]
      },
    },
    { retryOrder: 'none', ...QUICK },
  )
  await run.idle()
  t.equal(seen[0], '0/1/0 1/1/0 2/1/0 3/1/0 4/1/0 5/1/0')
  t.strictSame(seen.slice(1).sort(), ['1/2/1', '3/2/0'])
  t.match(await run.stats(), { processed: 4, deadLettered: 2, failures: 3, lag: 0 })
  t.throws(() => late?.ack(), { code: 'MILL_SETTLED' }, 'its batch is over')
})

t.test(
  'a batch that fails is tried in halves until the bad record stands alone; its mates are not charged',
  async t => {
    const topic = await newTopic<number>()
    const calls: string[] = []
    const handled = new Map<number, number>()
    await topic.publishBatch(Array.from({ length: 8 }, (_, value) => ({ value })))
    const run = await topic.group('g').handle(
      {
        async batch(deliveries: readonly ManualDelivery<number>[]) {
          calls.push(valuesOf(deliveries).join())
          if (deliveries.some(({ failedAttempts, value }) => failedAttempts > 0 && value !== 5))
            t.fail('a mate is charged')
          await delay(1)
          if (deliveries.some(({ value }) => value === 5)) throw new Error('five')
          for (const { value } of deliveries) handled.set(value, (handled.get(value) ?? 0) + 1)
        },
      },
      { attempts: 2, ...QUICK },
    )
    await run.idle()
    t.strictSame(calls, ['0,1,2,3,4,5,6,7', '0,1,2,3', '4,5,6,7', '4,5', '4', '5', '5', '6,7'])
    t.ok([...handled].every(([value, count]) => value !== 5 && count === 1))
    t.match(await run.stats(), { processed: 7, deadLettered: 1, failures: 2, lag: 0 })
  },
)

t.test('what is settled by hand while the batch is pending does not come again when that fails', async t => {
  const topic = await newTopic<number>()
  const calls: string[] = []
  await topic.publishBatch(Array.from({ length: 4 }, (_, value) => ({ value })))
  const run = await topic.group('g').handle(
    {
      async batch(deliveries: readonly ManualDelivery<number>[]) {
        calls.push(valuesOf(deliveries).join())
        await delay(1)
        if (calls.length > 1) return
        deliveries[1]?.ack()
        await delay(1)
        throw new Error('once')
      },
    },
    QUICK,
  )
  await run.idle()
  t.strictSame(calls, ['0,1,2,3', '0', '2,3'])
  t.match(await run.stats(), { processed: 4, failures: 0, lag: 0 })
})

t.test('what does not decode is found at once; so is what alone is left unsettled', async t => {
  const broker = await sharedBroker()
  const raw = await newTopic<string>({ codec: 'string' })
  const letters = await newTopic<number>()
  const reject = await raw.group('g').handle(
    () => {
      throw new RejectError('on')
    },
    { deadLetter: letters.name },
  )
  await raw.publishBatch(['1', '{broken', '3'].map(value => ({ value })))
  await reject.idle()
  const calls: number[] = []
  const run = await letters.group('g').handle(
    {
      batch(deliveries: readonly ManualDelivery<number>[]) {
        calls.push(deliveries.length)
        for (const delivery of deliveries) if (delivery.value > 0) delivery.ack()
      },
    },
    QUICK,
  )
  await run.idle()
  t.strictSame(calls, [3, 1])
  t.match(await run.stats(), { processed: 2, deadLettered: 1, failures: 1 })
  t.equal(await broker.deadLetters(letters).count({ reason: 'decode' }), 1)
})

t.test('a smaller batch waits for more, for as long as it may', async t => {
  for (let maxWaitMs = 800; ; maxWaitMs *= 2) {
    const topic = await newTopic<number>()
    const calls: number[] = []
    const run = await topic
      .group('g')
      .handle(
        { batch: (deliveries: readonly ManualDelivery<number>[]) => void calls.push(deliveries.length) },
        { batch: { maxRecords: 10, maxWaitMs } },
      )
    const from = performance.now()
    await topic.publish({ value: 0 })
    await delay(20)
    const early = [...calls]
    await topic.publishBatch(Array.from({ length: 12 }, (_, value) => ({ value })))
    await until(() => calls.length > 0, 'a full batch')
    const full = [...calls]
    // On a machine that stood still meanwhile the first record has waited long enough.
    if (performance.now() - from >= maxWaitMs) {
      await run.stop()
      continue
    }
    t.strictSame(early, [])
    t.strictSame(full, [10], 'a full one does not wait')
    await run.idle()
    t.strictSame(calls, [10, 3])
    t.ok(performance.now() - from >= maxWaitMs, 'the rest waited')
    return
  }
})

t.test('a batch that does not settle in time is halved too', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<number>()
  await topic.publishBatch(Array.from({ length: 4 }, (_, value) => ({ value })))
  const run = await topic.group('g').handle(
    {
      async batch(deliveries: readonly ManualDelivery<number>[]) {
        if (deliveries.some(({ value }) => value === 2)) await new Promise(() => undefined)
      },
    },
    { attempts: 1, handlerTimeoutMs: 30, ...QUICK },
  )
  await run.idle()
  t.match(await run.stats(), { processed: 3, deadLettered: 1, failures: 1 })
  const [letter] = await readAll(await broker.topic(`${topic.name}.g.dlq`))
  t.match(letter, { value: 2, headers: { 'millrace-reason': 'timeout' } })
})

t.test('with an output it returns one value for each delivery, or nothing', async t => {
  const topic = await newTopic<number>()
  const out = await newTopic<number>()
  await topic.publishBatch([0, 1, 2, 3].map(value => ({ key: `k${value}`, value })))
  let wrong = 0
  const run = await topic.group('g').handle(
    {
      batch(deliveries: readonly ManualDelivery<number>[]) {
        if (wrong++ === 0) return [1]
        return deliveries.map(({ value }) => (value === 2 ? undefined : value * 10))
      },
    },
    { output: out.name, ...QUICK },
  )
  await run.idle()
  t.strictSame(
    (await readAll(out)).map(({ key, value }) => [key, value]),
    [
      ['k0', 0],
      ['k1', 10],
      ['k3', 30],
    ],
  )
  t.match(await run.stats(), { processed: 4, failures: 0 })
})

t.test('several batches at a time: in order per key', async t => {
  const topic = await newTopic<number>()
  const seen = new Map<string | null, number[]>()
  let now = 0
  let most = 0
  await topic.publishBatch(Array.from({ length: 300 }, (_, value) => ({ key: `k${value % 20}`, value })))
  const run = await topic.group('g').handle(
    {
      async batch(deliveries: readonly ManualDelivery<number>[]) {
        most = Math.max(most, ++now)
        await delay(2)
        now--
        if (deliveries.some(({ value, failedAttempts }) => value % 50 === 7 && failedAttempts === 0))
          throw new Error('once')
        for (const { key, value } of deliveries) seen.set(key, [...(seen.get(key) ?? []), value])
      },
    },
    { concurrency: 3, retryOrder: 'key', batch: { maxRecords: 5 }, ...QUICK },
  )
  await run.idle()
  t.equal(most, 3)
  t.match(await run.stats(), { processed: 300, failures: 6, lag: 0 })
  for (const [key, values] of seen)
    if (values.length !== 15 || values.some((value, at) => at > 0 && value < (values[at - 1] as number)))
      t.fail(`${key} came as ${values.join()}`)
})

t.test('a thread that dies in a batch charges nobody, until the one that does it stands alone', async t => {
  const broker = await openBroker(t)
  for (const act of ['exit', 'exitLater'] as const) {
    const topic = await broker.topic<Scripted>(newName())
    const counts = scriptedCounts(40)
    await topic.publishBatch(Array.from({ length: 40 }, (_, n) => ({ value: { n, act: n === 12 ? act : undefined } })))
    const run = await topic.group('g').run({
      handler: batches,
      threads: 1,
      batch: { maxRecords: 8 },
      attempts: 1,
      data: counts,
      ...QUICK,
    })
    await run.idle()
    t.match(await run.stats(), { processed: 39, deadLettered: 1, failures: 1, restarts: 2, lag: 0 }, act)
    for (const [n, handed] of counts.handed.entries())
      if (counts.attempts[n] !== handed || (n !== 12 && counts.done[n] !== 1))
        t.fail(`${n} was handed out ${handed} times, told ${counts.attempts[n]}, done ${counts.done[n]}`)
    const letters = await readAll(await broker.topic<Scripted>(`${topic.name}.g.dlq`))
    t.match(letters, [{ value: { n: 12 }, headers: { 'millrace-reason': 'crashed' } }])
    await run.stop()
  }
})

t.test('batches need a handler that takes them, and at least once', async t => {
  const topic = await newTopic<Scripted>()
  const one = new URL('./fixtures/scripted.fixture.js', import.meta.url)
  t.match(await rejection(topic.group('a').run({ handler: one, threads: 1, batch: {} })), {
    code: 'MILL_HANDLER',
    message: /`batch`/,
  })
  t.match(await rejection(topic.group('b').handle(() => undefined, { batch: {} })), { code: 'MILL_HANDLER' })
  const most = { delivery: 'at-most-once' } as const
  t.match(await rejection(topic.group('c').run({ handler: batches, threads: 1, ...most })), {
    code: 'MILL_HANDLER',
    message: /one record at a time/,
  })
  t.match(await rejection(topic.group('d').handle({ batch: () => undefined }, most)), { code: 'MILL_HANDLER' })
  const run = await topic.group('e').handle(() => undefined, most)
  t.match(await rejection(topic.group('e').handle(() => undefined, { concurrency: 2 })), {
    code: 'MILL_CONFIG_MISMATCH',
    message: /one record/,
  })
  await run.stop()
})
