import t from 'tap'
import type { BrokerEvents } from '../index.ts'
import { openBroker, readAll, rejection } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { aloneTopics } from './full-topic.fixture.ts'

const aloneTopic = aloneTopics(t)

t.test('a large record that needs a larger ring is not refused as full', async t => {
  const topic = await newTopic<string>({ maxMessageBytes: 500_000, onFull: 'reject', codec: 'string' })
  t.equal((await topic.publish({ value: 'x'.repeat(400_000) })).offset, 0)
  t.equal((await topic.publish({ value: 'small' })).offset, 1)
})

t.test('records of all sizes keep their order around ring switches, and arrive whole', async t => {
  const max = 1_048_576
  const topic = await newTopic<Uint8Array>({ codec: 'bytes', maxMessageBytes: max })
  const sizes = [1, 0, 100, 70_000, 3, 65_536, 130_000, 8, max, 1, max - 1, 17, 524_288, 2, max, 65_535, 5]
  const seen: (readonly [number, boolean])[] = []
  const run = await topic.group('g').handle(({ value }) => {
    seen.push([value.length, value.every((byte, at) => byte === ((value.length + at) & 0xff))])
  })
  const pending = sizes.map(size =>
    topic.publish({ value: Uint8Array.from({ length: size }, (_, at) => (size + at) & 0xff) }),
  )
  const receipts = await Promise.all(pending)
  t.strictSame(
    receipts.map(({ offset }) => offset),
    sizes.map((_, at) => at),
  )
  await run.idle()
  t.strictSame(
    seen,
    sizes.map(size => [size, true]),
  )
})

t.test('tryPublish takes a record that needs a larger ring, and those behind it, in order', async t => {
  const topic = await newTopic<string>({ codec: 'string', partitions: 2 })
  const sizes = [300_000, 10, 400_000, 20]
  for (const size of sizes) t.ok(topic.tryPublish({ partition: 1, value: 'x'.repeat(size) }), `of ${size}`)
  t.ok(topic.tryPublish({ partition: 0, value: 'of another partition' }))
  const behind = topic.publish({ partition: 1, value: 'behind' })
  await topic.flush()
  t.equal((await behind).offset, sizes.length)
  t.strictSame(
    (await readAll(topic)).filter(({ partition }) => partition === 1).map(delivery => delivery.value.length),
    [...sizes, 6],
  )
})

t.test('bytes that wait for a larger ring are as they were when tryPublish took them', async t => {
  const topic = await newTopic<Uint8Array>({ codec: 'bytes' })
  const value = new Uint8Array(300_000).fill(1)
  const headers = { h: Uint8Array.of(1) }
  t.ok(topic.tryPublish({ value, headers }))
  value.fill(2)
  headers.h.fill(2)
  await topic.flush()
  const [delivery] = await readAll(topic)
  t.strictSame(delivery?.value, new Uint8Array(300_000).fill(1))
  t.strictSame(Buffer.from(delivery?.headers.h as string, 'latin1'), Buffer.of(1))
})

t.test('tryPublish refuses what the waiting room has no room for while the ring grows', async t => {
  const topic = await aloneTopic<Uint8Array>({ codec: 'bytes', maxMessageBytes: 1_048_576 })
  const value = new Uint8Array(1_048_576)
  const run = await topic.group('g').handle(() => undefined)
  let taken = 0
  while (taken < 100 && topic.tryPublish({ value })) taken++
  t.equal(taken, 16, '16 MiB')
  t.throws(() => topic.tryPublish({ value: new Uint8Array(1_048_577) }), { code: 'MILL_TOO_LARGE' })
  const small = new Uint8Array(1)
  t.throws(() => topic.tryPublish({ partition: 0, key: '\ud800', value: small }), { code: 'MILL_UNSERIALISABLE' })
  await run.idle()
  t.equal((await run.stats()).processed, 16)
})

t.test('a record that tryPublish took is told as lost when there is no memory for its larger ring', async t => {
  const broker = await openBroker(t, { memoryMaxBytes: 64 * 1024 * 1024, logger: false })
  const topic = await broker.topic<string>('orders', { codec: 'string', maxMessageBytes: 16 * 1024 * 1024 })
  const told: BrokerEvents['publishFailed'][] = []
  broker.on('publishFailed', event => told.push(event))
  t.ok(topic.tryPublish({ value: 'x'.repeat(15_000_000) }))
  t.ok(topic.tryPublish({ value: 'behind' }))
  t.match(await rejection(topic.flush()), { code: 'MILL_MEMORY' })
  t.match(told, [{ topic: 'orders', partition: 0, count: 2, error: { code: 'MILL_MEMORY' } }])
  t.equal((await topic.publish({ value: 'small' })).offset, 0, 'the topic is as it was')
  await topic.flush()
})

t.test('a batch of large and small records goes through in order', async t => {
  const topic = await newTopic<string>({ codec: 'string', partitions: 2 })
  const values = Array.from({ length: 60 }, (_, n) => `${n}:${'x'.repeat(n % 5 === 0 ? 200_000 + n : n)}`)
  const batch = topic.publishBatch(values.map((value, n) => ({ value, partition: n % 2 })))
  const reading: string[][] = [[], []]
  const run = await topic.group('g').handle(({ partition, value }) => void reading[partition]?.push(value))
  t.equal((await batch).count, 60)
  await run.idle()
  t.strictSame(reading, [values.filter((_, n) => n % 2 === 0), values.filter((_, n) => n % 2 === 1)])
})
