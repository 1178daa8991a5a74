import t from 'tap'
import { type DeadLetter, RejectError } from '../index.ts'
import { openBroker, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { collect, failures, numbers, type Order } from './failed-orders.fixture.ts'

t.test('letters say where the record was, why it died, and what it was', async t => {
  const before = Date.now()
  const { broker, topic } = await failures(4, 2)
  const letters = broker.deadLetters(topic)
  const [rejected, failed] = (await collect(letters.browse())).sort((a, b) => a.value.n - b.value.n)
  t.match(rejected, {
    topic: topic.name,
    partition: 1,
    offset: 0,
    group: 'g',
    reason: 'rejected',
    failedAttempts: 1,
    replayed: 0,
  })
  t.match(failed, {
    topic: topic.name,
    partition: 1,
    offset: 1,
    group: 'g',
    reason: 'failed',
    failedAttempts: 2,
    key: 'k3',
  })
  t.match(failed?.error, { name: 'TypeError', message: 'three is odd', code: 'E_THREE', stack: /three is odd/ })
  t.strictSame(failed?.value, { n: 3 })
  t.strictSame(failed?.letter, { topic: `${topic.name}.g.dlq`, partition: 1, offset: 1 })
  t.strictSame(Object.keys(failed?.headers ?? {}), [])
  const { firstFailureMs, lastFailureMs } = failed as DeadLetter
  t.ok(before <= firstFailureMs && firstFailureMs <= lastFailureMs && lastFailureMs <= Date.now())
  t.match(await letters.stats(), { depth: 2, topics: [{ topic: `${topic.name}.g.dlq`, depth: 2 }] })
})

t.test('a filter is a conjunction: reason, time, key, error, group, limit', async t => {
  const { broker, topic } = await failures()
  const letters = broker.deadLetters<Order>(topic.name)
  const of = async (filter: Parameters<typeof letters.browse>[0]): Promise<number[]> => {
    const found = numbers(await collect(letters.browse(filter)))
    t.equal(await letters.count(filter), found.length)
    return found
  }
  t.strictSame(await of({}), [1, 3, 5, 7, 9])
  t.strictSame(await of({ reason: 'failed' }), [3])
  t.strictSame(await of({ reason: ['failed', 'rejected'] }), [1, 3, 5, 7, 9])
  t.strictSame(await of({ reason: 'timeout' }), [])
  t.strictSame(await of({ key: 'k5' }), [5])
  t.strictSame(await of({ key: new Uint8Array(Buffer.from('k7')) }), [7])
  t.strictSame(await of({ error: 'is odd' }), [1, 3, 5, 7, 9])
  t.strictSame(await of({ error: 'E_THREE' }), [3])
  t.strictSame(await of({ error: 'TypeErr' }), [3])
  t.strictSame(await of({ error: /^[19] is/g }), [1, 9])
  t.strictSame(await of({ since: 0, until: new Date(Date.now() + 1_000) }), [1, 3, 5, 7, 9])
  t.strictSame(await of({ since: new Date(Date.now() + 1_000) }), [])
  t.strictSame(await of({ until: 1 }), [])
  t.strictSame(await of({ group: 'g', reason: 'rejected', limit: 2 }).then(found => found.length), 2)
  t.strictSame(await of({ group: 'other' }), [])
  t.equal(await broker.deadLetters(topic, { group: 'other' }).count(), 0)
  t.equal(await letters.count(), 5, 'looking takes nothing away')
})

t.test('letters of all groups of a topic are found, and of one when it is asked for', async t => {
  const { broker, topic } = await failures(4, 1)
  const others = await newTopic()
  const deadLetter = newName()
  const shared = await topic.group('h').handle(
    () => {
      throw new RejectError('all')
    },
    { deadLetter },
  )
  const other = await others.group('h').handle(
    () => {
      throw new RejectError('other')
    },
    { deadLetter },
  )
  await others.publish({ value: 1 })
  await shared.idle()
  await other.idle()
  t.equal(await broker.deadLetters(topic).count(), 2 + 4)
  t.equal(await broker.deadLetters(topic, { group: 'h' }).count(), 4)
  t.equal(await broker.deadLetters(others.name).count(), 1, 'a shared dead-letter topic keeps them apart')
  t.equal((await shared.stats()).deadLetterDepth, 4)
  t.equal((await other.stats()).deadLetterDepth, 1)
  t.equal(await broker.deadLetters(others.name).purge({}), 1)
  t.equal(await broker.deadLetters(topic).count(), 6)
})

t.test('the depth is told once when it is reached, and once when it is well below', async t => {
  const broker = await openBroker(t, { deadLetterDepth: 4 })
  const topic = await broker.topic<Order>('orders', { partitions: 2 })
  const told: string[] = []
  broker.on('deadLetterDepth', ({ topic: name, depth, threshold, rising }) =>
    told.push(`${name} ${depth}/${threshold} ${rising}`),
  )
  const run = await topic.group('g').handle(() => {
    throw new RejectError('never')
  })
  const letters = broker.deadLetters(topic)
  const die = async (n: number): Promise<void> => {
    for (let each = 0; each < n; each++) {
      await topic.publish({ value: { n: each }, partition: each % 2 })
      await run.idle()
    }
  }
  await die(3)
  t.strictSame(told, [])
  await die(1)
  await until(() => told.length === 1)
  await letters.purge({ limit: 1 })
  await die(2)
  await letters.purge({ limit: 2 })
  await letters.purge({ limit: 1 })
  await until(() => told.length === 2)
  t.strictSame(told, ['orders.g.dlq 4/4 true', 'orders.g.dlq 2/4 false'])
})

t.test('a dead-letter topic that its user opened first drops no letter either', async t => {
  const broker = await sharedBroker()
  const name = newName()
  await broker.topic(`${name}.g.dlq`, { windowBytes: 65_536, maxMessageBytes: 4_096 + 16_384 })
  const topic = await broker.topic<{ n: number; pad: string }>(name, SMALL)
  const run = await topic.group('g').handle(() => {
    throw new RejectError('never')
  })
  const publishing = topic.publishBatch(Array.from({ length: 120 }, (_, n) => ({ value: { n, pad: 'x'.repeat(500) } })))
  await until(async () => (await run.stats()).deadLettered > 30)
  const letters = broker.deadLetters<{ n: number }>(topic)
  const found: number[] = []
  while (found.length < 120) {
    const here = await collect(letters.browse())
    found.push(...here.map(({ value }) => value.n))
    await letters.purge(here)
    await new Promise(setImmediate)
  }
  await publishing
  t.strictSame(
    found,
    Array.from({ length: 120 }, (_, n) => n),
  )
})

t.test('what is asked for wrongly is said at once', async t => {
  const { broker, topic } = await failures(2, 1, openBroker(t))
  const letters = broker.deadLetters(topic.name)
  const filters: readonly (readonly [unknown, string])[] = [
    [{ reasons: 'failed' }, 'MILL_UNKNOWN_OPTION'],
    [{ reason: 'fail' }, 'MILL_INVALID_OPTION'],
    [{ since: 'today' }, 'MILL_INVALID_OPTION'],
    [{ until: new Date('never') }, 'MILL_OUT_OF_RANGE'],
    [{ key: 5 }, 'MILL_INVALID_OPTION'],
    [{ error: 5 }, 'MILL_INVALID_OPTION'],
    [{ limit: 0 }, 'MILL_OUT_OF_RANGE'],
    [{ group: 'a/b' }, 'MILL_INVALID_NAME'],
    [5, 'MILL_INVALID_OPTION'],
  ]
  for (const [filter, code] of filters) {
    t.throws(() => letters.browse(filter as never), { code }, JSON.stringify(filter))
    t.match(await rejection(letters.purge(filter as never)), { code })
  }
  t.match(await rejection(letters.purge([{}] as never)), { code: 'MILL_INVALID_OPTION' })
  const options: readonly (readonly [unknown, string])[] = [
    [{ too: 'x' }, 'MILL_UNKNOWN_OPTION'],
    [{ to: 'a/b' }, 'MILL_INVALID_NAME'],
    [{ to: 'nowhere' }, 'MILL_INVALID_OPTION'],
    [{ edit: 'x' }, 'MILL_INVALID_OPTION'],
    [{ replaysMax: 0 }, 'MILL_OUT_OF_RANGE'],
    [{ signal: 'x' }, 'MILL_INVALID_OPTION'],
  ]
  for (const [option, code] of options) t.match(await rejection(letters.replay({}, option as never)), { code })
  t.throws(() => broker.deadLetters(''), { code: 'MILL_INVALID_NAME' })
  t.throws(() => broker.deadLetters(undefined as never), { code: 'MILL_INVALID_NAME' })
  t.throws(() => broker.deadLetters(topic.name, { grup: 'g' } as never), {
    code: 'MILL_UNKNOWN_OPTION',
    message: /group/,
  })
  t.match(await rejection(broker.deadLetters('nowhere').count()), {
    code: 'MILL_INVALID_OPTION',
    message: /no topic or queue nowhere/,
  })
  t.match(await rejection(letters.exportTo({} as never)), { code: 'MILL_INVALID_OPTION' })
  t.equal(await letters.count(), 1, 'and changes nothing')
  await broker.close()
  t.match(await rejection(letters.count()), { code: 'MILL_CLOSED' })
  t.match(await rejection(letters.replay({})), { code: 'MILL_CLOSED' })
})
