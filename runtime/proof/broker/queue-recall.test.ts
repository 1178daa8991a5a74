/** What a consumer has in advance and has not begun goes to who can begin it earlier, and makes way for a higher priority. */
import t, { type Test } from 'tap'
import type { Broker, Queue, QueueOptions, QueueRun } from '../../index.ts'
import { folderOf, openBroker, until } from '../fixtures/broker.fixture.ts'

/** A consumer whose handler waits at one message until `goOn`, and counts the others. */
async function stoppingAt(queue: Queue<number>, value: number, prefetch: number, consumerPriority = 0) {
  const begun: number[] = []
  let goOn = (): void => {}
  const held = new Promise<void>(resolve => {
    goOn = resolve
  })
  const run: QueueRun = await queue.handle(
    async delivery => {
      begun.push(delivery.value)
      if (delivery.value === value) await held
    },
    { prefetch, consumerPriority },
  )
  return { run, begun, goOn: () => goOn() }
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, at) => ({ value: from + at }))

async function shared(t: Test, broker: Broker, options: QueueOptions): Promise<void> {
  const queue = await broker.queue<number>('shared', options)
  const slow = await stoppingAt(queue, 0, 200)
  await queue.sendBatch(numbers(200))
  await until(async () => (await queue.stats()).unacked === 200)
  const quick = await stoppingAt(queue, -1, 50)
  await until(async () => (await queue.stats()).acked === 199)
  t.strictSame(slow.begun, [0], 'it has begun one, and others have got the rest')
  t.strictSame(
    quick.begun.toSorted((a, b) => a - b),
    numbers(199, 1).map(({ value }) => value),
  )
  slow.goOn()
  await slow.run.idle()
  t.match(await queue.stats(), { accepted: 200, acked: 200, unacked: 0, ready: 0 })
  await queue.sendBatch(numbers(100, 200))
  await slow.run.idle()
  t.equal(slow.begun.length + quick.begun.length, 300, 'each was begun once')
  await slow.run.stop()
  await quick.run.stop()
}

/** Two of a lower priority, one of which has something in advance and one nothing to do, and then one that is as the first. */
async function sharedByPriority(t: Test, broker: Broker, options: QueueOptions): Promise<void> {
  const queue = await broker.queue<number>('preferred', options)
  const slow = await stoppingAt(queue, 0, 20)
  const slowLow = await stoppingAt(queue, 20, 10, -1)
  await queue.sendBatch(numbers(30))
  await until(async () => (await queue.stats()).unacked === 30)
  const low = await stoppingAt(queue, -1, 50, -1)
  await until(async () => (await queue.stats()).acked === 9)
  t.strictSame([slow.begun, slowLow.begun, low.begun.length], [[0], [20], 9])
  await new Promise(resolve => setTimeout(resolve, 100))
  t.match(await queue.stats(), { unacked: 21, acked: 9 }, 'of the first it gets none')
  const quick = await stoppingAt(queue, -1, 5)
  await until(async () => (await queue.stats()).acked === 28)
  t.strictSame([slow.begun, low.begun.length], [[0], 9])
  for (const { run, goOn } of [slow, slowLow, quick, low]) {
    goOn()
    await run.stop()
  }
}

/** Whether all that has a higher priority than the lowest is at a consumer. */
async function isUrgentOut(queue: Queue<number>): Promise<boolean> {
  return (await queue.stats()).readyByPriority.slice(1).every(ready => ready === 0)
}

/** All of them are at the one consumer when the urgent one comes, which has room for it. */
async function inOrderAtOne(t: Test, broker: Broker, options: QueueOptions): Promise<void> {
  const queue = await broker.queue<number>('at-one', { ...options, priorities: 3 })
  const { run, begun, goOn } = await stoppingAt(queue, 0, 50)
  await queue.sendBatch(numbers(20))
  await until(async () => (await queue.stats()).unacked === 20)
  await queue.send({ value: 100, priority: 2 })
  await until(async () => (await queue.stats()).unacked === 21)
  await until(() => isUrgentOut(queue))
  await new Promise(resolve => setTimeout(resolve, 200))
  goOn()
  await run.idle()
  t.strictSame(begun, [0, 100, ...numbers(19, 1).map(({ value }) => value)])
  await run.stop()
}

