import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { type Codec, codecOf } from '../words/codec.ts'
import { readerCodecOf } from './learning-json.ts'
import { shapedReader, UNKNOWN } from './shaped-json.ts'
import { ValueShapes } from './value-shapes.ts'

function decode(codec: Codec, text: string | Buffer): unknown {
  const bytes = Buffer.from(text)
  return codec.decode(bytes, 0, bytes.length)
}

/** What the reader says of a text after it has learnt the others. */
function readAfter(texts: readonly string[], text: string): unknown {
  const shapes = new ValueShapes()
  for (const each of texts) shapes.learn(JSON.parse(each))
  return readBy(shapes, text)
}

function readBy(shapes: ValueShapes, text: string): unknown {
  const bytes = Buffer.from(text)
  return shapedReader.read(shapes.root, bytes, 0, bytes.length)
}

t.test('values that look like those before are read without JSON.parse', async t => {
  const order = '{"id":1,"customer":"x","lines":[{"sku":"a","price":1.5}],"note":null,"isPaid":true}'
  const alike = [
    '{"id":-204.25,"customer":"Zürich","lines":[],"note":"\\"so\\"\\n","isPaid":false}',
    '{"id":0,"customer":"a customer with a long name","lines":[{"sku":"b","price":1e-7},{"sku":"","price":-0}],"note":null,"isPaid":null}',
    '{"id":"one","customer":12345678901234567890,"lines":[{"sku":true,"price":{}}],"note":[],"isPaid":true}',
  ]
  for (const text of alike) t.strictSame(readAfter([order], text), JSON.parse(text), text)
  const others = [
    '{"id":1,"customer":"x","lines":[{"sku":"a"}],"note":null,"isPaid":true}',
    '{"id":1,"customer":"x"}',
    '{"customer":"x","id":1,"lines":[],"note":null,"isPaid":true}',
    '{"id":1, "customer":"x","lines":[],"note":null,"isPaid":true}',
    '{"id":{"a":1},"customer":"x","lines":[],"note":null,"isPaid":true}',
  ]
  for (const text of others) t.equal(readAfter([order], text), UNKNOWN, text)
  for (const text of others.filter(text => !text.includes(' ')))
    t.strictSame(readAfter([order, ...others], text), JSON.parse(text), text)
})

t.test('what is no JSON is left to JSON.parse, which says so', async t => {
  const known = '{"id":1,"at":1.5,"name":"x"}'
  const wrong = [
    ...['{"id":01,"at":1,"name":"x"}', '{"id":1.,"at":1,"name":"x"}', '{"id":-,"at":1,"name":"x"}'],
    ...['{"id":1e,"at":1,"name":"x"}', '{"id":.5,"at":1,"name":"x"}', '{"id":1,"at":tru,"name":"x"}'],
    ...['{"id":1,"at":1,"name":"x"', '{"id":1,"at":1,"name":"x}', '{"id":1,"at":1,"name":"\\q"}'],
    ...['{"id":1,"at":1,"name":"abcd\u0001efgh"}', '{"id":1,"at":1,"name":"abcdefg\n"}'],
    ...['{"id":1,"at":1,"name":"\n"}', '{"id":1,"at":1,"name":"x"}}', '{"id":,"at":1,"name":"x"}'],
  ]
  const codec = readerCodecOf('json')
  decode(codec, known)
  for (const text of wrong) {
    t.equal(readAfter([known], text), UNKNOWN, text)
    t.throws(() => decode(codec, text), { code: 'MILL_DECODE' }, text)
  }
  t.throws(() => decode(codec, Buffer.from([...Buffer.from(known.slice(0, -2)), 0xc3, 0x22, 0x7d])), {
    code: 'MILL_DECODE',
    message: /not UTF-8/,
  })
  t.strictSame(decode(codec, known), { id: 1, at: 1.5, name: 'x' })
})

t.test('numbers are rounded as JSON.parse rounds them', async t => {
  const numbers = [
    ...['0.1', '4.35', '19.99', '-0', '-0.0', '0.000001', '999999999999999', '9007199254740993', '123456789.0123456'],
    ...[
      '0.12345678901234567',
      '1e22',
      '1e23',
      '1.5E-10',
      '5e-324',
      '1e400',
      '-1e+2',
      '100000000000000000000',
      '0e0',
      '33468984767777837',
    ],
  ]
  for (const text of numbers) t.ok(Object.is(readAfter(['1'], text), JSON.parse(text)), text)
})

t.test('keys that are numbers come first, as after JSON.parse', async t => {
  for (const text of ['{"b":1,"7":2}', '{"7":1,"b":2}', '{"10":1,"9":2}']) {
    const value = readAfter([text], text)
    if (value !== UNKNOWN) t.equal(JSON.stringify(value), JSON.stringify(JSON.parse(text)), text)
    t.strictSame(decode(readerCodecOf('json'), text), JSON.parse(text))
  }
  t.strictSame(readAfter(['{"7":1,"b":2}'], '{"7":3,"b":4}'), { 7: 3, b: 4 })
})

t.test('a text that ends within its fetch is not read beyond its end', async t => {
  const shapes = new ValueShapes()
  shapes.learn({ id: 1 })
  shapes.learn([1])
  shapes.learn('text')
  for (const [text, behind] of [
    ['{"id":1', '}'],
    ['{"id":', '5}'],
    ['[1', ']'],
    ['"te', 'xt"'],
    ['tru', 'e'],
    ['fals', 'e'],
  ] as const) {
    const bytes = Buffer.from(text + behind)
    t.equal(shapedReader.read(shapes.root, bytes, 0, text.length), UNKNOWN, text)
    t.strictSame(shapedReader.read(shapes.root, bytes, 0, bytes.length), JSON.parse(text + behind))
  }
})

