/** A topic in use gets more partitions: who publishes to it, and who reads it. Real threads and files. */
import t, { type Test } from 'tap'
import { type Delivery, defineHandler, type ManualDelivery, type Topic } from '../../index.ts'
import { partitionOfKey } from '../../publish/key-hash.ts'
import {
  byPartition,
  delay,
  folderOf,
  openBroker,
  readAll,
  rejection,
  SMALL,
  until,
} from '../fixtures/broker.fixture.ts'
import { newName } from '../fixtures/shared-broker.fixture.ts'
import { within } from '../stress/within.fixture.ts'

const KEYS = Array.from({ length: 40 }, (_, key) => `key-${key}`)

/** One record of each key. */
function keyed(from: number): { readonly key: string; readonly value: number }[] {
  return KEYS.map((key, at) => ({ key, value: from + at }))
}

/** The partition of each record of `keyed`. */
function placesAmong(partitions: number): number[] {
  return KEYS.map(key => partitionOfKey(key, partitions))
}

/** The partitions of records with these values. */
function placesOf(read: readonly Delivery<number>[], from: number): (number | undefined)[] {
  return KEYS.map((_, at) => read.find(({ value }) => value === from + at)?.partition)
}

async function endsOf(topic: Topic<number>): Promise<number[]> {
  return (await topic.stats()).partitions.map(({ highWatermark }) => highWatermark)
}

/** One record into each partition from one on. */
async function fill(topic: Topic<number>, from: number): Promise<void> {
  for (let partition = from; partition < topic.partitions; partition++)
    await topic.publish({ value: partition, partition })
}

