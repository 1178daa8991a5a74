/**
 * Bad input, one test for each kind: a typed error with its code, nothing changed, and whoever made the call goes on.
 *
 * The rules of each single check have tests of their own beside it; here the public door is asked, on real threads.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import {
  type Broker,
  type Delivery,
  type ErrorCode,
  isMillraceError,
  type ManualDelivery,
  type Message,
  parseDeadLetter,
  RejectError,
  type Topic,
} from '../../index.ts'
import { openBroker, readAll, rejection, until } from '../fixtures/broker.fixture.ts'
import { newTopic, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

/** What one call is, and the code that it must end with. Calls that throw and calls that reject are the same here. */
type Case = readonly [what: string, code: ErrorCode, call: (place: Place) => unknown]

interface Place {
  readonly broker: Broker
  /** Of two partitions, `json`, records up to 1,000 bytes, gated by the group `g`. */
  readonly topic: Topic<unknown>
  readonly bytes: Topic<Uint8Array>
  readonly text: Topic<string>
}

const SMALL = { partitions: 2, maxMessageBytes: 1_000, groups: ['g'] } as const

function detached(): Uint8Array {
  const bytes = new Uint8Array(8)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
}

function circular(): unknown {
  const value: Record<string, unknown> = {}
  value.self = value
  return value
}

function deep(): unknown {
  let value: unknown = 1
  for (let level = 0; level < 200_000; level++) value = [value]
  return value
}

const throwing = {
  get field(): never {
    throw new Error('no')
  },
}

/** A message of any shape, for callers without types. */
function bad(message: unknown): Message<never> {
  return message as Message<never>
}

const ODD_NUMBERS = [-1, 1.5, Number.NaN, 2 ** 53, Number.NEGATIVE_INFINITY] as const
const NAMES = ['', '.', '..', '../x', 'a/b', 'a\0b', '%2e', 'x'.repeat(201), '\ud800', 'grün', 'CON', 'nul.txt', ' ']

