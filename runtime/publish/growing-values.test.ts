/** Bytes over a shared buffer that another thread grows meanwhile: no more is written than there is room for. */
import { Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { readAll } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { SHIFT_BYTES, writeBytes } from './value-writer.ts'

const MAX = 1_000
const LOOKS_MAX = 12

/** Eight bytes, and 3,000 from the look number `at` at its length on, as if another thread had grown it right then. */
function growing(at: number): Uint8Array {
  const buffer = Reflect.construct(SharedArrayBuffer, [8, { maxByteLength: 3_000 }]) as SharedArrayBuffer
  const bytes = new Uint8Array(buffer).fill(7)
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length') ?? {}
  let looks = 0
  Object.defineProperty(bytes, 'length', {
    get(): unknown {
      if (looks++ === at) (buffer as SharedArrayBuffer & { grow(to: number): void }).grow(3_000)
      return get?.call(bytes)
    },
  })
  return bytes
}

for (const [name, before, after] of [
  ['published', {}, {}],
  ['published with a header', { headers: { a: '1' } }, {}],
  ['published as a batch', {}, null],
] as const)
  t.test(`what is ${name} has the length that it had when room was made, or is refused`, async t => {
    const topic = await newTopic<Uint8Array>({ codec: 'bytes', maxMessageBytes: MAX })
    let [stored, refused] = [0, 0]
    for (let at = 0; at < LOOKS_MAX; at++) {
      const grown = { key: 'k', value: growing(at), ...before }
      const next = { key: 'k', value: new Uint8Array([at]) }
      try {
        await (after === null ? topic.publishBatch([next, grown]) : topic.publish(grown))
        stored++
      } catch (error) {
        t.match(error, { code: /MILL_TOO_LARGE|MILL_UNPUBLISHED/ })
        refused++
      }
      await topic.publish(next)
    }
    t.ok(stored > 0 && refused > 0, `${stored} stored, ${refused} refused`)
    const lengths = (await readAll(topic)).map(({ value }) => value.length)
    t.equal(lengths.filter(length => length === 8).length, stored)
    t.equal(lengths.filter(length => length === 1).length, lengths.length - stored)
  })

t.test('what a value has grown by is not written', async t => {
  const memory = Memory.allocate(1 << 13)
  for (const [bytes, length] of [
    [new Uint8Array(3_000).fill(7), 8],
    [new Uint8Array(3_000).fill(7).subarray(3), 200],
  ] as const) {
    memory.u8.fill(0)
    writeBytes(memory, bytes, 64, length)
    t.same(memory.u8.slice(64, 64 + length), new Uint8Array(length).fill(7))
    t.ok(memory.u8.slice(64 + length + SHIFT_BYTES).every(byte => byte === 0))
  }
})

t.test('bytes as a key keep the length that they had at the call', async t => {
  const topic = await newTopic<string>({ codec: 'string' })
  const key = growing(2)
  await topic.publish({ key, value: 'a' })
  await topic.publish({ key: 'other', value: 'b' })
  t.strictSame(
    (await readAll(topic)).map(({ keyBytes, value }) => [keyBytes?.length, value]),
    [
      [8, 'a'],
      [5, 'b'],
    ],
  )
})
