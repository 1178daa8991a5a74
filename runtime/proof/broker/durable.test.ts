/** Topics on disk, by the public API: what is there when the folder is opened again, and what is refused. Real threads and files. */
import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import { type Broker, createBroker, type Topic } from '../../index.ts'
import { FAULT_POINT, type FaultPoint } from '../../wire/layout.ts'
import { byPartition, delay, folderOf, openBroker, readAll, rejection, until } from '../fixtures/broker.fixture.ts'
import { twoLives } from '../fixtures/two-lives.fixture.ts'

/** Segments of this size are closed often. */
const SMALL = { windowBytes: 65_536, maxMessageBytes: 4_096, segmentBytes: 65_536 } as const

function numbers(count: number, from = 0): { readonly key: string; readonly value: number }[] {
  return Array.from({ length: count }, (_, at) => ({ key: `key-${at % 7}`, value: from + at }))
}

twoLives({
  async 'what was acknowledged is there when the folder is opened again, and offsets go on'(t, first) {
    const orders = await first.topic<number>('acknowledged', { partitions: 3 })
    t.match(await orders.publish({ key: 'a', value: -1 }), { offset: 0, durability: 'fsync' })
    t.match(await orders.publishBatch(numbers(1_000)), { count: 1_000, durability: 'fsync' })
    const before = byPartition(await readAll(orders))
    const { partitions } = await orders.stats()
    return async (t, second) => {
      const again = await second.topic<number>('acknowledged')
      t.equal(again.partitions, 3)
      t.strictSame(
        (await again.stats()).partitions.map(({ highWatermark }) => highWatermark),
        partitions.map(({ highWatermark }) => highWatermark),
      )
      const { partition, offset } = await again.publish({ key: 'a', value: 5_000 })
      t.equal(offset, partitions[partition]?.highWatermark)
      before.get(partition)?.push(5_000)
      t.strictSame(byPartition(await readAll(again, 'another')), before)
    }
  },

  async 'a group goes on where it was, and knows what failed'(t, first) {
    const orders = await first.topic<number>('failed')
    await orders.publishBatch(numbers(10))
    const seen: number[] = []
    const failing = { attempts: 3, backoff: { initialMs: 60_000, maxMs: 60_000 } }
    const run = await orders.group('g').handle(({ value }) => {
      if (value === 6) throw new Error('not yet')
      seen.push(value)
    }, failing)
    await until(async () => (await run.stats()).failures === 1)
    t.strictSame(seen, [0, 1, 2, 3, 4, 5])
    return async (t, second) => {
      const attempts: number[] = []
      const again = await (await second.topic<number>('failed')).group('g').handle(
        ({ value, failedAttempts }) => {
          seen.push(value)
          attempts.push(failedAttempts)
        },
        { ...failing, backoff: { initialMs: 1, maxMs: 1 } },
      )
      // It waits out the time that it was given by the process before.
      await delay(50)
      t.strictSame(seen, [0, 1, 2, 3, 4, 5])
      t.match(await again.stats(), { failures: 1, lag: 4 })
    }
  },

  async 'topics in memory are gone, and say so'(t, first) {
    const fast = await first.topic<number>('fast', { durability: 'memory' })
    t.match(await fast.publish({ value: 1 }), { offset: 0, durability: 'memory' })
    return async (t, second) => {
      const again = await second.topic<number>('fast', { durability: 'memory' })
      t.match(await again.stats(), { partitions: [{ highWatermark: 0, diskBytes: 0 }] })
    }
  },

  async 'a topic keeps what it was made with, and may be kept for longer or shorter'(_t, first) {
    await first.topic('kept', { partitions: 2, codec: 'string', durability: 'os', retentionMs: 1_000_000 })
    return async (t, second) => {
      for (const options of [
        { partitions: 3 },
        { codec: 'json' },
        { durability: 'fsync' },
        { maxMessageBytes: 10 },
      ] as const) {
        const refused = await rejection(second.topic('kept', options))
        t.match(refused, { code: 'MILL_CONFIG_MISMATCH', message: new RegExp(Object.keys(options)[0] as string) })
      }
      const orders = await second.topic('kept', { retentionMs: Number.POSITIVE_INFINITY, windowBytes: 4_194_304 })
      t.match(await orders.stats(), { partitions: [{ windowBytes: 4_194_304 }, { windowBytes: 4_194_304 }] })
      t.match(await orders.publish({ value: 'x' }), { durability: 'os' })
    }
  },

  async 'one broker at a time has a folder'(t, _first, open) {
    t.match(await rejection(open()), {
      code: 'MILL_LOCKED',
      message: /another broker of this process/,
      retriable: true,
    })
    // That the next one could be opened is the rest of it.
    return async (t, second) => {
      t.equal(second.closed, false)
    }
  },
})

t.test('nothing can be kept on disk without a folder', async t => {
  const broker = await openBroker(t)
  t.match(await rejection(broker.topic('orders', { durability: 'os' })), {
    code: 'MILL_INVALID_OPTION',
    message: /dir/,
  })
})