const ROWS: { readonly [row: string]: readonly Case[] } = {
  'a name that is none': [
    ...NAMES.flatMap((name): Case[] => [
      [`topic ${JSON.stringify(name)}`, 'MILL_INVALID_NAME', ({ broker }) => broker.topic(name)],
      [`group ${JSON.stringify(name)}`, 'MILL_INVALID_NAME', ({ topic }) => topic.group(name)],
      [`dead letters of ${JSON.stringify(name)}`, 'MILL_INVALID_NAME', ({ broker }) => broker.deadLetters(name)],
    ]),
    ['no name', 'MILL_INVALID_NAME', ({ broker }) => broker.topic(undefined as never)],
    ['a number', 'MILL_INVALID_NAME', ({ broker }) => broker.topic(5 as never)],
    ['named groups', 'MILL_INVALID_NAME', ({ broker }) => broker.topic('other', { groups: ['a/b'] })],
    ['a dead-letter topic', 'MILL_INVALID_NAME', ({ topic }) => topic.group('h').consume({ deadLetter: '../x' })],
  ],
  'a value that its codec cannot hold': [
    ...Object.entries({
      circular: circular(),
      deep: deep(),
      throwing,
      number: 1n,
      fn: () => 1,
      symbol: Symbol('s'),
    }).map(([what, value]): Case => [what, 'MILL_UNSERIALISABLE', ({ topic }) => topic.publish({ value })]),
    ['undefined', 'MILL_UNSERIALISABLE', ({ topic }) => topic.publish({ value: undefined })],
    ['a detached buffer', 'MILL_UNSERIALISABLE', ({ bytes }) => bytes.publish({ value: detached() })],
    [
      'a detached key',
      'MILL_UNSERIALISABLE',
      ({ bytes }) => bytes.publish({ key: detached(), value: new Uint8Array() }),
    ],
    ['text as bytes', 'MILL_UNSERIALISABLE', ({ bytes }) => bytes.publish(bad({ value: 'text' }))],
    ['half a surrogate pair', 'MILL_UNSERIALISABLE', ({ text }) => text.publish({ value: '\ud800' })],
    [
      'a header that is a number',
      'MILL_UNSERIALISABLE',
      ({ topic }) => topic.publish(bad({ value: 1, headers: { a: 1 } })),
    ],
    ['without a promise', 'MILL_UNSERIALISABLE', ({ topic }) => topic.tryPublish({ value: 1n })],
  ],
  'a message that is none': [
    ['nothing', 'MILL_INVALID_OPTION', ({ topic }) => topic.publish(bad(undefined))],
    ['text', 'MILL_INVALID_OPTION', ({ topic }) => topic.publish(bad('text'))],
    ['a key that is a number', 'MILL_INVALID_OPTION', ({ topic }) => topic.publish(bad({ key: 5, value: 1 }))],
    ['a batch that is no array', 'MILL_INVALID_OPTION', ({ topic }) => topic.publishBatch({} as never)],
  ],
  'a record that is too large': [
    ['the value', 'MILL_TOO_LARGE', ({ bytes }) => bytes.publish({ value: new Uint8Array(1_001) })],
    ['the key', 'MILL_TOO_LARGE', ({ topic }) => topic.publish({ key: 'k'.repeat(1_001), value: 1 })],
    ['the headers', 'MILL_TOO_LARGE', ({ topic }) => topic.publish({ value: 1, headers: { a: 'b'.repeat(1_001) } })],
    ['without a promise', 'MILL_TOO_LARGE', ({ bytes }) => bytes.tryPublish({ value: new Uint8Array(1_001) })],
  ],
  'a number out of its range': [
    ...[...ODD_NUMBERS, 2].map(
      (partition): Case => [
        `partition ${partition}`,
        'MILL_OUT_OF_RANGE',
        ({ topic }) => topic.publish({ value: 1, partition }),
      ],
    ),
    ['partition "1"', 'MILL_OUT_OF_RANGE', ({ topic }) => topic.publish(bad({ value: 1, partition: '1' }))],
    ...ODD_NUMBERS.map(
      (timestamp): Case => [
        `timestamp ${timestamp}`,
        'MILL_OUT_OF_RANGE',
        ({ topic }) => topic.publish({ value: 1, timestamp }),
      ],
    ),
    ...[...ODD_NUMBERS, 0, 1_025].map(
      (partitions): Case => [
        `partitions ${partitions}`,
        'MILL_OUT_OF_RANGE',
        ({ broker }) => broker.topic('other', { partitions }),
      ],
    ),
    ...[...ODD_NUMBERS, 0].flatMap((number): Case[] => [
      [`attempts ${number}`, 'MILL_OUT_OF_RANGE', ({ topic }) => topic.group('h').consume({ attempts: number })],
      [`window ${number}`, 'MILL_OUT_OF_RANGE', ({ topic }) => topic.group('h').observe({ window: number })],
      [
        `limit ${number}`,
        'MILL_OUT_OF_RANGE',
        ({ broker, topic }) => broker.deadLetters(topic.name).browse({ limit: number }),
      ],
    ]),
    ['attempts "5"', 'MILL_INVALID_OPTION', ({ topic }) => topic.group('h').consume({ attempts: '5' as never })],
  ],
  'an option that there is not': [
    ['of a topic', 'MILL_UNKNOWN_OPTION', ({ broker }) => broker.topic('other', { partition: 2 } as never)],
    ['of a group', 'MILL_UNKNOWN_OPTION', ({ topic }) => topic.group('h').consume({ prefech: 1 } as never)],
    ['of a publish', 'MILL_UNKNOWN_OPTION', ({ topic }) => topic.publish({ value: 1 }, { timeout: 1 } as never)],
    [
      'of a replay',
      'MILL_UNKNOWN_OPTION',
      ({ broker, topic }) => broker.deadLetters(topic.name).replay({}, { too: 'x' } as never),
    ],
    ['an event', 'MILL_UNKNOWN_OPTION', ({ broker }) => broker.on('deadLetered' as never, () => undefined)],
  ],
  'a topic or group with other settings': [
    ['partitions', 'MILL_CONFIG_MISMATCH', ({ broker, topic }) => broker.topic(topic.name, { partitions: 3 })],
    ['codec', 'MILL_CONFIG_MISMATCH', ({ broker, topic }) => broker.topic(topic.name, { codec: 'bytes' })],
    [
      'where a group starts',
      'MILL_CONFIG_MISMATCH',
      ({ topic }) => topic.group('g').handle(() => undefined, { from: 'latest' }),
    ],
  ],
  'dead letters that would go round': [
    [
      'to the topic itself',
      'MILL_INVALID_OPTION',
      ({ topic }) => topic.group('h').handle(() => undefined, { deadLetter: topic.name }),
    ],
    [
      'nowhere, after a last attempt',
      'MILL_INVALID_OPTION',
      ({ topic }) => topic.group('h').handle(() => undefined, { deadLetter: false }),
    ],
  ],
  'a handler that cannot be one': [
    ['none', 'MILL_HANDLER', ({ topic }) => topic.group('h').run({} as never)],
    ['a relative path', 'MILL_HANDLER', ({ topic }) => topic.group('h').run({ handler: './handler.js' })],
    [
      'a missing file',
      'MILL_HANDLER',
      ({ topic }) => topic.group('h').run({ handler: '/nowhere/handler.js', threads: 1 }),
    ],
    ['http:', 'MILL_HANDLER', ({ topic }) => topic.group('h').run({ handler: new URL('http://localhost/handler.js') })],
    ['data:', 'MILL_HANDLER', ({ topic }) => topic.group('h').run({ handler: new URL('data:text/javascript,1') })],
    ['no function', 'MILL_HANDLER', ({ topic }) => topic.group('h').handle(5 as never)],
  ],
}

