import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { anyText } from '../proof/fixtures/text.fixture.ts'
import { codecOf, decodeText } from './codec.ts'
import type { CodecName } from './message.ts'

const NAMES: readonly CodecName[] = ['json', 'bytes', 'string']

/** Encodes, and decodes from the middle of a larger buffer, as the log does. */
function roundTrip(name: CodecName, value: unknown): unknown {
  const encoded = Buffer.from(codecOf(name).encode(value) ?? '')
  const padded = Buffer.concat([Buffer.from([0xff]), encoded, Buffer.from([0xff])])
  return codecOf(name).decode(padded, 1, 1 + encoded.length)
}

function nestedArray(depth: number): unknown {
  let value: unknown[] = []
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

t.test('a codec carries its name, and null is no value in each', async t => {
  for (const name of NAMES) {
    t.equal(codecOf(name).name, name)
    t.equal(codecOf(name).encode(null), null)
  }
})

t.test('json gives back every JSON value', async t => {
  fc.assert(
    fc.property(
      fc.jsonValue().filter(value => value !== null),
      value => t.strictSame(JSON.stringify(roundTrip('json', value)), JSON.stringify(value)),
    ),
    { numRuns: 200 },
  )
})

t.test('json keeps __proto__ as own data', async t => {
  const got = roundTrip('json', JSON.parse('{"__proto__":{"admin":true}}')) as object
  t.same(Object.keys(got), ['__proto__'])
  t.equal(Reflect.get({}, 'admin'), undefined)
})

t.test('json refuses what it cannot hold, and says what to do', async t => {
  const circular: Record<string, unknown> = {}
  circular.self = circular
  const fault = new Error('mine')
  const cases: readonly (readonly [unknown, RegExp, object?])[] = [
    [undefined, /cannot hold undefined: publish an object/],
    [() => 1, /cannot hold a function/],
    [Symbol('s'), /cannot hold a symbol/],
    [{ toJSON: () => undefined }, /cannot hold what the `toJSON` of the value returned/],
    [1n, /holds a BigInt; convert/],
    [{ deep: [1n] }, /holds a BigInt at value\.deep\[0\]; convert/],
    [circular, /refers to itself/],
    [nestedArray(100_000), /nested too deeply/],
    [
      {
        get field() {
          throw fault
        },
      },
      /getter or `toJSON` of it threw/,
      fault,
    ],
    [
      {
        toJSON() {
          throw fault
        },
      },
      /getter or `toJSON` of it threw/,
      fault,
    ],
  ]
  for (const [value, message, cause] of cases) {
    t.throws(
      () => codecOf('json').encode(value),
      { code: 'MILL_UNSERIALISABLE', message, ...(cause && { cause }) },
      String(message),
    )
  }
  t.equal(codecOf('json').encode({ still: 'works' }), '{"still":"works"}')
})

t.test('json refuses bytes that are not JSON or not UTF-8', async t => {
  for (const bytes of [
    Buffer.from(''),
    Buffer.from('{'),
    Buffer.from('undefined'),
    Buffer.from([0x22, 0xc3, 0x22]),
    Buffer.from('\ufeff1'),
  ]) {
    t.throws(() => codecOf('json').decode(bytes, 0, bytes.length), { code: 'MILL_DECODE' }, bytes.toString('hex'))
  }
})

t.test('bytes takes any view or buffer, at its place and length', async t => {
  const buffer = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]).buffer
  const shared = new SharedArrayBuffer(2)
  const foreign: unknown = runInNewContext('new Uint8Array([9, 8]).buffer')
  const cases: readonly (readonly [unknown, readonly number[]])[] = [
    [new Uint8Array(buffer, 2, 3), [2, 3, 4]],
    [Buffer.from(buffer, 1, 1), [1]],
    [new DataView(buffer, 6), [6, 7]],
    [new Uint16Array(buffer, 2, 1), [2, 3]],
    [buffer, [0, 1, 2, 3, 4, 5, 6, 7]],
    [shared, [0, 0]],
    [foreign, [9, 8]],
    [new Uint8Array(0), []],
    [new ArrayBuffer(0), []],
    [new DataView(buffer, 8), []],
  ]
  for (const [value, expected] of cases) t.same([...(roundTrip('bytes', value) as Uint8Array)], expected)
})

t.test('bytes come back as a view, without a copy', async t => {
  const buffer = Buffer.from([1, 2, 3])
  const view = codecOf('bytes').decode(buffer, 1, 3) as Uint8Array
  buffer[1] = 7
  t.equal(view.constructor, Uint8Array)
  t.same([...view], [7, 3])
})

t.test('bytes refuses buffers that are gone, and what is no bytes', async t => {
  const detached = new ArrayBuffer(8)
  const views = [new Uint8Array(detached), new Float64Array(detached), new DataView(detached), detached]
  structuredClone(null, { transfer: [detached] })
  for (const value of views)
    t.throws(() => codecOf('bytes').encode(value), { code: 'MILL_UNSERIALISABLE', message: /transferred/ })
  for (const value of [undefined, 'text', 5, [1, 2], {}, { length: 2, byteLength: 2 }]) {
    t.throws(() => codecOf('bytes').encode(value), { code: 'MILL_UNSERIALISABLE', message: /must be a Uint8Array/ })
  }
})

t.test('string gives back every well-formed string', async t => {
  fc.assert(fc.property(anyText(), text => roundTrip('string', text) === text))
  for (const text of ['', '\ufffd', 'a\ufffdb', '\ufeffbom', '\0', '😀']) t.equal(roundTrip('string', text), text)
})

t.test('string refuses half surrogate pairs and what is no string', async t => {
  for (const value of ['\ud800', 'a\udc00', '\ud83d'])
    t.throws(() => codecOf('string').encode(value), { code: 'MILL_UNSERIALISABLE', message: /surrogate/ })
  for (const value of [undefined, 5, {}, ['a'], Buffer.from('a')])
    t.throws(() => codecOf('string').encode(value), { code: 'MILL_UNSERIALISABLE', message: /takes a string/ })
})

t.test('text is decoded exactly when the bytes are UTF-8, from private and from shared memory', async t => {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const fragment = fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    anyText().map(text => Buffer.from(text)),
  )
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 4 }), fragments => {
      const bytes = Buffer.concat(fragments)
      const shared = Buffer.from(new SharedArrayBuffer(bytes.length))
      shared.set(bytes)
      let expected: string | undefined
      try {
        expected = strict.decode(bytes)
      } catch {
        expected = undefined
      }
      for (const buffer of [bytes, shared]) {
        if (expected === undefined) t.throws(() => decodeText(buffer, 0, buffer.length), { code: 'MILL_DECODE' })
        else t.equal(decodeText(buffer, 0, buffer.length), expected)
      }
    }),
    { numRuns: 300 },
  )
})
