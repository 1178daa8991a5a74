/** What there is, as a broker lists it: queues, and the bindings of exchanges. Real threads, and the lives of a folder. */
import t from 'tap'
import { createBroker, type HeaderMatch } from '../../index.ts'
import { folderOf, rejection } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

t.test('queues are listed by name, without topics, also those that an earlier process left', async t => {
  const folder = folderOf(t)
  const first = await folder.open()
  await first.topic('history')
  await first.queue('mails', { priorities: 3, maxMessages: 10, onFull: 'reject', keyConcurrency: 1 })
  await first.queue('calls', { durability: 'memory' })
  const listed = await first.queues()
  await first.close()
  t.strictSame(
    listed.map(({ name, durability }) => [name, durability]),
    [
      ['calls', 'memory'],
      ['mails', 'fsync'],
    ],
  )
  const second = await folder.open()
  const left = await second.queues()
  await second.close()
  t.strictSame(left, [listed[1]])
  t.match(left, [
    { codec: 'json', priorities: 3, maxMessages: 10, maxBytes: Infinity, onFull: 'reject', keyConcurrency: 1 },
  ])
})

t.test('a deleted queue is not listed, and a closed broker lists nothing', async t => {
  const broker = await createBroker({ logger: false })
  const queue = await broker.queue('mails')
  await queue.delete()
  t.strictSame(await broker.queues(), [])
  await broker.close()
  await t.rejects(broker.queues(), { code: 'MILL_CLOSED' })
})

t.test('bindings are listed in their order, as they were given, of queues, topics and exchanges', async t => {
  const broker = await sharedBroker()
  const queue = await broker.queue<number>(newName())
  const topic = await broker.topic<number>(newName())
  const match: HeaderMatch = { match: 'any', headers: { format: 'pdf', tag: null } }
  const [byKey, all, byHeaders] = await Promise.all([
    broker.exchange<number>(newName(), { type: 'topic' }),
    broker.exchange<number>(newName(), { type: 'fanout' }),
    broker.exchange<number>(newName(), { type: 'headers' }),
  ])
  await byKey.bind(queue, 'b.#')
  await byKey.bind(topic, '')
  await byKey.bind(all, 'a.*')
  await byKey.bind(queue, 'a.*')
  await byKey.unbind(queue, 'b.#')
  await all.bind(queue)
  await byHeaders.bind(queue, match)
  t.strictSame(await byKey.bindings(), [
    { kind: 'topic', target: topic.name, by: '' },
    { kind: 'exchange', target: all.name, by: 'a.*' },
    { kind: 'queue', target: queue.name, by: 'a.*' },
  ])
  t.strictSame(await all.bindings(), [{ kind: 'queue', target: queue.name, by: null }])
  t.strictSame(await byHeaders.bindings(), [{ kind: 'queue', target: queue.name, by: match }])
  await all.delete()
  t.equal((await rejection(all.bindings())).code, 'MILL_TOPIC_DELETED')
})

t.test('more bindings than a part has are listed once each', async t => {
  const broker = await sharedBroker()
  const queue = await broker.queue<number>(newName())
  const exchange = await broker.exchange<number>(newName(), { type: 'direct' })
  const keys = Array.from({ length: 2 * 4_096 + 1 }, (_, index) => `key-${index}`)
  for (const key of keys) void exchange.bind(queue, key)
  await exchange.bind(queue, 'last')
  t.strictSame(
    (await exchange.bindings()).map(({ by }) => by),
    [...keys, 'last'],
  )
})
