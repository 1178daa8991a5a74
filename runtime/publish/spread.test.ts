/** Where messages without a partition go: spread over all of them, or as the topic's partitioner says. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Partitioner, Topic } from '../index.ts'
import { rejection } from '../proof/fixtures/broker.fixture.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'

async function counts(topic: Topic<unknown>): Promise<number[]> {
  return (await topic.stats()).partitions.map(({ highWatermark }) => highWatermark)
}

t.test('jobs published one by one without a key spread over all partitions', async t => {
  const topic = await newTopic<number>({ partitions: 12, groups: ['workers'] })
  for (let job = 0; job < 100; job++) await topic.publish({ value: job })
  const spread = await counts(topic)
  t.ok(Math.min(...spread) >= 8 && Math.max(...spread) <= 9, `${spread}`)
})

t.test('jobs published without waiting go to a partition ten at a time', async t => {
  const topic = await newTopic<number>({ partitions: 4 })
  const receipts = await Promise.all(Array.from({ length: 40 }, (_, value) => topic.publish({ value })))
  t.same(
    receipts.map(({ partition }) => partition),
    [0, 1, 2, 3].flatMap(partition => Array<number>(10).fill(partition)),
  )
})

t.test('a batch of small jobs reaches all partitions', async t => {
  const topic = await newTopic<number>({ partitions: 12 })
  await topic.publishBatch(Array.from({ length: 400 }, (_, value) => ({ value })))
  const spread = await counts(topic)
  t.ok(Math.min(...spread) >= 25 && Math.max(...spread) <= 34, `${spread}`)
})

t.test('a partition whose handler is busy gets less than those that are idle', async t => {
  const topic = await newTopic<number>({ partitions: 4, groups: ['workers'] })
  let release: () => void = () => undefined
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const run = await topic.group('workers').handle(({ partition }) => (partition === 2 ? held : undefined))
  for (let job = 0; job < 200; job++) {
    await topic.publish({ value: job })
    if (job % 20 === 0) await sleep(5)
  }
  const spread = await counts(topic)
  const others = Math.min(...spread.filter((_, partition) => partition !== 2))
  t.ok((spread[2] as number) * 3 < others, `${spread}`)
  t.ok((spread[2] as number) > 0, 'and is tried now and then')
  release()
  await run.idle()
  await run.stop()
})

t.test('`round-robin` goes from one to the next with each record that has no key', async t => {
  const topic = await newTopic<number>({ partitions: 3, partitioner: 'round-robin' })
  const messages = Array.from({ length: 6 }, (_, value) => ({ value }))
  const taken: number[] = []
  for (const message of messages) taken.push((await topic.publish(message)).partition)
  t.same(taken, [0, 1, 2, 0, 1, 2])
  const keyed = await Promise.all(messages.map(message => topic.publish({ ...message, key: 'abc' })))
  t.same(new Set(keyed.map(({ partition }) => partition)), new Set([479470107 % 3]), 'keys keep theirs')
})

t.test('a function chooses for every message that names no partition', async t => {
  const seen: unknown[][] = []
  const partitioner: Partitioner = (key, message, partitions) => {
    seen.push([key, message.value, partitions])
    return key === null ? 1 : 2
  }
  const topic = await newTopic<number>({ partitions: 3, partitioner })
  t.equal((await topic.publish({ value: 1 })).partition, 1)
  t.equal((await topic.publish({ key: 'a', value: 2 })).partition, 2)
  t.equal((await topic.publish({ key: 'a', value: 3, partition: 0 })).partition, 0)
  t.same(
    (await topic.publishBatch([{ value: 4 }, { key: 'b', value: 5 }])).ranges.map(({ partition }) => partition).sort(),
    [1, 2],
  )
  t.same(seen, [
    [null, 1, 3],
    ['a', 2, 3],
    [null, 4, 3],
    ['b', 5, 3],
  ])
})

t.test('what a function returns wrongly refuses that message, and changes nothing', async t => {
  let answer: unknown = 0
  const partitioner = ((): unknown => answer) as Partitioner
  const topic = await newTopic<number>({ partitions: 3, partitioner })
  for (const wrong of [3, -1, 0.5, Number.NaN, '1', undefined, Promise.resolve(1)]) {
    answer = wrong
    t.match(await rejection(topic.publish({ value: 1 })), {
      code: 'MILL_OUT_OF_RANGE',
      message: /partitioner of topic/,
    })
    t.throws(() => topic.tryPublish({ value: 1 }), { code: 'MILL_OUT_OF_RANGE' })
    const batch = await rejection(topic.publishBatch([{ value: 1 }]))
    t.match(batch, { code: 'MILL_UNPUBLISHED', cause: { code: 'MILL_OUT_OF_RANGE' } })
  }
  answer = 2
  await topic.publish({ value: 2 })
  t.same(await counts(topic), [0, 0, 1])
})

t.test('a topic has one partitioner on a thread', async t => {
  const broker = await sharedBroker()
  const name = newName()
  await broker.topic(name, { partitioner: 'round-robin' })
  await broker.topic(name)
  await broker.topic(name, { partitioner: 'round-robin' })
  t.match(await rejection(broker.topic(name, { partitioner: () => 0 })), { code: 'MILL_CONFIG_MISMATCH' })
  const odd = { partitioner: 'random' } as unknown as { partitioner: Partitioner }
  t.match(await rejection(broker.topic(newName(), odd)), { code: 'MILL_INVALID_OPTION', message: /round-robin/ })
})