async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
    return undefined
  } catch (error) {
    return error
  }
}

for (const [row, cases] of Object.entries(ROWS)) {
  t.test(`${row}: a typed error, and everything goes on as before`, async t => {
    const broker = await sharedBroker()
    const topic = await newTopic<unknown>(SMALL)
    const bytes = await newTopic<Uint8Array>({ ...SMALL, codec: 'bytes' })
    const text = await newTopic<string>({ ...SMALL, codec: 'string' })
    const place = { broker, topic, bytes, text }
    const before = await topic.stats()
    for (const [what, code, call] of cases) {
      const error = await errorOf(() => call(place))
      t.ok(isMillraceError(error, code), `${what}: ${code}, not ${String(error)}`)
    }
    t.strictSame(await topic.stats(), before, 'nothing was appended')
    await topic.publish({ key: 'k', value: 'good' })
    await bytes.publish({ key: new Uint8Array([1]), value: new Uint8Array([2]) })
    await text.publish({ value: 'good' })
    for (const each of [topic, bytes, text]) t.equal((await readAll(each as Topic<unknown>, 'g')).length, 1)
    t.strictSame(Object.keys(Object.getPrototypeOf({})), [])
  })
}

t.test('names and payloads that are names of JavaScript’s own are names and payloads like any other', async t => {
  const broker = await sharedBroker()
  const prototype = JSON.stringify(Object.getOwnPropertyNames(Object.prototype))
  const payload = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}')
  for (const name of ['__proto__', 'constructor', 'hasOwnProperty', 'toString']) {
    const topic = await broker.topic<unknown>(name)
    await topic.publish({ key: name, value: payload, headers: JSON.parse('{"__proto__":"h"}') })
    const [read] = (await readAll(topic, name)) as [Delivery<Record<string, unknown>>]
    t.equal(read.key, name)
    t.ok(Object.hasOwn(read.value, '__proto__'), 'as its own data')
    t.equal(JSON.stringify(read.value), JSON.stringify(payload))
    t.strictSame(Object.entries(read.headers), [['__proto__', 'h']])
    t.equal(await topic.group(name).lag(), 0)
    await topic.delete()
  }
  t.equal(JSON.stringify(Object.getOwnPropertyNames(Object.prototype)), prototype)
  t.notOk('polluted' in {})
})

