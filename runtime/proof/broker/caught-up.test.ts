/** Loops and streams that end by themselves, once all is settled that was there when they began. */
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { acknowledging, attempt, type Broker, type Group, type Topic } from '../../index.ts'
import { delay, folderOf, openBroker, rejection, SMALL, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

const QUICK = { backoff: { initialMs: 20, maxMs: 20, jitter: 0 } } as const
const CAUGHT_UP = { until: 'caught-up' } as const

async function numbers(count: number, partitions = 1, broker?: Broker): Promise<Topic<number>> {
  const topic = await (broker ?? (await sharedBroker())).topic<number>(newName(), { partitions, groups: ['g'] })
  await topic.publishBatch(Array.from({ length: count }, (_, value) => ({ value, partition: value % partitions })))
  return topic
}

/** The values of a loop that ends by itself, in their order. */
async function drained(group: Group<number>): Promise<number[]> {
  const values: number[] = []
  for await (const { value } of group.consume(CAUGHT_UP)) values.push(value)
  return values
}

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, value) => value)

t.test('ends when everything was handled, of all partitions, and leaves the group', async t => {
  const topic = await numbers(1_000, 4)
  const group = topic.group('g')
  t.same(sorted(await drained(group)), upTo(1_000))
  t.match(await group.stats(), { processed: 1_000, lag: 0, threads: 0 })
  t.same(await drained(group), [], 'nothing is left, and it ends at once')
  topic.tryPublish({ value: 7 })
  t.same(await drained(group), [7], 'also what was only just sent by this thread is waited for')
})

t.test('on disk, in the next process as well', async t => {
  const folder = folderOf(t)
  const first = await openBroker(t, { dir: folder.dir })
  const topic = await first.topic<number>('numbers', { partitions: 3 })
  await topic.publishBatch(Array.from({ length: 90 }, (_, value) => ({ value, partition: value % 3 })))
  let seen = 0
  for await (const delivery of topic.group('g').consume(CAUGHT_UP)) {
    delivery.ack()
    if (++seen === 40) break
  }
  await first.close()
  const second = await openBroker(t, { dir: folder.dir })
  const group = (await second.topic<number>('numbers')).group('g')
  t.equal((await drained(group)).length, 50)
  t.equal(await group.lag(), 0)
})

t.test('retries that wait are waited for, and dead letters count as settled', async t => {
  const topic = await numbers(6, 2)
  const attempts = new Map<number, number>()
  for await (const delivery of topic.group('g').consume({ ...CAUGHT_UP, ...QUICK, attempts: 3 })) {
    await attempt(delivery, ({ value }) => {
      attempts.set(value, (attempts.get(value) ?? 0) + 1)
      if (value === 5) throw new Error('never')
      if (value === 2 && attempts.get(value) === 1) throw new Error('not now')
    })
  }
  t.same([...attempts].sort(), [
    [0, 1],
    [1, 1],
    [2, 2],
    [3, 1],
    [4, 1],
    [5, 3],
  ])
  t.match(await topic.group('g').stats(), { processed: 5, deadLettered: 1, lag: 0 })
})

t.test('what is published meanwhile holds no loop back', async t => {
  const topic = await numbers(10)
  let sent = 10
  let seen = 0
  for await (const { value } of topic.group('g').consume(CAUGHT_UP)) {
    seen++
    // One more for each: the loop would have no end.
    if (value < 100_000) await topic.publish({ value: sent++ })
  }
  t.ok(seen >= 10 && seen < 100_000, `${seen} of ${sent}`)
  const left = await topic.group('g').lag()
  t.equal(left, sent - seen, 'the rest is there for the next one')
  t.equal((await drained(topic.group('g')))[0], seen, 'which begins behind what was handled')
})

t.test('what another member has is waited for', async t => {
  const topic = await numbers(20, 2)
  const other = topic.group('g').consume()
  const held = await other.next()
  t.notOk(held.done)
  let ended = false
  const values = drained(topic.group('g')).finally(() => {
    ended = true
  })
  await until(async () => (await topic.group('g').stats()).threads === 1, 'both have joined')
  await delay(100)
  t.notOk(ended, 'one partition is with the other member')
  await other.return?.()
  t.equal((await values).length, 20)
})

t.test('two of them share the records, and both end', async t => {
  const topic = await numbers(200, 4)
  const both = await Promise.all([drained(topic.group('g')), drained(topic.group('g'))])
  t.same([...new Set(both.flat())].length, 200)
  t.equal(await topic.group('g').lag(), 0)
})

t.test('a signal ends it before', async t => {
  const topic = await numbers(5)
  const abort = new AbortController()
  const values: number[] = []
  for await (const { value } of topic.group('g').consume({ ...CAUGHT_UP, signal: abort.signal })) {
    values.push(value)
    if (value === 2) abort.abort()
  }
  t.same(values, [0, 1, 2])
  t.equal(await topic.group('g').lag(), 2)
})

t.test('a signal ends it while a retry waits', async t => {
  const topic = await numbers(1)
  const backoff = { initialMs: 60_000, maxMs: 60_000 }
  const signal = AbortSignal.timeout(150)
  for await (const delivery of topic.group('g').consume({ ...CAUGHT_UP, signal, backoff }))
    delivery.nack(new Error('no'))
  t.equal(await topic.group('g').lag(), 1)
})

t.test('ends when the broker closes', async t => {
  const broker = await openBroker(t)
  const topic = await numbers(1, 1, broker)
  const backoff = { initialMs: 60_000, maxMs: 60_000 }
  const loop = (async () => {
    for await (const delivery of topic.group('g').consume({ ...CAUGHT_UP, backoff })) {
      delivery.nack(new Error('no'))
      setImmediate(() => void broker.close())
    }
  })()
  await loop
  t.pass('and without an error')
})

t.test('fails when its dead letters have no room', async t => {
  const broker = await openBroker(t, { logger: false })
  const topic = await broker.topic<string>('long', { groups: ['g'], ...SMALL })
  await broker.topic('small', SMALL)
  await topic.publishBatch(Array.from({ length: 90 }, () => ({ value: 'x'.repeat(500) })))
  const error = await rejection(
    (async () => {
      for await (const delivery of topic.group('g').consume({ ...CAUGHT_UP, deadLetter: 'small' }))
        delivery.reject('no')
    })(),
  )
  t.match(error, { code: 'MILL_FULL' })
})

t.test('a stream ends, and what it handed on is settled', async t => {
  const topic = await numbers(500, 3)
  const values: number[] = []
  const stream: Readable = topic.group('g').stream(CAUGHT_UP)
  await pipeline(
    stream,
    acknowledging<number>(async ({ value }) => void values.push(value)),
  )
  t.same(sorted(values), upTo(500))
  await until(async () => (await topic.group('g').stats()).threads === 0, 'it has left')
  t.match(await topic.group('g').stats(), { processed: 500, lag: 0 })
  const empty = topic.group('g').stream(CAUGHT_UP)
  empty.resume()
  await once(empty, 'end')
})

t.test('is the only end that can be asked for', async t => {
  const topic = await numbers(0)
  t.throws(() => topic.group('g').consume({ until: 'idle' as 'caught-up' }), {
    code: 'MILL_INVALID_OPTION',
    message: '`until` must be \'caught-up\', not "idle"',
  })
  t.throws(() => topic.group('g').observe({ until: 'caught-up' } as object), { code: 'MILL_UNKNOWN_OPTION' })
  t.doesNotThrow(() => topic.group('g').consume({ until: undefined }))
})
