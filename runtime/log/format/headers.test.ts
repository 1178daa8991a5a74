import fc from 'fast-check'
import t from 'tap'
import { anyText } from '../../proof/fixtures/text.fixture.ts'
import type { Headers } from '../../words/message.ts'
import { headersSize, ownedHeaders, readHeaders, writeHeaders } from './headers.ts'
import { RoutingKeyHeader } from './routing-key-header.ts'

const PAD = 5

/** Headers in the middle of a larger buffer, as in a record. */
function written(headers: Headers): { readonly buffer: Buffer; readonly end: number } {
  const size = headersSize(headers)
  const buffer = Buffer.alloc(PAD + size + PAD, 0xaa)
  return { buffer, end: writeHeaders(buffer, PAD, headers) }
}

/** Plain data for comparison: [name, 'text'] or [name, [bytes]], in order. */
function plain(headers: Headers): unknown {
  return Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]])
}

const wellFormed = anyText()
const headersArbitrary = fc
  .array(fc.tuple(anyText({ minLength: 1, maxLength: 100 }), fc.oneof(wellFormed, fc.uint8Array())), {
    maxLength: 8,
  })
  .map(entries => Object.fromEntries(entries) as Headers)

t.test('headers come back as they were, in the bytes that were measured and no others', async t => {
  fc.assert(
    fc.property(headersArbitrary, headers => {
      const { buffer, end } = written(headers)
      t.equal(end, PAD + headersSize(headers))
      t.same(plain(readHeaders(buffer, PAD, end)), plain(headers))
      t.ok(buffer.subarray(0, PAD).every(byte => byte === 0xaa))
      t.ok(buffer.subarray(end).every(byte => byte === 0xaa))
    }),
  )
})

t.test('the bytes are those of the drawing', async t => {
  const { buffer, end } = written({ é: 'ab', x: new Uint8Array([9]) })
  t.equal(
    buffer.subarray(PAD, end).toString('hex'),
    ['02000000', '0200', '00', '00', '02000000', 'c3a9', '6162', '0100', '01', '00', '01000000', '78', '09'].join(''),
  )
})

t.test('headers go to and come from shared memory', async t => {
  const shared = Buffer.from(new SharedArrayBuffer(400))
  const headers = { ascii: 'plain', unicode: 'grüße €', long: 'ö'.repeat(80), bytes: new Uint8Array([1, 2]) }
  const end = writeHeaders(new Uint8Array(shared.buffer), 7, headers)
  t.equal(end, 7 + headersSize(headers))
  t.same(plain(readHeaders(shared, 7, end)), plain(headers))
})

t.test('no headers take four bytes', async t => {
  const { buffer, end } = written({})
  t.equal(end - PAD, 4)
  t.same(Object.keys(readHeaders(buffer, PAD, end)), [])
})

t.test('headers have no prototype, and __proto__ is a header like any other', async t => {
  const headers = JSON.parse('{"__proto__":"a","constructor":"b"}') as Headers
  const { buffer, end } = written(headers)
  const got = readHeaders(buffer, PAD, end)
  t.equal(Object.getPrototypeOf(got), null)
  t.same(plain(got), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ])
})

t.test('bytes are read as a copy, which its reader may change', async t => {
  const { buffer, end } = written({ x: new Uint8Array([1]) })
  const read = (): Uint8Array => readHeaders(buffer, PAD, end).x as Uint8Array
  read()[0] = 7
  t.same(read(), new Uint8Array([1]))
})

t.test('names are 1 to 1,000 bytes of well-formed text', async t => {
  for (const name of ['x'.repeat(1_000), 'é'.repeat(500)]) {
    const { buffer, end } = written({ [name]: 'v' })
    t.equal(readHeaders(buffer, PAD, end)[name], 'v')
  }
  for (const name of ['', 'x'.repeat(1_001), 'é'.repeat(501), '\ud800']) {
    t.throws(() => headersSize({ [name]: 'v' }), { code: 'MILL_UNSERIALISABLE', message: /^header name/ })
  }
})

