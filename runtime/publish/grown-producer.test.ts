/** Named producers of topics that get more partitions: nothing is lost, and nothing is published twice. Real threads and files. */
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Broker, Message, Topic } from '../index.ts'
import { folderOf, readAll, until } from '../proof/fixtures/broker.fixture.ts'
import type { ProducerState } from '../wire/producer-places.ts'
import { partitionOfKey } from './key-hash.ts'
import { SequencedProducer } from './named-producer.ts'
import type { TopicProducer } from './topic-producer.ts'

function numbers(from: number, to: number): { readonly key: string; readonly value: number }[] {
  return Array.from({ length: to - from }, (_, at) => ({ key: `key-${(from + at) % 50}`, value: from + at }))
}

function orders(broker: Broker): Promise<Topic<number>> {
  return broker.topic<number>('orders')
}

async function values(broker: Broker, group: string): Promise<number[]> {
  const read = await readAll(await orders(broker), group)
  return read.map(({ value }) => value).sort((a, b) => a - b)
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, value) => value)

t.test('what is there is found where its key had put it, in however many partitions it is published again', async t => {
  const { dir, open } = folderOf(t)
  const state = join(dir, 'producers')
  const first = await open()
  const topic = await first.topic<number>('orders', { partitions: 3 })
  const loader = await first.producer<number>('loader', topic)
  await loader.publishBatch(numbers(0, 400))
  await until(() => readFileSync(state, 'latin1').includes('"next":400'), 'writing it down')
  copyFileSync(state, `${state}.old`)
  await loader.publishBatch(numbers(400, 1_000))
  await first.close()
  copyFileSync(`${state}.old`, state)

  const second = await open()
  t.equal(await (await orders(second)).addPartitions(4), 7)
  const again = await second.producer<number>('loader', 'orders')
  copyFileSync(state, `${state}.old`)
  t.equal(again.next, 400)
  t.match(await again.publishBatch(numbers(400, 500)), { count: 0, repeated: 100 })
  const { ranges } = await again.publishBatch(numbers(500, 1_300))
  t.equal(new Set(ranges.map(({ partition }) => partition)).size, 7, 'what is new goes to all of them')
  t.strictSame(await values(second, 'second'), upTo(1_300))
  await second.close()
  copyFileSync(`${state}.old`, state)

  const third = await open()
  await (await orders(third)).addPartitions(1)
  const last = await third.producer<number>('loader', 'orders')
  t.equal(last.next, 400)
  t.match(await last.publishBatch(numbers(400, 1_400)), { count: 100, repeated: 900 })
  t.strictSame(await values(third, 'third'), upTo(1_400))
})

t.test('one that publishes meanwhile goes over to all partitions at one number', async t => {
  const { dir, open } = folderOf(t)
  const state = join(dir, 'producers')
  const first = await open()
  const topic = await first.topic<number>('orders', { partitions: 2 })
  const loader = await first.producer<number>('loader', topic)
  const sent: Promise<unknown>[] = []
  let added: Promise<number> | null = null
  let from = 0
  for (; added === null || topic.partitions === 2; from += 20) {
    sent.push(loader.publishBatch(numbers(from, from + 20)))
    if (from === 200) added = topic.addPartitions(3)
    await new Promise(setImmediate)
  }
  sent.push(loader.publishBatch(numbers(from, from + 100)))
  await Promise.all(sent)
  copyFileSync(state, `${state}.old`)
  const all = from + 400
  await loader.publishBatch(numbers(from + 100, all))
  const read = await readAll(topic, 'places')
  const placed = new Map(read.map(({ value, partition }) => [value, partition]))
  const changed = upTo(all).findIndex(value => placed.get(value) !== partitionOfKey(`key-${value % 50}`, 2))
  t.ok(changed >= 200)
  for (let value = 0; value < all; value++) {
    const expected = partitionOfKey(`key-${value % 50}`, value < changed ? 2 : 5)
    if (placed.get(value) !== expected) t.fail(`record ${value} is in ${placed.get(value)}`)
  }
  await first.close()
  copyFileSync(`${state}.old`, state)
  const second = await open()
  const again = await second.producer<number>('loader', await orders(second))
  t.ok(again.next <= from + 100)
  const { next } = again
  t.match(await again.publishBatch(numbers(next, all)), { count: 0, repeated: all - next })
  t.strictSame(await values(second, 'second'), upTo(all))
})

t.test(
  'what a process before published goes nowhere else, though the topic grows before it is published again',
  async t => {
    const { dir, open } = folderOf(t)
    const state = join(dir, 'producers')
    const first = await open()
    const topic = await first.topic<number>('orders', { partitions: 3 })
    const loader = await first.producer<number>('loader', topic)
    copyFileSync(state, `${state}.old`)
    await loader.publishBatch(numbers(0, 400))
    await first.close()
    copyFileSync(`${state}.old`, state)

    const second = await open()
    const again = await second.producer<number>('loader', await orders(second))
    t.equal(await (await orders(second)).addPartitions(4), 7)
    t.equal(again.next, 0, 'as it was written down')
    t.match(await again.publishBatch(numbers(0, 200)), { count: 0, repeated: 200 })
    copyFileSync(state, `${state}.old`)
    const { ranges } = await again.publishBatch(numbers(200, 700))
    t.equal(new Set(ranges.map(({ partition }) => partition)).size, 7, 'what is new goes to all of them')
    t.strictSame(await values(second, 'second'), upTo(700))
    await second.close()
    copyFileSync(`${state}.old`, state)

    const third = await open()
    const last = await third.producer<number>('loader', await orders(third))
    await (await orders(third)).addPartitions(1)
    const { next } = last
    t.ok(next <= 200)
    t.match(await last.publishBatch(numbers(next, 800)), { count: 100, repeated: 700 - next })
    t.strictSame(await values(third, 'third'), upTo(800))
  },
)

