/** Groups and topics that a process before left in the folder: they are there before anybody runs them. Real threads and files. */
import t from 'tap'
import { type Broker, RejectError, type Topic } from '../../index.ts'
import { folderOf, openBroker, rejection } from '../fixtures/broker.fixture.ts'
import { twoLives } from '../fixtures/two-lives.fixture.ts'

/** A topic of 100 records, and a group that has settled 40 of them; one is a dead letter. */
async function readSome(broker: Broker, name: string, partitions = 1): Promise<Topic<number>> {
  const topic = await broker.topic<number>(name, { partitions })
  const messages = Array.from({ length: 100 }, (_, value) => ({ value, partition: value % partitions }))
  await topic.publishBatch(messages.slice(0, 40))
  const run = await topic.group('g').handle(({ value }) => {
    if (value === 9) throw new RejectError('bad')
  })
  await run.idle()
  await run.stop()
  await topic.publishBatch(messages.slice(40))
  return topic
}

/** The values that the group is handed next. */
async function handed(topic: Topic<number>): Promise<number[]> {
  const values: number[] = []
  const run = await topic.group('g').handle(({ value }) => void values.push(value))
  await run.idle()
  await run.stop()
  return values
}

twoLives({
  async 'lag and statistics of a group that nobody has run yet are the true ones'(t, first) {
    const topic = await readSome(first, 'lagging')
    const before = await topic.group('g').stats()
    t.match(before, { processed: 39, deadLettered: 1, deadLetterDepth: 1, lag: 60 })
    return async (t, second) => {
      const group = (await second.topic<number>('lagging')).group('g')
      t.equal(await group.lag(), 60)
      t.strictSame(await group.stats(), { ...before, threads: 0 })
      t.equal((await group.stats()).partitions.length, 1)
      t.match(await (await second.topic('lagging')).group('typo').stats(), { lag: 0, partitions: [] })
    }
  },

  async 'a group that nobody has run yet is moved, and goes on there'(_t, first) {
    await readSome(first, 'moved')
    return async (t, second) => {
      const topic = await second.topic<number>('moved')
      await topic.group('g').seek(70, { partition: 0 })
      t.equal(await topic.group('g').lag(), 30)
      t.equal((await handed(topic))[0], 70)
      t.match(await rejection(topic.group('typo').seek('earliest')), { code: 'MILL_INVALID_OPTION' })
    }
  },

  async 'a group that nobody has run yet is deleted, and begins anew'(_t, first) {
    await readSome(first, 'forgotten')
    return async (t, second) => {
      const topic = await second.topic<number>('forgotten')
      await topic.group('g').delete()
      t.strictSame(await topic.groups(), [])
      t.equal(await topic.group('g').lag(), 0, 'it is no more')
      t.equal((await handed(topic))[0], 0)
    }
  },

  async 'a group whose figures were looked at takes the options of whoever joins it'(_t, first) {
    const topic = await first.topic<number>('joined')
    await topic.publishBatch([{ value: 1 }])
    const run = await topic.group('g').handle(() => undefined, { from: 'latest', attempts: 3 })
    await topic.publishBatch([{ value: 2 }])
    await run.stop()
    return async (t, second) => {
      const again = await second.topic<number>('joined')
      await again.group('g').stats()
      const run = await again
        .group('g')
        .handle(() => undefined, { from: 'latest', attempts: 7, deadLetter: 'elsewhere' })
      await run.idle()
      t.match(await run.stats(), { processed: 1, lag: 0 })
      await run.stop()
    }
  },

  async 'topics and groups are listed by name, opened or not'(t, first) {
    await readSome(first, 'listed', 3)
    await first.topic('listed.too', { durability: 'os', codec: 'bytes', retentionMs: 5_000 })
    await first.topic('listed.memory', { durability: 'memory' })
    const names = (await first.topics()).map(({ name }) => name).filter(name => name.startsWith('listed'))
    t.strictSame(names, ['listed', 'listed.g.dlq', 'listed.memory', 'listed.too'])
    return async (t, second) => {
      const listed = (await second.topics()).filter(({ name }) => name.startsWith('listed'))
      t.match(listed, [
        { name: 'listed', partitions: 3, durability: 'fsync', codec: 'json', deadLettersOf: [] },
        { name: 'listed.g.dlq', partitions: 3, deadLettersOf: ['listed'], retentionMs: Number.POSITIVE_INFINITY },
        { name: 'listed.too', partitions: 1, durability: 'os', codec: 'bytes', retentionMs: 5_000 },
      ])
      t.equal(listed.length, 3, 'what was in memory is gone')
      const topic = await second.topic('listed')
      t.strictSame(await topic.groups(), [{ name: 'g', running: false, threads: 0 }])
      const run = await topic.group('a').handle(() => undefined)
      t.strictSame(
        (await topic.groups()).map(({ name, running }) => [name, running]),
        [
          ['a', true],
          ['g', false],
        ],
      )
      await run.stop()
    }
  },
})

t.test('a group with a record that was to be a dead letter waits for whoever says where it goes', async t => {
  const { open } = folderOf(t)
  const first = await open()
  const small = { windowBytes: 65_536, maxMessageBytes: 4_096 }
  const topic = await first.topic<string>('orders', { ...small, durability: 'os' })
  await topic.publishBatch([{ value: 'bad' }, { value: 'good' }])
  const run = await topic.group('g').handle(
    ({ value }) => {
      if (value === 'bad') throw new Error('bad')
    },
    { attempts: 1 },
  )
  await run.idle()
  await run.stop()
  const letters = await first.topic('orders.g.dlq')
  await letters.delete()
  t.match(await topic.group('g').stats(), { deadLettered: 1, deadLetterDepth: 0, waitsForDeadLetters: false })
  const again = await topic.group('g').handle(() => undefined, { attempts: 2 })
  t.ok(
    (await first.topics()).some(({ name }) => name === 'orders.g.dlq'),
    'it is made again for whoever joins',
  )
  await again.stop()
})

t.test('topics in memory are listed with what they were made with', async t => {
  const broker = await openBroker(t)
  t.strictSame(await broker.topics(), [])
  await broker.topic('b', { partitions: 2, onFull: 'reject' })
  const a = await broker.topic('a', { groups: ['z', 'y'] })
  t.strictSame(await broker.topics(), [
    {
      name: 'a',
      partitions: 1,
      codec: 'json',
      durability: 'memory',
      maxMessageBytes: 1_048_576,
      windowBytes: 2_097_152,
      onFull: 'wait',
      publishRate: null,
      retentionMs: null,
      retentionBytes: null,
      segmentBytes: null,
      deadLettersOf: [],
    },
    { ...(await broker.topics())[1] },
  ])
  t.match((await broker.topics())[1], { name: 'b', partitions: 2, onFull: 'reject' })
  t.strictSame(
    (await a.groups()).map(({ name }) => name),
    ['y', 'z'],
  )
})