t.test('bytes that do not decode are a dead letter of their group, and the next record is handled', async t => {
  const broker = await sharedBroker()
  const mixed = await newTopic<unknown>({ codec: 'json' })
  const raw = await newTopic<string>({ codec: 'string' })
  const feeding = await raw.group('g').handle(
    () => {
      throw new RejectError('on')
    },
    { deadLetter: mixed.name },
  )
  await raw.publishBatch([{ value: '{' }, { value: '7' }])
  await feeding.idle()
  const seen: unknown[] = []
  const run = await mixed.group('g').handle(({ value }) => void seen.push(value))
  await run.idle()
  t.strictSame(seen, [7])
  t.match(await run.stats(), { processed: 1, deadLettered: 1 })
  t.equal(await broker.deadLetters(mixed).count({ reason: 'decode' }), 1)
})

t.test('a second settlement, and one that comes too late, is an error and changes nothing', async t => {
  const topic = await newTopic<number>()
  await topic.publishBatch([1, 2].map(value => ({ value })))
  let kept: ManualDelivery<number> | undefined
  for await (const delivery of topic.group('g').consume()) {
    kept = delivery
    delivery.ack()
    for (const act of ['ack', 'nack', 'reject', 'release'] as const)
      t.throws(() => delivery[act](), { code: 'MILL_SETTLED' }, act)
    break
  }
  t.throws(() => kept?.ack(), { code: 'MILL_SETTLED' })
  await until(async () => (await topic.group('g').lag()) === 1)
  t.match(await topic.group('g').stats(), { processed: 1, deadLettered: 0, failures: 0 })
})

t.test('after close every call says so', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<number>('orders')
  await topic.publish({ value: 1 })
  const run = await topic.group('g').handle(() => undefined)
  let held: ManualDelivery<number> | undefined
  const reading = (async () => {
    for await (const delivery of topic.group('h').consume()) held = delivery
  })()
  let unsettled: ManualDelivery<number> | undefined
  topic
    .group('o')
    .observe()
    .subscribe(delivery => {
      unsettled = delivery
    })
  await until(() => held !== undefined && unsettled !== undefined)
  await broker.close()
  const late = topic.group('late')
  const calls: readonly (readonly [string, () => unknown])[] = [
    ['publish', () => topic.publish({ value: 1 })],
    ['tryPublish', () => topic.tryPublish({ value: 1 })],
    ['publishBatch', () => topic.publishBatch([{ value: 1 }])],
    ['topic', () => broker.topic('other')],
    ['stats', () => topic.stats()],
    ['handle', () => late.handle(() => undefined)],
    ['consume', () => late.consume().next()],
    ['deadLetters', () => broker.deadLetters(topic).purge({})],
    ['pause', () => run.pause()],
  ]
  for (const [what, call] of calls) t.match(await errorOf(call), { code: 'MILL_CLOSED' }, what)
  t.throws(() => held?.ack(), { code: 'MILL_SETTLED' }, 'its next turn acked it')
  for (const act of ['ack', 'nack', 'reject', 'release'] as const)
    t.throws(() => unsettled?.[act](), { code: 'MILL_CLOSED' }, `${act}: what it held is nobody’s any more`)
  await reading.catch(() => undefined)
  await broker.close() // a second time is no error
})

t.test('a handler module that is none is refused before any record moves', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bad-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const topic = await newTopic<number>({ groups: ['g'] })
  await topic.publish({ value: 1 })
  const modules = {
    'broken.mjs': 'this is no program',
    'throws.mjs': 'throw new Error("at load")',
    'empty.mjs': 'export const nothing = 1',
    'plain.mjs': 'export default 5',
  }
  for (const [name, source] of Object.entries(modules)) {
    writeFileSync(join(folder, name), source)
    const handler = pathToFileURL(join(folder, name))
    t.match(await rejection(topic.group('g').run({ handler, threads: 1 })), { code: 'MILL_HANDLER' }, name)
  }
  t.equal(await topic.group('g').lag(), 1)
  const run = await topic.group('g').handle(() => undefined)
  await run.idle()
  t.equal(await topic.group('g').lag(), 0)
})

t.test('an exported line of another format, or none, is refused', async t => {
  for (const line of ['', 'text', 'null', '{"millrace":2,"topic":"orders"}', '{"topic":"orders"}'])
    t.throws(() => parseDeadLetter(line), { code: 'MILL_DECODE' }, line)
})
