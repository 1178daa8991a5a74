/** A topic in use gets more partitions: who publishes to it, who reads it, and what is kept of it. Real threads and files. */
import t, { type Test } from 'tap'
import { byPartition, folderOf, openBroker, readAll, rejection, SMALL, until } from './broker.fixture.ts'
import type { Broker, BrokerOptions, Topic } from './index.ts'
import { partitionOfKey } from './publish/partitioner.ts'

const KEYS = Array.from({ length: 40 }, (_, key) => `key-${key}`)

/** One record of each key. */
function keyed(from: number): { readonly key: string; readonly value: number }[] {
  return KEYS.map((key, at) => ({ key, value: from + at }))
}

async function endsOf(topic: Topic<number>): Promise<number[]> {
  return (await topic.stats()).partitions.map(({ highWatermark }) => highWatermark)
}

for (const [where, open] of [
  ['in memory', (t: Test, options?: BrokerOptions) => openBroker(t, options)],
  ['on disk', (t: Test, options?: BrokerOptions) => folderOf(t).open(options)],
] as const) {
  t.test(`${where}: keys and records without one go to all partitions, and what is there stays`, async t => {
    const broker: Broker = await open(t)
    const topic = await broker.topic<number>('orders', { partitions: 2, ...SMALL })
    await topic.publishBatch(keyed(0))
    const before = await endsOf(topic)
    t.equal(await topic.addPartitions(3), 5)
    t.equal(topic.partitions, 5)
    t.match(await broker.topics(), [{ name: 'orders', partitions: 5 }])
    t.strictSame(await endsOf(topic), [...before, 0, 0, 0])
    await topic.publishBatch(keyed(100))
    for (const { key, value } of keyed(200)) await topic.publish({ key, value })
    for (const { key, value } of keyed(300)) t.ok(topic.tryPublish({ key, value }))
    await topic.publish({ value: 400, partition: 4 })
    const read = byPartition(await readAll(topic))
    for (const [at, key] of KEYS.entries()) {
      t.ok(read.get(partitionOfKey(key, 2))?.includes(at))
      for (const from of [100, 200, 300]) t.ok(read.get(partitionOfKey(key, 5))?.includes(from + at))
    }
    t.ok(read.get(4)?.includes(400))
    const { ranges } = await topic.publishBatch(Array.from({ length: 100 }, (_, value) => ({ value })))
    t.equal(new Set(ranges.map(({ partition }) => partition)).size, 5, 'records without a key reach all of them')
  })
}
