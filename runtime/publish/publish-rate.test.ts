/** What a producer with a rate does with single publishes, batches and those that may not wait. */
import t from 'tap'
import { FullError, type MillraceError, type Receipt, type Topic, UnpublishedError } from '../index.ts'
import { delay, openBroker, readAll, rejection, SMALL, standStill, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { fillUp } from './full-topic.fixture.ts'

const RATE = { max: 5, perMs: 200 }
/** Longer than a test. */
const LONG = { max: 2, perMs: 3_600_000 }

const messages = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({ partition: 0, value: from + index }))

/** Uses up a rate of two. */
async function useUp(topic: Topic<number>): Promise<void> {
  t.ok(topic.tryPublish({ partition: 0, value: -1 }))
  t.ok(topic.tryPublish({ partition: 0, value: -2 }))
  await topic.flush()
}

t.test('publishes beyond the rate wait, in the order of their calls', async t => {
  const topic = await newTopic<number>({ publishRate: RATE, partitions: 3, groups: ['reader'] })
  const began = performance.now()
  const times: number[] = []
  const published = Array.from({ length: 18 }, (_, value) =>
    topic.publish({ partition: value % 3, value }).then(receipt => {
      times.push(performance.now())
      return receipt
    }),
  )
  const receipts = await Promise.all(published)
  t.ok(performance.now() - began >= 600, 'three waits')
  t.match(await topic.stats(), { waitingForRate: 0 })
  // What has a receipt by the end of a window was appended in this window, or before it.
  for (const [index, time] of times.entries())
    t.ok(index < RATE.max * (Math.floor((time - began) / RATE.perMs) + 1), `record ${index}`)
  t.strictSame(
    receipts.map(({ partition, offset }: Receipt) => offset * 3 + partition),
    Array.from({ length: 18 }, (_, index) => index),
  )
})

t.test('a batch that is larger than the rate goes in portions, and keeps its place among single publishes', async t => {
  const topic = await newTopic<number>({ publishRate: RATE, groups: ['reader'] })
  const began = performance.now()
  const first = topic.publish({ value: 0 })
  const batch = topic.publishBatch(messages(12, 1))
  const last = topic.publish({ value: 13 })
  t.notOk(topic.tryPublish({ value: 99 }), 'nothing goes before what waits')
  t.match(await batch, { count: 12, ranges: [{ partition: 0, baseOffset: 1, count: 12 }] })
  t.ok(performance.now() - began >= 400)
  t.equal((await first).offset, 0)
  t.equal((await last).offset, 13)
  const read = await readAll(topic)
  t.strictSame(
    read.map(({ value }) => value),
    Array.from({ length: 14 }, (_, index) => index),
  )
})

t.test('all handles of a thread are one producer', async t => {
  const topic = await newTopic<number>({ publishRate: LONG })
  t.ok(topic.tryPublish({ value: 1 }))
  await topic.publish({ value: 2 })
  t.notOk(topic.tryPublish({ value: 3 }))
})

t.test('tryPublish takes nothing beyond the rate, and goes on in time for a caller that never yields', async t => {
  const slow = await newTopic<number>({ publishRate: LONG, partitions: 2 })
  t.strictSame(
    messages(8).map(message => slow.tryPublish(message)),
    [true, true, false, false, false, false, false, false],
  )
  const topic = await newTopic<number>({ publishRate: { max: 1, perMs: 300 }, groups: ['reader'] })
  t.ok(topic.tryPublish({ value: 0 }))
  const waiting = topic.publish({ value: 1 })
  let left = 5_000
  while (!topic.tryPublish({ value: 2 }) && --left > 0) standStill(1)
  t.ok(left > 0)
  t.equal((await waiting).offset, 1)
  await topic.flush()
  t.strictSame(
    (await readAll(topic)).map(({ value }) => value),
    [0, 1, 2],
  )
})

