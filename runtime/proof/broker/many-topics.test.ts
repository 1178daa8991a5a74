/** Many topics on disk in little memory: what they have at rest, what they are lent, and what comes back. Real threads and files. */
import t from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import type { Broker, Topic } from '../../index.ts'
import type { MemoryTuning } from '../../wire/memory-tuning.ts'
import { byPartition, folderOf, readAll, rejection, until } from '../fixtures/broker.fixture.ts'

const MIB = 1_024 * 1_024
const TOPICS = 24
const PARTITIONS = 4
const JOURNAL = { journalBytes: MIB }
/** No dead letters. */
const ENDLESS = { deadLetter: false, attempts: Number.POSITIVE_INFINITY } as const
/** Loans come back soon. */
const QUICK: MemoryTuning = { restBytes: 8_192, lookMs: 20, isShort: false }

async function usedBytes(broker: Broker): Promise<number> {
  return (await (sessions.get(broker) as Session).ask(control => control.census())).usedBytes
}

/** Values of a kilobyte, which tell where they were in the order of their partition. */
function values(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, number) => `${from + number} `.padEnd(1_000, 'x'))
}

function numbersOf(read: readonly string[]): number[] {
  return read.map(value => Number(value.slice(0, value.indexOf(' '))))
}

t.test(
  'topics with default options take 64 KiB for each partition at most, with a group and its dead letters',
  async t => {
    const broker = await folderOf(t, JOURNAL).open({ memoryMaxBytes: 8 * MIB })
    const before = await usedBytes(broker)
    const topics: Topic<number>[] = []
    let handled = 0
    for (let number = 0; number < TOPICS; number++) {
      const topic = await broker.topic<number>(`user-${number}`, { partitions: PARTITIONS, durability: 'os' })
      topics.push(topic)
      await topic.publishBatch(Array.from({ length: 8 }, (_, value) => ({ value, partition: value % PARTITIONS })))
      await topic.group('billing').handle(() => void handled++)
    }
    await until(() => handled === TOPICS * 8, 'all records are handled')
    const rings = async (): Promise<number> => (await usedBytes(broker)) - before
    await until(async () => (await rings()) < TOPICS * PARTITIONS * 65_536, 'what rings had is given back')
    await Promise.all(topics.map(topic => topic.publish({ value: 9 })))
    await until(() => handled === TOPICS * 9, 'they go on')
  },
)

t.test('a partition that is busy is lent a window, which comes back when it is not', async t => {
  const broker = await folderOf(t, { ...JOURNAL, memory: QUICK }).open({ memoryMaxBytes: 64 * MIB })
  const topic = await broker.topic<string>('orders', { partitions: 1, codec: 'string', durability: 'os' })
  const read: string[] = []
  const run = await topic.group('g').handle(({ value }) => void read.push(value), ENDLESS)
  const withGroup = await usedBytes(broker)
  const given: string[] = []
  let isLent = false
  // It is not busy whenever this thread has to wait for a processor; so it is kept busy until the loan is seen.
  await until(async () => {
    const batch = values(100, given.length)
    given.push(...batch)
    await topic.publishBatch(batch.map(value => ({ value })))
    isLent ||= (await usedBytes(broker)) - withGroup >= 2 * MIB
    return isLent && given.length >= 3_000
  }, 'it is lent a window')
  await run.idle()
  t.strictSame(numbersOf(read), numbersOf(given), 'nothing is lost, repeated or out of order')
  await until(async () => (await usedBytes(broker)) === withGroup, 'the window is given back')
  await run.stop()
})

t.test('records of any size go through where nothing can be lent, and are read from the log', async t => {
  const broker = await folderOf(t, { ...JOURNAL, memory: QUICK }).open({ memoryMaxBytes: 4 * MIB })
  const options = { partitions: 2, codec: 'string', durability: 'os', maxMessageBytes: 300_000 } as const
  const topics: Topic<string>[] = []
  for (let number = 0; number < 4; number++) topics.push(await broker.topic<string>(`t${number}`, options))
  const runs = topics.map(async topic => {
    const read: string[] = []
    const run = await topic.group('g').handle(({ value }) => void read.push(value), ENDLESS)
    const sizes = [10, 9_000, 200, 30_000, 4_000, 100_000, 1]
    for (const [number, bytes] of sizes.entries())
      await topic.publish({ value: `${number} `.padEnd(bytes, 'x'), partition: 1 })
    await run.idle()
    await run.stop()
    return numbersOf(read)
  })
  for (const numbers of await Promise.all(runs)) t.strictSame(numbers, [0, 1, 2, 3, 4, 5, 6])
})

