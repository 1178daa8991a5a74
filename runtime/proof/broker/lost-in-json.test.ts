/** What would arrive as nothing is refused by the `json` codec, with what to publish instead; the rest is as JSON has it. */
import t from 'tap'
import { codecOf } from '../../words/codec.ts'

const json = codecOf('json')

const LOST: readonly (readonly [unknown, RegExp])[] = [
  [new Map([[1, 2]]), /a Map: publish Object\.fromEntries\(map\), or \[\.\.\.map\]/],
  [new Set([1]), /a Set: publish \[\.\.\.set\]/],
  [Promise.resolve(1), /a Promise: await it first/],
  [new Error('e'), /an Error: publish \{ name, message \}/],
  [Object.assign(new TypeError('e'), { code: 'E' }), /an Error/],
  [/x/, /a RegExp: publish String\(regexp\)/],
  [new Blob(['x']), /a Blob: publish a plain object/],
  [new URLSearchParams('a=1'), /a URLSearchParams: publish Object\.fromEntries/],
  [new WeakMap(), /a WeakMap/],
  [new ArrayBuffer(2), /an ArrayBuffer: open the topic with `codec: 'bytes'`/],
  [Uint8Array.of(1), /a Uint8Array: open the topic with/],
  [Buffer.from('hi'), /a Uint8Array: open the topic with/],
  [new Float64Array(1), /a Float64Array/],
]

for (const [value, message] of LOST)
  t.test(`what is in ${Object.prototype.toString.call(value)} is not lost without a word`, async t => {
    t.throws(() => json.encode(value), { code: 'MILL_UNSERIALISABLE', message })
  })

t.test('what JSON can hold, or somebody has said how, is published', async t => {
  class Empty {}
  class Told extends Error {
    toJSON(): unknown {
      return { name: this.name, message: this.message }
    }
  }
  for (const [value, text] of [
    [{}, '{}'],
    [[], '[]'],
    [new Empty(), '{}'],
    [Object.create(null), '{}'],
    [{ f() {} }, '{}'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [new URL('http://a/'), '"http://a/"'],
    [new Told('x'), '{"name":"Error","message":"x"}'],
    [{ map: new Map() }, '{"map":{}}'],
  ] as const)
    t.equal(json.encode(value), text)
})
