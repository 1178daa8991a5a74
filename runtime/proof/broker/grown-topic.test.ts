/** A topic in use gets more partitions: what is refused, what it costs, and whose letters go where. Real threads and files. */
import t, { type Test } from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import { type Broker, type BrokerOptions, RejectError, type Topic } from '../../index.ts'
import { folderOf, openBroker, readAll, rejection, SMALL, until } from '../fixtures/broker.fixture.ts'

function censusOf(broker: Broker): Promise<{ readonly blocks: number; readonly usedBytes: number }> {
  return (sessions.get(broker) as Session).ask(control => control.census())
}

/** One record into each partition from one on. */
async function fill(topic: Topic<number>, from: number): Promise<void> {
  for (let partition = from; partition < topic.partitions; partition++)
    await topic.publish({ value: partition, partition })
}

for (const [where, open] of [
  ['in memory', (t: Test, options?: BrokerOptions) => openBroker(t, options)],
  ['on disk', (t: Test, options?: BrokerOptions) => folderOf(t).open(options)],
] as const) {
  t.test(`${where}: two at once come one after the other, and a partitioner is told of all`, async t => {
    const broker = await open(t)
    const counts = new Set<number>()
    const partitioner = (_key: unknown, _message: unknown, partitions: number): number => {
      counts.add(partitions)
      return partitions - 1
    }
    const topic = await broker.topic<number>('orders', { partitions: 2, partitioner, ...SMALL })
    const run = await topic.group('g').handle(() => undefined)
    t.equal((await topic.publish({ value: 1 })).partition, 1)
    t.strictSame(await Promise.all([topic.addPartitions(1), topic.addPartitions(4)]), [3, 7])
    t.equal((await topic.publish({ value: 1 })).partition, 6)
    t.equal((await topic.publishBatch([{ value: 1 }])).ranges[0]?.partition, 6)
    t.strictSame([...counts], [2, 7])
    const turns = await broker.topic<number>('turns', { partitioner: 'round-robin', ...SMALL })
    await turns.addPartitions(2)
    const { ranges } = await turns.publishBatch([1, 2, 3].map(value => ({ value })))
    t.strictSame(ranges.map(({ partition }) => partition).sort(), [0, 1, 2])
    await run.idle()
  })

  t.test(`${where}: letters of new partitions are found, replayed and counted`, async t => {
    const broker = await open(t)
    const topic = await broker.topic<number>('orders', { partitions: 2, ...SMALL })
    let isBad = true
    const run = await topic.group('g').handle(({ value }) => {
      if (isBad) throw new RejectError(`bad ${value}`)
    })
    await topic.publish({ value: 0, partition: 0 })
    await run.idle()
    const dead = await broker.topic<number>('orders.g.dlq')
    t.equal(dead.partitions, 2)
    const watched: number[] = []
    const watching = await dead.group('watch').handle(({ partition }) => void watched.push(partition))
    await topic.addPartitions(2)
    t.equal(dead.partitions, 4, 'it has a partition for each of its source')
    await fill(topic, 2)
    await run.idle()
    const letters = broker.deadLetters(topic)
    await watching.stop()
    t.strictSame(watched.sort(), [0, 2, 3])
    t.match(await run.stats(), { deadLettered: 3 })
    await dead.group('watch').delete()
    for (const value of [2, 3]) await topic.publish({ value, partition: value })
    await run.idle()
    isBad = false
    t.strictSame(await letters.replay({}), { replayed: (await letters.count()) + 2, skipped: 0, parked: 0 })
    await run.idle()
    t.match(await run.stats(), { lag: 0, deadLetterDepth: 0 })
  })

  t.test(`${where}: what is asked wrongly changes nothing`, async t => {
    const broker = await open(t, { memoryMaxBytes: 8 * 1024 * 1024 })
    const topic = await broker.topic<number>('orders', { partitions: 4, ...SMALL })
    await topic.publish({ value: 1 })
    const before = await censusOf(broker)
    for (const [count, code] of [
      [0, 'MILL_OUT_OF_RANGE'],
      [-1, 'MILL_OUT_OF_RANGE'],
      [1.5, 'MILL_OUT_OF_RANGE'],
      [Number.NaN, 'MILL_OUT_OF_RANGE'],
      [Number.POSITIVE_INFINITY, 'MILL_OUT_OF_RANGE'],
      [1_021, 'MILL_OUT_OF_RANGE'],
      ['2', 'MILL_INVALID_OPTION'],
      [undefined, 'MILL_INVALID_OPTION'],
      [{ count: 2 }, 'MILL_INVALID_OPTION'],
    ] as const)
      t.match(await rejection(topic.addPartitions(count as number)), { code }, `${count}`)
    t.match(await rejection(topic.addPartitions(1_021)), { message: /1020 can be added, and not 1021/ })
    t.match(await rejection(topic.addPartitions(1_000)), { code: 'MILL_MEMORY' })
    t.equal(topic.partitions, 4)
    t.match(await broker.topics(), [{ partitions: 4 }])
    t.strictSame(await censusOf(broker), before)
    for (const partition of [4, 5])
      t.match(await rejection(topic.publish({ value: 1, partition })), { code: 'MILL_OUT_OF_RANGE', message: /0 to 3/ })
    t.equal(await topic.addPartitions(1), 5)
    t.match(await rejection(broker.topic('orders', { partitions: 4 })), {
      code: 'MILL_CONFIG_MISMATCH',
      message: /exists with partitions 5, not 4/,
    })
    t.equal(await broker.topic('orders', { partitions: 5 }), topic)
    t.equal(await broker.topic('orders'), topic)
    const count = before.blocks
    await topic.delete()
    t.match(await rejection(topic.addPartitions(1)), { code: 'MILL_TOPIC_DELETED' })
    await until(async () => (await censusOf(broker)).blocks < count - 4, 'all memory of it')
    await broker.close()
    t.match(await rejection(topic.addPartitions(1)), { code: 'MILL_CLOSED' })
  })

  t.test(`${where}: what partitions take they give back`, async t => {
    const broker = await open(t)
    const live = await broker.topic<number>('live', SMALL)
    await live.publish({ value: 1 })
    const before = await censusOf(broker)
    const topic = await broker.topic<number>('passing', SMALL)
    const run = await topic.group('g').handle(() => undefined)
    await topic.publish({ value: 1 })
    await topic.addPartitions(3)
    await fill(topic, 0)
    await run.idle()
    await run.stop()
    await topic.delete()
    await until(async () => {
      const { blocks, usedBytes } = await censusOf(broker)
      return blocks === before.blocks && usedBytes === before.usedBytes
    }, 'the memory of before')
    t.equal((await readAll(live)).length, 1)
  })

  t.test(`${where}: a partition host that dies is told of them`, async t => {
    const broker = await open(t)
    const topic = await broker.topic<number>('orders', SMALL)
    const values: number[] = []
    const run = await topic.group('g').handle(({ value }) => void values.push(value))
    await topic.addPartitions(2)
    await fill(topic, 0)
    await run.idle()
    t.ok(await (sessions.get(broker) as Session).ask(control => control.killPartitionHost(0, 0)))
    const adding = topic.addPartitions(1)
    t.equal(await adding, 4)
    await fill(topic, 0)
    await run.idle()
    t.strictSame(values.sort(), [0, 0, 1, 1, 2, 2, 3])
  })
}

