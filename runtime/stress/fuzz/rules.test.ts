/** Each rule over the histories of programs finds what it is for, and nothing in a sound history. */
import t from 'tap'
import type { EventOf, FuzzEvent } from './events.ts'
import { EXPECTED, EXPECTED_OF_KILLS, featuresOf } from './features.ts'
import { numberOf } from './jobs.ts'
import { judge } from './judge.ts'
import type { MemberKind, Style } from './plan.ts'
import { planProgram } from './plan-program.ts'

const TOPIC: FuzzEvent = { e: 'topic', topic: 'in0', partitions: 1, durability: 'os' }
const LIFE: FuzzEvent = { e: 'life', life: 0, dir: true }
const CLOSED: FuzzEvent = { e: 'closed', life: 0, clean: true }
const END: FuzzEvent = { e: 'end' }

function sent(id: string, more: Partial<EventOf<'sent'>> = {}): FuzzEvent {
  return {
    e: 'sent',
    call: 1,
    source: 'main',
    topic: 'in0',
    id,
    key: 'k',
    partition: null,
    digest: `of ${id}`,
    fate: 'ok',
    ...more,
  }
}

function acked(id: string, offset: number): FuzzEvent {
  return { e: 'acked', id, topic: 'in0', partition: 0, offset, durability: 'os' }
}

function read(id: string, offset: number, more: Partial<EventOf<'read'>> = {}): FuzzEvent {
  const digest = `of ${id}`
  return {
    e: 'read',
    via: 'replay',
    topic: 'in0',
    partition: 0,
    offset,
    id,
    digest,
    key: 'k',
    replayed: false,
    ...more,
  }
}

function group(style: Style = 'plain', more: Partial<EventOf<'group'>> = {}): FuzzEvent {
  return { e: 'group', group: 'g', topic: 'in0', style, order: 'partition', attempts: 2, output: null, ...more }
}

function joined(member = 'm', kind: MemberKind = 'handle'): FuzzEvent {
  return { e: 'joined', group: 'g', member, kind }
}

function hand(id: string, offset: number, more: Partial<EventOf<'hand'>> = {}): FuzzEvent {
  const digest = `of ${id}`
  return {
    e: 'hand',
    group: 'g',
    member: 'm',
    partition: 0,
    offset,
    id,
    digest,
    attempt: 1,
    failed: 0,
    lost: false,
    ...more,
  }
}

function done(offset: number, more: Partial<EventOf<'done'>> = {}): FuzzEvent {
  return { e: 'done', group: 'g', member: 'm', partition: 0, offset, how: 'ok', ...more }
}

function letter(id: string, offset: number, more: Partial<EventOf<'letter'>> = {}): FuzzEvent {
  const digest = `of ${id}`
  const place = { topic: 'in0', partition: 0, offset }
  return {
    e: 'letter',
    group: 'g',
    id,
    digest,
    reason: 'rejected',
    failed: 1,
    letter: 'g.letters/0/0',
    ...place,
    ...more,
  }
}

function state(at: 'started' | 'restored' | 'ended', ids: readonly string[], next: number, member = 'm'): FuzzEvent {
  const sum = ids.reduce((before, id) => before + numberOf(id), 0)
  return { e: 'state', at, group: 'g', member, partition: 0, n: ids.length, sum, next }
}

const stopping = (member = 'm'): FuzzEvent => ({ e: 'stopping', group: 'g', member })
const stopped = (member = 'm', clean = true): FuzzEvent => ({ e: 'stopped', group: 'g', member, clean })
const committed = (...offsets: readonly number[]): FuzzEvent => ({ e: 'committed', group: 'g', committed: offsets })
const drained = (passedOver = 0): FuzzEvent => ({ e: 'drained', group: 'g', passedOver })
const killed: FuzzEvent = { e: 'killed', life: 0 }
const next: FuzzEvent = { e: 'life', life: 1, dir: true }
const answer = (id: string, is: EventOf<'answer'>['is']): FuzzEvent => ({ e: 'answer', id, is })
const BOTH = [sent('a'), acked('a', 0), sent('b'), acked('b', 1)]
const READ = [read('a', 0), read('b', 1)]
const HANDLED = [hand('a', 0), done(0), hand('b', 1), done(1)]
const BEGUN = [LIFE, TOPIC, group(), joined(), ...BOTH]