t.test('what is lent makes room for what cannot do without', async t => {
  const slow: MemoryTuning = { ...QUICK, lookMs: 60_000 }
  const broker = await folderOf(t, { ...JOURNAL, memory: slow }).open({ memoryMaxBytes: 8 * MIB })
  const options = { partitions: 4, codec: 'string', durability: 'os' } as const
  const busy = await broker.topic<string>('busy', options)
  t.ok((await usedBytes(broker)) < 3 * MIB)
  const batch = values(400).map((value, number) => ({ value, partition: number % 4 }))
  await until(async () => {
    await busy.publishBatch(batch)
    return 8 * MIB - (await usedBytes(broker)) < 4 * MIB
  }, 'it is lent windows')
  // What is made meanwhile, and stays, lies apart from what comes back.
  const small = { durability: 'memory', windowBytes: 65_536, maxMessageBytes: 1_000 } as const
  t.match(await (await broker.topic('small', small)).publish({ value: 1 }), { offset: 0 })
  const large = { ...small, windowBytes: 4 * MIB } as const
  t.match(await (await broker.topic('large', large)).publish({ value: 1 }), { offset: 0 })
  t.match(await rejection(broker.topic('larger', large)), { code: 'MILL_MEMORY' })
  t.equal((await busy.publishBatch(batch)).count, 400)
})

t.test('rings are small where memory is short, wider when they are full, and small again', async t => {
  const tight: MemoryTuning = { ...QUICK, isShort: true }
  const broker = await folderOf(t, { ...JOURNAL, memory: tight }).open({ memoryMaxBytes: 64 * MIB })
  const options = { partitions: 2, codec: 'string', durability: 'memory', groups: ['reader'] } as const
  const topic = await broker.topic<string>('orders', options)
  const before = await usedBytes(broker)
  const given = values(3_000)
  let taken = 0
  let most = 0
  for (const [number, value] of given.entries()) {
    const message = { value, partition: number % 2 }
    if (topic.tryPublish(message)) taken++
    else {
      // The ring is full. It is small again soon after the last record, so this is the time to look.
      const [, used] = await Promise.all([topic.publish(message), usedBytes(broker)])
      most = Math.max(most, used - before)
    }
  }
  await topic.flush()
  t.ok(taken > 0)
  most = Math.max(most, (await usedBytes(broker)) - before)
  t.ok(most > 2 * 524_288 - 40_000, `${most} bytes more when they were full`)
  await until(async () => (await usedBytes(broker)) === before, 'rings are given back')
  await topic.publishBatch([0, 1].map(partition => ({ value: `${3_000 + partition} `, partition })))
  const read = byPartition(await readAll(topic))
  for (const partition of [0, 1])
    t.strictSame(
      numbersOf(read.get(partition) ?? []),
      Array.from({ length: 1_501 }, (_, at) => 2 * at + partition),
    )
})

t.test('who publishes without ever yielding is not held up by a ring that is to come', async t => {
  const tight: MemoryTuning = { ...QUICK, isShort: true }
  const broker = await folderOf(t, { ...JOURNAL, memory: tight }).open({ memoryMaxBytes: 64 * MIB })
  const topic = await broker.topic<string>('orders', { partitions: 1, codec: 'string', durability: 'os' })
  const given = values(500)
  const since = performance.now()
  for (const value of given)
    while (!topic.tryPublish({ value })) if (performance.now() - since > 60_000) throw new Error('it stands still')
  t.strictSame(numbersOf((await readAll(topic)).map(({ value }) => value)), numbersOf(given))
})
