/** Nothing of a message is lost without a word: what it cannot hold is refused, with what to write instead. */
import t from 'tap'
import type { GivenHeaders, Headers, Key, Message, UnpublishedError } from '../index.ts'
import { rejection, SMALL } from '../proof/fixtures/broker.fixture.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { hold } from './full-topic.fixture.ts'

const odd = (message: unknown): Message => message as Message

t.test('a message with a field that no message has is refused, with the one that was meant', async t => {
  const topic = await newTopic()
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [{ Key: 'a', value: 1 }, 'MILL_UNKNOWN_OPTION', /no field "Key": did you mean `key`\?/],
    [{ header: {}, value: 1 }, 'MILL_UNKNOWN_OPTION', /did you mean `headers`\?/],
    [{ time: 5, value: 1 }, 'MILL_UNKNOWN_OPTION', /did you mean `timestamp`\?/],
    [{ key: 'a', val: 1 }, 'MILL_UNKNOWN_OPTION', /did you mean `value`\?/],
    [{ value: 1, priority: 3 }, 'MILL_UNKNOWN_OPTION', /put other data into `value` or `headers`/],
    [[{ value: 1 }], 'MILL_INVALID_OPTION', /not an array; use publishBatch/],
    ['a', 'MILL_INVALID_OPTION', /one object with a value.*not "a"/],
    [{ key: { id: 1 }, value: 1 }, 'MILL_INVALID_OPTION', /not an object; take a field of it/],
    [{ key: 42, value: 1 }, 'MILL_INVALID_OPTION', /not 42; use String\(key\)/],
    [{ timestamp: new Date(0), value: 1 }, 'MILL_OUT_OF_RANGE', /use date\.getTime\(\)/],
  ]
  for (const [message, code, text] of cases) {
    t.match(await rejection(topic.publish(odd(message))), { code, message: text })
    t.match(await rejection(topic.publish(odd(message), { timeoutMs: 100 })), { code, message: text })
    t.throws(() => topic.tryPublish(odd(message)), { code, message: text })
  }
  t.match(await rejection((topic.publish as (...args: unknown[]) => Promise<unknown>)('a', { v: 1 })), {
    message: /one object with a value.*not "a"/,
  })
  t.equal((await topic.stats()).partitions[0]?.highWatermark, 0)
})

t.test('a record is published again by handing in its delivery, or a copy of its letter', async t => {
  const topic = await newTopic<number>()
  const copies = await newTopic<number>()
  const run = await topic.group('g').handle(async delivery => void (await copies.publish(delivery)))
  await topic.publish({ key: 'k', value: 7, headers: { h: 'x' }, timestamp: 1_000 })
  await run.idle()
  for await (const { key, value, headers, timestamp } of copies.group('c').consume()) {
    t.strictSame([key, value, headers.h, timestamp], ['k', 7, 'x', 1_000])
    break
  }
})

t.test('so is one that its consumer settles, of a topic and of a queue', async t => {
  const broker = await sharedBroker()
  const [topic, queue] = [await newTopic<number>(), await broker.queue<number>(newName())]
  await topic.publish({ key: 'k', value: 7 })
  for await (const delivery of topic.group('g').consume({ from: 'earliest' })) {
    await queue.send(delivery)
    delivery.ack()
    break
  }
  for await (const delivery of queue.consume()) {
    await topic.publish(delivery)
    delivery.ack()
    break
  }
  for await (const { key, value, offset } of topic.group('c').consume({ from: 'earliest' })) {
    t.strictSame([key, value], ['k', 7])
    if (offset === 1) break
  }
})

t.test('what a library has put on Object.prototype is not taken for a field', async t => {
  const topic = await newTopic()
  Object.defineProperty(Object.prototype, 'extension', { value: 1, enumerable: true, configurable: true })
  t.teardown(() => Reflect.deleteProperty(Object.prototype, 'extension'))
  t.equal((await topic.publish({ value: 1 })).offset, 0)
})