t.test('objects have plain prototypes and own properties, whatever their keys are', async t => {
  const text = '{"__proto__":{"admin":true},"constructor":1,"toString":"x"}'
  const value = readAfter([text], text) as Record<string, unknown>
  t.equal(Object.getPrototypeOf(value), Object.prototype)
  t.same(Object.keys(value), ['__proto__', 'constructor', 'toString'])
  t.equal(Reflect.get(value, 'admin'), undefined)
  t.equal(Reflect.get({}, 'admin'), undefined)
})

t.test('a setter on Object.prototype is not met', async t => {
  const shapes = new ValueShapes()
  shapes.learn({ learntBefore: 1 })
  Object.defineProperty(Object.prototype, 'learntBefore', {
    configurable: true,
    set: () => t.fail('the setter was called'),
  })
  try {
    const value = readBy(shapes, '{"learntBefore":2}') as object
    t.equal(Object.getOwnPropertyDescriptor(value, 'learntBefore')?.value, 2)
  } finally {
    Reflect.deleteProperty(Object.prototype, 'learntBefore')
  }
})

t.test('a value belongs to who reads it: the next one is another', async t => {
  const codec = readerCodecOf('json')
  const text = '{"a":{"b":[1]},"c":"x"}'
  decode(codec, text)
  const one = decode(codec, text) as { a: { b: number[] }; c: string; d?: number }
  one.a.b.push(2)
  one.c = 'changed'
  one.d = 1
  t.strictSame(decode(codec, text), JSON.parse(text))
})

t.test('what is learnt has a bound: keys, followers, depth', async t => {
  const keys = new ValueShapes()
  const large = (group: number): object =>
    Object.fromEntries(Array.from({ length: 60 }, (_, key) => [`${group}-${key}`, 1]))
  keys.learn(Object.fromEntries(Array.from({ length: 8 }, (_, group) => [`group${group}`, large(group)])))
  for (let index = 0; index < 1_000; index++) keys.learn({ [`free${index}`]: { [`inner${index}`]: 1 } })
  t.equal(readBy(keys, '{"free999":{"inner999":1}}'), UNKNOWN)
  t.ok(keys.size <= 256, `${keys.size} keys`)
  const deep = `${'{"a":'.repeat(50)}1${'}'.repeat(50)}`
  t.equal(readAfter([deep], deep), UNKNOWN)
  const shallow = `${'{"a":'.repeat(5)}1${'}'.repeat(5)}`
  t.strictSame(readAfter([deep, shallow], shallow), JSON.parse(shallow))
  const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 65 }, (_, key) => [`k${key}`, 1])))
  t.equal(readAfter([wide], wide), UNKNOWN)
})

t.test('a string that is kept keeps no fetch', async t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const text = JSON.stringify({ short: 'abcdefghijkl', long: 'abcdefghijklm' })
  const kept: unknown[] = []
  const codec = readerCodecOf('json')
  collect()
  const before = process.memoryUsage().heapUsed
  for (let fetch = 0; fetch < 200; fetch++) {
    const bytes = Buffer.alloc(65_536, text)
    for (let at = 0; at < 100; at++) {
      const value = codec.decode(bytes, at * text.length, (at + 1) * text.length) as Record<string, string>
      if (at === 99) kept.push(value.short, value.long)
    }
  }
  collect()
  const more = process.memoryUsage().heapUsed - before
  t.equal(kept.length, 400)
  t.ok(more < 4_000_000, `${more} bytes more, where the texts of all fetches have 13,107,200`)
})

/** How many of the values the codec does not leave to JSON.parse. */
function tried(codec: Codec, texts: readonly string[]): number {
  const parse = JSON.parse
  const given = new Set(texts)
  let parses = 0
  JSON.parse = (text: string) => {
    if (given.has(text)) parses++
    return parse(text)
  }
  try {
    for (const text of texts) decode(codec, text)
  } finally {
    JSON.parse = parse
  }
  return texts.length - parses
}

t.test('values that never look alike are soon left to JSON.parse, for longer each time', async t => {
  const codec = readerCodecOf('json')
  const alike = (count: number): string[] => new Array<string>(count).fill('{"a":1}')
  t.equal(tried(codec, alike(1_000)), 999)
  const odd = Array.from({ length: 32 }, (_, index) => `{"odd${index}": 1}`)
  t.equal(tried(codec, odd), 0)
  t.equal(tried(codec, alike(256)), 0)
  t.equal(tried(codec, alike(100)), 100)
  t.equal(tried(codec, [...odd, ...odd]), 0)
  t.equal(tried(codec, alike(512)), 32)
})

t.test('values that cost more than they save are left to JSON.parse as well', async t => {
  const codec = readerCodecOf('json')
  const text = '{"a":"é","b":"ü","c":1}'
  t.equal(tried(codec, new Array<string>(32).fill(text)), 31)
  t.equal(tried(codec, new Array<string>(100).fill(text)), 0)
})

t.test('only json has a codec that learns, and it encodes as the other does', async t => {
  t.equal(readerCodecOf('bytes'), codecOf('bytes'))
  t.equal(readerCodecOf('string'), codecOf('string'))
  const codec = readerCodecOf('json')
  t.equal(codec.name, 'json')
  t.equal(codec.encode({ a: 1 }), '{"a":1}')
  t.equal(codec.encode(null), null)
  t.throws(() => codec.encode(1n), { code: 'MILL_UNSERIALISABLE' })
})