t.test('values other than strings and bytes are refused', async t => {
  const detached = new Uint8Array(4)
  structuredClone(null, { transfer: [detached.buffer] })
  const values = [undefined, null, 5, true, {}, ['a'], () => 1, Symbol('s'), new ArrayBuffer(2), '\ud800', detached]
  for (const value of values) t.throws(() => headersSize({ x: value } as Headers), { code: 'MILL_UNSERIALISABLE' })
  for (const headers of [undefined, null, 5, 'x', ['a']])
    t.throws(() => headersSize(headers as unknown as Headers), { code: 'MILL_UNSERIALISABLE' })
})

t.test('headers cut short or with bytes left over are refused', async t => {
  const { buffer, end } = written({ a: 'text', b: new Uint8Array([1, 2, 3]) })
  for (let cut = PAD; cut < end; cut++)
    t.throws(() => readHeaders(buffer, PAD, cut), { code: 'MILL_DECODE' }, `cut at ${cut}`)
  t.throws(() => readHeaders(buffer, PAD, end + 1), { code: 'MILL_DECODE', message: /left over/ })
})

t.test('damaged fields are refused', async t => {
  const damage: readonly (readonly [string, (bytes: Buffer) => unknown, RegExp])[] = [
    ['count of 4 billion', bytes => bytes.writeUInt32LE(0xffffffff, 0), /cut short/],
    ['name of no bytes', bytes => bytes.writeUInt16LE(0, 4), /name of 0 bytes/],
    ['name too long', bytes => bytes.writeUInt16LE(8_193, 4), /name of 8193 bytes/],
    ['name beyond the end', bytes => bytes.writeUInt16LE(1_000, 4), /beyond the end/],
    ['unknown type', bytes => bytes.writeUInt8(3, 6), /type 3/],
    ['routing key with a name', bytes => bytes.writeUInt8(2, 6), /name of 1 bytes/],
    ['reserved byte', bytes => bytes.writeUInt8(1, 7), /reserved/],
    ['value of 4 GiB', bytes => bytes.writeUInt32LE(0xffffffff, 8), /beyond the end/],
    ['name twice', bytes => bytes.write('a', 23), /name twice/],
    ['name not UTF-8', bytes => bytes.writeUInt8(0xff, 12), /UTF-8/],
    ['value not UTF-8', bytes => bytes.writeUInt8(0xff, 13), /UTF-8/],
  ]
  for (const [title, change, message] of damage) {
    const { buffer, end } = written({ a: 'v1', b: 'v2' })
    change(buffer.subarray(PAD))
    t.throws(() => readHeaders(buffer, PAD, end), { code: 'MILL_DECODE', message }, title)
  }
})

t.test('garbage is read or refused, never anything else, and never from outside of its range', async t => {
  fc.assert(
    fc.property(headersArbitrary, fc.nat(), fc.integer({ min: 0, max: 255 }), (headers, place, byte) => {
      const { buffer, end } = written(headers)
      buffer[PAD + (place % (end - PAD))] = byte
      try {
        for (const value of Object.values(readHeaders(buffer, PAD, end))) {
          if (typeof value !== 'string' && value.length > 0)
            t.ok(value.byteOffset - buffer.byteOffset + value.length <= end)
        }
      } catch (error) {
        t.match(error, { code: 'MILL_DECODE' })
      }
    }),
    { numRuns: 500 },
  )
})

t.test('a routing key that is bytes is a header as any other', async t => {
  const headers = { 'millrace-routing-key': Uint8Array.of(1, 2) }
  const { buffer, end } = written(headers)
  t.equal(end, PAD + headersSize(headers))
  t.strictSame({ ...readHeaders(buffer, PAD, end) }, headers)
})

t.test('the header of a routing key has the bytes of any other headers', async t => {
  for (const key of ['', 'a', 'orders.eu.paid', 'é.ü', '\u{1f600}', 'x'.repeat(255)]) {
    const own = RoutingKeyHeader.of(key)
    const plain = { 'millrace-routing-key': key }
    t.equal(headersSize(own), headersSize(plain))
    const [{ buffer, end }, other] = [written(own), written(plain)]
    t.equal(end, other.end)
    t.strictSame(buffer, other.buffer)
    t.equal(end, PAD + 12 + Buffer.byteLength(key), 'its name is left out')
    t.strictSame({ ...readHeaders(buffer, PAD, end) }, plain)
    t.strictSame({ ...own }, plain)
    t.equal(ownedHeaders(own), own)
  }
})
