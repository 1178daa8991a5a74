/** What is stored of a message and comes back: keys, headers, values, timestamps; and messages that misbehave. */
import t from 'tap'
import type { Headers, Message } from '../index.ts'
import { readAll, rejection, SMALL } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'

t.test('keys are text or bytes, and come back as both', async t => {
  const topic = await newTopic<number>({ partitions: 4 })
  const keys = [
    '',
    'a',
    'ünï',
    'x'.repeat(300),
    'ü'.repeat(200),
    '😀',
    new Uint8Array([0, 255, 1]),
    new Uint8Array(0),
    Buffer.from('a'),
    null,
    undefined,
  ]
  for (const [value, key] of keys.entries()) await topic.publish({ key, value })
  const read = (await readAll(topic)).sort((a, b) => a.value - b.value)
  t.equal(read.length, keys.length)
  for (const [index, delivery] of read.entries()) {
    const key = keys[index] ?? null
    const bytes = typeof key === 'string' ? Buffer.from(key) : key
    t.strictSame(
      delivery.keyBytes === null ? null : [...delivery.keyBytes],
      bytes === null ? null : [...bytes],
      `key ${index}`,
    )
    t.equal(delivery.key, bytes === null ? null : Buffer.from(bytes).toString())
  }
  t.equal(read[1]?.partition, read[8]?.partition, 'text and its bytes go to one partition')
})

t.test('null is no value in every codec, and is told from an empty one', async t => {
  const json = await newTopic<unknown>()
  const bytes = await newTopic<Uint8Array | null>({ codec: 'bytes' })
  const string = await newTopic<string | null>({ codec: 'string' })
  await json.publishBatch([{ value: null }, { value: '' }, { value: 0 }, { value: [null] }])
  await bytes.publishBatch([{ value: null }, { value: new Uint8Array(0) }])
  await string.publishBatch([{ value: null }, { value: '' }])
  t.strictSame(
    (await readAll(json)).map(({ value, valueBytes }) => [value, valueBytes === null]),
    [
      [null, true],
      ['', false],
      [0, false],
      [[null], false],
    ],
  )
  t.strictSame(
    (await readAll(bytes)).map(({ value }) => value?.length),
    [undefined, 0],
  )
  t.strictSame(
    (await readAll(string)).map(({ value }) => value),
    [null, ''],
  )
})

t.test('headers come back as they were, strings as strings and bytes as bytes', async t => {
  const topic = await newTopic<number>(SMALL)
  const headers = {
    text: 'grüße',
    empty: '',
    bytes: new Uint8Array([1, 2, 255]),
    none: new Uint8Array(0),
    ['__proto__']: 'own',
    constructor: 'c',
  }
  await topic.publish({ value: 1, headers })
  await topic.publish({ value: 2, headers: {} })
  await topic.publish({ value: 3 })
  const [first, second, third] = await readAll(topic)
  t.strictSame(Object.keys(first?.headers ?? {}).sort(), Object.keys(headers).sort())
  t.equal(first?.headers.text, 'grüße')
  t.equal(first?.headers['__proto__' as string], 'own')
  t.strictSame([...((first?.headers.bytes ?? []) as Uint8Array)], [1, 2, 255])
  t.equal((first?.headers.none as Uint8Array | undefined)?.length, 0)
  t.strictSame([Object.keys(second?.headers ?? {}), Object.keys(third?.headers ?? {})], [[], []])
  t.equal(third?.headers.toString, undefined, 'headers have no prototype')
  t.equal(({} as { text?: unknown }).text, undefined)
})

t.test('timestamps are kept however far apart, and are the time of publishing by default', async t => {
  const topic = await newTopic<number>()
  const day = 86_400_000
  const given = [
    0,
    Number.MAX_SAFE_INTEGER,
    1,
    undefined,
    5,
    60 * day,
    undefined,
    4_102_444_800_000,
    4_102_444_800_001,
    4_102_444_799_000,
    undefined,
    undefined,
    7,
  ]
  const before = Date.now()
  await topic.publishBatch(given.map((timestamp, value) => ({ value, timestamp })))
  for (const [value, timestamp] of given.entries()) void topic.publish({ value, timestamp })
  await topic.flush()
  const after = Date.now()
  const read = await readAll(topic)
  t.equal(read.length, given.length * 2)
  for (const { value, timestamp, offset } of read) {
    const wanted = given[value]
    if (wanted === undefined) t.ok(timestamp >= before && timestamp <= after, `offset ${offset} was published now`)
    else t.equal(timestamp, wanted)
  }
})

