/** Looking into a queue and taking messages back: `explain`, `browse`, `cancel` and `purge`, in memory and on disk. */
import t from 'tap'
import {
  type ManualQueueDelivery,
  type Queue,
  type QueuedMessage,
  type QueueOptions,
  RejectError,
} from '../../index.ts'
import { delay, rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'
import { twoLives } from '../fixtures/two-lives.fixture.ts'

const SLOW = { backoff: { initialMs: 60_000, maxMs: 60_000, jitter: 0 } } as const
const NEVER = { deliveryAttempts: 0, failedAttempts: 0 }
const ONCE = { deliveryAttempts: 1, failedAttempts: 0 }

async function newQueue<V = number>(options: QueueOptions = {}): Promise<Queue<V>> {
  return (await sharedBroker()).queue<V>(newName(), options)
}

async function sendAll(queue: Queue<number>, count: number, from = 0): Promise<readonly string[]> {
  return (await queue.sendBatch(Array.from({ length: count }, (_, at) => ({ value: from + at })))).ids
}

async function seen<V>(messages: AsyncIterable<QueuedMessage<V>>): Promise<QueuedMessage<V>[]> {
  const all: QueuedMessage<V>[] = []
  for await (const message of messages) all.push(message)
  return all
}

/** What a loop has of the first so many messages; it stays there until `end`. */
async function holding(queue: Queue<number>, count: number) {
  const deliveries = queue.consume({ prefetch: count })
  const held: ManualQueueDelivery<number>[] = []
  const { value } = await deliveries.next()
  held.push(value)
  return { first: held[0] as ManualQueueDelivery<number>, end: () => deliveries.return?.() }
}

t.test('explain says where a message is, and why it stays there', async t => {
  const queue = await newQueue({ priorities: 2, ...SLOW })
  const ids = await sendAll(queue, 4)
  const { id: urgent } = await queue.send({ value: 9, priority: 1 })
  t.strictSame(await queue.explain(urgent), { state: 'ready', ahead: 0, blockedBy: 'no consumer', ...NEVER })
  t.match(await queue.explain(ids[3] as string), { state: 'ready', ahead: 4 })
  const { first, end } = await holding(queue, 2)
  t.equal(first.id, urgent)
  t.strictSame(await queue.explain(urgent), { state: 'unacked', thread: 1, begun: true, ...ONCE })
  t.strictSame(await queue.explain(ids[0] as string), { state: 'unacked', thread: 1, begun: false, ...ONCE })
  t.strictSame(await queue.explain(ids[1] as string), { state: 'ready', ahead: 0, blockedBy: 'prefetch', ...NEVER })
  const before = Date.now()
  first.nack(new Error('no'))
  await until(async () => (await queue.stats()).retrying === 1)
  const retrying = await queue.explain(urgent)
  t.match(retrying, { state: 'retrying', deliveryAttempts: 1, failedAttempts: 1 })
  if (retrying.state === 'retrying') t.ok(retrying.at.getTime() >= before + 59_900, 'it is due in a minute')
  await end()
  t.equal(await queue.cancel(ids[0] as string), 'cancelled')
  t.strictSame(await queue.explain(ids[0] as string), { state: 'settled' })
  const name = urgent.split('.')[0]
  for (const unknown of [`${name}.5`, '0.0', 'order-7', ''])
    t.strictSame(await queue.explain(unknown), { state: 'unknown' })
})

t.test('a paused run, and a message whose letter has no room, say so', async t => {
  const broker = await sharedBroker()
  const queue = await newQueue()
  const run = await queue.handle(() => {})
  await run.pause()
  const { id } = await queue.send({ value: 1 })
  await until(async () => {
    const found = await queue.explain(id)
    return found.state === 'ready' && found.blockedBy === 'paused'
  })
  await run.stop()
  const letters = newName()
  await broker.topic(letters, { windowBytes: 65_536, maxMessageBytes: 8_192, codec: 'string' })
  const full = await newQueue<string>({ deadLetter: letters, maxMessageBytes: 4_096 })
  const { ids } = await full.sendBatch(Array.from({ length: 40 }, () => ({ value: 'x'.repeat(4_000) })))
  const rejecting = await full.handle(() => {
    throw new RejectError('poison')
  })
  await until(async () => (await full.stats()).waitsForDeadLetters)
  const last = await full.browse({ state: 'dying' }).next()
  t.match(last.value?.explanation, { state: 'dying', reason: 'rejected', deliveryAttempts: 1, failedAttempts: 1 })
  t.ok(ids.includes(last.value?.id ?? ''))
  await rejecting.stop({ timeoutMs: 1_000 }).catch(() => undefined)
})

t.test('cancel takes back what waits, and nothing else', async t => {
  const queue = await newQueue(SLOW)
  const ids = await sendAll(queue, 4)
  const { first, end } = await holding(queue, 2)
  t.equal(await queue.cancel(ids[1] as string), 'cancelled', 'a consumer has it in advance')
  t.equal(await queue.cancel(ids[2] as string), 'cancelled')
  t.equal(await queue.cancel(ids[2] as string), 'settled', 'it is gone')
  t.equal(await queue.cancel('0.0'), 'unknown')
  first.nack()
  await until(async () => (await queue.stats()).retrying === 1)
  t.equal(await queue.cancel(ids[0] as string), 'cancelled', 'it waits for a retry')
  await end()
  const values: number[] = []
  const run = await queue.handle(({ value }) => void values.push(value))
  await run.idle()
  t.strictSame(values, [3])
  t.match(await queue.stats(), { accepted: 4, acked: 1, cancelled: 3, retrying: 0, ready: 0, bytes: 0 })
})

t.test('what is cancelled at its consumer is never handled, and its consumer goes on', async t => {
  const queue = await newQueue()
  const started: number[] = []
  let goOn = (): void => {}
  const held = new Promise<void>(resolve => {
    goOn = resolve
  })
  const run = await queue.handle(
    async ({ value }) => {
      started.push(value)
      if (value === 0) await held
    },
    { prefetch: 100 },
  )
  const ids = await sendAll(queue, 150)
  await until(async () => (await queue.stats()).unacked === 100)
  for (const at of [1, 2, 50, 99]) t.equal(await queue.cancel(ids[at] as string), 'cancelled')
  t.match(await queue.stats(), { unacked: 96, ready: 50, cancelled: 4 })
  goOn()
  await until(async () => (await queue.stats()).acked === 146)
  t.strictSame(
    started,
    Array.from({ length: 150 }, (_, at) => at).filter(at => ![1, 2, 50, 99].includes(at)),
  )
  t.match(await queue.stats(), { accepted: 150, acked: 146, cancelled: 4, unacked: 0, ready: 0 })
  await run.stop()
})

t.test('browse shows what is there, by the order of sending, and takes nothing', async t => {
  const queue = await newQueue<unknown>({ priorities: 3 })
  await queue.send({ value: { n: 1 }, key: 'ä', headers: { h: 'x', b: new Uint8Array([1]) }, priority: 2 })
  await queue.send({ value: null })
  await queue.send({ value: 'big'.repeat(30_000 / 3), key: new Uint8Array([255]) })
  const [one, two, three, ...more] = await seen(queue.browse())
  t.strictSame(more, [])
  if (one === undefined || two === undefined || three === undefined) return t.fail('three messages')
  t.match(one, { queue: queue.name, priority: 2, key: 'ä', value: { n: 1 }, explanation: { state: 'ready', ahead: 0 } })
  t.strictSame({ ...one.headers }, { h: 'x', b: new Uint8Array([1]) })
  t.ok(Math.abs(Date.now() - one.timestamp) < 60_000)
  t.match(JSON.parse(JSON.stringify(one)), { value: { n: 1 }, id: one.id, explanation: { state: 'ready' } })
  t.strictSame([two.value, two.key, two.valueBytes, { ...two.headers }], [null, null, null, {}])
  t.equal((three.value as string).length, 30_000)
  t.throws(() => three.key, { code: 'MILL_DECODE' })
  t.strictSame(three.keyBytes, new Uint8Array([255]))
  t.strictSame(
    (await seen(queue.browse({ key: 'ä' }))).map(({ id }) => id),
    [one.id],
  )
  t.strictSame(await seen(queue.browse({ state: 'unacked' })), [])
  t.match(await queue.stats(), { ready: 3, unacked: 0 })
})

t.test('browse goes over many pages, and ends where the queue ended when it began', async t => {
  const queue = await newQueue()
  await sendAll(queue, 1_000)
  const run = await queue.handle(() => {})
  await run.idle()
  await run.stop()
  const ids = await sendAll(queue, 700, 1_000)
  const found: number[] = []
  for await (const { value } of queue.browse()) {
    if (found.length === 0) await sendAll(queue, 5, 5_000)
    found.push(value)
    // What is taken back meanwhile is not shown, if its page was not read.
    if (value === 1_000) for (const id of ids.slice(650, 660)) await queue.cancel(id)
  }
  t.strictSame(
    found,
    Array.from({ length: 700 }, (_, at) => 1_000 + at).filter(value => value < 1_650 || value >= 1_660),
  )
})

t.test('purge takes back what waits, and lets senders that wait go on', async t => {
  const queue = await newQueue({ maxMessages: 100, ...SLOW })
  await sendAll(queue, 100)
  const { first, end } = await holding(queue, 3)
  let sent = 0
  const waiting = queue.send({ value: 100 }).then(() => sent++)
  await delay(50)
  t.equal(sent, 0)
  t.equal(await queue.purge(), 97)
  await waiting
  t.equal(sent, 1)
  t.match(await queue.stats(), { accepted: 101, purged: 97, unacked: 3, ready: 1 })
  first.ack()
  await end()
  const values: number[] = []
  const run = await queue.handle(({ value }) => void values.push(value))
  await run.idle()
  t.strictSame(values, [1, 2, 100])
  t.equal(await queue.purge(), 0)
})

t.test('what is no name or no filter is refused, and a queue that is no more says so', async t => {
  const queue = await newQueue()
  const { id } = await queue.send({ value: 1 })
  for (const bad of [undefined, 7, { id }]) {
    t.match(await rejection(queue.cancel(bad as never)), { code: 'MILL_INVALID_OPTION', message: /`id` of a receipt/ })
    t.match(await rejection(queue.explain(bad as never)), { code: 'MILL_INVALID_OPTION' })
  }
  t.throws(() => queue.browse({ stat: 'ready' } as never), {
    code: 'MILL_UNKNOWN_OPTION',
    message: /did you mean `state`/,
  })
  t.throws(() => queue.browse({ state: 'acked' } as never), { code: 'MILL_INVALID_OPTION' })
  t.throws(() => queue.browse({ key: 7 } as never), { code: 'MILL_INVALID_OPTION' })
  await queue.delete()
  for (const asked of [queue.cancel(id), queue.explain(id), queue.purge(), queue.browse().next()])
    t.match(await rejection(asked), { code: 'MILL_TOPIC_DELETED' })
})

twoLives({
  async 'what was cancelled or purged is gone for the next process'(t, first) {
    const queue = await first.queue<number>('taken-back', SLOW)
    const ids = await sendAll(queue, 20)
    t.equal(await queue.cancel(ids[3] as string), 'cancelled')
    const { first: held, end } = await holding(queue, 2)
    held.nack()
    await until(async () => (await queue.stats()).retrying === 1)
    t.equal(await queue.cancel(ids[0] as string), 'cancelled')
    t.equal(await queue.cancel(ids[1] as string), 'cancelled')
    t.equal((await seen(queue.browse())).length, 17)
    await end()
    t.equal(await queue.purge(), 17)
    t.equal((await sendAll(queue, 2, 20)).length, 2)
    return async (t, second) => {
      const again = await second.queue<number>('taken-back')
      t.match(await again.stats(), { accepted: 22, cancelled: 3, purged: 17, ready: 2, acked: 0 })
      t.strictSame(
        (await seen(again.browse())).map(({ value }) => value),
        [20, 21],
      )
      t.strictSame(await again.explain(ids[3] as string), { state: 'settled' })
    }
  },
})
