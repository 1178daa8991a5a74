/** Handlers of queues: at most once, in batches, several at a time, with state and outputs, paused and ended. Whole brokers. */
import t, { type Test } from 'tap'
import type { Queue, QueueOptions } from '../../index.ts'
import { delay, rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

const QUICK = { backoff: { initialMs: 1, jitter: 0 } } as const

async function newQueue<V = number>(options: QueueOptions = {}): Promise<Queue<V>> {
  return (await sharedBroker()).queue<V>(newName(), options)
}

async function sendAll(queue: Queue<number>, ...values: readonly number[]): Promise<readonly string[]> {
  return (await queue.sendBatch(values.map(value => ({ value })))).ids
}

/** Accepted messages are all accounted for. */
async function checkSum(t: Test, queue: Pick<Queue, 'stats'>): Promise<void> {
  const { accepted, ready, unacked, retrying, scheduled, acked, deadLettered, expired, dropped } = await queue.stats()
  const there = ready + unacked + retrying + scheduled
  t.equal(there + acked + deadLettered + expired + dropped, accepted, 'each message is in one state')
}

t.test('what a handler is called with can be sent on as it is', async t => {
  const [from, to] = [await newQueue(), await newQueue()]
  const forwards = await from.handle(delivery => to.send(delivery))
  await from.send({ key: 'k', value: 7, headers: { h: '1' } })
  await forwards.idle()
  const seen: unknown[] = []
  const ends = await to.handle(({ key, value, headers }) => void seen.push([key, value, headers.h]))
  await ends.idle()
  t.strictSame(seen, [['k', 7, '1']])
  await forwards.stop()
  await ends.stop()
})

t.test('at most once a message is acked before its handler, and its failure is only told', async t => {
  const broker = await sharedBroker()
  const queue = await newQueue()
  const failed: string[] = []
  const off = broker.on('attemptFailed', ({ topic, message }) => topic === queue.name && failed.push(message))
  await sendAll(queue, 1, 2, 3)
  const seen: [number, number][] = []
  const run = await queue.handle(
    ({ value, deliveryAttempt }) => {
      seen.push([value, deliveryAttempt])
      throw new Error(`lost ${value}`)
    },
    { delivery: 'at-most-once' },
  )
  await run.idle()
  t.strictSame(seen, [
    [1, 1],
    [2, 1],
    [3, 1],
  ])
  t.match(await queue.stats(), { acked: 3, deadLettered: 0, retrying: 0 })
  await until(() => failed.length > 0)
  t.equal(failed[0], 'lost 1')
  off()
  await run.stop()
})

t.test(
  'a batch settles its messages one by one, and one that fails as a whole is halved until one stands alone',
  async t => {
    const queue = await newQueue({ attempts: 2, ...QUICK })
    await sendAll(queue, 0, 1, 2, 3, 4, 5, 6, 7)
    const sizes: number[] = []
    const acked = new Set<number>()
    const run = await queue.handle(
      {
        batch(deliveries) {
          sizes.push(deliveries.length)
          for (const { value } of deliveries) if (value === 5) throw new Error('five')
          for (const delivery of deliveries) {
            if (delivery.value === 2) delivery.reject('two')
            else acked.add(delivery.value as number)
          }
        },
      },
      { batch: { maxRecords: 8, maxWaitMs: 50 }, prefetch: 8 },
    )
    await run.idle()
    t.strictSame([...acked].sort(), [0, 1, 3, 4, 6, 7])
    t.match(await queue.stats(), { acked: 6, deadLettered: 2 })
    t.ok(sizes[0] === 8 && sizes.includes(1), `${sizes}`)
    const reasons: string[] = []
    for await (const { value, reason, failedAttempts } of (await sharedBroker()).deadLetters<number>(queue).browse())
      reasons.push(`${value} ${reason} ${failedAttempts}`)
    t.strictSame(reasons.sort(), ['2 rejected 1', '5 failed 2'])
    await checkSum(t, queue)
    await run.stop()
  },
)

t.test('several calls may be pending at one consumer, and no more', async t => {
  const queue = await newQueue()
  await sendAll(queue, ...Array.from({ length: 20 }, (_, value) => value))
  let pending = 0
  let most = 0
  const run = await queue.handle(
    async () => {
      most = Math.max(most, ++pending)
      await delay(5)
      pending--
    },
    { concurrency: 4 },
  )
  await run.idle()
  t.equal(most, 4)
  await run.stop()
})

t.test('as many calls are pending as the concurrency says, however large the messages are', async t => {
  for (const [count, length] of [
    [100, 3_000],
    [4, 60_000],
  ] as const) {
    const queue = await newQueue<string>(count * length > 250_000 ? { maxBytes: 1_000_000 } : {})
    await queue.sendBatch(Array.from({ length: count }, () => ({ value: 'x'.repeat(length) })))
    let pending = 0
    let end: () => void = () => undefined
    const all = new Promise<void>(resolve => {
      end = resolve
    })
    const run = await queue.handle(
      () => {
        if (++pending === count) end()
        return all
      },
      { concurrency: count, prefetch: count },
    )
    await until(() => pending === count, `${count} calls`)
    await run.idle()
    t.equal((await queue.stats()).acked, count)
    await run.stop()
  }
})

t.test('state is made by `start`, one for each consumer, and `stop` says what is in the report', async t => {
  const queue = await newQueue()
  const run = await queue.handle<number, { sum: number }>({
    start: () => ({ sum: 0 }),
    message({ value }, state) {
      state.sum += value
    },
    stop: ({ sum }) => sum,
  })
  await sendAll(queue, 1, 2, 3)
  await run.idle()
  t.strictSame(await run.stop(), { results: [6] })
})

t.test('outputs and publishes of handlers go to queues, too', async t => {
  const broker = await sharedBroker()
  const queue = await newQueue<number>({ priorities: 2 })
  const results = await newQueue<number>({ priorities: 2 })
  const topic = await broker.topic<number>(newName())
  const runs = [
    await queue.handle(
      async ({ value }, context) => {
        await context.publish(results.name, { value: value * 100, priority: 1 })
        return value * 10
      },
      { output: results.name },
    ),
    await topic.group('g').handle(({ value }) => value, { output: queue.name }),
  ]
  await topic.publishBatch([{ value: 1 }, { value: 2 }])
  await until(async () => (await results.stats()).accepted === 4)
  t.strictSame((await results.stats()).readyByPriority, [2, 2])
  const seen: number[] = []
  const run = await results.handle(({ value }) => void seen.push(value), { prefetch: 1 })
  await run.idle()
  t.strictSame(seen, [100, 200, 10, 20])
  for (const one of [run, ...runs]) await one.stop()
})

t.test('a run that is paused takes nothing, and gives back what it has not begun', async t => {
  const queue = await newQueue()
  const seen: number[] = []
  let go: () => void = () => undefined
  const first = new Promise<void>(resolve => {
    go = resolve
  })
  const run = await queue.handle(
    async ({ value }) => {
      seen.push(value)
      if (value === 1) await first
    },
    { prefetch: 10 },
  )
  await sendAll(queue, 1, 2, 3)
  await until(() => seen.length === 1)
  await run.pause()
  await until(async () => (await queue.stats()).ready === 2)
  go()
  await until(async () => (await queue.stats()).acked === 1)
  await sendAll(queue, 4)
  await delay(30)
  t.strictSame(seen, [1])
  await run.resume()
  await run.idle()
  t.strictSame(seen, [1, 2, 3, 4])
  t.strictSame(await run.stop(), { results: [] })
  await run.finished
})

t.test('a signal ends a run, a loop and a subscription', async t => {
  const queue = await newQueue()
  const control = new AbortController()
  const { signal } = control
  const run = await queue.handle(() => undefined, { signal })
  const loop = (async () => {
    for await (const _ of queue.consume({ signal })) t.fail('there is no message')
  })()
  const observed = new Promise<void>((resolve, reject) => {
    queue.observe({ signal }).subscribe({ complete: resolve, error: reject })
  })
  await until(async () => (await queue.stats()).consumers === 3)
  control.abort()
  await Promise.all([run.finished, loop, observed])
  await until(async () => (await queue.stats()).consumers === 0)
  t.equal((await rejection(queue.handle(() => undefined, { signal }))).code, 'MILL_ABORTED')
})