t.test('an accessor that says more the second time does no harm', async t => {
  const topic = await newTopic<string>({ ...SMALL, codec: 'string' })
  const growing = (): Message<string> => {
    let asked = 0
    const headers = Object.defineProperty({ before: 'b' } as Record<string, string>, 'h', {
      enumerable: true,
      get: () => 'x'.repeat(10 ** asked++),
    })
    return { value: 'v', key: 'k', headers }
  }
  const changing = (): Message<string> => {
    let asked = 0
    return {
      get value() {
        return 'v'
      },
      get key() {
        return (asked++ === 0 ? 'key' : 5) as string
      },
    }
  }
  for (const make of [growing, changing]) {
    await topic.publish(make())
    t.ok(topic.tryPublish(make()))
    await topic.publishBatch([make(), make()])
  }
  await topic.publish({ value: 'after' })
  const read = await readAll(topic)
  t.strictSame(
    read.map(({ value }) => value),
    [...Array.from({ length: 8 }, () => 'v'), 'after'],
  )
  t.strictSame(
    read.slice(0, 4).map(({ headers }) => [headers.before, headers.h]),
    Array.from({ length: 4 }, () => ['b', 'x']),
  )
  t.strictSame(
    read.slice(4, 8).map(({ key }) => key),
    Array.from({ length: 4 }, () => 'key'),
  )
})

t.test('what cannot be stored is refused, and the producer stays usable', async t => {
  const json = await newTopic<unknown>({ ...SMALL, maxMessageBytes: 32_768, partitions: 2 })
  const bytes = await newTopic<unknown>({ codec: 'bytes' })
  const string = await newTopic<unknown>({ codec: 'string' })
  const circular: { self?: unknown } = {}
  circular.self = circular
  let deep: unknown = 0
  for (let level = 0; level < 100_000; level++) deep = [deep]
  const detached = new Uint8Array(8)
  structuredClone(null, { transfer: [detached.buffer] })
  const throwing = {
    get x() {
      throw new Error('boo')
    },
  }
  const unserialisable: readonly (readonly [typeof json, Message<unknown>])[] = [
    ...[undefined, () => 1, Symbol('s'), 5n, { a: 5n }, circular, deep, throwing].map(
      value => [json, { value }] as const,
    ),
    ...[detached, 'text', 5, {}, undefined, [1, 2]].map(value => [bytes, { value }] as const),
    ...[5, {}, 'a\ud800', undefined, new Uint8Array(1)].map(value => [string, { value }] as const),
    [json, { key: 'a\ud800', value: 1 }],
    [json, { key: `${'x'.repeat(100)}\udc00`, value: 1, partition: 1 }],
    [json, { key: detached, value: 1 }],
    [json, { value: 1, headers: { h: '\ud800' } }],
    [json, { value: 1, headers: { h: 5 } as unknown as Headers }],
    [json, { value: 1, headers: { h: detached } }],
    [json, { value: 1, headers: { '': 'x' } }],
    [json, { value: 1, headers: ['x'] as unknown as Headers }],
  ]
  for (const [topic, message] of unserialisable) {
    t.match(await rejection(topic.publish(message)), { code: 'MILL_UNSERIALISABLE' })
    t.throws(() => topic.tryPublish(message), { code: 'MILL_UNSERIALISABLE' })
    t.match(await rejection(topic.publishBatch([message])), {
      code: 'MILL_UNPUBLISHED',
      cause: { code: 'MILL_UNSERIALISABLE' },
      unpublished: { length: 1 },
    })
  }
  const invalid: readonly (readonly [unknown, string])[] = [
    [null, 'MILL_INVALID_OPTION'],
    [undefined, 'MILL_INVALID_OPTION'],
    ['text', 'MILL_INVALID_OPTION'],
    [{ value: 1, key: 5 }, 'MILL_INVALID_OPTION'],
    [{ value: 1, key: {} }, 'MILL_INVALID_OPTION'],
    ...[-1, 1.5, Number.NaN, 2 ** 53, '5', 2, {}, 5n, null].map(
      partition => [{ value: 1, partition }, 'MILL_OUT_OF_RANGE'] as const,
    ),
    ...[-1, 1.5, Number.NaN, 2 ** 53, '5', new Date()].map(
      timestamp => [{ value: 1, timestamp }, 'MILL_OUT_OF_RANGE'] as const,
    ),
  ]
  for (const [message, code] of invalid) {
    t.match(await rejection(json.publish(message as Message)), { code }, String(code))
    t.throws(() => json.tryPublish(message as Message), { code })
    t.match(await rejection(json.publishBatch([message as Message])), { cause: { code } })
  }
  for (const batch of [null, undefined, {}, 'text', 5]) {
    t.match(await rejection(json.publishBatch(batch as unknown as Message[])), { code: 'MILL_INVALID_OPTION' })
  }
  t.equal(
    (await json.publish({ value: JSON.parse('{"__proto__":{"polluted":true}}'), partition: 1 })).offset,
    0,
    'nothing was taken before',
  )
  const [own] = await readAll(json)
  t.ok(Object.hasOwn(own?.value as object, '__proto__'))
  t.equal(({} as { polluted?: unknown }).polluted, undefined)
  t.equal((await bytes.publish({ value: new DataView(new ArrayBuffer(3)) })).offset, 0)
  t.equal((await string.publish({ value: '😀' })).offset, 0)
})

t.test('a timestamp that was refused does not stay behind in the next record', async t => {
  const topic = await newTopic<number>()
  await rejection(topic.publish({ key: 'a\ud800', value: 1, timestamp: 5 }))
  const before = Date.now()
  await topic.publish({ value: 2 })
  const [only] = await readAll(topic)
  t.ok((only?.timestamp ?? 0) >= before)
})
