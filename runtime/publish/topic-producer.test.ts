/** Publishing as a user of the public door sees it: receipts, order, waiting, refusals. */
import { inspect } from 'node:util'
import t from 'tap'
import {
  type Broker,
  type BrokerEvents,
  FullError,
  type Receipt,
  type Topic,
  type TopicOptions,
  UnpublishedError,
} from '../index.ts'
import { byPartition, delay, openBroker, readAll, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { within } from '../proof/stress/within.fixture.ts'
import { fillUp, hold } from './full-topic.fixture.ts'

let opening: Promise<Broker> | undefined

/** A topic of a broker of this file: what may wait is bounded for all topics of a broker, and no other file has anything there. */
async function aloneTopic<V>(options: TopicOptions): Promise<Topic<V>> {
  opening ??= openBroker(t)
  return (await opening).topic<V>(newName(), options)
}

t.test('receipts name each record once, without a gap, in the order of the calls', async t => {
  const topic = await newTopic<number>({ partitions: 3 })
  const receipts: Promise<Receipt>[] = []
  for (let value = 0; value < 3_000; value++) receipts.push(topic.publish({ key: `k${value % 50}`, value }))
  const all = await Promise.all(receipts)
  const next = new Map<number, number>()
  for (const { topic: name, partition, offset, durability, position } of all) {
    if (name !== topic.name || durability !== 'memory' || typeof position !== 'string') t.fail('a receipt is wrong')
    if (offset !== (next.get(partition) ?? 0))
      t.fail(`partition ${partition} has ${offset} after ${next.get(partition)}`)
    next.set(partition, offset + 1)
  }
  t.equal(new Set(all.map(({ position }) => position)).size, 3_000)
  const read = await readAll(topic)
  t.equal(read.length, 3_000)
  for (const { partition, offset, value } of read) {
    const receipt = all[value] as Receipt
    if (receipt.partition !== partition || receipt.offset !== offset)
      t.fail(`the receipt of ${value} is another record's`)
  }
})

t.test('a batch says which offsets it got, exactly', async t => {
  const topic = await newTopic<number>({ partitions: 4 })
  await topic.publish({ value: -1, partition: 2 })
  const messages = Array.from({ length: 5_000 }, (_, value) => ({ key: `k${value % 97}`, value }))
  const { count, ranges, durability } = await topic.publishBatch(messages)
  t.equal(count, 5_000)
  t.equal(durability, 'memory')
  t.equal(
    ranges.reduce((sum, range) => sum + range.count, 0),
    5_000,
  )
  const named = new Set(
    ranges.flatMap(({ partition, baseOffset, count: n }) =>
      Array.from({ length: n }, (_, at) => `${partition}:${baseOffset + at}`),
    ),
  )
  t.equal(named.size, 5_000, 'no offset twice')
  const read = (await readAll(topic)).filter(({ value }) => value !== -1)
  t.strictSame(new Set(read.map(({ partition, offset }) => `${partition}:${offset}`)), named)
  t.strictSame(await topic.publishBatch([]), { count: 0, ranges: [], durability: 'memory' })
})

t.test('order per partition holds across publish, tryPublish and batches while the partitions are full', async t => {
  const topic = await newTopic<{ n: number; pad: string }>({ partitions: 2, ...SMALL })
  const seen = new Map<number, number[]>()
  const run = await topic.group('g').handle(({ partition, value }) => {
    seen.set(partition, [...(seen.get(partition) ?? []), value.n])
  })
  await run.pause()
  const sent = new Map<number, number[]>()
  const pending: Promise<unknown>[] = []
  const note = (partition: number, n: number): void => void sent.set(partition, [...(sent.get(partition) ?? []), n])
  let refused = 0
  for (let n = 0; n < 3_000; ) {
    const partition = n % 2
    const message = { partition, value: { n, pad: 'x'.repeat((n * 37) % 900) } }
    switch (Math.floor(n / 7) % 3) {
      case 0:
        note(partition, n)
        pending.push(topic.publish(message))
        break
      case 1:
        if (topic.tryPublish(message)) note(partition, n)
        else refused++
        break
      default: {
        const batch = Array.from({ length: 5 }, (_, at) => ({
          partition: (n + at) % 2,
          value: { n: n + at, pad: 'y'.repeat(300) },
        }))
        for (const each of batch) note(each.partition, each.value.n)
        pending.push(topic.publishBatch(batch))
        n += 4
      }
    }
    n++
    if (n % 400 === 0) await delay(1)
  }
  t.ok(refused > 0, 'something was full')
  await run.resume()
  await Promise.all(pending)
  await run.idle()
  t.strictSame(seen, sent)
})

t.test('publishes beyond what may wait are refused, with their message', async t => {
  const topic = await aloneTopic<string>(SMALL)
  const run = await hold(t, topic)
  const filled = await fillUp(topic)
  const outcomes: Promise<unknown>[] = []
  const messages = Array.from({ length: 10_050 }, (_, n) => ({ partition: 0, value: `w${n}` }))
  for (const message of messages)
    outcomes.push(
      topic.publish(message).then(
        () => 'ok',
        error => error,
      ),
    )
  const refusals = (await Promise.all(outcomes.slice(10_000))) as FullError[]
  for (const [index, error] of refusals.entries()) {
    if (
      !(error instanceof FullError) ||
      error.refused !== messages[10_000 + index] ||
      error.code !== 'MILL_FULL' ||
      !error.retriable
    )
      t.fail('a refusal is wrong')
  }
  t.match(refusals[0]?.message, /10,000 publishes/)
  await run.resume()
  t.ok((await Promise.all(outcomes.slice(0, 10_000))).every(outcome => outcome === 'ok'))
  await run.idle()
  t.equal((await run.stats()).processed, filled + 10_000)
})

t.test('publishes beyond 16 MiB of waiting bytes are refused', async t => {
  const topic = await aloneTopic<string>({
    windowBytes: 262_144,
    maxMessageBytes: 100_000,
    codec: 'string',
  })
  const run = await hold(t, topic)
  const outcomes = Array.from({ length: 300 }, () =>
    topic.publish({ value: 'x'.repeat(90_000) }).then(
      () => 'ok',
      (error: unknown) => error,
    ),
  )
  const full = await within(3_000, 'refusing', Promise.all(outcomes.slice(200)))
  t.ok(
    full.every(error => error instanceof FullError && typeof (error.refused as { value: string }).value === 'string'),
  )
  await run.resume()
  const settled = await Promise.all(outcomes)
  const appended = settled.filter(outcome => outcome === 'ok').length
  t.ok(appended >= 180 && appended < 200, `${appended} were appended`)
  await run.idle()
  t.equal((await run.stats()).processed, appended)
})

t.test("a topic whose onFull is 'reject' refuses at once and hands the message back", async t => {
  const topic = await newTopic<string>({ ...SMALL, onFull: 'reject' })
  const run = await hold(t, topic)
  const message = { partition: 0, value: 'v'.repeat(1_000) }
  let filled = 0
  let error: unknown
  while (error === undefined) {
    error = await topic.publish(message).then(
      () => {
        filled++
      },
      (refusal: unknown) => refusal,
    )
  }
  t.ok(error instanceof FullError)
  t.equal((error as FullError).refused, message)
  const batch = [message, { value: 'second'.repeat(200) }]
  const failed = await rejection(topic.publishBatch(batch))
  t.ok(failed instanceof UnpublishedError)
  t.strictSame((failed as UnpublishedError).unpublished, batch)
  t.ok(failed.cause instanceof FullError)
  await run.resume()
  await run.idle()
  t.equal((await run.stats()).processed, filled)
  t.equal((await topic.publish(message)).offset, filled)
})

t.test('what a full partition refused of tryPublish is an event, and rejects the next flush', async t => {
  const topic = await newTopic<string>({ ...SMALL, onFull: 'reject' })
  const run = await hold(t, topic)
  const told: number[] = []
  const stop = (await sharedBroker()).on('publishFailed', ({ topic: name, count, error }) => {
    if (name !== topic.name) return
    t.match(error, { code: 'MILL_FULL' })
    told.push(count)
  })
  t.teardown(stop)
  let taken = 0
  while (told.length === 0 && taken < 10_000) {
    if (topic.tryPublish({ partition: 0, value: 'v'.repeat(1_000) })) taken++
    await new Promise(setImmediate)
  }
  t.match(await rejection(topic.flush()), { code: 'MILL_FULL' })
  await topic.flush()
  await run.resume()
  await run.idle()
  t.equal((await run.stats()).processed, taken - told.reduce((sum, count) => sum + count, 0))
})

t.test('a large record that needs a larger ring is not refused as full', async t => {
  const topic = await newTopic<string>({ maxMessageBytes: 500_000, onFull: 'reject', codec: 'string' })
  t.equal((await topic.publish({ value: 'x'.repeat(400_000) })).offset, 0)
  t.equal((await topic.publish({ value: 'small' })).offset, 1)
})

t.test('a publish that waited for too long names what holds it', async t => {
  const topic = await aloneTopic<string>(SMALL)
  const run = await hold(t, topic)
  await fillUp(topic)
  const waiting = await rejection(topic.publish({ value: 'v'.repeat(1_000) }, { timeoutMs: 60 }))
  t.match(waiting, { code: 'MILL_TIMEOUT', retriable: true })
  t.match(waiting.message, /group holder \(running.*\), which is \d+ records and \d+ bytes behind/)
  const batch = [{ value: 'a'.repeat(1_000) }, { value: 'b'.repeat(1_000) }]
  const failed = await rejection(topic.publishBatch(batch, { timeoutMs: 60 }))
  t.match(failed, { code: 'MILL_UNPUBLISHED', unpublished: batch, cause: { code: 'MILL_TIMEOUT' } })
  t.match(failed.message, /group holder/)
  t.notMatch(inspect(failed), 'aaaa', 'a logged error is not a dump of the batch')
  await run.stop()
  const stopped = await rejection(topic.publish({ value: 'v'.repeat(1_000) }, { timeoutMs: 60 }))
  t.match(stopped.message, /group holder \(not running\)/)
})

t.test('a publish that waits in the ring names what holds it, too', async t => {
  const topic = await newTopic<string>(SMALL)
  await hold(t, topic)
  const outcomes = Array.from({ length: 120 }, () =>
    topic.publish({ value: 'v'.repeat(1_000) }, { timeoutMs: 80 }).then(
      () => null,
      (error: Error) => error,
    ),
  )
  const errors = (await Promise.all(outcomes)).filter(error => error !== null)
  t.ok(errors.length > 10)
  t.ok(errors.every(error => /group holder/.test(error.message)))
  t.match(errors[0]?.message, /may still be appended/)
})

t.test('an AbortSignal refuses before, and gives up while waiting; the rest goes on', async t => {
  const topic = await aloneTopic<string>(SMALL)
  const run = await hold(t, topic)
  const before = await rejection(topic.publish({ value: 'a' }, { signal: AbortSignal.abort(new Error('why')) }))
  t.match(before, { code: 'MILL_ABORTED', cause: { message: 'why' } })
  t.match(await rejection(topic.publishBatch([{ value: 'a' }], { signal: AbortSignal.abort() })), {
    code: 'MILL_ABORTED',
  })
  const filled = await fillUp(topic)
  const control = new AbortController()
  const aborted = rejection(topic.publish({ value: 'gone'.repeat(250) }, { signal: control.signal }))
  const batch = rejection(topic.publishBatch([{ value: 'gone too'.repeat(250) }], { signal: control.signal }))
  const kept = topic.publish({ value: 'kept'.repeat(250) })
  await delay(10)
  control.abort(new Error('enough'))
  t.match(await aborted, { code: 'MILL_ABORTED', cause: { message: 'enough' } })
  t.match(await batch, {
    code: 'MILL_UNPUBLISHED',
    cause: { code: 'MILL_ABORTED' },
    unpublished: [{ value: 'gone too'.repeat(250) }],
  })
  await run.resume()
  t.equal((await kept).offset, filled)
  t.ok(topic.tryPublish({ value: 'last' }))
  await topic.flush()
  await run.idle()
  t.equal((await run.stats()).processed, filled + 2)
})

t.test('a full partition takes again by tryPublish after a waiting publish was aborted', async t => {
  const topic = await aloneTopic<string>(SMALL)
  const run = await hold(t, topic)
  await fillUp(topic)
  const control = new AbortController()
  const aborted = rejection(topic.publish({ value: 'x'.repeat(900) }, { signal: control.signal }))
  control.abort()
  await aborted
  await run.resume()
  await until(() => topic.tryPublish({ value: 'again' }), 'tryPublish')
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

t.test('a record over the maximum is refused and changes nothing', async t => {
  const topic = await newTopic<string>({ ...SMALL, codec: 'string' })
  t.equal((await topic.publish({ value: 'x'.repeat(4_096) })).offset, 0, 'exactly the maximum')
  t.equal((await topic.publish({ key: 'kk', value: 'ü'.repeat(2_047) })).offset, 1)
  for (const message of [
    { value: 'x'.repeat(4_097) },
    { key: 'k', value: 'x'.repeat(4_096) },
    { value: 'ü'.repeat(2_049) },
    { value: '', headers: { h: 'x'.repeat(4_096) } },
  ]) {
    t.match(await rejection(topic.publish(message)), { code: 'MILL_TOO_LARGE' })
    t.throws(() => topic.tryPublish(message), { code: 'MILL_TOO_LARGE' })
  }
  const good = [{ value: 'a' }, { value: 'b' }]
  const bad = [{ value: 'x'.repeat(5_000) }, { value: 'c' }]
  const failed = await rejection(topic.publishBatch([...good, ...bad]))
  t.match(failed, { code: 'MILL_UNPUBLISHED', cause: { code: 'MILL_TOO_LARGE' } })
  t.strictSame((failed as UnpublishedError).unpublished, [...good, ...bad], 'it is found before any is published')
  await topic.flush()
  t.strictSame(
    (await readAll(topic)).map(({ value }) => value.length),
    [4_096, 2_047],
  )
})

t.test('tryPublish of more than fits never loses what it took', async t => {
  const topic = await newTopic<number>({ partitions: 2, ...SMALL })
  const seen: number[][] = [[], []]
  const run = await topic.group('g').handle(({ partition, value }) => void seen[partition]?.push(value))
  const taken: number[][] = [[], []]
  for (let n = 0; n < 60_000; n++) {
    if (topic.tryPublish({ partition: n % 2, value: n })) taken[n % 2]?.push(n)
    else await delay(0)
  }
  await topic.flush()
  await run.idle()
  t.strictSame(seen, taken)
})

t.test('flush resolves when everything before it is appended, also what waits', async t => {
  const topic = await aloneTopic<string>(SMALL)
  await topic.flush()
  const run = await hold(t, topic)
  await fillUp(topic)
  let appended = 0
  for (let n = 0; n < 100; n++) void topic.publish({ value: 'w'.repeat(1_000) }).then(() => appended++)
  let flushed = false
  const flushing = topic.flush().then(() => {
    flushed = true
  })
  await delay(30)
  t.notOk(flushed)
  await run.resume()
  await flushing
  t.equal(appended, 100)
})

t.test('what a caller hands over may be changed as soon as publish has returned', async t => {
  const topic = await newTopic<Uint8Array>({ codec: 'bytes', ...SMALL })
  const run = await topic.group('g').handle(() => undefined)
  await run.pause()
  const key = Buffer.alloc(1)
  const value = Buffer.alloc(1_000)
  const header = Buffer.alloc(1)
  const pending: Promise<Receipt>[] = []
  for (let n = 0; n < 250; n++) {
    for (const bytes of [key, value, header]) bytes.fill(n)
    pending.push(topic.publish({ partition: 0, key, value, headers: { header } }))
  }
  for (const bytes of [key, value, header]) bytes.fill(99)
  await run.stop()
  const read: Promise<unknown[][]> = (async () => {
    const found: unknown[][] = []
    for await (const delivery of topic.group('g').consume()) {
      found.push([
        delivery.keyBytes?.[0],
        delivery.value[0],
        delivery.value[999],
        (delivery.headers.header as Uint8Array)[0],
      ])
      if (found.length === 250) break
    }
    return found
  })()
  await Promise.all(pending)
  t.strictSame(
    await read,
    Array.from({ length: 250 }, (_, n) => [n, n, n, n]),
  )
})

t.test('a batch that waits is the one that was handed over, whatever becomes of the array', async t => {
  const topic = await aloneTopic<string>(SMALL)
  const seen: unknown[] = []
  const run = await hold(t, topic, seen)
  const filled = await fillUp(topic)
  const batch = Array.from({ length: 300 }, (_, n) => ({ value: `b${n}`.padEnd(500) }))
  const expected = batch.map(({ value }) => value)
  const pending = topic.publishBatch(batch)
  batch.length = 0
  await run.resume()
  t.equal((await pending).count, 300)
  await run.idle()
  t.strictSame(seen.slice(filled), expected)
})

t.test('byPartition keeps the producers apart', async t => {
  // Two topics on one thread share the waiting room and nothing else.
  const full = await aloneTopic<string>(SMALL)
  const free = await aloneTopic<string>(SMALL)
  await hold(t, full)
  await fillUp(full)
  const waiting = full.publish({ value: 'x'.repeat(1_000) }).catch(() => undefined)
  t.equal((await free.publish({ value: 'through' })).offset, 0)
  t.strictSame([...byPartition(await readAll(free))], [[0, ['through']]])
  void waiting
})
