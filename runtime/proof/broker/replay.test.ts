/** Reading again, with a group that is moved or without one. Real threads and files. */
import t from 'tap'
import { type Broker, type Delivery, defineHandler } from '../../index.ts'
import { folderOf, readAll, rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, newTopic } from '../fixtures/shared-broker.fixture.ts'

const DAY = Date.UTC(2001, 0, 1)

/** One broker on disk for all tests: none of them closes it. */
let opening: Promise<Broker> | undefined
function onDisk(): Promise<Broker> {
  opening ??= folderOf(t).open()
  return opening
}

/** One record for each second. */
function seconds(count: number): { readonly key: string; readonly value: number; readonly timestamp: number }[] {
  return Array.from({ length: count }, (_, value) => ({ key: `k${value % 5}`, value, timestamp: DAY + value * 1_000 }))
}

async function collect<V>(records: AsyncIterable<Delivery<V>>): Promise<Delivery<V>[]> {
  const found: Delivery<V>[] = []
  for await (const record of records) found.push(record)
  return found
}

t.test('a range of a topic on disk is read again, each time the same bytes', async t => {
  const orders = await (await onDisk()).topic<number>(newName(), { partitions: 2 })
  await orders.publishBatch(seconds(5_000))
  const all = await collect(orders.replay())
  t.equal(all.length, 5_000)
  t.strictSame(
    all.map(({ value }) => value).sort((a, b) => a - b),
    Array.from({ length: 5_000 }, (_, value) => value),
  )
  const again = await collect(orders.replay())
  t.strictSame(
    again.map(({ valueBytes, keyBytes, partition, offset }) => [valueBytes, keyBytes, partition, offset]),
    all.map(({ valueBytes, keyBytes, partition, offset }) => [valueBytes, keyBytes, partition, offset]),
  )
  const part = await collect(orders.replay({ partition: 1, from: 100 }))
  t.equal(part[0]?.offset, 100)
  t.ok(part.every(({ partition, offset }, at) => partition === 1 && offset === 100 + at))
  const late = await collect(orders.replay({ from: new Date(DAY + 4_000_000) }))
  t.strictSame(
    late.map(({ value }) => value).sort((a, b) => a - b),
    Array.from({ length: 1_000 }, (_, at) => 4_000 + at),
  )
  for await (const { value } of orders.replay()) if (value >= 0) break
})

t.test('what cannot be read again is said', async t => {
  const broker = await onDisk()
  const orders = await broker.topic<number>(newName(), {
    windowBytes: 65_536,
    maxMessageBytes: 4_096,
    segmentBytes: 65_536,
    retentionBytes: 65_536,
  })
  for (let turn = 0; turn < 20; turn++) await orders.publishBatch(seconds(1_000))
  await until(async () => ((await orders.stats()).partitions[0]?.logStartOffset ?? 0) > 0, 'retention')
  t.match(await rejection(collect(orders.replay({ partition: 0, from: 0 }))), {
    code: 'MILL_OFFSET_GONE',
    message: /begins at offset \d+; 0 is gone/,
  })
  t.match(await rejection(collect(orders.replay({ partition: 0, from: 20_001 }))), { code: 'MILL_OUT_OF_RANGE' })
  t.match(await rejection(collect(orders.replay({ from: 5 }))), {
    code: 'MILL_INVALID_OPTION',
    message: /needs a `partition`/,
  })
  t.match(await rejection(collect(orders.replay({ partition: 1 }))), { code: 'MILL_OUT_OF_RANGE', message: /0 to 0/ })
  t.match(await rejection(collect(orders.replay({ from: 'now' as 'earliest' }))), {
    code: 'MILL_INVALID_OPTION',
    message: /a place to read from/,
  })
  const aborted = { signal: AbortSignal.abort() }
  t.match(await rejection(collect(orders.replay(aborted))), { code: 'MILL_ABORTED' })
  const fast = await broker.topic(newName(), { durability: 'memory' })
  t.match(await rejection(collect(fast.replay())), { code: 'MILL_INVALID_OPTION', message: /in memory/ })
})

for (const where of ['disk', 'memory'] as const) {
  t.test(`a group is moved, in ${where}`, async t => {
    const options = { groups: ['keeps'] }
    const orders =
      where === 'disk' ? await (await onDisk()).topic<number>(newName(), options) : await newTopic<number>(options)
    await orders.publishBatch(seconds(1_000))
    const group = orders.group('g')
    const seen = async (): Promise<number[]> => (await readAll(orders, 'g')).map(({ value }) => value)
    t.equal((await seen()).length, 1_000)
    await group.seek(990, { partition: 0 })
    t.match(await group.stats(), { lag: 10, processed: 1_000 })
    t.strictSame(await seen(), [990, 991, 992, 993, 994, 995, 996, 997, 998, 999])
    await group.seek(new Date(DAY + 997_500))
    t.strictSame(await seen(), [998, 999])
    await group.seek('earliest')
    t.equal((await seen()).length, 1_000)
    await group.seek(0, { partition: 0 })
    await group.seek('latest')
    t.strictSame(await seen(), [])
    t.match(await rejection(group.seek(1_001, { partition: 0 })), { code: 'MILL_OUT_OF_RANGE' })
    t.match(await rejection(group.seek(5)), { code: 'MILL_INVALID_OPTION' })
    t.match(await rejection(orders.group('nobody').seek('earliest')), { code: 'MILL_INVALID_OPTION' })
    const run = await group.handle(() => undefined)
    t.match(await rejection(group.seek('earliest')), { code: 'MILL_GROUP_BUSY' })
    await run.stop()
  })
}

t.test('a group that was moved begins anew: without failures, and with a new state', async t => {
  const orders = await newTopic<number>()
  await orders.publishBatch(seconds(10))
  const starts: number[] = []
  const counting = defineHandler<number, { count: number }, number>({
    start: () => {
      starts.push(1)
      return { count: 0 }
    },
    message: ({ value }, state) => {
      if (value === 9 && starts.length === 1) throw new Error('not yet')
      state.count++
    },
    stop: ({ count }) => count,
    snapshot: state => state,
    restore: (state: { count: number }) => state,
  })
  const group = orders.group('g')
  const first = await group.handle(counting, { backoff: { initialMs: 60_000, maxMs: 60_000 } })
  await until(async () => (await first.stats()).failures === 1, 'the failure')
  await first.stop()
  await group.seek('earliest')
  const second = await group.handle<number>(counting)
  await second.idle()
  t.strictSame((await second.stop()).results, [10])
})
