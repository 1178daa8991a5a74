/** Work queues from the first send to the last settlement: all ways to consume, order, returns, failures and their dead letters. */
import t, { type Test } from 'tap'
import {
  attempt,
  type ManualQueueDelivery,
  type Queue,
  type QueueDelivery,
  type QueueOptions,
  RejectError,
  settle,
} from '../../index.ts'
import { delay, until } from '../fixtures/broker.fixture.ts'
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

t.test('a message goes to one of several consumers, with what it was sent with', async t => {
  const queue = await newQueue<{ n: number }>({ priorities: 4 })
  const receipt = await queue.send({ value: { n: 1 }, key: 'k', headers: { h: 'x' }, priority: 3 })
  t.equal(receipt.queue, queue.name)
  t.equal(receipt.durability, 'memory')
  t.match(receipt.id, /^\d+\.0$/)
  t.strictSame(JSON.parse(JSON.stringify(receipt)), {
    queue: queue.name,
    id: receipt.id,
    duplicate: false,
    durability: 'memory',
  })
  const seen: unknown[] = []
  const handler = (delivery: QueueDelivery<{ n: number }>, context: { queue: string | null }) => {
    const {
      queue: name,
      topic,
      partition,
      id,
      priority,
      value,
      key,
      headers,
      deliveryAttempt,
      failedAttempts,
    } = delivery
    seen.push({
      name,
      topic,
      partition,
      id,
      priority,
      value,
      key,
      headers: { ...headers },
      deliveryAttempt,
      failedAttempts,
    })
    t.equal(context.queue, name)
  }
  const runs = [await queue.handle(handler), await queue.handle(handler)]
  await runs[0]?.idle()
  t.strictSame(seen, [
    {
      name: queue.name,
      topic: queue.name,
      partition: 0,
      id: receipt.id,
      priority: 3,
      value: { n: 1 },
      key: 'k',
      headers: { h: 'x' },
      deliveryAttempt: 1,
      failedAttempts: 0,
    },
  ])
  t.match(await runs[1]?.stats(), { queue: queue.name, accepted: 1, acked: 1, ready: 0, consumers: 2 })
  for (const run of runs) await run.stop()
  t.equal((await queue.stats()).consumers, 0)
})

t.test('two handlers share the messages, and each message has one', async t => {
  const queue = await newQueue()
  const shares: number[][] = [[], []]
  const runs = await Promise.all(
    shares.map(share =>
      queue.handle(
        async ({ value }) => {
          share.push(value)
          await delay(1)
        },
        { prefetch: 2 },
      ),
    ),
  )
  const sent = Array.from({ length: 60 }, (_, value) => value)
  await sendAll(queue, ...sent)
  await runs[0]?.idle()
  t.strictSame(
    [...shares.flat()].sort((a, b) => a - b),
    sent,
  )
  t.ok(
    shares.every(share => share.length >= 10),
    `${shares.map(share => share.length)}`,
  )
  await checkSum(t, queue)
  for (const run of runs) await run.stop()
})

// Source: https://github.com/taskforcesh/bullmq/issues/4261
t.test('a higher priority goes first, and one priority in the order of its sends', async t => {
  const queue = await newQueue<string>({ priorities: 3 })
  const names = ['a0', 'b2', 'c1', 'd0', 'e2', 'f1', 'g0']
  for (const value of names) await queue.send({ value, priority: Number(value[1]) })
  t.strictSame((await queue.stats()).readyByPriority, [3, 2, 2])
  const seen: string[] = []
  const run = await queue.handle(({ value }) => void seen.push(value), { prefetch: 1 })
  await run.idle()
  t.strictSame(seen, ['b2', 'e2', 'c1', 'f1', 'a0', 'd0', 'g0'])
  await run.stop()
})

t.test('a loop acks with its next turn, and leaving it gives back what it has to its place', async t => {
  const queue = await newQueue()
  await sendAll(queue, 1, 2, 3, 4)
  for await (const { value, settled } of queue.consume({ prefetch: 3 })) {
    t.equal(settled, false)
    if (value === 2) break
  }
  await until(async () => (await queue.stats()).unacked === 0)
  t.match(await queue.stats(), { acked: 1, ready: 3, failures: 0 })
  const again: [number, number][] = []
  for await (const { value, deliveryAttempt } of queue.consume()) {
    again.push([value, deliveryAttempt])
    if (value === 4) break
  }
  t.strictSame(again, [
    [2, 2],
    [3, 1],
    [4, 1],
  ])
  await checkSum(t, queue)
})