t.test('other numbers of partition hosts find what there is', async t => {
  const { open } = folderOf(t)
  const seen: number[] = []
  for (const [turn, partitionThreads] of [2, 3, 1].entries()) {
    const broker = await open({ partitionThreads })
    const orders = await broker.topic<number>('orders', { partitions: 5 })
    await orders.publishBatch(numbers(100, turn * 100))
    const run = await orders.group('g').handle(({ value }) => void seen.push(value))
    await run.idle()
    await broker.close()
  }
  t.strictSame(
    seen.sort((a, b) => a - b),
    Array.from({ length: 300 }, (_, value) => value),
  )
})

/** One broker for the tests that leave its folder alone. */
let opening: Promise<Broker> | undefined
function lasting(): Promise<Broker> {
  opening ??= folderOf(t).open()
  return opening
}

t.test('a slow group holds nobody up, and reads everything from the log', async t => {
  const orders = await (await lasting()).topic<number>('slow', { ...SMALL, partitions: 2 })
  const seen: number[] = []
  const slow = await orders.group('slow').handle(({ value }) => void seen.push(value))
  await slow.pause()
  for (let from = 0; from < 20_000; from += 1_000) await orders.publishBatch(numbers(1_000, from))
  await slow.resume()
  await slow.idle()
  t.equal(seen.length, 20_000)
  t.equal(new Set(seen).size, 20_000)
})

t.test('retention removes the oldest segments, and a group that was there is told', async t => {
  const orders = await (await lasting()).topic<number>('removed', { ...SMALL, retentionBytes: 131_072 })
  const late = await orders.group('late').handle(() => undefined)
  await late.stop()
  for (let from = 0; from < 30_000; from += 1_000) await orders.publishBatch(numbers(1_000, from))
  await until(async () => ((await orders.stats()).partitions[0]?.logStartOffset ?? 0) > 0, 'retention')
  const run = await orders.group('late').handle(() => undefined)
  t.match(await rejection(run.finished), { code: 'MILL_OFFSET_GONE', message: /group late is at offset 0/ })
  const start = (await orders.stats()).partitions[0]?.logStartOffset as number
  const [first] = await readAll(orders, 'new')
  t.ok((first?.offset as number) >= start, 'a new group begins at what there is')
})

t.test('damage to what was acknowledged stops the opening, and says where it is', async t => {
  const { dir, open } = folderOf(t)
  const first = await open()
  const orders = await first.topic<number>('orders', SMALL)
  await orders.publishBatch(numbers(100))
  await first.close()
  const [folder] = readdirSync(join(dir, 'topics')) as [string]
  const name = readdirSync(join(dir, 'topics', folder)).find(each => each.endsWith('.log')) as string
  const file = join(dir, 'topics', folder, name)
  flip(file, 200)
  // The index says what the segment holds; without it every byte is looked at.
  flip(file.replace(/log$/, 'index'), 40)
  const second = await open()
  const refused = await rejection(second.topic('orders'))
  t.match(refused, { code: 'MILL_CORRUPT', message: /\.log at byte 64: .*CRC/ })
  t.match(await (await second.topic('others')).publish({ value: 1 }), { offset: 0 }, 'other topics go on')
})

function flip(file: string, at: number): void {
  const descriptor = openSync(file, 'r+')
  const byte = Buffer.alloc(1)
  readSync(descriptor, byte, 0, 1, at)
  byte.writeUInt8(byte.readUInt8(0) ^ 1, 0)
  writeSync(descriptor, byte, 0, 1, at)
  closeSync(descriptor)
}

const HOST_POINTS: readonly FaultPoint[] = [
  'segmentWritten',
  'journalWritten',
  'beforeCommit',
  'betweenWindowAndRing',
  'betweenRingAndReceipt',
  'statesSwept',
]
t.test('partition hosts that die lose and repeat nothing', async t => {
  const { open } = folderOf(t)
  const broker = await open({ restart: { intensity: 100, periodMs: 1_000 } })
  const session = sessions.get(broker) as Session
  for (const point of HOST_POINTS)
    await t.test(`at ${point}`, async t => {
      const orders = await broker.topic<number>(point, { ...SMALL, partitions: 2 })
      const seen: number[] = []
      const run = await orders.group('g').handle(({ value }) => void seen.push(value))
      const killed = session.ask(control => control.killPartitionHost(0, FAULT_POINT[point]))
      // Calls are answered in order: by now it is armed.
      await session.ask(control => control.census())
      await publishInTurns(orders)
      t.equal(await killed, true)
      await run.idle()
      t.strictSame(
        seen.sort((a, b) => a - b),
        Array.from({ length: 5_000 }, (_, value) => value),
      )
      // Else the states of this group may be what the next host dies of.
      await run.stop()
    })
  await broker.close()
  const second = await open()
  for (const point of HOST_POINTS)
    await t.test(`what was published before a death at ${point} is there afterwards`, async t => {
      const again = await second.topic<number>(point)
      t.equal((await readAll(again, 'all')).length, 5_000)
    })
})

async function publishInTurns(orders: Topic<number>): Promise<void> {
  for (let from = 0; from < 5_000; from += 500) await orders.publishBatch(numbers(500, from))
}

t.test('a folder with one record takes less than a megabyte', async t => {
  const dir = t.testdir()
  const broker = await createBroker({ dir, logger: false })
  t.match(await (await broker.topic('orders')).publish({ value: 1 }), { offset: 0, durability: 'fsync' })
  await broker.close()
  const sizes = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map(name => statSync(join(dir, name)).size)
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  t.ok(bytes > 1_000 && bytes < 1_000_000, `${bytes} bytes`)
})