const SOUND: readonly (readonly [string, readonly FuzzEvent[]])[] = [
  ['all is handled once', [...BEGUN, ...HANDLED, committed(2), stopping(), stopped(), drained(), ...READ, CLOSED, END]],
  [
    'a kill, after which a record comes again',
    [
      ...BEGUN,
      ...HANDLED,
      killed,
      next,
      committed(1),
      joined('n'),
      hand('b', 1, { member: 'n' }),
      done(1, { member: 'n' }),
      drained(),
      ...READ,
      END,
    ],
  ],
  [
    'a stop that is given up, and what it had in hand comes again',
    [
      ...BEGUN,
      ...HANDLED.slice(0, 3),
      stopping(),
      hand('b', 1, { member: 'n' }),
      stopped('m', false),
      done(1, { member: 'n' }),
      done(1),
      drained(),
      ...READ,
      END,
    ],
  ],
  [
    'a group is moved back',
    [
      ...BEGUN,
      ...HANDLED,
      { e: 'sought', group: 'g', committed: [0], moved: [0] },
      ...HANDLED,
      drained(),
      ...READ,
      END,
    ],
  ],
  [
    'a state goes from one member to the next',
    [
      LIFE,
      TOPIC,
      group('snapshot'),
      joined(),
      ...BOTH,
      state('started', [], 0),
      hand('a', 0),
      done(0),
      state('ended', ['a'], 1),
      stopped(),
      joined('n'),
      state('restored', ['a'], 1, 'n'),
      hand('b', 1, { member: 'n' }),
      done(1, { member: 'n' }),
      state('ended', ['a', 'b'], 2, 'n'),
      drained(),
      ...READ,
      END,
    ],
  ],
  [
    'a kill at most once, that passes over a record',
    [LIFE, TOPIC, group('atMostOnce'), joined(), ...BOTH, hand('a', 0), killed, next, drained(1), ...READ, END],
  ],
  [
    'a batch, of which each message is where it says',
    [
      LIFE,
      TOPIC,
      sent('a', { call: 5 }),
      sent('b', { call: 5 }),
      sent('c', { call: 5 }),
      { e: 'lists', call: 5, unpublished: ['b'], unknown: ['c'] },
      read('a', 0),
      END,
    ],
  ],
]

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
  [
    'a record that nobody handled',
    /0\/1 \(b\) was not handled/,
    [...BEGUN, hand('a', 0), done(0), drained(), ...READ, END],
  ],
  [
    'a record handled twice',
    /0\/0 \(a\), which had been handled/,
    [
      ...BEGUN,
      ...HANDLED,
      stopped(),
      joined('n'),
      hand('a', 0, { member: 'n' }),
      done(0, { member: 'n' }),
      drained(),
      ...READ,
      END,
    ],
  ],
  [
    'two owners',
    /was handed 0\/1 \(b\) while m had 0\/0/,
    [
      ...BEGUN,
      hand('a', 0),
      joined('n'),
      hand('b', 1, { member: 'n' }),
      done(1, { member: 'n' }),
      done(0),
      drained(),
      ...READ,
      END,
    ],
  ],
  [
    'a handler after the stop',
    /after it had stopped/,
    [...BEGUN, hand('a', 0), done(0), stopped(), hand('b', 1), done(1), drained(), ...READ, END],
  ],
  [
    'a stop with a record in hand',
    /in hand when its stop resolved/,
    [
      ...BEGUN,
      hand('a', 0),
      stopped(),
      done(0),
      hand('b', 1, { member: 'n' }),
      done(1, { member: 'n' }),
      drained(),
      ...READ,
      END,
    ],
  ],
  [
    'a broker closed with a record in hand',
    /in hand when the broker was closed/,
    [...BEGUN, hand('a', 0), CLOSED, next, ...HANDLED, drained(), ...READ, END],
  ],
  [
    'a delivery that was lost',
    /after it had lost it/,
    [...BEGUN, hand('a', 0, { lost: true }), done(0), hand('b', 1), done(1), drained(), ...READ, END],
  ],
  [
    'another record than there is',
    /where a is/,
    [...BEGUN, hand('b', 0), done(0), hand('b', 1), done(1), drained(), ...READ, END],
  ],
  [
    'a record handed out altered',
    /what g was handed at 0\/0 is not what was published/,
    [...BEGUN, hand('a', 0, { digest: 'x' }), ...HANDLED.slice(1), drained(), ...READ, END],
  ],
  [
    'one attempt more',
    /after 2 failures/,
    [...BEGUN, hand('a', 0, { failed: 2 }), ...HANDLED.slice(1), drained(), ...READ, END],
  ],
  [
    'another order of handling',
    /was done with 0\/0 after 0\/1/,
    [...BEGUN, hand('b', 1), done(1), hand('a', 0), done(0), drained(), ...READ, END],
  ],
  [
    'committed and not handled',
    /0\/1 \(b\) is committed, and was not handled/,
    [...BEGUN, hand('a', 0), done(0), committed(2), hand('b', 1), done(1), drained(), ...READ, END],
  ],
  [
    'committed offsets that go back',
    /committed to 2, and then to 1/,
    [...BEGUN, ...HANDLED, committed(2), committed(1), drained(), ...READ, END],
  ],
  [
    'at most once, twice over a kill',
    /handed 0\/0 \(a\) twice, at most once/,
    [
      LIFE,
      TOPIC,
      group('atMostOnce'),
      joined(),
      ...BOTH,
      ...HANDLED,
      killed,
      next,
      hand('a', 0),
      drained(),
      ...READ,
      END,
    ],
  ],
  [
    'at most once, more passed over than is said',
    /1 records were not handed out, from 0\/1 on/,
    [LIFE, TOPIC, group('atMostOnce'), joined(), ...BOTH, hand('a', 0), done(0), drained(1), ...READ, END],
  ],
  [
    'no dead letter',
    /0\/0 \(a\) is no dead letter/,
    [LIFE, TOPIC, group(), sent('a', { fate: 'reject' }), drained(), read('a', 0), END],
  ],
  [
    'a dead letter of a good record',
    /of a record that is good/,
    [...BEGUN, ...HANDLED, letter('a', 0), drained(), ...READ, END],
  ],
  [
    'two letters of a record',
    /is the second after/,
    [
      LIFE,
      TOPIC,
      group(),
      sent('a', { fate: 'reject' }),
      letter('a', 0),
      letter('a', 0, { letter: 'g.letters/0/1' }),
      drained(),
      read('a', 0),
      END,
    ],
  ],
  [
    'a letter for another reason',
    /says timeout, not rejected/,
    [
      LIFE,
      TOPIC,
      group(),
      sent('a', { fate: 'reject' }),
      letter('a', 0, { reason: 'timeout' }),
      drained(),
      read('a', 0),
      END,
    ],
  ],
  [
    'a letter before its attempts are over',
    /has 1 failures of 2/,
    [
      LIFE,
      TOPIC,
      group(),
      sent('a', { fate: 'fail' }),
      letter('a', 0, { reason: 'failed' }),
      drained(),
      read('a', 0),
      END,
    ],
  ],
  [
    'an output that is not confirmed',
    /what was made of it is not in out/,
    [
      LIFE,
      TOPIC,
      group('plain', { output: 'out' }),
      joined(),
      ...BOTH,
      ...HANDLED,
      committed(2),
      { e: 'marks', topic: 'out', highWatermarks: [0] },
      drained(),
      ...READ,
      END,
    ],
  ],
  [
    'an output of nothing',
    /its input was handed to nobody/,
    [
      LIFE,
      TOPIC,
      { e: 'topic', topic: 'out', partitions: 1, durability: 'os' },
      read('a>g#0.1', 0, { topic: 'out' }),
      END,
    ],
  ],
  [
    'a state without a record',
    /ended partition 0 with 1 records up to 2, and there are 2/,
    [
      LIFE,
      TOPIC,
      group('snapshot'),
      joined(),
      ...BOTH,
      state('started', [], 0),
      ...HANDLED,
      state('ended', ['a'], 2),
      drained(),
      ...READ,
      END,
    ],
  ],
  [
    'a state that is gone',
    /has a state up to 0\/0, and goes on at 1/,
    [
      LIFE,
      TOPIC,
      group('snapshot'),
      joined(),
      ...BOTH,
      hand('a', 0),
      done(0),
      killed,
      next,
      state('started', [], 0),
      hand('b', 1),
      done(1),
      drained(),
      ...READ,
      END,
    ],
  ],
  [
    'a state that ends too early',
    /has 1 records up to 1, of 2/,
    [
      LIFE,
      TOPIC,
      group('snapshot'),
      joined(),
      ...BOTH,
      state('started', [], 0),
      ...HANDLED,
      state('ended', ['a'], 1),
      drained(),
      ...READ,
      END,
    ],
  ],
]

