/** Exchanges by the public API: where messages go, on real threads, over the lives of a folder, and what is answered to mistakes. */
import t from 'tap'
import {
  type Broker,
  createBroker,
  defineExchange,
  type Exchange,
  type ExchangeOptions,
  type Queue,
  type Receipt,
  type RouteReceipt,
  type Topic,
} from '../../index.ts'
import { folderOf, readAll, rejection } from '../fixtures/broker.fixture.ts'
import { newName, newTopic, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

const ROUTE = new URL('./fixtures/exchange-route.fixture.js', import.meta.url)

async function newQueue<V = number>(options = {}): Promise<Queue<V>> {
  return (await sharedBroker()).queue<V>(newName(), options)
}

async function newExchange<V = number>(options: ExchangeOptions): Promise<Exchange<V>> {
  return (await sharedBroker()).exchange<V>(newName(), options)
}

/** All that waits in the queue. */
async function valuesIn<V>(queue: Queue<V>): Promise<V[]> {
  const values: V[] = []
  for await (const { value } of queue.browse()) values.push(value)
  return values
}

t.test('a message goes to queues and topics, to each once, and the receipt names them', async t => {
  const events = await newExchange({ type: 'topic' })
  const [all, failed] = [await newQueue(), await newQueue()]
  const history = await newTopic<number>({ groups: ['g'] })
  await events.bind(all, 'orders.#')
  await events.bind(all, '*.eu.*')
  await events.bind(failed, '*.*.failed')
  await events.bind(history, '#')
  const receipt = await events.publish('orders.eu.failed', { value: 1, key: 'k', headers: { a: 'b' } })
  t.strictSame([...receipt.targets].sort(), [all.name, failed.name, history.name].sort())
  t.equal(receipt.receipts.length, 3)
  t.equal(receipt.durability, 'memory')
  const { targets } = await events.publish('parcels.eu', { value: 2 })
  t.strictSame(targets, [history.name])
  t.strictSame([await valuesIn(all), await valuesIn(failed)], [[1], [1]])
  const read = await readAll(history)
  t.strictSame(
    read.map(({ value, key, headers }) => [value, key, { ...headers }]),
    [
      [1, 'k', { a: 'b', 'millrace-routing-key': 'orders.eu.failed' }],
      [2, null, { 'millrace-routing-key': 'parcels.eu' }],
    ],
  )
  t.strictSame([...(await events.route('orders.eu.failed'))].sort(), [...receipt.targets].sort())
})

t.test(
  'a message that goes to one target alone is the same there, whatever its key, its routing key and its value are',
  async t => {
    const events = await newExchange<unknown>({ type: 'topic' })
    const history = await newTopic<unknown>({ groups: ['g'], partitions: 1, maxMessageBytes: 2_000 })
    await events.bind(history, '#')
    const routingKeys = ['', 'a', 'orders.eu.paid', 'é.ü', '\u{1f600}', 'x'.repeat(255)]
    const keys = [null, '', 'k', 'key-of-order', 'schlüssel', '\u{1f600}', 'k'.repeat(300), Uint8Array.of(0, 255)]
    const values = [null, 7, 'text', 'ß'.repeat(200), { a: [1.5, null] }]
    const sent: unknown[] = []
    const done: Promise<RouteReceipt>[] = []
    for (const routingKey of routingKeys)
      for (const key of keys)
        for (const value of values) {
          sent.push([key === null ? null : [...Buffer.from(key)], value, { 'millrace-routing-key': routingKey }])
          done.push(events.publish(routingKey, { key, value }))
        }
    t.match(await rejection(events.publish('a', { key: 'k', value: 'v'.repeat(1_990) })), { code: 'MILL_TOO_LARGE' })
    t.match(await rejection(events.publish('a', { key: '\ud800', value: 1 })), { code: 'MILL_UNSERIALISABLE' })
    const receipts = await Promise.all(done)
    t.strictSame(new Set(receipts.map(({ targets }) => targets.join())), new Set([history.name]))
    t.strictSame(
      receipts.map(({ receipts: [one] }) => (one as Receipt).offset),
      sent.map((_, offset) => offset),
    )
    const read = await readAll(history)
    t.strictSame(
      read.map(({ value, keyBytes, headers }) => [keyBytes === null ? null : [...keyBytes], value, { ...headers }]),
      sent,
    )
  },
)

t.test('each type goes by what it looks at, and exchanges lead to each other, in circles as well', async t => {
  const q = await Promise.all(Array.from({ length: 4 }, () => newQueue()))
  const [q0, q1, q2, q3] = q as [Queue<number>, Queue<number>, Queue<number>, Queue<number>]
  const direct = await newExchange({ type: 'direct' })
  const fanout = await newExchange({ type: 'fanout' })
  const byHeaders = await newExchange({ type: 'headers' })
  await direct.bind(q0, 'a')
  await direct.bind(fanout, 'b')
  await fanout.bind(q1)
  await fanout.bind(direct)
  await fanout.bind(byHeaders)
  await byHeaders.bind(q2, { match: 'all', headers: { type: 'x', raw: Uint8Array.of(1) } })
  await byHeaders.bind(q3, { match: 'any', headers: { type: 'x', other: null } })
  const targetsOf = async (exchange: Exchange<number>, key: string, headers = {}): Promise<number[]> => {
    const found = await exchange.route(key, headers)
    const { targets } = await exchange.publish(key, { value: 1, headers }, { unroutable: 'drop' })
    t.strictSame(targets, found)
    return targets.map(name => q.findIndex(queue => queue.name === name)).sort()
  }
  t.strictSame(await targetsOf(direct, 'a'), [0])
  t.strictSame(await targetsOf(direct, 'b'), [1])
  t.strictSame(await targetsOf(fanout, 'a'), [0, 1])
  t.strictSame(await targetsOf(direct, 'b', { type: 'x' }), [1, 3])
  t.strictSame(await targetsOf(direct, 'b', { type: 'x', raw: Uint8Array.of(1) }), [1, 2, 3])
  t.strictSame(await targetsOf(direct, 'c'), [])
  await direct.unbind(fanout, 'b')
  await direct.unbind(fanout, 'never was')
  t.strictSame(await targetsOf(direct, 'b'), [])
})

t.test('each publish that begins after a bind goes by it', async t => {
  const events = await newExchange({ type: 'direct' })
  const queues: Queue<number>[] = []
  for (let n = 0; n < 20; n++) {
    const queue = await newQueue()
    queues.push(queue)
    await events.bind(queue, 'k')
    const { targets } = await events.publish('k', { value: n })
    t.equal(targets.length, n + 1)
  }
  for (const queue of queues) {
    await events.unbind(queue, 'k')
    const { targets } = await events.publish('k', { value: 0 }, { unroutable: 'drop' })
    t.notOk(targets.includes(queue.name))
  }
})

t.test('messages of one thread are in order in each target, while bindings change', async t => {
  const events = await newExchange({ type: 'topic' })
  const [stays, comes] = [await newQueue(), await newQueue()]
  await events.bind(stays, '#')
  const sent: Promise<unknown>[] = []
  for (let n = 0; n < 300; n++) {
    sent.push(events.publish('a.b', { value: n }))
    if (n % 30 === 0) sent.push(events.bind(comes, `p${n}.#`))
    if (n % 30 === 10) sent.push(events.bind(comes, 'a.*'))
    if (n % 30 === 20) sent.push(events.unbind(comes, 'a.*'))
    if (n % 10 === 0) await new Promise(setImmediate)
  }
  await Promise.all(sent)
  t.strictSame(
    await valuesIn(stays),
    Array.from({ length: 300 }, (_, n) => n),
  )
  const got = await valuesIn(comes)
  t.strictSame(
    got,
    [...got].sort((a, b) => a - b),
  )
})

t.test('handlers route and send from their threads, and their input is acked when all targets have it', async t => {
  const broker = await sharedBroker()
  const events = await newExchange({ type: 'topic' })
  const [jobs, copies] = [await newQueue<{ key: string; n: number }>(), await newQueue()]
  const [even, all] = [await newQueue(), await newQueue()]
  await events.bind(even, 'even.#')
  await events.bind(all, '#')
  const data = { exchange: events.name, queue: copies.name }
  const run = await jobs.run({ handler: ROUTE, threads: 2, data })
  await jobs.sendBatch(Array.from({ length: 200 }, (_, n) => ({ value: { key: n % 2 === 0 ? 'even.x' : 'odd.x', n } })))
  await run.idle()
  const sorted = async (queue: Queue<number>): Promise<number[]> => (await valuesIn(queue)).sort((a, b) => a - b)
  const expected = Array.from({ length: 200 }, (_, n) => n)
  t.strictSame(await sorted(all), expected)
  t.strictSame(await sorted(copies), expected)
  t.strictSame(
    await sorted(even),
    expected.filter(n => n % 2 === 0),
  )
  // A new binding is known to handler threads that run.
  const late = await newQueue()
  await events.bind(late, 'late')
  await events.unbind(all, '#')
  await jobs.send({ value: { key: 'late', n: 1_000 } })
  await run.idle()
  t.strictSame(await valuesIn(late), [1_000])
  t.equal((await run.stats()).acked, 201)
  await run.stop()
  t.ok(broker)
})

t.test('a handler whose message has no target fails, and so does one that sends to a topic', async t => {
  const events = await newExchange({ type: 'direct' })
  const jobs = await newQueue<{ key: string; n: number }>({ attempts: 1 })
  const topic = await newTopic<number>()
  const sink = await newQueue()
  await events.bind(sink, 'k')
  const letters = (await sharedBroker()).deadLetters(jobs)
  const errors = async (): Promise<(string | undefined)[]> => {
    const found: (string | undefined)[] = []
    for await (const { error } of letters.browse()) found.push(String(error.code))
    return found
  }
  for (const [data, key] of [
    [{ exchange: events.name, queue: sink.name }, 'nowhere'],
    [{ exchange: events.name, queue: topic.name }, 'k'],
    [{ exchange: 'no-such', queue: sink.name }, 'k'],
  ] as const) {
    const run = await jobs.run({ handler: ROUTE, threads: 1, data })
    await jobs.send({ value: { key, n: 1 } })
    await run.idle()
    await run.stop()
  }
  t.strictSame(await errors(), ['MILL_UNROUTABLE', 'MILL_CONFIG_MISMATCH', 'MILL_INVALID_OPTION'])
})

t.test('a queue that is deleted takes its bindings along, and a later one of its name has none', async t => {
  const broker = await sharedBroker()
  const events = await newExchange({ type: 'fanout' })
  const [gone, stays] = [await newQueue(), await newQueue()]
  await events.bind(gone)
  await events.bind(stays)
  await events.publish('', { value: 1 })
  await gone.purge()
  await gone.delete()
  t.strictSame((await events.publish('', { value: 2 })).targets, [stays.name])
  const again = await broker.queue<number>(gone.name)
  t.strictSame((await events.publish('', { value: 3 })).targets, [stays.name])
  t.match(await rejection(events.bind(gone)), { code: 'MILL_TOPIC_DELETED', message: new RegExp(`queue ${gone.name}`) })
  await events.bind(again)
  t.strictSame((await events.publish('', { value: 4 })).targets.length, 2)
  t.strictSame(await valuesIn(again), [4])
})

t.test('an exchange that is deleted is gone for all, and its name may be another one', async t => {
  const broker = await sharedBroker()
  const [outer, inner] = [await newExchange({ type: 'fanout' }), await newExchange({ type: 'fanout' })]
  const queue = await newQueue()
  await outer.bind(inner)
  await inner.bind(queue)
  t.strictSame(await outer.route(''), [queue.name])
  await inner.delete()
  await inner.delete()
  t.strictSame(await outer.route(''), [])
  for (const call of [
    () => inner.publish('', { value: 1 }),
    () => inner.bind(queue),
    () => inner.route(''),
    () => outer.bind(inner),
  ])
    t.match(await rejection(call()), {
      code: 'MILL_TOPIC_DELETED',
      message: /exchange .*was deleted, with its bindings/,
    })
  const again = await broker.exchange<number>(inner.name, { type: 'direct' })
  t.match(await rejection(again.publish('k', { value: 1 })), { code: 'MILL_UNROUTABLE' })
})

t.test('an alternate takes what no binding takes, and may be made later', async t => {
  const broker = await sharedBroker()
  const [alternate, name] = [newName(), newName()]
  const events = await broker.exchange<number>(name, { type: 'direct', alternate })
  t.match(events, { name, type: 'direct', alternate })
  t.match(await rejection(events.publish('k', { value: 1 })), { code: 'MILL_UNROUTABLE' })
  const rest = await broker.exchange<number>(alternate, { type: 'fanout' })
  const queue = await newQueue()
  await rest.bind(queue)
  t.strictSame((await events.publish('k', { value: 1 })).targets, [queue.name])
  const listed = (await broker.exchanges()).filter(info => info.name === name || info.name === alternate)
  t.strictSame(
    listed.sort((a, b) => a.type.localeCompare(b.type)).map(info => ({ ...info })),
    [
      { name, type: 'direct', alternate, bindings: 0 },
      { name: alternate, type: 'fanout', alternate: null, bindings: 1 },
    ],
  )
})

t.test('a full target that rejects refuses the whole, and is named', async t => {
  const events = await newExchange({ type: 'fanout' })
  const [full, room] = [await newQueue({ maxMessages: 1, onFull: 'reject' }), await newQueue()]
  await events.bind(full)
  await events.bind(room)
  await events.publish('', { value: 1 })
  const error = await rejection(events.publish('', { value: 2 }))
  t.match(error, { code: 'MILL_FULL', refused: { value: 2 }, message: new RegExp(`queue ${full.name} is full`) })
  t.strictSame(await valuesIn(room), [1])
  await events.unbind(full)
  await events.publish('', { value: 3 })
  t.strictSame(await valuesIn(room), [1, 3])
})

t.test('of two targets that reject and one that waits, none has a message that one refuses', async t => {
  const events = await newExchange({ type: 'fanout' })
  const [full, has] = [await newQueue({ maxMessages: 1, onFull: 'reject' }), await newQueue({ onFull: 'reject' })]
  const waits = await newQueue()
  for (const queue of [full, has, waits]) await events.bind(queue)
  await full.send({ value: 0 })
  t.match(await rejection(events.publish('', { value: 1 })), { code: 'MILL_FULL', message: full.name })
  t.strictSame([await valuesIn(has), await valuesIn(waits)], [[], []])
})

t.test('codecs, priorities, delays and ids are those of each target', async t => {
  const events = await newExchange<unknown>({ type: 'fanout' })
  const json = await newQueue<string>({ priorities: 3 })
  const text = await newQueue<string>({ codec: 'string', dedupeMs: 60_000 })
  const topic = await newTopic<string>({ groups: ['g'] })
  for (const target of [json, text, topic]) await events.bind(target)
  await events.publish('', { value: 'é', priority: 9, id: 'once' })
  const { receipts } = await events.publish('', { value: 'é', priority: 1, id: 'once' })
  t.equal(receipts.filter(receipt => 'duplicate' in receipt && receipt.duplicate).length, 1)
  t.strictSame(await valuesIn(text), ['é'])
  const priorities: number[] = []
  for await (const { priority } of json.browse()) priorities.push(priority)
  t.strictSame(priorities, [2, 1])
  t.equal((await readAll(topic)).length, 2)
  t.match(await rejection(events.publish('', { value: { a: 1 } })), { code: 'MILL_UNSERIALISABLE' })
  t.strictSame(await valuesIn(json), ['é', 'é'], 'no target has it')
  await events.unbind(text)
  await events.publish('', { value: 'later', delayMs: 3_600_000 })
  t.equal((await json.stats()).scheduled, 1)
})

t.test('mistakes are answered, and change nothing', async t => {
  const broker = await sharedBroker()
  const events = await newExchange({ type: 'topic' })
  const queue = await newQueue()
  await events.bind(queue, 'k')
  const taken = await newExchange({ type: 'fanout' })
  const topic: Topic<number> = await newTopic<number>()
  const other: Broker = await createBroker({ logger: false })
  const foreign = await other.queue<number>(queue.name)
  const unmade = newName()
  const cases: readonly (readonly [() => Promise<unknown>, string, RegExp])[] = [
    [() => broker.exchange('a/b', { type: 'topic' }), 'MILL_INVALID_NAME', /exchange name/],
    [() => broker.exchange(unmade), 'MILL_INVALID_OPTION', /does not exist yet.*`type`/],
    [() => broker.exchange(events.name, { type: 'direct' }), 'MILL_CONFIG_MISMATCH', /type/],
    [() => broker.exchange(events.name, { alternate: 'x' }), 'MILL_CONFIG_MISMATCH', /alternate/],
    [() => broker.exchange(queue.name, { type: 'topic' }), 'MILL_CONFIG_MISMATCH', /queue/],
    [() => broker.exchange(topic.name, { type: 'topic' }), 'MILL_CONFIG_MISMATCH', /topic/],
    [() => broker.queue(events.name), 'MILL_CONFIG_MISMATCH', /exchange/],
    [() => broker.topic(events.name), 'MILL_CONFIG_MISMATCH', /exchange/],
    [() => events.bind(queue.name as never, 'k'), 'MILL_INVALID_OPTION', /open it first, as with broker.queue/],
    [() => events.bind({ name: queue.name } as never, 'k'), 'MILL_INVALID_OPTION', /not to an object/],
    [() => events.bind(foreign, 'k'), 'MILL_INVALID_OPTION', /of another broker/],
    [() => events.bind(queue), 'MILL_INVALID_OPTION', /bind by a pattern/],
    [() => taken.bind(queue, 'k'), 'MILL_INVALID_OPTION', /bind without a pattern/],
    [() => events.publish('k', { value: 1 }, { unroutable: 'no' as never }), 'MILL_INVALID_OPTION', /`unroutable`/],
    [() => events.route(7 as never), 'MILL_INVALID_OPTION', /a routing key is a string/],
    [() => events.route('k', 7 as never), 'MILL_UNSERIALISABLE', /headers must be an object/],
  ]
  for (const [call, code, message] of cases) t.match(await rejection(call()), { code, message }, String(call))
  await other.close()
  t.match(await rejection(events.bind(foreign, 'k')), { code: 'MILL_INVALID_OPTION', message: /of another broker/ })
  t.strictSame((await events.publish('k', { value: 1 })).targets, [queue.name])
  t.equal(await broker.exchange(events.name), events, 'opened without options')
  t.equal(await broker.exchange(defineExchange(events.name, { type: 'topic' })), events)
})

t.test('after close nothing is published or bound', async t => {
  const broker = await createBroker({ logger: false })
  const events = await broker.exchange<number>('events', { type: 'fanout' })
  const queue = await broker.queue<number>('q')
  await events.bind(queue)
  const last = events.publish('', { value: 1 })
  await broker.close()
  await last
  for (const call of [
    () => events.publish('', { value: 1 }),
    () => events.bind(queue),
    () => events.unbind(queue),
    () => events.route(''),
    () => events.delete(),
    () => broker.exchange('events'),
    () => broker.exchanges(),
  ])
    t.match(await rejection(call()), { code: 'MILL_CLOSED' }, String(call))
})

t.test('exchanges, bindings and what they have routed are there in the next process', async t => {
  const folder = folderOf(t)
  const first = await folder.open()
  const events = await first.exchange<number>('events', { type: 'topic', alternate: 'rest' })
  const rest = await first.exchange<number>('rest', { type: 'headers' })
  const [a, b] = [await first.queue<number>('a'), await first.queue<number>('b')]
  await events.bind(a, 'x.#')
  await events.bind(b, 'gone')
  await events.unbind(b, 'gone')
  await rest.bind(b, { match: 'any', headers: { type: 'y', raw: Uint8Array.of(1, 2) } })
  const { durability, targets } = await events.publish('x.y', { value: 1 })
  t.strictSame([durability, targets], ['fsync', ['a']])
  await events.bind(await first.queue<number>('passing', { durability: 'memory' }), 'm')
  await events.bind(await first.queue<number>('soon', { durability: 'os' }), 'm')
  await events.bind(a, 'm')
  t.equal((await events.publish('m', { value: 1 })).durability, 'memory', 'the least of the three')
  await first.close()

  const second = await folder.open()
  const again = await second.exchange<number>('events')
  t.match(again, { type: 'topic', alternate: 'rest' })
  t.strictSame((await again.publish('x', { value: 2 })).targets, ['a'], 'nobody had opened the queue')
  t.strictSame(await again.route('other', { raw: Uint8Array.of(1, 2) }), ['b'])
  t.strictSame(await again.route('gone'), [])
  t.strictSame(await valuesIn(await second.queue<number>('a')), [1, 1, 2])
})

interface Order {
  readonly id: number
}

/** Compiled, and never called. */
async function bindByType(
  events: Exchange<Order>,
  queues: readonly [Queue<Order>, Queue, Queue<Order | string>, Queue<number>],
  topics: readonly [Topic<Order>, Topic<number>],
  exchanges: readonly [Exchange<Order>, Exchange<number>],
): Promise<void> {
  for (const target of [queues[0], queues[1], queues[2], topics[0], exchanges[0]]) await events.bind(target)
  // @ts-expect-error: a queue of numbers
  await events.bind(queues[3])
  // @ts-expect-error: a topic of numbers
  await events.bind(topics[1])
  // @ts-expect-error: an exchange of numbers
  await events.bind(exchanges[1])
  // @ts-expect-error: no order
  await events.publish('k', { value: 7 })
}

t.test('the values of an exchange and of what is bound to it have related types', async t => {
  t.type(bindByType, 'function')
})
