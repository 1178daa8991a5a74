import t from 'tap'
import { type Codec, codecOf } from '../words/codec.ts'
import { producerCodecOf } from './written-json.ts'

const X24 = 'x'.repeat(24)

function textOf(encoded: string | Uint8Array | null): string {
  return Buffer.from(encoded as string).toString('utf8')
}

/** A codec that has seen these values. */
function codecAfter(...values: readonly unknown[]): Codec {
  const codec = producerCodecOf('json')
  for (const value of values) codec.encode(value)
  return codec
}

t.test('values with keys that were seen are written as bytes, which are those of JSON.stringify', async t => {
  const order = { id: 1, customer: 'x', lines: [{ sku: 'a', price: 1.5 }], note: null, isPaid: true }
  const alike = [
    { id: 0, customer: 'customer-123', lines: [], note: null, isPaid: false },
    { id: -204.25, customer: X24, lines: [order.lines[0], { sku: '', price: -0 }], note: 'so', isPaid: true },
    { id: 2 ** 31, customer: 1e21, lines: [{ sku: 9, price: 5e-324 }], note: `${X24}7`, isPaid: 2_147_483_647 },
  ]
  const codec = codecAfter(order)
  for (const value of alike) {
    const encoded = codec.encode(value)
    t.ok(encoded instanceof Uint8Array, JSON.stringify(value))
    t.equal(textOf(encoded), JSON.stringify(value))
  }
})

t.test('kinds of objects are told apart by keys behind what has other keys inside', async t => {
  const kinds = [
    { at: { x: 1 }, name: 'a' },
    { at: { y: 1 }, size: 1 },
    { at: [], kind: 'b' },
    { at: [{ z: 1 }], sort: 'c' },
  ]
  const codec = codecAfter(...kinds)
  for (const value of kinds) {
    const encoded = codec.encode(value)
    t.ok(encoded instanceof Uint8Array, JSON.stringify(value))
    t.equal(textOf(encoded), JSON.stringify(value))
  }
})

t.test('integers of any size are written as JSON.stringify writes them, and as little work', async t => {
  const codec = codecAfter({ at: 1 })
  const powers = Array.from({ length: 54 }, (_, power) => 2 ** power)
  const tens = Array.from({ length: 17 }, (_, power) => 10 ** power)
  const near = [0, ...powers, ...tens, Date.now()].flatMap(value => [value - 1, value, value + 1])
  for (const value of near.flatMap(each => [each, -each])) {
    const encoded = codec.encode({ at: value })
    t.ok(encoded instanceof Uint8Array, `${value} is no reason to pause`)
    t.equal(textOf(encoded), JSON.stringify({ at: value }))
  }
})

t.test('bytes that were given out are not written to again', async t => {
  const codec = codecAfter({ id: 1, text: 'x' })
  const values = Array.from({ length: 5_000 }, (_, id) => ({ id, text: `text-${id}` }))
  const encoded = values.map(value => codec.encode(value))
  t.ok(encoded.every(bytes => bytes instanceof Uint8Array))
  t.strictSame(
    encoded.map(textOf),
    values.map(value => JSON.stringify(value)),
  )
})

t.test('what is not plain is left to JSON.stringify', async t => {
  class Stamp {
    a = 1
    b = 2
  }
  const odd: readonly unknown[] = [
    ...[
      { a: 1, b: Number.NaN },
      { a: 1, b: Number.POSITIVE_INFINITY },
      { a: undefined, b: 1 },
      { a: 1 },
      { a: 1, b: 2, c: 3 },
    ],
    ...[
      { b: 1, a: 2 },
      { a: 1, b: new Date(0) },
      { a: 1, b: { toJSON: () => 'own' } },
      { a: '"', b: '\n' },
      { a: 'é', b: 1 },
    ],
    ...[new Stamp(), { a: 1, b: 2, toJSON: () => 'own' }, { a: `${X24}"`, b: `${X24}\\` }, { a: '\ud800', b: 1 }],
    ...[Object.assign(Object.create({ c: 1 }), { a: 1, b: 2 }), Object.assign(Object.create(null), { a: 1, b: 2 })],
    ...[
      Object.defineProperty({ a: 1, b: 2 }, 'toJSON', { value: () => 'hidden' }),
      [Object.assign([1], { toJSON: () => 5 })],
    ],
  ]
  for (const value of odd) {
    const codec = codecAfter({ a: 1, b: 2 }, [[1]])
    const encoded = codec.encode(value)
    t.equal(typeof encoded, 'string')
    t.equal(encoded, JSON.stringify(value))
  }
  const codec = codecAfter({ a: 1, b: 2 })
  codec.encode({ a: X24, b: '"' })
  const half = { a: `${'x'.repeat(23)}é`, b: 'ok' }
  t.equal(textOf(codec.encode(half)), JSON.stringify(half))
})