for (const [what, events] of SOUND) t.test(`nothing is found: ${what}`, async t => t.strictSame(judge(events), []))

for (const [what, rule, events] of BROKEN)
  t.test(`is found: ${what}`, async t => {
    const found = judge(events)
    t.ok(
      found.some(sentence => rule.test(sentence)),
      found.join('\n') || 'nothing was found',
    )
  })

t.test('the same seed gives the same plan', async t => {
  for (const seed of [1, 2, 77]) t.strictSame(planProgram(seed, true), planProgram(seed, true))
  t.notSame(planProgram(1, true), planProgram(2, true))
})

t.test('only plans with kills have kills, and never in their last life', async t => {
  for (let seed = 0; seed < 300; seed++) {
    const { lives } = planProgram(seed, true)
    t.equal(lives.at(-1)?.kill ?? null, null)
    t.ok(planProgram(seed, false).lives.every(({ kill }) => kill === null))
  }
})

t.test('what occurred in a program is told by its history', async t => {
  const found = featuresOf([LIFE, { e: 'did', what: 'stall' }, killed, next])
  for (const feature of ['disk', 'stall', 'kill', 'kill after a stall', 'several lives'])
    t.ok(found.has(feature), feature)
  t.equal(new Set([...EXPECTED, ...EXPECTED_OF_KILLS]).size, EXPECTED.length + EXPECTED_OF_KILLS.length)
})
