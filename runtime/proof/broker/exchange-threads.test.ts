/** Exchanges over threads that spin, die and begin, and with more bindings than one answer of the control thread has. */
import t, { type Test } from 'tap'
import { createBroker, type Exchange, type Queue, type QueueRun } from '../../index.ts'
import { folderOf, openBroker, until } from '../fixtures/broker.fixture.ts'
import type { DeathTask } from './fixtures/exchange-deaths.fixture.ts'

const HANDLER = new URL('./fixtures/exchange-deaths.fixture.js', import.meta.url)

interface House {
  readonly queue: (name: string) => Promise<Queue<number>>
  readonly events: Exchange<number>
  readonly tasks: Queue<DeathTask>
  readonly run: QueueRun
  /** Of the fixture. */
  readonly word: Int32Array
}

async function houseOf(t: Test, threads: number): Promise<House> {
  const broker = await openBroker(t)
  const words = new SharedArrayBuffer(8)
  const events = await broker.exchange<number>('events', { type: 'direct' })
  const tasks = await broker.queue<DeathTask>('tasks')
  const run = await tasks.run({ handler: HANDLER, threads, concurrency: 1, data: { exchange: 'events', words } })
  return { queue: name => broker.queue<number>(name), events, tasks, run, word: new Int32Array(words) }
}

async function valuesIn(queue: Queue<number>): Promise<number[]> {
  const values: number[] = []
  for await (const { value } of queue.browse()) values.push(value)
  return values.sort((a, b) => a - b)
}

t.test('a handler that spins holds no bind up, and routes by what was bound meanwhile', async t => {
  const { queue, events, tasks, run, word } = await houseOf(t, 1)
  const [before, meanwhile] = [await queue('before'), await queue('meanwhile')]
  await events.bind(before, 'k')
  await tasks.send({ value: { act: 'route', n: 1 } })
  await run.idle()
  await tasks.send({ value: { act: 'spin', n: 2 } })
  await until(() => Atomics.load(word, 1) === 1)
  await events.bind(meanwhile, 'k')
  await events.unbind(before, 'k')
  t.strictSame(await events.route('k'), ['meanwhile'])
  t.equal(Atomics.load(word, 0), 0, 'it spins still')
  Atomics.store(word, 0, 1)
  await run.idle()
  t.strictSame([await valuesIn(before), await valuesIn(meanwhile)], [[1], [2]])
})

t.test('a thread that dies while it publishes is followed by one that knows all bindings', async t => {
  const { queue, events, tasks, run } = await houseOf(t, 1)
  const queues = [await queue('a'), await queue('b'), await queue('c')]
  for (const each of queues) await events.bind(each, 'k')
  for (let n = 0; n < 6; n++) await tasks.send({ value: { act: n % 3 === 2 ? 'exit' : 'route', n } })
  await run.idle()
  t.equal((await run.stats()).acked, 6)
  for (const each of queues) {
    const values = await valuesIn(each)
    t.strictSame([...new Set(values)], [0, 1, 2, 3, 4, 5], 'what was acked is in each target')
    t.ok(values.filter(n => n % 3 < 2).length === 4, 'and what no death befell is there once')
  }
})

t.test('thousands of bindings come to each thread page by page, with what changes meanwhile', async t => {
  const { queue, events, tasks, run } = await houseOf(t, 2)
  const [all, other] = [await queue('all'), await queue('other')]
  const count = 5_000
  for (let from = 0; from < count; from += 1_000)
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => events.bind(all, `key ${from + n}`)))
  const routing = Array.from({ length: count / 10 }, (_, n) => events.route(`key ${10 * n}`))
  const changing = Array.from({ length: 100 }, async (_, n) => {
    await events.bind(other, `key ${n}`)
    await events.unbind(all, `key ${n}`)
    return events.route(`key ${n}`)
  })
  await events.bind(other, 'k')
  await tasks.sendBatch(Array.from({ length: 20 }, (_, n) => ({ value: { act: 'route' as const, n } })))
  t.ok((await Promise.all(routing)).every(targets => targets.length === 1))
  t.ok((await Promise.all(changing)).every(targets => targets.join() === 'other'))
  await run.idle()
  t.strictSame(
    await valuesIn(other),
    Array.from({ length: 20 }, (_, n) => n),
  )
})

t.test('bindings to what is in memory end with their process, and those to what is on disk do not', async t => {
  const folder = folderOf(t)
  const first = await folder.open()
  const events = await first.exchange<number>('events', { type: 'fanout' })
  const stored = await first.topic<number>('stored')
  await events.bind(stored)
  await events.bind(await first.queue<number>('kept', { durability: 'os' }))
  await events.bind(await first.queue<number>('passing', { durability: 'memory' }))
  t.equal((await events.publish('', { value: 1 })).targets.length, 3)
  await first.close()
  const second = await folder.open()
  const again = await second.exchange<number>('events')
  t.strictSame((await again.route('')).toSorted(), ['kept', 'stored'])
  await second.queue<number>('passing', { durability: 'memory' })
  const receipt = await again.publish('', { value: 2 })
  t.strictSame(receipt.targets.toSorted(), ['kept', 'stored'], 'neither was opened by its user')
  t.strictSame(await valuesIn(await second.queue<number>('kept')), [1, 2])
  const values: number[] = []
  for await (const { value } of (await second.topic<number>('stored')).replay()) values.push(value)
  t.strictSame(values, [1, 2])
})

t.test('topics, queues, dead-letter topics and exchanges share their names', async t => {
  const broker = await createBroker({ logger: false })
  t.teardown(() => broker.close())
  await broker.exchange('x', { type: 'fanout' })
  const taken = { code: 'MILL_CONFIG_MISMATCH', message: /x is an exchange, not a/ }
  await t.rejects(broker.queue('x'), taken)
  await t.rejects(broker.topic('x'), taken)
  await t.rejects(broker.queue('q', { deadLetter: 'x' }), taken)
  t.equal((await broker.queue('q')).name, 'q', 'and what was refused is not there')
  await t.rejects(broker.exchange('q', { type: 'fanout' }), {
    code: 'MILL_CONFIG_MISMATCH',
    message: /q is a queue, not an exchange/,
  })
  await t.rejects(broker.exchange('q.dlq', { type: 'fanout' }), { message: /q.dlq is a topic, not an exchange/ })
})

t.test('more calls than may wait for the control thread are refused by a word that callers know', async t => {
  const { queue, events } = await houseOf(t, 1)
  const target = await queue('q')
  // In one turn, in which nothing is answered.
  const asked = await Promise.allSettled(Array.from({ length: 5_000 }, () => target.stats()))
  const refused = asked.filter(each => each.status === 'rejected')
  t.equal(refused.length, 5_000 - 4_096)
  t.match(refused[0], { reason: { code: 'MILL_FULL', retriable: true, message: /await some of them first/ } })
  await events.bind(target, 'k')
  t.strictSame(await events.route('k'), ['q'])
})
