/** A state that JSON cannot keep is told at once, with whose it is, and nothing is committed in its name. */
import t from 'tap'
import { defineHandler, type MillraceError } from '../index.ts'
import { rejection } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'

const cycle: { self?: unknown } = {}
cycle.self = cycle

const REFUSED: readonly (readonly [string, () => unknown, string, RegExp])[] = [
  ['a promise', async () => ({ sum: 1 }), 'MILL_HANDLER', /returned a promise.*plain function/],
  ['one that rejects', () => Promise.reject(new Error('late')), 'MILL_HANDLER', /returned a promise/],
  ['nothing', () => undefined, 'MILL_UNSERIALISABLE', /returned undefined/],
  ['a Map', () => new Map([[1, 2]]), 'MILL_UNSERIALISABLE', /a Map: publish Object\.fromEntries/],
  ['a Set', () => new Set([1]), 'MILL_UNSERIALISABLE', /a Set/],
  ['an array of doubles', () => new Float64Array(2), 'MILL_UNSERIALISABLE', /Float64Array/],
  ['a BigInt', () => ({ sum: 1n }), 'MILL_UNSERIALISABLE', /BigInt/],
  ['a cycle', () => cycle, 'MILL_UNSERIALISABLE', /refers to itself/],
  [
    'what throws',
    () => {
      throw new RangeError('no state')
    },
    'MILL_HANDLER',
    /failed: no state/,
  ],
]

for (const [what, snapshot, code, message] of REFUSED) {
  t.test(`a snapshot that is ${what} fails its run, and names topic and group`, async t => {
    const topic = await newTopic<number>()
    const handler = defineHandler({ start: () => ({}), message: () => undefined, snapshot, restore: () => ({}) })
    const run = await topic.group('keeper').handle(handler)
    await topic.publish({ value: 1 })
    const error = (await rejection(run.idle())) as MillraceError
    t.match(error, { code, message })
    t.match(error.message, `\`snapshot\` of group keeper, topic ${topic.name}, partition 0`)
    t.equal(await topic.group('keeper').lag(), 1)
  })
}