t.test('a wait for the rate ends by its signal or its own time limit', async t => {
  const topic = await newTopic<number>({ publishRate: LONG })
  await useUp(topic)
  const abort = new AbortController()
  const aborted = rejection(topic.publish({ value: 1 }, { signal: abort.signal }))
  const late = rejection(topic.publish({ value: 2 }, { timeoutMs: 60 }))
  const lateBatch = rejection(topic.publishBatch(messages(2, 3), { timeoutMs: 60 }))
  const left = rejection(topic.publish({ value: 5 }))
  abort.abort(new Error('enough'))
  t.match(await aborted, { code: 'MILL_ABORTED', cause: { message: 'enough' } })
  t.match(await late, {
    code: 'MILL_TIMEOUT',
    message: /longer than 60 ms; a producer may publish 2 records in 3600000 ms to topic \S+ \(publishRate\)/,
  })
  const failed = await lateBatch
  t.match(failed, { code: 'MILL_UNPUBLISHED', unknown: [], cause: { code: 'MILL_TIMEOUT' } })
  t.strictSame((failed as UnpublishedError).unpublished, messages(2, 3))
  t.match(await topic.stats(), { waitingForRate: 1 })
  await topic.delete()
  t.match(await left, { code: 'MILL_TOPIC_DELETED' })
})

t.test('what was given up leaves its place in the waiting room', async t => {
  const topic = await newTopic<string>({ publishRate: LONG, codec: 'string', maxMessageBytes: 10 * 1_048_576 })
  t.ok(topic.tryPublish({ value: '1' }))
  t.ok(topic.tryPublish({ value: '2' }))
  const value = 'x'.repeat(9 * 1_048_576)
  for (let count = 0; count < 3; count++)
    t.match(await rejection(topic.publish({ value }, { timeoutMs: 10 })), { code: 'MILL_TIMEOUT' })
  const first = rejection(topic.publish({ value }, { timeoutMs: 600 }))
  t.match(await rejection(topic.publish({ value })), {
    code: 'MILL_FULL',
    message: /\(publishRate\), and this thread's waiting room is full/,
  })
  await first
})

t.test("where onFull is 'reject' the error says when to try again, and hands back what did not go", async t => {
  const slow = await newTopic<number>({ publishRate: LONG, onFull: 'reject' })
  const batch = messages(4)
  const failed = await rejection(slow.publishBatch(batch))
  t.ok(failed instanceof UnpublishedError)
  t.strictSame((failed as UnpublishedError).unpublished, batch.slice(2), 'the first portion went')
  t.strictSame((failed as UnpublishedError).unknown, [])
  t.match(failed.cause, { code: 'MILL_FULL', retriable: true })
  t.match(await rejection(slow.publishBatch(batch)), { unpublished: batch, unknown: [] })
  const topic = await newTopic<number>({ publishRate: { max: 1, perMs: 500 }, onFull: 'reject' })
  const message = { value: 9 }
  const went = topic.publish({ value: 8 })
  const error = await rejection(topic.publish(message))
  t.equal((await went).offset, 0)
  t.ok(error instanceof FullError)
  const { refused, retryAfterMs = 0 } = error as FullError
  t.equal(refused, message)
  t.ok(Number.isInteger(retryAfterMs) && retryAfterMs > 0 && retryAfterMs <= 500)
  t.match(
    error.message,
    `one record in 500 ms to topic ${topic.name} (publishRate), and its onFull is 'reject'; try again in`,
  )
  await delay(retryAfterMs + 2)
  t.equal((await topic.publish(message)).offset, 1)
})

t.test('a full partition does not use up the rate, nor is it said to be the rate', async t => {
  const topic = await newTopic<string>({
    ...SMALL,
    codec: 'string',
    publishRate: { max: 1_000, perMs: 60_000 },
    groups: ['slow'],
  })
  const value = 'x'.repeat(4_000)
  const published = Array.from({ length: 100 }, () => topic.publish({ value }))
  const waiting = await rejection(topic.publish({ value }, { timeoutMs: 300 }))
  t.match(waiting, { code: 'MILL_TIMEOUT' })
  t.notMatch(waiting.message, /publishRate/)
  t.match(await topic.stats(), { waitingForRate: 0 })
  const read = await topic.group('slow').handle(() => undefined)
  await Promise.all(published)
  await read.stop()
})

