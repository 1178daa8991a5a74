import t from 'tap'
import type { Receipt, UnpublishedError } from '../index.ts'
import { byPartition, delay, readAll, rejection, SMALL } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { aloneTopics, fillUp, hold } from './full-topic.fixture.ts'

const aloneTopic = aloneTopics(t)

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