for (const [where, open] of [
  ['in memory', (t: Test) => openBroker(t)],
  ['on disk', (t: Test) => folderOf(t).open()],
] as const) {
  t.test(where, async t => {
    const broker = await open(t)
    await t.test('keys and records without one go to all partitions, and what is there stays', async t => {
      const topic = await broker.topic<number>(newName(), { partitions: 2, ...SMALL })
      await topic.publishBatch(keyed(0))
      const before = await endsOf(topic)
      t.equal(await topic.addPartitions(3), 5)
      t.equal(topic.partitions, 5)
      t.match((await broker.topics()).at(-1), { name: topic.name, partitions: 5 })
      t.strictSame(await endsOf(topic), [...before, 0, 0, 0])
      await topic.publishBatch(keyed(100))
      for (const message of keyed(200)) await topic.publish(message)
      for (const message of keyed(300)) if (!topic.tryPublish(message)) throw new Error('it is full')
      await topic.publish({ value: 400, partition: 4 })
      await topic.flush()
      const read = await readAll(topic)
      t.strictSame(placesOf(read, 0), placesAmong(2))
      for (const from of [100, 200, 300]) t.strictSame(placesOf(read, from), placesAmong(5))
      t.ok(byPartition(read).get(4)?.includes(400))
      const { ranges } = await topic.publishBatch(Array.from({ length: 100 }, (_, value) => ({ value })))
      t.equal(new Set(ranges.map(({ partition }) => partition)).size, 5, 'records without a key reach all of them')
      const one = await Promise.all(Array.from({ length: 100 }, (_, value) => topic.publish({ value })))
      t.equal(new Set(one.map(({ partition }) => partition)).size, 5)
    })

    await t.test('groups that run take the new partitions up, each way of reading', async t => {
      const topic = await broker.topic<number>(newName(), { partitions: 2, ...SMALL })
      const read = new Map<string, number[]>()
      const seen = (how: string, partition: number): void => void read.set(how, [...(read.get(how) ?? []), partition])
      const handling = await topic.group('handle').handle(({ partition }) => seen('handle', partition))
      const latest = await topic
        .group('latest')
        .handle(({ partition }) => seen('latest', partition), { from: 'latest' })
      const lanes = await topic
        .group('lanes')
        .handle(({ partition }) => seen('lanes', partition), { concurrency: 4, retryOrder: 'key' })
      const subscription = topic
        .group('observe')
        .observe()
        .subscribe(delivery => {
          seen('observe', delivery.partition)
          delivery.ack()
        })
      const deliveries = topic.group('consume').consume()
      const looping = (async () => {
        for await (const { partition } of deliveries) seen('consume', partition)
      })()
      const stream = topic.group('stream').stream()
      stream.on('data', (delivery: ManualDelivery<number>) => {
        seen('stream', delivery.partition)
        delivery.ack()
      })
      await topic.addPartitions(2)
      await fill(topic, 0)
      for (const how of ['handle', 'latest', 'lanes', 'observe', 'consume', 'stream'])
        await until(() => read.get(how)?.length === 4, how)
      for (const [how, partitions] of read) t.strictSame(partitions.sort(), [0, 1, 2, 3], how)
      await Promise.all([handling.idle(), latest.idle(), lanes.idle()])
      t.match(await topic.group('handle').stats(), {
        processed: 4,
        lag: 0,
        partitions: [0, 1, 2, 3].map(partition => ({ partition, committed: 1, highWatermark: 1 })),
      })
      subscription.unsubscribe()
      stream.destroy()
      await deliveries.return?.()
      await looping
    })

    await t.test('each new partition has a state of its own', async t => {
      const topic = await broker.topic<number>(newName(), { ...SMALL })
      const begun: number[] = []
      const sums = defineHandler<number, { sum: number }, number>({
        start: ({ partition }) => {
          begun.push(partition)
          return { sum: 0 }
        },
        message({ value }, state) {
          state.sum += value
        },
        stop: ({ sum }) => sum,
        snapshot: state => state,
        restore: (state: { sum: number }) => state,
      })
      const run = await topic.group('sums').handle(sums)
      await topic.publish({ value: 10 })
      await topic.addPartitions(2)
      await topic.publish({ value: 100, partition: 1 })
      await topic.publish({ value: 1_000, partition: 2 })
      await topic.publish({ value: 1, partition: 0 })
      await run.idle()
      t.strictSame(begun, [0, 1, 2])
      t.strictSame((await run.stop()).results, [11, 100, 1_000])
    })

    await t.test('a group that is not running reads new partitions from their beginning', async t => {
      const topic = await broker.topic<number>(newName(), { ...SMALL })
      await topic.publish({ value: -1 })
      const run = await topic.group('late').handle(() => undefined, { from: 'latest' })
      await run.stop()
      await topic.addPartitions(2)
      await fill(topic, 1)
      t.equal(await topic.group('late').lag(), 2)
      t.match(await topic.group('late').stats(), { partitions: [{ lag: 0 }, { lag: 1 }, { lag: 1 }] })
      const values: number[] = []
      const again = await topic.group('late').handle(({ value }) => void values.push(value), { from: 'latest' })
      await again.idle()
      await again.stop()
      t.strictSame(values.sort(), [1, 2])
      await topic.group('late').seek(0, { partition: 2 })
      t.equal(await topic.group('late').lag(), 1)
      t.match(await rejection(topic.group('late').seek(0, { partition: 3 })), {
        code: 'MILL_OUT_OF_RANGE',
        message: /0 to 2/,
      })
      const begun = await topic.group('new').handle(({ value }) => void values.push(value), { from: 'latest' })
      await fill(topic, 0)
      await begun.idle()
      t.strictSame(values, [1, 2, 0, 1, 2], 'a group that is new then begins where it asks to')
    })

    await t.test("handlers' threads publish and put out to new partitions", async t => {
      const source = await broker.topic<number>('source', { partitions: 2, ...SMALL })
      const results = await broker.topic<number>('results', { partitions: 1, ...SMALL })
      const outputs = await broker.topic<number>('outputs', { partitions: 1, ...SMALL })
      const publishing = await source.group('publishing').run({
        handler: new URL('../../delivery/fixtures/republishing.fixture.js', import.meta.url),
        threads: 2,
      })
      const putting = await source.group('putting').run({
        handler: new URL('../../delivery/fixtures/outputs.fixture.js', import.meta.url),
        threads: 1,
        output: 'outputs',
      })
      await source.publishBatch(keyed(0))
      await Promise.all([publishing.idle(), putting.idle()])
      for (const topic of [source, results, outputs]) await topic.addPartitions(3)
      // Each thread hears of new partitions before it answers what it is asked next.
      for (const run of [publishing, putting]) {
        await run.pause()
        await run.resume()
      }
      await source.publishBatch(keyed(100))
      await Promise.all([publishing.idle(), putting.idle()])
      for (const topic of [results, outputs])
        t.ok(
          (await endsOf(topic)).every(end => end > 0),
          'a record in each partition',
        )
      t.strictSame(
        placesOf(await readAll(outputs), 0),
        KEYS.map(() => 0),
        'what was put out before stays',
      )
      t.match(await publishing.stats(), { threads: 2, lag: 0 })
    })

    await t.test('a batch that waits keeps its partitions, and a flush is over with what it covers', async t => {
      const topic = await broker.topic<string>(newName(), { ...SMALL, durability: 'memory', groups: ['slow'] })
      const value = 'x'.repeat(1_000)
      const messages = Array.from({ length: 400 }, (_, at) => ({ key: `key-${at}`, value }))
      // More than the partition holds, and no more than is on its way to it.
      const sent = topic.publishBatch(messages.slice(0, 100))
      const flushed = [topic.flush()]
      const waiting = topic.publishBatch(messages.slice(100))
      await delay(20)
      flushed.push(topic.flush())
      t.equal(await topic.addPartitions(3), 4)
      const behind = topic.publish({ value: 'new', partition: 3 })
      const run = await topic.group('slow').handle(() => undefined)
      t.match(await sent, { count: 100 })
      t.match(await waiting, { count: 300, ranges: [{ partition: 0, count: 300 }] })
      const over = Promise.all(flushed).then(() => 'over')
      t.equal(await within(5_000, 'the flushes', over), 'over')
      t.match(await behind, { partition: 3, offset: 0 })
      await run.idle()
      t.equal((await run.stats()).processed, 401)
    })
  })
}