t.test('an Observable has so many unsettled as its window allows', async t => {
  const queue = await newQueue()
  await sendAll(queue, 1, 2, 3, 4, 5)
  const held: ManualQueueDelivery<number>[] = []
  const subscription = queue.observe({ window: 2 }).subscribe(delivery => held.push(delivery))
  await until(() => held.length === 2)
  await delay(20)
  t.equal(held.length, 2)
  t.equal((await queue.stats()).unacked, 2)
  held[1]?.ack()
  await until(() => held.length === 3)
  held[0]?.ack()
  held[2]?.ack()
  await until(() => held.length === 5)
  t.strictSame(
    held.map(({ value }) => value),
    [1, 2, 3, 4, 5],
  )
  subscription.unsubscribe()
  await until(async () => (await queue.stats()).ready === 2)
  t.throws(() => held[4]?.ack(), { code: 'MILL_CLOSED' })
  t.throws(() => held[0]?.ack(), { code: /MILL_(SETTLED|CLOSED)/ })
})

t.test('`settle` and `attempt` take deliveries of queues', async t => {
  const queue = await newQueue({ attempts: 1 })
  await sendAll(queue, 1, 2, 3)
  const done: number[] = []
  const subscription = queue
    .observe()
    .pipe(
      settle(({ value }) => {
        if (value === 2) throw new Error('no twos')
        return value
      }),
    )
    .subscribe(value => done.push(value))
  await until(async () => (await queue.stats()).deadLettered === 1 && done.length === 2)
  subscription.unsubscribe()
  await sendAll(queue, 4)
  for await (const delivery of queue.consume()) {
    await attempt(delivery, () => {
      throw new Error('no fours')
    })
    break
  }
  await until(async () => (await queue.stats()).deadLettered === 2)
  await checkSum(t, queue)
})

t.test('what comes back goes before all that was sent after it, whatever was returned meanwhile', async t => {
  const queue = await newQueue()
  await sendAll(queue, 1, 2, 3, 4, 5)
  const held: ManualQueueDelivery<number>[] = []
  const subscription = queue.observe({ window: 4 }).subscribe(delivery => held.push(delivery))
  await until(() => held.length === 4)
  held[2]?.ack()
  await until(() => held.length === 5)
  // Returned in another order than they came: 4, 1, 5, 2.
  for (const index of [3, 0, 4, 1]) held[index]?.release()
  subscription.unsubscribe()
  await until(async () => (await queue.stats()).ready === 4)
  const seen: number[] = []
  const run = await queue.handle(({ value }) => void seen.push(value), { prefetch: 1 })
  await run.idle()
  t.strictSame(seen, [1, 2, 4, 5])
  t.equal((await queue.stats()).failures, 0)
  await run.stop()
})

t.test('a release is no failure, however often', async t => {
  const queue = await newQueue({ attempts: 2 })
  await sendAll(queue, 1)
  let handOuts = 0
  let failures = 0
  const subscription = queue.observe().subscribe(delivery => {
    handOuts = delivery.deliveryAttempt
    failures = delivery.failedAttempts
    if (handOuts < 20) delivery.release()
    else delivery.ack()
  })
  await until(async () => (await queue.stats()).acked === 1)
  t.strictSame([handOuts, failures], [20, 0])
  subscription.unsubscribe()
})

t.test('the failures of a message are counted apart from its hand-outs, and the last makes a dead letter', async t => {
  const queue = await newQueue({ attempts: 3, ...QUICK })
  await sendAll(queue, 1, 2)
  const seen: string[] = []
  const run = await queue.handle(({ value, deliveryAttempt, failedAttempts }) => {
    seen.push(`${value}: ${deliveryAttempt}/${failedAttempts}`)
    if (value === 1) throw new Error('poison')
  })
  await run.idle()
  t.strictSame(
    seen.filter(one => one.startsWith('1')),
    ['1: 1/0', '1: 2/1', '1: 3/2'],
  )
  t.strictSame(
    seen.filter(one => one.startsWith('2')),
    ['2: 1/0'],
  )
  t.match(await queue.stats(), { acked: 1, deadLettered: 1, failures: 3, deadLetterDepth: 1 })
  await checkSum(t, queue)
  await run.stop()
  const letters = (await sharedBroker()).deadLetters<number>(queue)
  for await (const letter of letters.browse())
    t.match(letter, {
      topic: queue.name,
      group: 'queue',
      reason: 'failed',
      failedAttempts: 3,
      value: 1,
      error: { message: 'poison' },
    })
  t.match(await letters.stats(), { depth: 1, topics: [{ topic: `${queue.name}.dlq`, depth: 1 }] })
})

