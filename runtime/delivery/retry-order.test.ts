/** What waits while a record is tried again, with handlers and with deliveries that are settled by hand. */
import t, { type Test } from 'tap'
import { type ManualDelivery, RejectError, type RetryOrder } from '../index.ts'
import { delay, openBroker, rejection, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { type Scripted, scriptedCounts } from './fixtures/scripted.fixture.ts'

const QUICK = { backoff: { initialMs: 20, jitter: 0 } } as const
const scripted = new URL('./fixtures/scripted.fixture.js', import.meta.url)

/** Handles a0 b1 a2 c3 a4 -5, of which a0 fails once; in the order in which they were handled. */
async function orderOf(t: Test, retryOrder: RetryOrder): Promise<string[]> {
  const topic = await newTopic<number>()
  const seen: string[] = []
  const run = await topic.group('g').handle(
    ({ key, value, failedAttempts }) => {
      if (value === 0 && failedAttempts === 0) throw new Error('once')
      seen.push(`${key ?? '-'}${value}`)
    },
    { retryOrder, ...QUICK },
  )
  await topic.publishBatch(['a', 'b', 'a', 'c', 'a', null].map((key, value) => ({ key, value })))
  await run.idle()
  t.match(await run.stats(), { processed: 6, failures: 1, lag: 0 })
  return seen
}

t.test('the partition, its key, or nothing waits for a record that is tried again', async t => {
  t.strictSame(await orderOf(t, 'partition'), ['a0', 'b1', 'a2', 'c3', 'a4', '-5'])
  t.strictSame(await orderOf(t, 'key'), ['b1', 'c3', '-5', 'a0', 'a2', 'a4'])
  t.strictSame(await orderOf(t, 'none'), ['b1', 'a2', 'c3', 'a4', '-5', 'a0'])
})

t.test('the committed offset waits for the record that is tried again, and other keys are not held up', async t => {
  const topic = await newTopic<number>()
  const group = topic.group('g')
  let handled = 0
  const run = await group.handle(
    ({ value, failedAttempts }) => {
      if (value === 3 && failedAttempts === 0) throw new Error('once')
      handled++
    },
    { retryOrder: 'key', backoff: { initialMs: 600_000 } },
  )
  await topic.publishBatch(Array.from({ length: 900 }, (_, value) => ({ key: `k${value % 90}`, value })))
  await until(() => handled === 900 - 10)
  t.match((await group.stats()).partitions, [{ committed: 3 }])
  await run.stop()
})

t.test('a partition waits when too many records are ahead of its committed offset', async t => {
  const topic = await newTopic<number>()
  let handled = 0
  const run = await topic.group('g').handle(
    ({ value, failedAttempts }) => {
      if (value === 0 && failedAttempts === 0) throw new Error('once')
      handled++
    },
    { retryOrder: 'none', backoff: { initialMs: 600_000 } },
  )
  await topic.publishBatch(Array.from({ length: 3_000 }, (_, value) => ({ value })))
  await until(() => handled === 1_023)
  await delay(50)
  t.equal(handled, 1_023)
  await run.stop()
})

t.test(
  'more records fail for good than a group keeps account of: all are dead-lettered, none is handled too often',
  async t => {
    const topic = await newTopic<number>()
    const tries = new Map<number, number>()
    const run = await topic.group('g').handle(
      ({ value }) => {
        tries.set(value, (tries.get(value) ?? 0) + 1)
        if (value % 10 !== 0) throw new Error('never')
      },
      { retryOrder: 'none', attempts: 2, backoff: { initialMs: 1, jitter: 0 } },
    )
    await topic.publishBatch(Array.from({ length: 1_200 }, (_, value) => ({ value })))
    await run.idle()
    t.match(await run.stats(), { processed: 120, deadLettered: 1_080, failures: 2_160 })
    t.ok([...tries].every(([value, count]) => count === (value % 10 === 0 ? 1 : 2)))
  },
)

t.test('the same for deliveries that are settled by hand, however many are out', async t => {
  const topic = await newTopic<number>()
  await topic.publishBatch(Array.from({ length: 400 }, (_, value) => ({ value })))
  const out: ManualDelivery<number>[] = []
  const seen = new Map<number, number>()
  const subscription = topic
    .group('g')
    .observe({ window: 400, attempts: 2, backoff: { initialMs: 1, jitter: 0 } })
    .subscribe(delivery => {
      seen.set(delivery.value, (seen.get(delivery.value) ?? 0) + 1)
      if (delivery.failedAttempts === 0) out.push(delivery)
      else delivery.nack(new Error('never'))
    })
  await until(() => out.length === 400)
  for (const delivery of out) delivery.nack(new Error('not yet'))
  // Its reader commits behind the last verdict.
  await until(async () => {
    const { deadLettered, lag } = await topic.group('g').stats()
    return deadLettered === 400 && lag === 0
  })
  t.ok([...seen.values()].every(count => count === 2))
  t.match(await topic.group('g').stats(), { processed: 0, failures: 800, lag: 0 })
  subscription.unsubscribe()
})

t.test('consume and observe keep the order that the group has', async t => {
  const topic = await newTopic<number>()
  await topic.publishBatch(['a', 'b', 'a', 'c', 'a', null].map((key, value) => ({ key, value })))
  const orders = { partition: [0, 0, 1, 2, 3, 4, 5], key: [0, 1, 3, 5, 0, 2, 4], none: [0, 1, 2, 3, 4, 5, 0] } as const
  for (const retryOrder of ['partition', 'key', 'none'] as const) {
    const consumed: number[] = []
    for await (const delivery of topic.group(`consume-${retryOrder}`).consume({ retryOrder, ...QUICK })) {
      consumed.push(delivery.value)
      if (delivery.value === 0 && delivery.failedAttempts === 0) delivery.nack()
      else delivery.ack()
      if (consumed.length === 7) break
    }
    t.strictSame(consumed, orders[retryOrder], `consume ${retryOrder}`)
    const observed: number[] = []
    const act = (delivery: ManualDelivery<number>): void => {
      observed.push(delivery.value)
      if (delivery.value === 0 && delivery.failedAttempts === 0) delivery.nack()
      else delivery.ack()
    }
    const subscription = topic
      .group(`observe-${retryOrder}`)
      .observe({ retryOrder, ...QUICK })
      .subscribe(act)
    await until(() => observed.length === 7)
    t.strictSame(observed, orders[retryOrder], `observe ${retryOrder}`)
    subscription.unsubscribe()
  }
})

t.test('it is one order for the whole group', async t => {
  const topic = await newTopic<number>()
  const run = await topic.group('g').handle(() => undefined, { retryOrder: 'key' })
  t.match(await rejection(topic.group('g').handle(() => undefined, { retryOrder: 'none' })), {
    code: 'MILL_CONFIG_MISMATCH',
    message: /retryOrder/,
  })
  await run.stop()
})

t.test('what was settled out of order is not handled again by the next reader, which keeps the order', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<Scripted>('orders')
  const counts = scriptedCounts(400)
  const run = await topic.group('g').run({
    handler: scripted,
    threads: 1,
    retryOrder: 'key',
    backoff: { initialMs: 150, jitter: 0 },
    attempts: 2,
    data: counts,
  })
  // The first one waits for its second attempt while the thread dies further on.
  const acts = new Map<number, Scripted['act']>([
    [0, 'throw'],
    [300, 'exitOnce'],
  ])
  await topic.publishBatch(
    Array.from({ length: 400 }, (_, n) => ({ key: `k${n % 40}`, value: { n, act: acts.get(n) } })),
  )
  await run.idle()
  t.match(await run.stats(), { processed: 399, deadLettered: 1, failures: 3, restarts: 1, lag: 0 })
  for (const [n, handed] of counts.handed.entries())
    if (handed !== (n === 0 || n === 300 ? 2 : 1)) t.fail(`${n} was handed out ${handed} times`)
  t.equal(counts.attempts[300], 2)
})

t.test('a reject is a dead letter at once, in any order', async t => {
  const topic = await newTopic<number>()
  for (const retryOrder of ['key', 'none'] as const) {
    const run = await topic.group(retryOrder).handle(
      ({ value }) => {
        if (value === 1) throw new RejectError('no')
      },
      { retryOrder },
    )
    if (retryOrder === 'key') await topic.publishBatch([0, 1, 2].map(value => ({ key: 'k', value })))
    await run.idle()
    t.match(await run.stats(), { processed: 2, deadLettered: 1, failures: 1 })
    await run.stop()
  }
})