t.test('headers come as an object, a Map or a Headers; what would be lost is refused', async t => {
  const topic = await newTopic<number>()
  const seen: Headers[] = []
  const run = await topic.group('g').handle(({ headers }) => void seen.push({ ...headers }))
  const bytes = Uint8Array.of(1, 2)
  for (const headers of [
    { a: 'x' },
    Object.assign(Object.create(null), { a: 'x' }),
    new Map([['a', 'x']]),
    new Map<string, string | Uint8Array>([['b', bytes]]),
    new globalThis.Headers({ a: 'x' }),
  ] as GivenHeaders[])
    await topic.publish({ value: 1, headers })
  await run.idle()
  t.strictSame(seen, [{ a: 'x' }, { a: 'x' }, { a: 'x' }, { b: bytes }, { a: 'x' }])
  class Traced {
    get trace(): string {
      return 'x'
    }
  }
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [new Set(['a']), /not an instance of Set/],
    [new URLSearchParams('a=1'), /Object\.fromEntries/],
    [[['a', 'x']], /Object\.fromEntries/],
    [Promise.resolve({ a: 'x' }), /await it first/],
    [new Traced(), /not an instance of Traced: copy/],
    [Object.create({ a: 'x' }), /plain object/],
    [new Date(0), /plain object/],
    [new Map([[1, 'x']]), /a header name is a string, not 1/],
    [new Map([['a', 1]]), /header "a" must be a string/],
  ]
  for (const [headers, message] of refused) {
    const bad = { value: 1, headers: headers as GivenHeaders }
    t.match(await rejection(topic.publish(bad)), { code: 'MILL_UNSERIALISABLE', message })
    t.match(await rejection(topic.publishBatch([bad])), { cause: { code: 'MILL_UNSERIALISABLE', message } })
  }
})

t.test('headers of a message that a handler publishes are not changed into others', async t => {
  const topic = await newTopic<number>()
  const target = await newTopic()
  const errors: Error[] = []
  const run = await topic.group('g').handle(
    async (_, context) => {
      for (const headers of [{ n: 5 }, { n: undefined }])
        await context.publish(target.name, odd({ value: 1, headers })).catch((error: Error) => errors.push(error))
      await context.publish(target.name, { value: 2, headers: new Map([['a', 'x']]) })
    },
    { attempts: 1 },
  )
  await topic.publish({ value: 1 })
  await run.idle()
  t.match(errors, [{ code: 'MILL_UNSERIALISABLE' }, { code: 'MILL_UNSERIALISABLE' }])
  t.equal((await target.stats()).partitions[0]?.highWatermark, 1)
})

t.test('a wrong message in a batch is found before any of it is published, and named by its index', async t => {
  const topic = await newTopic({ partitions: 2 })
  const wrong: readonly Message[] = [
    odd(undefined),
    odd({ val: 1 }),
    { value: 10n },
    { key: odd(5) as unknown as Key, value: 1 },
    { key: 'a\ud800', value: 1 },
    { key: 'a\ud800', value: 1, partition: 0 },
    { value: 1, partition: 7 },
    { value: 1, timestamp: -1 },
    { value: 1, headers: { '': 'x' } },
    { value: 'x'.repeat(1_048_577) },
  ]
  for (const bad of wrong) {
    const batch = [{ value: 1 }, { key: 'k', value: 2 }, bad, { value: 3 }]
    const error = (await rejection(topic.publishBatch(batch))) as unknown as UnpublishedError
    t.match(error, { code: 'MILL_UNPUBLISHED', message: /^none of 4 messages.*the one at index 2 cannot be: / })
    t.strictSame([error.unpublished, error.unknown], [batch, []])
  }
  await topic.flush()
  t.strictSame(
    (await topic.stats()).partitions.map(({ highWatermark }) => highWatermark),
    [0, 0],
  )
})

t.test('a batch that waits publishes what its messages were when it was handed in', async t => {
  const topic = await newTopic<Uint8Array>({ ...SMALL, codec: 'bytes' })
  const seen: unknown[] = []
  const run = await hold(t, topic as never, seen)
  const filling = Array.from({ length: 10_000 }, () => topic.tryPublish({ value: new Uint8Array(1_000) }))
  t.ok(filling.includes(false))
  const shared = Buffer.alloc(100, 'a')
  const key = Buffer.from('key')
  const messages: { key: Key; value: Uint8Array }[] = Array.from({ length: 50 }, () => ({ key, value: shared }))
  const publishing = topic.publishBatch(messages)
  shared.fill('z')
  key.fill('z')
  for (const message of messages) message.value = Buffer.from('other')
  await run.resume()
  t.equal((await publishing).count, 50)
  await run.idle()
  t.equal(seen.slice(-50).filter(value => Buffer.from(value as Uint8Array).toString() === 'a'.repeat(100)).length, 50)
})