t.test('what cannot be written is refused as by the codec of all, and the next value is written', async t => {
  const codec = codecAfter({ a: 1 })
  const circular: Record<string, unknown> = {}
  circular.a = circular
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const thrown = new Error('thrown')
  const throwing = {
    get a(): never {
      throw thrown
    },
  }
  for (const value of [{ a: 5n }, circular, proxy, { a: proxy }]) {
    t.throws(() => codec.encode(value), { code: 'MILL_UNSERIALISABLE' })
  }
  t.throws(() => codec.encode(throwing), { code: 'MILL_UNSERIALISABLE', cause: thrown })
  t.equal(textOf(codec.encode({ a: 2 })), '{"a":2}')
  t.equal(codec.encode(null), null)
})

t.test('a value of which a getter publishes another one is written whole', async t => {
  const codec = codecAfter({ a: 1, b: 2 })
  let inner: string | Uint8Array | null = null
  const value = {
    a: 'first',
    get b(): string {
      inner = codec.encode({ a: 'inner', b: 'inner' })
      return 'second'
    },
  }
  t.equal(textOf(codec.encode(value)), '{"a":"first","b":"second"}')
  t.equal(textOf(inner), '{"a":"inner","b":"inner"}')
})

t.test('values that are larger than a piece, or too deep, are left to JSON.stringify', async t => {
  const codec = codecAfter({ text: '', list: [1] })
  for (const length of [60_000, 65_500, 70_000]) {
    const value = { text: 'x'.repeat(length), list: [1] }
    t.equal(textOf(codec.encode(value)), JSON.stringify(value))
    const list = { text: '', list: new Array<number>(length / 10).fill(123_456_789) }
    t.equal(textOf(codec.encode(list)), JSON.stringify(list))
  }
  let deep: unknown = 1
  for (let depth = 0; depth < 50; depth++) deep = { deep }
  const deepCodec = codecAfter(deep)
  t.equal(deepCodec.encode(deep), JSON.stringify(deep))
})

t.test('values that never look alike are soon left to JSON.stringify', async t => {
  const codec = producerCodecOf('json')
  for (let index = 0; index < 32; index++) codec.encode({ [`odd${index}`]: 1 })
  const again = { odd0: 2 }
  for (let index = 0; index < 256; index++) t.equal(typeof codec.encode(again), 'string')
  t.ok(codec.encode(again) instanceof Uint8Array)
})

t.test('only json has a codec that learns', async t => {
  t.equal(producerCodecOf('bytes'), codecOf('bytes'))
  t.equal(producerCodecOf('string'), codecOf('string'))
  const bytes = Buffer.from('{"a":1}')
  t.strictSame(producerCodecOf('json').decode(bytes, 0, bytes.length), { a: 1 })
})

t.test(
  'values that do not fit into the rest of a piece are written into the next one, and too large ones are not',
  async t => {
    const codec = codecAfter({ text: '' })
    for (const length of [20_000, 20_000, 20_000, 20_000, 60_000, 20_000, 60_000]) {
      const value = { text: 'x'.repeat(length) }
      const encoded = codec.encode(value)
      t.ok(encoded instanceof Uint8Array, `${length}`)
      t.equal(textOf(encoded), JSON.stringify(value))
    }
    const large = { text: 'x'.repeat(70_000) }
    t.equal(codec.encode(large), JSON.stringify(large))
  },
)