async function inOrder(t: Test, broker: Broker, options: QueueOptions): Promise<void> {
  await inOrderAtOne(t, broker, options)
  const queue = await broker.queue<number>('ordered', { ...options, priorities: 3 })
  const { run, begun, goOn } = await stoppingAt(queue, 0, 50)
  await queue.sendBatch(numbers(20))
  await until(async () => (await queue.stats()).unacked === 20)
  for (const [value, priority] of [
    [100, 1],
    [101, 2],
    [102, 1],
  ] as const)
    await queue.send({ value, priority })
  await queue.sendBatch(numbers(60, 20))
  await queue.send({ value: 103, priority: 2 })
  const ids = (await queue.stats()).readyByPriority
  t.equal(ids.length, 3)
  await until(() => isUrgentOut(queue))
  await new Promise(resolve => setTimeout(resolve, 300))
  goOn()
  await run.idle()
  t.strictSame(begun, [0, 101, 103, 100, 102, ...numbers(79, 1).map(({ value }) => value)])
  t.match(await queue.stats(), { acked: 84, unacked: 0 })
  await run.stop()
}

for (const where of ['memory', 'disk'] as const) {
  t.test(`what a busy consumer has in advance goes to one that has nothing to do, ${where}`, async t => {
    const broker = await openBroker(t, where === 'disk' ? { dir: folderOf(t).dir } : {})
    await shared(t, broker, where === 'disk' ? { durability: 'os' } : {})
  })

  t.test(`it goes to none of a lower consumer priority, ${where}`, async t => {
    const broker = await openBroker(t, where === 'disk' ? { dir: folderOf(t).dir } : {})
    await sharedByPriority(t, broker, where === 'disk' ? { durability: 'os' } : {})
  })

  t.test(`a message of a higher priority is begun before those that its consumer has in advance, ${where}`, async t => {
    const broker = await openBroker(t, where === 'disk' ? { dir: folderOf(t).dir } : {})
    await inOrder(t, broker, where === 'disk' ? { durability: 'os' } : {})
  })
}

t.test('a loop that works on one message leaves the others to another loop', async t => {
  const broker = await openBroker(t)
  const queue = await broker.queue<number>('loops')
  await queue.sendBatch(numbers(40))
  const first = queue.consume({ prefetch: 40 })
  const { value: held } = await first.next()
  t.equal(held.value, 0)
  const seen: number[] = []
  for await (const { value } of queue.consume({ prefetch: 10 })) {
    seen.push(value)
    if (seen.length === 39) break
  }
  t.strictSame(
    seen.toSorted((a, b) => a - b),
    numbers(39, 1).map(({ value }) => value),
  )
  held.ack()
  await first.return?.()
})

t.test('what expires at a consumer that has not begun it dies there and then', async t => {
  const broker = await openBroker(t)
  const queue = await broker.queue<number>('short-lived')
  const { run, begun, goOn } = await stoppingAt(queue, 0, 50)
  await queue.send({ value: 0 })
  await queue.sendBatch(numbers(10, 1).map(message => ({ ...message, ttlMs: 100 })))
  await queue.send({ value: 20 })
  await until(async () => (await queue.stats()).unacked === 12)
  await until(async () => (await queue.stats()).deadLettered === 10, 'ten have expired')
  t.match(await queue.stats(), { unacked: 2, ready: 0 })
  goOn()
  await run.idle()
  t.strictSame(begun, [0, 20])
  for await (const { reason } of broker.deadLetters(queue.name).browse()) t.equal(reason, 'expired')
})

t.test('with one active consumer nothing goes to the others', async t => {
  const broker = await openBroker(t)
  const queue = await broker.queue<number>('alone', { singleActive: true })
  const { run, begun, goOn } = await stoppingAt(queue, 0, 50)
  const other = await stoppingAt(queue, -1, 50)
  await queue.sendBatch(numbers(30))
  await new Promise(resolve => setTimeout(resolve, 50))
  goOn()
  await run.idle()
  t.strictSame(
    begun,
    numbers(30).map(({ value }) => value),
  )
  t.strictSame(other.begun, [])
})
