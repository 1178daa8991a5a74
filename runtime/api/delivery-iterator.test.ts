/** Consuming with `for await`: acks by the next turn, releases by leaving, ends by signal. */
import t from 'tap'
import { type Broker, type ManualDelivery, RejectError, type Topic } from '../index.ts'
import { delay, openBroker, readAll, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'

const QUICK = { backoff: { initialMs: 1, maxMs: 4, jitter: 0 } } as const

async function numbers(count: number, partitions = 1, broker?: Broker): Promise<Topic<number>> {
  const topic = await (broker ?? (await sharedBroker())).topic<number>(newName(), { partitions })
  await topic.publishBatch(Array.from({ length: count }, (_, value) => ({ value, partition: value % partitions })))
  return topic
}

t.test('the next turn acks the last, leaving the loop releases the current one', async t => {
  const topic = await numbers(1_000)
  const group = topic.group('g')
  let expected = 0
  for (const stopAt of [0, 1, 5, 300, 301, 999]) {
    for await (const { value, settled } of group.consume()) {
      t.equal(settled, false)
      if (value !== expected) t.fail(`${value} came, not ${expected}`)
      if (value === stopAt) break
      expected++
    }
    t.match(await group.stats(), { processed: stopAt, lag: 1_000 - stopAt, threads: 0 })
  }
  await t.rejects(
    async () => {
      for await (const { value } of group.consume()) throw new Error(`thrown at ${value}`)
    },
    { message: 'thrown at 999' },
  )
  t.equal(await group.lag(), 1, 'throwing releases, too')
})

t.test('deliveries may be settled by hand, once', async t => {
  const broker = await sharedBroker()
  const topic = await numbers(6)
  const seen: string[] = []
  let kept: ManualDelivery<number> | undefined
  for await (const delivery of topic.group('g').consume({ attempts: 2, ...QUICK })) {
    const { value, deliveryAttempt, failedAttempts } = delivery
    seen.push(`${value} ${deliveryAttempt} ${failedAttempts}`)
    if (value === 0) delivery.ack()
    if (value === 1) delivery.nack(new Error('no'))
    if (value === 2) delivery.reject('not this one')
    if (value === 3 && deliveryAttempt === 1) delivery.release()
    if (value === 4) delivery.nack(new RejectError('nor this'))
    if (value === 0) {
      t.ok(delivery.settled)
      for (const act of ['ack', 'nack', 'reject', 'release'] as const)
        t.throws(() => delivery[act](), { code: 'MILL_SETTLED' })
    }
    kept ??= delivery
    if (value === 5) break
  }
  t.strictSame(seen, ['0 1 0', '1 1 0', '1 2 1', '2 1 0', '3 1 0', '3 2 0', '4 1 0', '5 1 0'])
  t.match(await topic.group('g').stats(), { processed: 2, deadLettered: 3, failures: 4, lag: 1 })
  t.equal(kept?.value, 0)
  const letters = await readAll(await broker.topic<number>(`${topic.name}.g.dlq`))
  t.strictSame(
    letters.map(({ value, headers }) => [value, headers['millrace-reason'], headers['millrace-error-message']]),
    [
      [1, 'failed', 'no'],
      [2, 'rejected', 'not this one'],
      [4, 'rejected', 'nor this'],
    ],
  )
})

t.test('what failed or was released comes again before what is behind it, also to the next consumer', async t => {
  const topic = await numbers(40, 2)
  const group = topic.group('g')
  const options = { attempts: 4, backoff: { initialMs: 15, maxMs: 15, jitter: 0 } } as const
  const seen: string[] = []
  for await (const delivery of group.consume(options)) {
    const { partition, value, deliveryAttempt, failedAttempts } = delivery
    if (partition === 0) seen.push(`${value} ${deliveryAttempt} ${failedAttempts}`)
    if (value === 4) {
      delivery.nack(new Error('once'))
      break
    }
  }
  t.equal(seen.at(-1), '4 1 0')
  for await (const delivery of group.consume(options)) {
    const { partition, value, deliveryAttempt, failedAttempts } = delivery
    if (partition === 0) seen.push(`${value} ${deliveryAttempt} ${failedAttempts}`)
    if (value === 4 && failedAttempts < 3) delivery.nack(new Error('again'))
    if (value === 8 && deliveryAttempt < 3) delivery.release()
    if (value === 12) delivery.nack(new RejectError('no'))
    if (value === 38) break
  }
  const rest = ['4 2 1', '4 3 2', '4 4 3', '6 1 0', '8 1 0', '8 2 0', '8 3 0']
  const last = [10, 12, ...Array.from({ length: 13 }, (_, n) => 14 + 2 * n)].map(n => `${n} 1 0`)
  t.strictSame(seen.slice(3), [...rest, ...last])
  t.match(await group.stats(), { deadLettered: 1, failures: 4 })
})

t.test('a signal ends the loop after the delivery in hand, which counts', async t => {
  const topic = await numbers(100)
  const control = new AbortController()
  const seen: number[] = []
  for await (const { value } of topic.group('g').consume({ signal: control.signal })) {
    seen.push(value)
    if (value === 10) {
      control.abort()
      await delay(5)
    }
  }
  t.equal(seen.length, 11)
  t.match(await topic.group('g').stats(), { processed: 11, threads: 0 })
  for await (const _ of topic.group('g').consume({ signal: AbortSignal.abort() }))
    t.fail('a loop that was aborted before it began')
  const waiting = new AbortController()
  const idle = (async () => {
    for await (const _ of topic.group('other').consume({ from: 'latest', signal: waiting.signal }))
      t.fail('nothing new came')
  })()
  await delay(20)
  waiting.abort()
  await idle
  const joining = new AbortController()
  const iterator = topic.group('third').consume({ signal: joining.signal })
  const first = iterator.next()
  joining.abort()
  t.equal((await first).done, true)
  await topic.group('third').delete()
})

t.test('turns that are asked for at once each get a delivery, and none is forgotten', async t => {
  const topic = await numbers(5)
  const iterator = topic.group('g').consume()
  const turns = await Promise.all([iterator.next(), iterator.next(), iterator.next()])
  t.strictSame(
    turns.map(({ value }) => value?.value),
    [0, 1, 2],
  )
  t.equal((await iterator.next()).value.value, 3)
  await iterator.return?.()
  t.match(await topic.group('g').stats(), { processed: 3 })
  t.strictSame(await iterator.next(), { done: true, value: undefined })
})

t.test('a value that does not decode is dead-lettered, not delivered for ever', async t => {
  const raw = await newTopic<string>({ codec: 'string', ...SMALL })
  const letters = await newTopic<string>({ codec: 'json' })
  await raw.publishBatch([{ value: '{' }, { value: '"fine"' }])
  const moving = await raw.group('g').handle(
    () => {
      throw new RejectError('on')
    },
    { deadLetter: letters.name },
  )
  await moving.idle()
  const error = await rejection(
    (async () => {
      for await (const { value } of letters.group('g').consume()) t.fail(String(value))
    })(),
  )
  t.match(error, { code: 'MILL_DECODE' })
  for await (const { value } of letters.group('g').consume()) {
    t.equal(value, 'fine')
    break
  }
  t.match(await letters.group('g').stats(), { deadLettered: 1, processed: 0, lag: 1 })
})

t.test('two loops of one group on one thread share its partitions; when one ends the other has them all', async t => {
  const topic = await numbers(0, 4)
  const seen: number[] = []
  const control = [new AbortController(), new AbortController()] as const
  const parts = [new Set<number>(), new Set<number>()] as const
  const loops = control.map(async ({ signal }, index) => {
    for await (const { partition, value } of topic.group('g').consume({ signal })) {
      parts[index as 0 | 1].add(partition)
      seen.push(value)
    }
  })
  await until(async () => (await topic.group('g').stats()).threads === 2, 'both loops own partitions')
  const publish = async (from: number, to: number): Promise<void> => {
    await topic.publishBatch(
      Array.from({ length: to - from }, (_, at) => ({ value: from + at, partition: (from + at) % 4 })),
    )
    await until(() => seen.length === to, `${to} deliveries`)
  }
  await publish(0, 400)
  t.strictSame([parts[0].size, parts[1].size], [2, 2])
  t.strictSame([...parts[0], ...parts[1]].sort(), [0, 1, 2, 3])
  control[0].abort()
  await loops[0]
  await publish(400, 800)
  t.equal(parts[1].size, 4)
  control[1].abort()
  await loops[1]
  t.strictSame(
    seen.sort((a, b) => a - b),
    Array.from({ length: 800 }, (_, n) => n),
  )
  t.match(await topic.group('g').stats(), { processed: 800, lag: 0, threads: 0 })
})

t.test('closing the broker ends the loop', async t => {
  const broker = await openBroker(t)
  const topic = await numbers(3, 1, broker)
  const seen: number[] = []
  const loop = (async () => {
    for await (const { value } of topic.group('g').consume()) seen.push(value)
  })()
  await until(() => seen.length === 3)
  await broker.close()
  await loop
  t.match(
    await rejection(
      (async () => {
        for await (const _ of topic.group('g').consume()) t.fail('closed')
      })(),
    ),
    { code: 'MILL_CLOSED' },
  )
})

t.test(
  'turns that are asked for without an answer are bounded; those beyond are refused, and the loop goes on',
  async t => {
    const topic = await newTopic<number>()
    const deliveries = topic.group('g').consume()
    let answered = 0
    const turns = Array.from({ length: 500 }, () =>
      deliveries
        .next()
        .catch((error: unknown) => error)
        .finally(() => answered++),
    )
    await topic.publishBatch(Array.from({ length: 600 }, (_, value) => ({ value })))
    await until(() => answered === turns.length, 'an answer to each turn')
    const answers = await Promise.all(turns)
    const refused = answers.filter(answer => answer instanceof Error)
    t.equal(refused.length, 500 - 256)
    t.match(refused[0], { code: 'MILL_FULL', message: /await next/ })
    t.match(
      answers.slice(0, 256).map(answer => (answer as IteratorResult<ManualDelivery<number>>).value.value),
      Array.from({ length: 256 }, (_, value) => value),
    )
    t.match(await deliveries.next(), { done: false, value: { value: 256 } }, 'the next turn acks them')
    await deliveries.return?.()
    t.match(await topic.group('g').stats(), { processed: 256, lag: 344 })
  },
)
