/** Times of a queue's messages: waits that their consumers ask for. Whole brokers. */
import t from 'tap'
import type { Queue } from '../../index.ts'
import { delay, folderOf, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

const HOUR_MS = 3_600_000

async function newQueue<V = unknown>(options = {}): Promise<Queue<V>> {
  return (await sharedBroker()).queue<V>(newName(), options)
}

t.test('a message is tried again after the wait that its consumer asks for, of any length', async t => {
  const queue = await newQueue<number>({ backoff: { initialMs: 20, maxMs: 20, jitter: 0 } })
  await queue.sendBatch([1, 2, 3].map(value => ({ value })))
  const seen: string[] = []
  for await (const delivery of queue.consume({ prefetch: 1 })) {
    const { value, deliveryAttempt } = delivery
    seen.push(`${value} ${deliveryAttempt}`)
    if (value === 2 && deliveryAttempt === 1) delivery.nack(new Error('soon'), { delayMs: 30 })
    else if (value === 1) delivery.nack(new Error('much later'), { delayMs: 100 * 365 * 24 * HOUR_MS })
    else delivery.ack()
    if (seen.length === 4) break
  }
  t.strictSame(seen.toSorted(), ['1 1', '2 1', '2 2', '3 1'])
  await until(async () => (await queue.stats()).retrying === 1)
  t.match(await queue.stats(), { acked: 2, retrying: 1, failures: 2, ready: 0 })
})

t.test('a wait that cannot be is refused, and the message is not settled', async t => {
  const queue = await newQueue()
  await queue.send({ value: 1 })
  for await (const delivery of queue.consume()) {
    const wrong: readonly (readonly [object, string])[] = [
      [{ delayMs: -1 }, 'MILL_OUT_OF_RANGE'],
      [{ delayMs: Number.POSITIVE_INFINITY }, 'MILL_OUT_OF_RANGE'],
      [{ delayMs: '5' }, 'MILL_INVALID_OPTION'],
      [{ delay: 5 }, 'MILL_UNKNOWN_OPTION'],
    ]
    for (const [options, code] of wrong) t.throws(() => delivery.nack(new Error('no'), options), { code })
    t.equal(delivery.settled, false)
    delivery.ack()
    break
  }
})

t.test('the wait outlives the process, also where it is longer than the backoff', async t => {
  const { open } = folderOf(t)
  const name = newName()
  const first = await open()
  const queue = await first.queue<number>(name, { durability: 'os', backoff: { initialMs: 1, maxMs: 2 } })
  await queue.send({ value: 1 })
  for await (const delivery of queue.consume()) {
    delivery.nack(new Error('later'), { delayMs: HOUR_MS })
    await delivery.confirmed
    break
  }
  await first.close()
  const second = await open()
  const again = await second.queue<number>(name)
  const run = await again.handle(() => undefined)
  await delay(50)
  t.match(await again.stats(), { retrying: 1, acked: 0 })
  await run.stop()
  await second.close()
})

t.test('delayed messages come when they are due, behind what is there, by each way to send', async t => {
  for (let aheadMs = 60; ; aheadMs *= 2) {
    const queue = await newQueue<string>()
    await queue.send({ value: 'hour', delayMs: HOUR_MS })
    const sent = performance.now()
    await queue.send({ value: 'soon', delayMs: 2 * aheadMs })
    await queue.sendBatch([{ value: 'date', deliverAt: new Date(Date.now() + aheadMs) }, { value: 'now' }])
    queue.trySend({ value: 'past', deliverAt: new Date(0) })
    await queue.flush()
    const stats = await queue.stats()
    // On a machine that took longer the first of them may be due.
    if (performance.now() - sent >= aheadMs - 2) continue
    t.match(stats, { accepted: 5, ready: 2, scheduled: 3 })
    const seen: string[] = []
    for await (const delivery of queue.consume()) {
      seen.push(delivery.value)
      delivery.ack()
      if (seen.length === 4) break
    }
    t.strictSame(seen, ['now', 'past', 'date', 'soon'])
    t.ok(performance.now() - sent >= 2 * aheadMs - 2, 'it waited')
    t.match(await queue.stats(), { acked: 4, scheduled: 1 })
    return
  }
})

t.test(
  'the time to live of the queue and of a message: what expires is a dead letter, and comes again without it',
  async t => {
    const broker = await sharedBroker()
    const queue = await newQueue<string>({ messageTtlMs: 40 })
    await queue.sendBatch([
      { value: 'a' },
      { value: 'b', ttlMs: HOUR_MS },
      { value: 'c', ttlMs: 20, headers: { x: 'y' } },
    ])
    await until(async () => (await queue.stats()).deadLettered === 3)
    const found: string[] = []
    for await (const { value, reason, error, failedAttempts } of broker.deadLetters(queue).browse())
      found.push(`${value} ${reason} ${failedAttempts} ${error.message}`)
    // Those two have the same time, to within a millisecond.
    const [first, ...others] = found.map(each => each.split(' ').slice(0, 3).join(' '))
    t.strictSame([first, ...others.sort()], ['c expired 0', 'a expired 0', 'b expired 0'])
    t.match(found[0], /time to live/)
    // What is replayed has the time of its queue again.
    const other = await newQueue<string>()
    await broker.deadLetters(queue).replay({}, { to: other.name })
    await delay(60)
    t.match(await other.stats(), { ready: 3, scheduled: 0 })
    for await (const { value, headers } of other.consume()) {
      t.strictSame([value, headers.x], ['c', 'y'])
      break
    }
  },
)

t.test('a letter that is repaired on its way back may be given a delay', async t => {
  const broker = await sharedBroker()
  const queue = await newQueue<number>({ priorities: 3 })
  await queue.send({ value: 1, priority: 2, ttlMs: 5 })
  await until(async () => (await queue.stats()).deadLettered === 1)
  const edit = (): object => ({ value: 2, delayMs: HOUR_MS })
  t.match(await broker.deadLetters(queue).replay({}, { edit }), { replayed: 1 })
  t.match(await queue.stats(), { scheduled: 1, ready: 0 })
  for await (const { value, priority } of queue.browse({ state: 'scheduled' })) t.strictSame([value, priority], [2, 2])
})

t.test('where a delayed message is, and that it is taken back', async t => {
  const queue = await newQueue<number>()
  const { id } = await queue.send({ value: 1, delayMs: HOUR_MS })
  const before = Date.now()
  const found = await queue.explain(id)
  if (found.state !== 'scheduled') throw new Error(found.state)
  t.ok(Math.abs(found.at.getTime() - before - HOUR_MS) < 60_000)
  t.equal(await queue.cancel(id), 'cancelled')
  t.match(await queue.stats(), { scheduled: 0, cancelled: 1, ready: 0, bytes: 0 })
})

t.test('a handler sends a delayed message, also to a queue that nobody has opened', async t => {
  const broker = await sharedBroker()
  const [from, to] = [await newQueue<number>(), newName()]
  await broker.queue(to)
  const run = await from.handle(async ({ value }, context) => {
    await context.publish(to, { value, delayMs: HOUR_MS } as never)
  })
  await from.send({ value: 7 })
  await run.idle()
  t.match(await (await broker.queue(to)).stats(), { accepted: 1, scheduled: 1 })
  await run.stop()
})

t.test('delays and times to live outlive the process', async t => {
  const { open } = folderOf(t)
  const name = newName()
  const first = await open()
  const queue = await first.queue<string>(name, { durability: 'os' })
  await queue.sendBatch([
    { value: 'hour', delayMs: HOUR_MS },
    { value: 'soon', delayMs: 200 },
    { value: 'gone', ttlMs: 200 },
    { value: 'stays' },
  ])
  await first.close()
  const second = await open()
  const again = await second.queue<string>(name)
  await until(async () => (await again.stats()).deadLettered === 1)
  const seen: string[] = []
  for await (const delivery of again.consume()) {
    seen.push(delivery.value)
    delivery.ack()
    if (seen.length === 2) break
  }
  t.strictSame(seen, ['stays', 'soon'])
  t.match(await again.stats(), { accepted: 4, acked: 2, scheduled: 1, deadLettered: 1, ready: 0 })
  await second.close()
})