t.test('what finds its partition full waits for that, though records for other partitions use up the rate', async t => {
  // In a broker of its own: where memory is short its ring becomes larger late, and then takes more.
  const topic = await (await openBroker(t)).topic<string>('full', {
    ...SMALL,
    codec: 'string',
    publishRate: { max: 150, perMs: LONG.perMs },
    partitions: 2,
    groups: ['slow'],
  })
  const value = 'x'.repeat(4_000)
  await fillUp(topic, 4_000)
  const late = rejection(topic.publish({ partition: 0, value }, { timeoutMs: 400 }))
  while (topic.tryPublish({ partition: 1, value: 'x' }));
  // Whatever comes next looks at what waits, without a token.
  await until(async () => (await topic.stats()).waitingForRate === 0)
  const { message } = await late
  t.match(message, /took longer than 400 ms/)
  t.notMatch(message, /publishRate/)
})

t.test('what tryPublish has taken waits for the rate, though onFull is reject', async t => {
  const options = { codec: 'string', maxMessageBytes: 10 * 1_048_576, partitions: 2, onFull: 'reject' } as const
  const topic = await newTopic<string>({ ...options, publishRate: LONG })
  t.ok(topic.tryPublish({ partition: 0, value: 'x'.repeat(5 * 1_048_576) }), 'it waits for a larger ring')
  t.ok(topic.tryPublish({ partition: 1, value: '1' }))
  t.ok(topic.tryPublish({ partition: 1, value: '2' }))
  await until(async () => (await topic.stats()).waitingForRate === 1)
  await topic.delete()
})

t.test('what could never go is refused at once, and does not wait for the rate', async t => {
  for (const onFull of ['wait', 'reject'] as const) {
    const topic = await newTopic<string>({ maxMessageBytes: 100, publishRate: LONG, onFull, codec: 'string' })
    t.ok(topic.tryPublish({ value: '1' }))
    t.ok(topic.tryPublish({ value: '2' }))
    const code = (publish: Promise<unknown>) => rejection(publish).then(error => (error as MillraceError).code)
    t.equal(await code(topic.publish({ value: 'x'.repeat(200) }, { timeoutMs: 2_000 })), 'MILL_TOO_LARGE', onFull)
    t.equal(
      await code(topic.publish({ key: '\ud800', value: '' }, { timeoutMs: 2_000 })),
      'MILL_UNSERIALISABLE',
      onFull,
    )
  }
})

t.test('flush waits for what the rate holds', async t => {
  const topic = await newTopic<number>({ publishRate: { max: 2, perMs: 150 }, groups: ['reader'] })
  const began = performance.now()
  const published = messages(5).map(message => topic.publish(message))
  await topic.flush()
  t.ok(performance.now() - began >= 300)
  t.match(await topic.stats(), { partitions: [{ highWatermark: 5 }] })
  await Promise.all(published)
})

t.test('a record has the time at which it went, and not that at which it was looked at', async t => {
  const publishRate = { max: 1, perMs: 250 }
  const topic = await newTopic<number>({ publishRate, partitions: 2, groups: ['reader'] })
  const began = Date.now()
  await Promise.all([0, 0, 1].map(partition => topic.publish({ partition, value: partition })))
  const last = (await readAll(topic)).find(({ partition }) => partition === 1)
  t.ok((last?.timestamp ?? 0) - began >= 2 * publishRate.perMs - 10, `${(last?.timestamp ?? 0) - began} ms`)
})

t.test('a stream that is written to goes as fast as the rate allows', async t => {
  const topic = await newTopic<number>({ publishRate: RATE, groups: ['reader'] })
  const writable = topic.writable({ highWaterMark: 4 })
  const began = performance.now()
  for (const message of messages(12)) if (!writable.write(message)) await new Promise(go => writable.once('drain', go))
  await new Promise<void>(done => writable.end(done))
  t.ok(performance.now() - began >= 400)
  t.match(await topic.stats(), { partitions: [{ highWatermark: 12 }] })
})
