/**
 * Settlements that come after the consumer has left: they change nothing, and the error says that the subscription has
 * ended, at whatever moment of the leave they come.
 */
import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { Broker, ManualDelivery, Topic } from '../index.ts'
import { openBroker, until } from '../proof/fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'

const ACTS = ['ack', 'nack', 'reject', 'release'] as const
const ENDED = { code: 'MILL_CLOSED', message: /its subscription has ended/ }
const PARTITIONS = 8

async function topicOf(broker: Broker): Promise<Topic<number>> {
  const topic = await broker.topic<number>(newName(), { partitions: PARTITIONS })
  await topic.publishBatch(Array.from({ length: PARTITIONS }, (_, value) => ({ value, partition: value })))
  return topic
}

/** Tries each of the deliveries as soon as it has been taken back, until `left` says that all is over. */
async function tryEach(t: Test, out: readonly ManualDelivery<number>[], left: Promise<unknown>): Promise<void> {
  let isLeft = false
  const leaving = left.then(() => {
    isLeft = true
  })
  const tried = new Set<ManualDelivery<number>>()
  while (!isLeft) {
    for (const delivery of out) {
      if (!delivery.settled || tried.has(delivery)) continue
      tried.add(delivery)
      t.throws(() => delivery.ack(), ENDED, `partition ${delivery.partition}, as soon as it was taken back`)
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  await leaving
  t.equal(out.length, PARTITIONS)
  for (const delivery of out) for (const act of ACTS) t.throws(() => delivery[act](), ENDED, `${act} after the end`)
}

/** All records are still there for the next member. */
async function comeAgain(t: Test, topic: Topic<number>): Promise<void> {
  t.match(await topic.group('g').stats(), { lag: PARTITIONS, processed: 0, failures: 0, deadLettered: 0 })
}

async function noMember(topic: Topic<number>): Promise<void> {
  await until(async () => (await topic.group('g').stats()).threads === 0, 'the member has left')
}

t.test('observe: after unsubscribe', async t => {
  const topic = await topicOf(await sharedBroker())
  const out: ManualDelivery<number>[] = []
  const subscription = topic
    .group('g')
    .observe()
    .subscribe(delivery => out.push(delivery))
  await until(() => out.length === PARTITIONS)
  subscription.unsubscribe()
  await tryEach(t, out, noMember(topic))
  await comeAgain(t, topic)
})

t.test('observe: after its signal, and while the broker closes', async t => {
  for (const how of ['signal', 'close'] as const) {
    const broker = await openBroker(t)
    const topic = await topicOf(broker)
    const out: ManualDelivery<number>[] = []
    const leaving = new AbortController()
    topic
      .group('g')
      .observe({ signal: leaving.signal })
      .subscribe(delivery => out.push(delivery))
    await until(() => out.length === PARTITIONS)
    if (how === 'signal') leaving.abort()
    await tryEach(t, out, how === 'signal' ? noMember(topic) : broker.close())
    await broker.close()
  }
})

t.test('stream: after destroy', async t => {
  const topic = await topicOf(await sharedBroker())
  const out: ManualDelivery<number>[] = []
  const stream = topic.group('g').stream()
  stream.on('data', (delivery: ManualDelivery<number>) => out.push(delivery))
  await until(() => out.length === PARTITIONS)
  const closed = once(stream, 'close')
  stream.destroy()
  await tryEach(t, out, closed)
  await comeAgain(t, topic)
})

t.test('consume: what it had in hand when the loop was left', async t => {
  const topic = await topicOf(await sharedBroker())
  const out: ManualDelivery<number>[] = []
  const loop = topic.group('g').consume()
  // Turns that are asked for before they are answered have more than one in hand.
  const turns = Array.from({ length: PARTITIONS }, () => loop.next())
  for (const turn of turns) out.push((await turn).value)
  await tryEach(t, out, loop.return?.() ?? Promise.resolve())
  await comeAgain(t, topic)
})

t.test('consume: what was settled before the loop was left is settled, and that is what is said', async t => {
  const topic = await topicOf(await sharedBroker())
  let kept: ManualDelivery<number> | undefined
  for await (const delivery of topic.group('g').consume()) {
    kept = delivery
    delivery.release()
    break
  }
  for (const act of ACTS) t.throws(() => kept?.[act](), { code: 'MILL_SETTLED', message: /is settled already/ }, act)
})

t.test('a partition that went to another member is told as such', async t => {
  const topic = await topicOf(await sharedBroker())
  const group = topic.group('g')
  const out: ManualDelivery<number>[] = []
  const subscription = group.observe().subscribe(delivery => out.push(delivery))
  await until(() => out.length === PARTITIONS)
  const other = group.observe().subscribe()
  await until(() => out.some(({ settled }) => settled))
  const moved = out.find(({ settled }) => settled)
  t.throws(() => moved?.ack(), { code: 'MILL_SETTLED', message: /went to another member/ })
  other.unsubscribe()
  subscription.unsubscribe()
  await noMember(topic)
})
