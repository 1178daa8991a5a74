/** Whatever the value, and whatever was written before: a producer's codec writes what JSON.stringify writes. */
import t from 'tap'
import { drawn } from '../proof/fixtures/portion.fixture.ts'
import { Chance } from '../proof/sim/chance.ts'
import { family } from '../reader/json-samples.fixture.ts'
import { type Codec, codecOf } from '../words/codec.ts'
import { producerCodecOf } from './written-json.ts'

const FAMILIES = 2_000
const VALUES = 200

class Money {
  readonly amount = 5
}

class Stamp {
  toJSON(): string {
    return 'stamp'
  }
}

/** What JSON has rules of its own for. */
const ODD: readonly (() => unknown)[] = [
  ...[() => undefined, () => Number.NaN, () => Number.NEGATIVE_INFINITY, () => 5n, () => Symbol('s'), () => () => 1],
  ...[
    () => new Date(0),
    () => new Money(),
    () => new Stamp(),
    () => new Map([[1, 2]]),
    () => Object(5),
    () => Object('x'),
  ],
  ...[
    () => Object.create(null),
    () => Object.assign(Object.create(null), { id: 1 }),
    () => new Array(2),
    () => [undefined],
  ],
  ...[() => ({ toJSON: () => 'own' }), () => ({ toJSON: 5 }), () => new Proxy({ id: 1 }, {}), () => new Proxy([1], {})],
  ...[() => Object.assign([1], { toJSON: () => 'array' }), () => ({ [Symbol('s')]: 1, id: 1 }), () => Buffer.from('a')],
  () => Object.defineProperty({ id: 1 }, 'hidden', { value: 1, enumerable: false }),
  () => Object.defineProperty({}, 'id', { get: () => 7, enumerable: true }),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  () => ({
    get id() {
      throw new Error('thrown')
    },
  }),
]

/** The same with something odd in some place of it. */
function spoilt(chance: Chance, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || chance.happens(0.2)) return chance.pick(ODD)()
  const keys = Object.keys(value)
  if (keys.length === 0) return chance.pick(ODD)()
  const key = chance.pick(keys)
  Reflect.set(value, key, spoilt(chance, Reflect.get(value, key)))
  return value
}

function outcomeOf(codec: Codec, value: unknown): readonly [text: string, isBytes: boolean] {
  try {
    const encoded = codec.encode(value)
    return [
      encoded === null ? 'no value' : Buffer.from(encoded as string).toString('utf8'),
      typeof encoded === 'object',
    ]
  } catch (error) {
    const { code, message } = error as { readonly code: string; readonly message: string }
    return [`${code}: ${message}`, false]
  }
}

t.test('what is written is what JSON.stringify writes, and what that refuses is refused in as many words', async t => {
  let [values, written] = [0, 0]
  for (const seed of drawn(FAMILIES)) {
    const chance = new Chance(seed)
    const makes = [family(chance), family(chance)]
    const codec = producerCodecOf('json')
    for (let index = 0; index < VALUES; index++) {
      const made = chance.pick(makes)()
      const value = chance.happens(0.05) ? spoilt(chance, made) : made
      const [said, isBytes] = outcomeOf(codec, value)
      const [expected] = outcomeOf(codecOf('json'), value)
      if (said !== expected) return t.fail(`seed ${seed}, value ${index}: ${said}, not ${expected}`)
      values++
      if (isBytes) written++
    }
  }
  t.comment(`${values} values, of which ${written} were written as bytes`)
  t.ok(written > values * 0.1)
})