t.test('what may be missing goes where it was to go before, and what it lacks there is published', async t => {
  const published: (readonly (Message<number> & { readonly sequence: number })[])[] = []
  const producer = {
    topic: { name: 'orders', partitions: 4 },
    onGrown: () => undefined,
    choice: {
      among: (partitions: number, wanted: number | undefined, key: string) => wanted ?? partitionOfKey(key, partitions),
    },
    publishSequenced: async (messages: readonly Message<number>[], sequences: readonly number[]) => {
      published.push(messages.map((message, at) => ({ ...message, sequence: sequences[at] as number })))
      return { count: messages.length, ranges: [{ partition: 3, baseOffset: 7, count: 1 }], durability: 'fsync' }
    },
    flush: async () => undefined,
    close: () => undefined,
  }
  const spread = [
    { from: 0, partitions: 2 },
    { from: 10, partitions: 4 },
  ]
  const kept: ProducerState[] = []
  const keep = async (state: ProducerState): Promise<void> => void kept.push(state)
  // Partition 0 has all up to number 9, partition 1 has nothing of it.
  const state = { id: 1, next: 0, seen: [0, 0], spread }
  const loader = new SequencedProducer('loader', producer as unknown as TopicProducer, state, [10, 0, 0, 0], {
    keep,
    close: keep,
  })
  const messages = Array.from({ length: 12 }, (_, value) => ({ key: `key-${value}`, value }))
  await loader.publishBatch(messages)
  const isMissing = ({ key, value }: { readonly key: string; readonly value: number }): boolean =>
    value >= 10 || partitionOfKey(key, 2) === 1
  t.strictSame(
    published[0]?.map(({ value, partition, sequence }) => [value, partition, sequence]),
    messages.filter(isMissing).map(({ key, value }) => [value, partitionOfKey(key, value < 10 ? 2 : 4), value]),
  )
  await loader.close()
  t.match(kept.at(-1), { next: 12, seen: [0, 0, 0, 7] })
})

t.test('a record that names a partition of before it was there is not taken for one that is', async t => {
  const published: number[] = []
  const producer = {
    topic: { name: 'orders', partitions: 4 },
    onGrown: () => undefined,
    choice: { among: (_partitions: number, wanted: number) => wanted },
    publishSequenced: async (_: unknown, sequences: readonly number[]) => {
      published.push(...sequences)
      return { count: 1, ranges: [], durability: 'fsync' }
    },
    flush: async () => undefined,
    close: () => undefined,
  }
  const state = { id: 1, next: 0, seen: [0, 0], spread: [{ from: 0, partitions: 2 }] }
  const keep = async (): Promise<void> => undefined
  const loader = new SequencedProducer('loader', producer as unknown as TopicProducer, state, [10, 0], {
    keep,
    close: keep,
  })
  await loader.publishBatch([
    { value: 1, partition: 3 },
    { value: 2, partition: 0 },
  ])
  t.strictSame(published, [0])
  await loader.close()
})

t.test('nothing goes to new partitions before it is durable from which number on', async t => {
  const told: string[] = []
  const kept: ProducerState[] = []
  let keep = (): void => undefined
  const fake = {
    topic: { name: 'orders', partitions: 2 },
    onGrown: () => undefined,
    choice: { among: () => 0 },
    hold: () => {
      told.push('held')
      return () => void told.push('let go')
    },
    fail: (error: Error) => void told.push(error.message),
    publishSequenced: async () => ({ count: 1, ranges: [], durability: 'fsync' }),
    flush: async () => undefined,
    close: () => undefined,
  }
  const state = { id: 1, next: 5, seen: [0, 0] }
  const upcalls = {
    keep: (given: ProducerState) => {
      kept.push(given)
      return new Promise<void>((resolve, reject) => {
        keep = kept.length < 2 ? resolve : () => reject(new Error('no room'))
      })
    },
    close: async () => undefined,
  }
  const producer = new SequencedProducer('loader', fake as unknown as TopicProducer, state, [0, 0], upcalls)
  void producer.publish({ key: 'a', value: 1 })
  fake.topic = { name: 'orders', partitions: 4 }
  fake.onGrown()
  t.strictSame(told, ['held'])
  t.match(kept, [
    {
      seen: [0, 0, 0, 0],
      spread: [
        { from: 0, partitions: 2 },
        { from: 6, partitions: 4 },
      ],
    },
  ])
  keep()
  await new Promise(setImmediate)
  t.strictSame(told, ['held', 'let go'])
  fake.topic = { name: 'orders', partitions: 5 }
  fake.onGrown()
  keep()
  await new Promise(setImmediate)
  t.strictSame(told.slice(2), ['held', 'no room', 'let go'], 'or never')
  await producer.close()
})
