/** What calls came to and what is in the logs: each rule finds what it is for. */
import t from 'tap'
import { partitionOfKey } from '../../../publish/key-hash.ts'
import type { FuzzEvent } from './events.ts'
import { judge } from './judge.ts'
import { acked, answer, BOTH, END, LIFE, read, sent, TOPIC } from './planted.fixture.ts'

/** Of four partitions one to which the key never went. */
const STRANGE = [0, 1, 2, 3].find(each => ![2, 4].some(count => partitionOfKey('k', count) === each)) as number

const BROKEN: readonly (readonly [string, RegExp, readonly FuzzEvent[]])[] = [
  ['a call without an answer', /was never answered/, [LIFE, { e: 'call', call: 1, what: 'stop', about: '' }, END]],
  [
    'a call that hangs',
    /stop was rejected with HANG/,
    [LIFE, { e: 'returned', call: 1, what: 'stop', code: 'HANG', why: '', ms: 1 }, END],
  ],
  [
    'a code that is not its',
    /MILL_SETTLED/,
    [LIFE, { e: 'returned', call: 1, what: 'publish', code: 'MILL_SETTLED', why: '', ms: 1 }, END],
  ],
  ['an uncaught exception', /uncaughtException/, [LIFE, { e: 'uncaught', text: 'uncaughtException: x' }, END]],
  ['a run that gave up', /gave up/, [LIFE, { e: 'gaveUp', group: 'g', code: 'MILL_GAVE_UP' }, END]],
  ['a program that broke off', /did not come to its end/, [LIFE]],
  ['a record that is gone', /a was acknowledged .* where nothing is/, [LIFE, TOPIC, sent('a'), acked('a', 0), END]],
  ['a record elsewhere', /where b is/, [LIFE, TOPIC, ...BOTH, read('b', 0), read('a', 1), END]],
  ['a hole', /offset 2 was read where 1 comes next/, [LIFE, TOPIC, ...BOTH, read('a', 0), read('b', 2), END]],
  [
    'an offset twice',
    /offset 0 was read where 1/,
    [LIFE, TOPIC, sent('a'), sent('b'), read('a', 0), read('b', 0), END],
  ],
  ['a record twice', /a is at in0\/0\/0 and in0\/0\/1/, [LIFE, TOPIC, sent('a'), read('a', 0), read('a', 1), END]],
  ['another content', /not what was published as a/, [LIFE, TOPIC, sent('a'), read('a', 0, { digest: 'other' }), END]],
  ['what nobody sent', /which nobody sent/, [LIFE, TOPIC, read('a', 0), END]],
  [
    'another order',
    /a comes after b, which was sent later/,
    [LIFE, TOPIC, sent('a'), sent('b'), read('b', 0), read('a', 1), END],
  ],
  [
    'a key in two partitions',
    /key k is in partitions 0 and 1/,
    [
      LIFE,
      { e: 'topic', topic: 'in0', partitions: 2, durability: 'os' },
      sent('a'),
      sent('b'),
      read('a', 0),
      read('b', 0, { partition: 1 }),
      END,
    ],
  ],
  [
    'a key where no count has put it',
    /key k is in partition \d, and there were 2, 4 of them/,
    [
      LIFE,
      { e: 'topic', topic: 'in0', partitions: 2, durability: 'os' },
      { e: 'grown', topic: 'in0', partitions: 4 },
      sent('a'),
      read('a', 0, { partition: STRANGE }),
      END,
    ],
  ],
  [
    'what was refused',
    /a was refused, and is there/,
    [LIFE, TOPIC, sent('a'), answer('a', 'refused'), read('a', 0), END],
  ],
  ['what was taken and is gone', /a was taken, and is not there/, [LIFE, TOPIC, sent('a'), answer('a', 'taken'), END]],
  [
    'fewer records than there are said to be',
    /the high watermark is 1/,
    [LIFE, TOPIC, { e: 'marks', topic: 'in0', highWatermarks: [1] }, END],
  ],
  [
    'a batch that hides what is lost',
    /1 in neither list, and not there: b/,
    [
      LIFE,
      TOPIC,
      sent('a', { call: 5 }),
      sent('b', { call: 5 }),
      { e: 'lists', call: 5, unpublished: ['a'], unknown: [] },
      END,
    ],
  ],
  [
    'a batch that denies what is there',
    /a in `unpublished`, and there/,
    [LIFE, TOPIC, sent('a', { call: 5 }), { e: 'lists', call: 5, unpublished: ['a'], unknown: [] }, read('a', 0), END],
  ],
  [
    'a batch that was not appended',
    /1 are not there: a/,
    [
      LIFE,
      TOPIC,
      sent('a', { call: 5 }),
      { e: 'ranges', call: 5, topic: 'in0', ranges: [{ partition: 0, baseOffset: 0, count: 1 }] },
      END,
    ],
  ],
  [
    'a named producer with a hole',
    /producer p left out its record 0 of 1/,
    [LIFE, TOPIC, sent('named.p.0', { source: 'p' }), sent('named.p.1', { source: 'p' }), read('named.p.1', 0), END],
  ],
]

for (const [what, rule, events] of BROKEN)
  t.test(`is found: ${what}`, async t => {
    const found = judge(events)
    t.ok(
      found.some(sentence => rule.test(sentence)),
      found.join('\n') || 'nothing was found',
    )
  })

t.test('what a named producer was sending when it was killed may be there in part, until it is sent again', async t => {
  const two = [sent('named.p.0', { source: 'p' }), sent('named.p.1', { source: 'p' })]
  const killed = [LIFE, TOPIC, ...two, { e: 'killed', life: 0 } as const]
  const next = { ...LIFE, life: 1 }
  t.notMatch(judge([...killed, next, read('named.p.1', 0), END]).join(), /left out/)
  t.match(judge([...killed, next, ...two, read('named.p.1', 0), END]).join(), /left out its record 0 of 1/)
})