t.test('a dead letter goes back to its queue as it was, with its priority', async t => {
  const queue = await newQueue<string>({ attempts: 1, priorities: 3 })
  await queue.send({ value: 'poison', key: 'k', headers: { h: 'x' }, priority: 2 })
  let isMended = false
  const seen: unknown[] = []
  const run = await queue.handle(({ value, key, headers, priority, deliveryAttempt }) => {
    if (!isMended) throw new Error('not yet')
    seen.push({ value, key, h: headers.h, priority, deliveryAttempt })
  })
  await run.idle()
  isMended = true
  const letters = (await sharedBroker()).deadLetters<string>(queue)
  t.match(await letters.replay({}), { replayed: 1, parked: 0 })
  await run.idle()
  t.strictSame(seen, [{ value: 'poison', key: 'k', h: 'x', priority: 2, deliveryAttempt: 1 }])
  t.match(await queue.stats(), { acked: 1, deadLettered: 1, accepted: 2, deadLetterDepth: 0 })
  await checkSum(t, queue)
  isMended = false
  await queue.send({ value: 'again', priority: 1 })
  await run.idle()
  isMended = true
  await letters.replay({}, { edit: ({ value }) => ({ value: `${value}, edited` }) })
  await run.idle()
  t.match(seen[1], { value: 'again, edited', priority: 1 })
  // Where there are fewer priorities it has the highest.
  const [plain, two] = [await newQueue<string>(), await newQueue<string>({ priorities: 2 })]
  isMended = false
  for (const value of ['x', 'y']) await queue.send({ value, priority: 2 })
  await run.idle()
  await letters.replay({ limit: 1 }, { to: plain.name })
  await letters.replay({}, { to: two.name })
  t.strictSame((await plain.stats()).readyByPriority, [1])
  t.strictSame((await two.stats()).readyByPriority, [0, 1])
  await run.stop()
})

t.test('each reason of a dead letter is told', async t => {
  const broker = await sharedBroker()
  const queue = await newQueue<string>({ attempts: 1 })
  const slow = await newQueue<string>({ attempts: 1 })
  const events: string[] = []
  const off = broker.on('deadLettered', ({ topic, group, reason }) => {
    if (topic === queue.name || topic === slow.name) events.push(`${group} ${reason}`)
  })
  await queue.sendBatch(['failed', 'rejected', 'by error'].map(value => ({ value })))
  const subscription = queue.observe().subscribe(delivery => {
    if (delivery.value === 'failed') delivery.nack(new Error('failed'))
    else if (delivery.value === 'rejected') delivery.reject('bad')
    else delivery.nack(new RejectError('never'))
  })
  await until(async () => (await queue.stats()).deadLettered === 3)
  subscription.unsubscribe()
  await slow.send({ value: 'timeout' })
  const run = await slow.handle(() => new Promise(() => undefined), { handlerTimeoutMs: 30 })
  await until(async () => (await slow.stats()).deadLettered === 1)
  await run.stop({ timeoutMs: 500 }).catch(() => undefined)
  await until(() => events.length === 4)
  t.strictSame([...events].sort(), ['queue failed', 'queue rejected', 'queue rejected', 'queue timeout'])
  off()
})

t.test('what is not settled in time fails, and `renew` gives it more', async t => {
  const queue = await newQueue({ attempts: 2, ...QUICK })
  await sendAll(queue, 1)
  const held: ManualQueueDelivery<number>[] = []
  const subscription = queue.observe({ ackTimeoutMs: 250 }).subscribe(delivery => held.push(delivery))
  await until(() => held.length === 1)
  for (let turn = 0; turn < 4; turn++) {
    await delay(100)
    held[0]?.renew()
  }
  t.equal(held.length, 1, 'it is still out')
  await until(() => held.length === 2)
  t.match(held[1], { deliveryAttempt: 2, failedAttempts: 1 })
  t.throws(() => held[0]?.ack(), { code: 'MILL_SETTLED' })
  t.equal(held[0]?.settled, true)
  held[1]?.ack()
  await until(async () => (await queue.stats()).acked === 1)
  t.match(await queue.stats(), { failures: 1, deadLettered: 0 })
  subscription.unsubscribe()
})
