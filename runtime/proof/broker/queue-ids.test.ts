/** Ids of messages by the public API: of several of one id one is taken, whoever sends them, and over the lives of a folder. */
import t from 'tap'
import { createBroker, type Queue, type QueueOptions } from '../../index.ts'
import { delay, folderOf, rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'
import { twoLives } from '../fixtures/two-lives.fixture.ts'

const SEND_ON = new URL('./fixtures/queue-ids.fixture.js', import.meta.url)
const HOUR: QueueOptions = { dedupeMs: 3_600_000 }

async function newQueue(options: QueueOptions = HOUR): Promise<Queue<number>> {
  return (await sharedBroker()).queue<number>(newName(), options)
}

async function takeOne(queue: Queue<number>): Promise<{ readonly id: string; readonly value: number }> {
  for await (const { id, value } of queue.consume()) return { id, value }
  throw new Error('there is none')
}

t.test('the second send of an id has the receipt of the first, marked', async t => {
  const queue = await newQueue()
  const first = await queue.send({ value: 1, id: 'order 1' })
  t.match(first, { id: 'order 1', duplicate: false })
  const second = await queue.send({ value: 2, id: 'order 1' })
  t.strictSame(JSON.parse(JSON.stringify(second)), {
    queue: queue.name,
    id: 'order 1',
    duplicate: true,
    durability: 'memory',
  })
  t.match(
    await queue.send({ value: 3 }),
    { id: /^\d+\.1$/, duplicate: false },
    'one without an id is never a duplicate',
  )
  t.equal(queue.trySend({ value: 4, id: 'order 1' }), true)
  await queue.flush()
  t.match(await queue.stats(), { accepted: 2, ready: 2, duplicates: 2, forgottenIds: 0 })
  t.strictSame(await takeOne(queue), { id: 'order 1', value: 1 })
})

t.test('a batch tells which of it were not taken', async t => {
  const queue = await newQueue()
  await queue.send({ value: 0, id: 'b' })
  const messages = ['a', 'b', 'c', 'a', undefined, 'b'].map((id, value) => ({ value, ...(id && { id }) }))
  const { count, ids, duplicates } = await queue.sendBatch(messages)
  t.equal(count, 6)
  t.strictSame(duplicates, [1, 3, 5])
  t.strictSame(ids.slice(0, 4), ['a', 'b', 'c', 'a'])
  t.match(ids[4], /^\d+\.3$/)
  t.match(await queue.stats(), { accepted: 4, duplicates: 3 })
})

t.test('several threads send the same ids at once: of each one is taken, and all hear of it', async t => {
  const broker = await sharedBroker()
  const [jobs, sent] = [await newQueue(), await newQueue()]
  const results = await broker.queue<{ id: string; offset: number; duplicate: boolean }>(newName())
  const data = { queue: sent.name, ids: 50 }
  const run = await jobs.run({ handler: SEND_ON, threads: 3, concurrency: 16, data, output: results.name })
  await jobs.sendBatch(Array.from({ length: 600 }, (_, value) => ({ value })))
  await run.idle()
  await run.stop()
  const places = new Map<string, Set<number>>()
  let first = 0
  let heard = 0
  for await (const { value } of results.consume()) {
    places.set(value.id, (places.get(value.id) ?? new Set()).add(value.offset))
    if (!value.duplicate) first++
    if (++heard === 600) break
  }
  t.equal(first, 50)
  t.equal(places.size, 50)
  t.ok(
    [...places.values()].every(offsets => offsets.size === 1),
    'all have the place of the first',
  )
  t.match(await sent.stats(), { accepted: 50, duplicates: 550 })
})

t.test('what was sent is found by its id', async t => {
  const queue = await newQueue({ ...HOUR, deadLetter: false })
  const other = await queue.send({ value: 0 })
  await queue.send({ value: 1, id: 'x' })
  t.match(await queue.explain('x'), { state: 'ready', ahead: 1 })
  t.match(await queue.explain(other.id), { state: 'ready', ahead: 0 })
  t.strictSame(await queue.explain('y'), { state: 'unknown' })
  const seen: string[] = []
  for await (const { id } of queue.browse()) seen.push(id)
  t.strictSame(seen, [other.id, 'x'])
  t.equal(await queue.cancel('y'), 'unknown')
  t.equal(await queue.cancel('x'), 'cancelled')
  t.match(await queue.explain('x'), { state: 'settled' })
  t.match(await queue.send({ value: 2, id: 'x' }), { duplicate: true }, 'its id is known still')
  // An id may look like a name that the queue gives.
  await queue.send({ value: 3, id: other.id })
  t.match(await queue.explain(other.id), { state: 'ready', ahead: 1 })
})

t.test('a delivery that is sent again is another message', async t => {
  const queue = await newQueue()
  await queue.send({ value: 1, id: 'once' })
  for await (const delivery of queue.consume()) {
    const receipt = await queue.send(delivery)
    t.match(receipt, { duplicate: false, id: /^\d+\.1$/ })
    delivery.ack()
    break
  }
  t.match(await queue.stats(), { accepted: 2, duplicates: 0 })
})

// Source: https://github.com/oban-bg/oban/issues/1416
t.test('a send that was given up before the queue had it does not keep its id', async t => {
  for (let perMs = 300; ; perMs *= 2) {
    const queue = await newQueue({ ...HOUR, sendRate: { max: 1, perMs } })
    const since = performance.now()
    await queue.send({ value: 0, id: 'first' })
    const abort = new AbortController()
    const held = queue.send({ value: 1, id: 'held' }, { signal: abort.signal }).catch((error: unknown) => error)
    await delay(20)
    abort.abort()
    const outcome = await held
    // On a machine that stood still meanwhile it was not held for so long.
    if (performance.now() - since >= perMs) continue
    t.match(outcome, { code: 'MILL_ABORTED' })
    t.match(await queue.send({ value: 2, id: 'held' }), { duplicate: false })
    break
  }
  const full = await newQueue({ ...HOUR, maxMessages: 1, onFull: 'reject' })
  await full.send({ value: 0, id: 'first' })
  t.match(await rejection(full.send({ value: 1, id: 'refused' })), { code: 'MILL_FULL' })
  t.match(await full.send({ value: 1, id: 'first' }), { duplicate: true }, 'a duplicate needs no room')
  for await (const delivery of full.consume()) {
    delivery.ack()
    break
  }
  await until(async () => (await full.stats()).acked === 1)
  t.match(await full.send({ value: 1, id: 'refused' }), { duplicate: false })
})

t.test('ids that a queue cannot have are refused, and nothing is sent', async t => {
  const queue = await newQueue()
  const none = await newQueue({})
  const wrong: readonly (readonly [Queue<number>, unknown, RegExp])[] = [
    [queue, '', /MILL_OUT_OF_RANGE an `id` must have 1 to 256 bytes in UTF-8, not 0/],
    [queue, 'x'.repeat(257), /MILL_OUT_OF_RANGE .* not 257/],
    [queue, 'ü'.repeat(129), /MILL_OUT_OF_RANGE .* not 258/],
    [queue, 7, /MILL_INVALID_OPTION an `id` is a string, not 7; use String\(id\)/],
    [queue, null, /MILL_INVALID_OPTION an `id` is a string, not null/],
    [queue, 'half \ud800', /MILL_UNSERIALISABLE/],
    [none, 'x', /MILL_INVALID_OPTION queue .* keeps no ids: open it with `dedupeMs`/],
  ]
  for (const [to, id, wanted] of wrong) {
    const { code, message } = await rejection(to.send({ value: 1, id: id as string }))
    t.match(`${code} ${message}`, wanted)
    t.throws(() => to.trySend({ value: 1, id: id as string }), { code: /^MILL_/ })
  }
  for (const to of [queue, none]) t.match(await to.stats(), { accepted: 0 })
  t.match(await queue.send({ value: 1, id: 'ü'.repeat(128) }), { id: 'ü'.repeat(128) }, 'the longest')
  const topic = await (await sharedBroker()).topic(newName())
  t.match(await rejection(topic.publish({ value: 1, id: 'x' } as never)), { code: 'MILL_UNKNOWN_OPTION' })
})

t.test('ids take shared memory at once, and a queue for which there is none is refused', async t => {
  const broker = await createBroker({ memoryMaxBytes: 16 << 20, logger: false })
  t.teardown(() => broker.close())
  t.match(await rejection(broker.queue('large', { ...HOUR, dedupeMaxIds: 1_000_000 })), { code: 'MILL_MEMORY' })
  const queue = await broker.queue('small', { ...HOUR, dedupeMaxIds: 100_000 })
  t.match(await queue.send({ value: 1, id: 'x' }), { duplicate: false })
})

twoLives({
  async 'ids are known to the next process, as long as they should be'(t, first) {
    const queue = await first.queue<number>('known', HOUR)
    t.match(await queue.send({ value: 1, id: 'a' }), { duplicate: false })
    t.match(await queue.send({ value: 2, id: 'b' }), { duplicate: false })
    for await (const delivery of queue.consume()) {
      delivery.ack()
      await delivery.confirmed
      break
    }
    t.match(await queue.send({ value: 3, id: 'a' }), { duplicate: true })
    return async (t, second) => {
      const again = await second.queue<number>('known')
      t.match(await again.stats(), { accepted: 2, acked: 1, duplicates: 1 })
      t.match(await again.send({ value: 4, id: 'a' }), { duplicate: true, durability: 'fsync' })
      t.match(await again.send({ value: 5, id: 'c' }), { duplicate: false })
      t.match(await again.explain('b'), { state: 'ready', ahead: 0 })
      t.match(await again.stats(), { accepted: 3, duplicates: 2 })
    }
  },

  async 'the next process may keep ids for another time, or none'(_t, first) {
    const [shorter, none] = [await first.queue<number>('shorter', HOUR), await first.queue<number>('none', HOUR)]
    for (const queue of [shorter, none]) await queue.send({ value: 1, id: 'a' })
    return async (t, second) => {
      const again = await second.queue<number>('shorter', { dedupeMs: 1 })
      await delay(5)
      t.match(await again.send({ value: 2, id: 'a' }), { duplicate: false })
      const without = await second.queue<number>('none', { dedupeMs: 0 })
      t.match(await rejection(without.send({ value: 2, id: 'a' })), { code: 'MILL_INVALID_OPTION' })
      t.match(await without.send({ value: 2 }), { duplicate: false })
    }
  },
})

t.test('other numbers of partition hosts know the same ids', async t => {
  const { open } = folderOf(t)
  for (const [turn, partitionThreads] of [2, 3, 1].entries()) {
    const broker = await open({ partitionThreads })
    for (const name of ['a', 'b', 'c']) {
      const queue = await broker.queue<number>(name, HOUR)
      const messages = Array.from({ length: 10 * (turn + 1) }, (_, value) => ({ value, id: `order ${value}` }))
      const { duplicates } = await queue.sendBatch(messages)
      t.strictSame(
        duplicates,
        Array.from({ length: 10 * turn }, (_, at) => at),
      )
    }
    await broker.close()
  }
})