t.test('a group that runs is given what is added', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<number>('orders', { partitions: 2, ...SMALL })
  const values: number[] = []
  await topic.group('g').handle(({ value }) => void values.push(value))
  await topic.addPartitions(2)
  await fill(topic, 0)
  await until(() => values.length === 4, 'a record of each partition')
  t.strictSame(values.sort(), [0, 1, 2, 3])
})

t.test('a topic in which letters of several partitions share one stays as it is', async t => {
  const broker = await openBroker(t, { partitionThreads: 2 })
  const small = { windowBytes: 131_072, maxMessageBytes: 4_096 } as const
  const dead = await broker.topic('dead', { partitions: 2, ...small })
  const orders = await broker.topic<number>('orders', { partitions: 4, ...SMALL })
  const run = await orders.group('g').handle(
    () => {
      throw new RejectError('bad')
    },
    { deadLetter: 'dead' },
  )
  t.match(await rejection(dead.addPartitions(2)), { code: 'MILL_CONFIG_MISMATCH', message: /letters of topic orders/ })
  t.equal(await orders.addPartitions(2), 6)
  t.equal(dead.partitions, 2)
  await fill(orders, 0)
  await run.idle()
  t.match((await dead.stats()).partitions, [{ highWatermark: 3 }, { highWatermark: 3 }])
  const odd = await broker.topic('odd', { partitions: 3, ...small })
  const few = await broker.topic<number>('few', { partitions: 3, ...SMALL })
  const many = await broker.topic<number>('many', { partitions: 2, ...SMALL })
  for (const topic of [few, many]) await topic.group('g').handle(() => undefined, { deadLetter: 'odd' })
  t.equal(await many.addPartitions(1), 3)
  t.equal(odd.partitions, 3)
  t.equal(await few.addPartitions(1), 4)
  t.equal(odd.partitions, 4, 'it grows with the first that needs more')
})
