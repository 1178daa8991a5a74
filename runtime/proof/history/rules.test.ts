/**
 * Each rule sees what it is there for: a history in which all is well, and one planted event at a time that is not.
 */
import t from 'tap'
import { DURABILITY_RULES } from './durability-rules.ts'
import { FACTS } from './facts.fixture.ts'
import { GROUP_RULES, oneOwner } from './group-rules.ts'
import type { GroupFacts, History, HistoryEvent, Place } from './history.ts'
import { LETTER_RULES } from './letter-rules.ts'
import { remaining } from './remaining.ts'
import { STREAM_RULES } from './stream-rules.ts'

const place = (offset: number): Place => ({ topic: 'in', partition: 0, offset })
const at = { group: 'g', consumer: 'c1', ...place(0) }

function sent(id: string): HistoryEvent {
  return { kind: 'sent', producer: 'p', topic: 'in', id, key: 'k' }
}

function answered(id: string, offset: number, outcome: 'ok' | 'fail' = 'ok'): HistoryEvent {
  return { kind: 'answered', topic: 'in', id, outcome, ...(outcome === 'ok' ? { partition: 0, offset } : {}) }
}

function read(id: string, offset: number, reader = 'r'): HistoryEvent {
  return { kind: 'read', reader, id, key: 'k', ...place(offset) }
}

function delivered(id: string, offset: number, more: object = {}): HistoryEvent {
  const event = { ...at, ...place(offset), id, key: 'k', deliveryAttempt: 1, failedAttempts: 0 }
  return { kind: 'delivered', ...event, ...more }
}

function settled(offset: number, how: 'handled' | 'failed' | 'rejected', more: object = {}): HistoryEvent {
  return { kind: 'settled', ...at, ...place(offset), how, deliveryAttempt: 1, ...more }
}

function committed(offset: number): HistoryEvent {
  return { kind: 'committed', group: 'g', topic: 'in', partition: 0, offset }
}

function letter(id: string, source: number, more: object = {}): HistoryEvent {
  const event = { id, key: 'k', group: 'g', source: place(source), reason: 'failed', failedAttempts: 2, replayed: 0 }
  return { kind: 'letter', topic: 'in.g.dlq', partition: 0, offset: 0, ...event, ...more }
}

/** Three records: one is handled at once, one at its second attempt after its consumer's end, one is dead-lettered. */
const GOOD: readonly HistoryEvent[] = [
  sent('a'),
  sent('b'),
  sent('c'),
  answered('a', 0),
  answered('b', 1),
  answered('c', 2),
  read('a', 0),
  read('b', 1),
  read('c', 2),
  { kind: 'logStart', topic: 'in', partition: 0, offset: 0 },
  delivered('a', 0),
  settled(0, 'handled'),
  committed(1),
  delivered('b', 1),
  { kind: 'ended', consumer: 'c1', executing: { group: 'g', ...place(1) } },
  delivered('b', 1, { consumer: 'c2', deliveryAttempt: 2, failedAttempts: 1 }),
  settled(1, 'handled', { consumer: 'c2', deliveryAttempt: 2 }),
  delivered('c', 2, { consumer: 'c2' }),
  settled(2, 'failed', { consumer: 'c2' }),
  delivered('c', 2, { consumer: 'c2', deliveryAttempt: 2, failedAttempts: 1 }),
  settled(2, 'failed', { consumer: 'c2', deliveryAttempt: 2 }),
  letter('c', 2),
  committed(3),
  { kind: 'logStart', topic: 'in', partition: 0, offset: 3 },
]

function judge(events: readonly HistoryEvent[], facts: Partial<GroupFacts> = {}): string[] {
  const history: History = { events, groups: [{ ...FACTS, ...facts }], readTopics: ['in'], drained: ['g of in'] }
  return [...STREAM_RULES, ...GROUP_RULES, ...LETTER_RULES].flatMap(rule => rule(history))
}

/** The good history with `event` put in behind event number `index`, or in its place. */
function planted(index: number, event: HistoryEvent | null, replaces = false): readonly HistoryEvent[] {
  const events = [...GOOD]
  events.splice(replaces ? index : index + 1, replaces ? 1 : 0, ...(event === null ? [] : [event]))
  return events
}

function indexOf(wanted: (event: HistoryEvent) => boolean): number {
  return GOOD.findIndex(wanted)
}

const lastIndex = GOOD.length - 1
const readB = indexOf(event => event.kind === 'read' && event.id === 'b')
const settledA = indexOf(event => event.kind === 'settled')
const crash = indexOf(event => event.kind === 'ended')
const letterC = indexOf(event => event.kind === 'letter')

const BAD: readonly (readonly [
  rule: string,
  what: string,
  events: readonly HistoryEvent[],
  facts?: Partial<GroupFacts>,
])[] = [
  ['S1', 'another value at a place', planted(lastIndex, read('x', 0, 'other'))],
  ['S2', 'a value at two places', planted(lastIndex, read('a', 3))],
  ['S3/S4', 'a confirmed value that nobody read', planted(readB, null, true)],
  [
    'S5',
    'a send that failed, and is there',
    planted(
      indexOf(event => event.kind === 'answered'),
      answered('a', 0, 'fail'),
      true,
    ),
  ],
  ['S5', 'a value that nobody sent', planted(lastIndex, read('x', 3))],
  ['S6/S7', 'a reader that skips', planted(readB, null, true)],
  ['S8', 'sends out of order', [sent('c'), sent('b'), sent('a'), ...GOOD.slice(3)]],
  ['S9', 'a start that goes back', planted(lastIndex, { kind: 'logStart', topic: 'in', partition: 0, offset: 1 })],
  [
    'A1',
    'an owner that goes on',
    planted(lastIndex, delivered('c', 2, { consumer: 'c1' })).filter(event => event.kind !== 'ended'),
  ],
  ['A3', 'a record before one that is not settled', planted(settledA, null, true)],
  ['A3', 'a record of a key before one that is not settled', planted(settledA, null, true), { ordered: false }],
  ['at most once', 'a record that is handed out again', GOOD, { atMostOnce: true, attempts: 1 }],
  ['A4', 'a commit that goes back', planted(lastIndex, committed(2))],
  ['A4', 'a commit ahead of what is settled', planted(settledA, committed(2))],
  ['A4', 'a record that comes again when it is committed', planted(lastIndex, delivered('c', 2, { consumer: 'c2' }))],
  ['A5', 'a record that is neither handled nor buried', planted(letterC, null, true)],
  [
    'D1',
    'an attempt after the limit',
    planted(letterC, delivered('c', 2, { consumer: 'c2', deliveryAttempt: 3, failedAttempts: 2 })),
  ],
  [
    'D1',
    'a failure that is not counted',
    planted(letterC - 2, delivered('c', 2, { consumer: 'c2', deliveryAttempt: 2, failedAttempts: 0 }), true),
  ],
  ['D1', 'a neighbour that is charged', planted(crash, delivered('c', 2, { consumer: 'c3', failedAttempts: 1 }))],
  [
    'D1',
    'a crash that is not charged',
    planted(crash + 1, delivered('b', 1, { consumer: 'c2', deliveryAttempt: 2 }), true),
  ],
  [
    'D1',
    'a failure that is charged twice',
    planted(crash + 1, delivered('b', 1, { consumer: 'c2', deliveryAttempt: 3, failedAttempts: 2 }), true),
  ],
  ['D1', 'a second letter', planted(lastIndex, letter('c', 2, { offset: 1 }))],
  ['D1', 'a letter before the limit', planted(letterC, letter('c', 2, { failedAttempts: 1 }), true)],
  ['D1', 'a reason that was never given', planted(letterC, letter('c', 2, { reason: 'rejected' }), true)],
  ['D2', 'a letter with another value', planted(letterC, letter('b', 2), true)],
]

t.test('a history in which all is well breaks no rule', async t => {
  t.strictSame(judge(GOOD), [])
  t.strictSame(judge(GOOD, { ordered: false }), [])
  t.strictSame(judge(GOOD, { ordered: false, keyed: false }), [])
})

t.test(
  'a thread that ended before it could say what it was handed may be charged with that, and with no other',
  async t => {
    const unsaid = (offset: number): readonly HistoryEvent[] =>
      GOOD.filter(event => !(event.kind === 'delivered' && event.id === 'b' && event.consumer === 'c1')).map(
        (event): HistoryEvent =>
          event.kind === 'ended'
            ? { kind: 'ended', consumer: 'c1', unsaid: [{ group: 'g', ...place(offset) }] }
            : event,
      )
    t.strictSame(judge(unsaid(1)), [])
    t.match(judge(unsaid(2)).join(), 'D1: in/0@1 came to c2 with 1 failures, and had 0')
  },
)

t.test('what was handled and may have been refused afterwards may be charged once', async t => {
  const again = delivered('a', 0, { consumer: 'c9', deliveryAttempt: 2, failedAttempts: 1 })
  const handled = (more: object): readonly HistoryEvent[] => [delivered('a', 0), settled(0, 'handled', more), again]
  const charged = (events: readonly HistoryEvent[]): boolean =>
    judge(events).join().includes('in/0@0 came to c9 with 1')
  t.ok(charged(handled({})))
  t.notOk(charged(handled({ mayFail: true })))
})

t.test('a group that seeks begins anew: what its crashes were charged to is forgotten, in that partition', async t => {
  const after = (...events: readonly HistoryEvent[]): boolean => {
    const end: HistoryEvent = { kind: 'ended', consumer: 'c1', executing: { group: 'g', ...place(0) } }
    return judge([delivered('a', 0), end, ...events, delivered('a', 0, { consumer: 'c9' })])
      .join()
      .includes('came again with 0 failures, not 1')
  }
  const sought = (partition: number): HistoryEvent => ({ kind: 'sought', group: 'g', topic: 'in', partition })
  t.ok(after())
  t.ok(after(sought(1)))
  t.notOk(after(sought(0)))
})

for (const [rule, what, events, facts] of BAD) {
  t.test(`${rule} sees ${what}`, async t => {
    const found = judge(events, facts)
    t.ok(
      found.some(problem => problem.startsWith(`${rule}:`)),
      found.join('; ') || 'nothing was seen',
    )
  })
}

type Death = Extract<HistoryEvent, { kind: 'died' }>['how']

function died(how: Death, more: object = {}): HistoryEvent {
  return { kind: 'died', how, isWhole: how === 'closed', atMs: 10_000, ...more }
}

function reopened(end: number): HistoryEvent {
  return { kind: 'reopened', topic: 'in', partition: 0, start: 0, end }
}

function stored(durability: 'memory' | 'os' | 'fsync', events: readonly HistoryEvent[]): History {
  const facts = new Map([['in', { durability, isRetained: false }]])
  return { events, groups: [], readTopics: ['in'], drained: [], stored: facts, isPrompt: true }
}

function lost(durability: 'memory' | 'os' | 'fsync', ...events: readonly HistoryEvent[]): string[] {
  return DURABILITY_RULES.flatMap(rule => rule(stored(durability, events)))
}

t.test('what was confirmed or read is lost only where its durability lets it', async t => {
  const two = [sent('a'), answered('a', 0), read('b', 1)]
  t.strictSame(lost('fsync', ...two, died('power'), reopened(2)), [])
  t.match(lost('fsync', ...two, died('power'), reopened(1)), [/U1: in\/0 had records up to 2, and ends at 1/])
  t.match(lost('fsync', ...two, died('killed'), reopened(0)), [/U1/])
  t.match(lost('os', ...two, died('killed'), reopened(1)), [/U1/])
  t.match(lost('os', ...two, died('closed'), reopened(1)), [/U1/])
  t.strictSame(lost('os', ...two, died('power'), reopened(0)), [])
  const found = [...two, died('killed'), reopened(2)]
  t.match(lost('os', ...found, died('power'), reopened(1)), [/U1/], 'what was there when it was opened is durable')
  t.strictSame(lost('os', ...found, read('c', 2), died('power'), reopened(2)), [])
})

t.test('what was committed long before its process ended is committed in the next one', async t => {
  const said = (offset: number, atMs: number): HistoryEvent => ({ ...committed(offset), atMs }) as HistoryEvent
  const after = (offset: number): readonly HistoryEvent[] => [reopened(9), said(offset, 11_000)]
  t.strictSame(lost('os', said(3, 9_900), died('killed'), ...after(0)), [], 'not long ago')
  t.match(lost('os', said(3, 5_000), died('killed'), ...after(2)), [/A4: g in\/0 was at 3/])
  t.strictSame(lost('os', said(3, 9_000), died('power'), ...after(0)), [])
  t.match(lost('os', said(3, 5_000), died('power'), ...after(0)), [/A4/])
  t.match(lost('os', said(3, 9_999), died('closed'), ...after(2)), [/A4/], 'closed in good order')
  t.strictSame(lost('os', said(3, 5_000), died('power'), reopened(1), said(1, 11_000)), [], 'its records are gone')
})

t.test('what is lost is no part of what is left, and may be there again as something else', async t => {
  const events = [sent('a'), sent('b'), answered('a', 0), read('a', 0), answered('b', 1), read('b', 1)]
  const again = [sent('c'), answered('c', 1), read('c', 1, 'r2')]
  const left = remaining(stored('os', [...events, died('power'), reopened(1), ...again]))
  t.strictSame(
    STREAM_RULES.flatMap(rule => rule(left)),
    [],
  )
  t.match(left.events[4], { kind: 'answered', id: 'b', outcome: 'info' })
  const whole = stored('os', [...events, died('power'), reopened(2), ...again])
  t.match(
    STREAM_RULES.flatMap(rule => rule(remaining(whole))),
    [/S1: in\/0@1 held b, and later c/],
  )
})

t.test('a letter goes with its record, also one that is read after that was lost', async t => {
  const dlq = (end: number): HistoryEvent => ({ kind: 'reopened', topic: 'in.g.dlq', partition: 0, start: 0, end })
  const kinds = (events: readonly HistoryEvent[]): string[] =>
    remaining(stored('os', events)).events.map(({ kind }) => kind)
  t.strictSame(kinds([died('power'), reopened(1), dlq(1), letter('b', 1)]), ['died', 'reopened', 'reopened'])
  t.strictSame(kinds([died('power'), reopened(1), dlq(0), letter('b', 1)]), ['died', 'reopened', 'reopened', 'letter'])
  t.match(remaining(stored('os', [letter('a', 0), died('power'), reopened(1), dlq(0)])).events[0], { isLost: true })
})

t.test(
  'a letter that nobody read before a loss of power may be lost at `os`, and only of a record that was given up',
  async t => {
    const attempt = (deliveryAttempt: number): HistoryEvent[] => [
      delivered('a', 0, { deliveryAttempt, failedAttempts: deliveryAttempt - 1 }),
      settled(0, 'failed', { deliveryAttempt }),
    ]
    const judged = (durability: 'os' | 'fsync', how: Death, ...events: readonly HistoryEvent[]): string[] => {
      const all = [sent('a'), read('a', 0), ...events, died(how), reopened(1), committed(1)]
      const facts = new Map(['in', 'in.g.dlq'].map(topic => [topic, { durability, isRetained: false }]))
      const history = { events: all, groups: [FACTS], readTopics: [], drained: ['g of in'], stored: facts }
      return GROUP_RULES.flatMap(rule => rule(history))
    }
    const given = [...attempt(1), ...attempt(2)]
    t.strictSame(judged('os', 'power', ...given), [])
    t.strictSame(judged('os', 'power', delivered('a', 0), settled(0, 'rejected')), [])
    for (const found of [
      judged('os', 'power', ...attempt(1)),
      judged('os', 'killed', ...given),
      judged('fsync', 'power', ...given),
    ])
      t.match(found, [/A4: .*committed 1 before 0/, /A5: a at in\/0@0 was neither handled nor dead-lettered/])
  },
)

t.test('what comes again may be behind what was sent later, and its first place may not', async t => {
  const order = (...events: readonly HistoryEvent[]): string[] =>
    judge([sent('a'), sent('b'), ...events]).filter(problem => problem.startsWith('S8'))
  t.strictSame(order(read('a', 0), read('b', 1), read('a', 2), read('b', 3)), [])
  t.match(order(read('b', 0), read('a', 1)), [/S8: p sent a before b, and it is behind it/])
})

t.test('who has several records in hand may be charged with the last of each key, and with no other', async t => {
  const handled = (id: string, offset: number, key: string): HistoryEvent[] => [
    delivered(id, offset, { key }),
    settled(offset, 'handled'),
  ]
  const charged = (offset: number, ordered: boolean): boolean => {
    const end: HistoryEvent = { kind: 'ended', consumer: 'c1' }
    const again = delivered('x', offset, { consumer: 'c9', deliveryAttempt: 2, failedAttempts: 1 })
    const events = [...handled('a', 0, 'k'), ...handled('b', 1, 'k'), ...handled('c', 2, 'l'), end, again]
    return judge(events, { ordered }).join().includes(`in/0@${offset} came to c9 with 1`)
  }
  t.strictSame(
    [0, 1, 2].map(offset => charged(offset, false)),
    [true, false, false],
  )
  t.strictSame(
    [0, 1, 2].map(offset => charged(offset, true)),
    [true, true, false],
  )
})

t.test(
  'S11 sees a record too many in a time, begins anew with each process, and leaves out what nobody timed',
  async t => {
    const RATE = { topic: 'in', producers: ['p', 'q'], max: 2, perMs: 100 }
    const broken = (events: readonly HistoryEvent[], rates = [RATE]): boolean =>
      STREAM_RULES.some(rule => rule({ events, groups: [], readTopics: [], drained: [], rates }).join().includes('S11'))
    const went = (id: string, fromMs: number, toMs: number, producer = 'p'): HistoryEvent[] => [
      { kind: 'sent', producer, topic: 'in', id, key: null, atMs: fromMs },
      { kind: 'answered', topic: 'in', id, outcome: 'ok', atMs: toMs },
    ]
    const died: HistoryEvent = { kind: 'died', how: 'closed', isWhole: true, atMs: 60 }
    const two = [...went('a', 0, 50), ...went('b', 10, 60, 'q')]
    t.notOk(broken(two))
    t.ok(broken([...two, ...went('c', 20, 99)]))
    t.notOk(broken([...two, ...went('c', 20, 100)]), 'it may have gone in the next time')
    t.notOk(broken([...two, ...went('c', 20, 99, 'named')]))
    t.notOk(broken([...two, died, ...went('c', 70, 80)]))
    t.notOk(broken([...two, ...went('c', 20, 99)], []))
    const later = [...went('a', 0, 150), ...went('b', 120, 160), ...went('c', 120, 170), ...went('d', 120, 219)]
    t.ok(broken(later), 'wherever the time begins')
  },
)

t.test('a partition comes back to one that had it only when the one that has it leaves', async t => {
  const owned = (...consumers: string[]): HistoryEvent[] =>
    consumers.map((consumer, offset) => delivered('a', offset, { consumer }))
  const leaving: HistoryEvent = { kind: 'leaving', group: 'g', consumer: 'c2' }
  const told = (...events: HistoryEvent[]): readonly string[] =>
    oneOwner({ events, groups: [], readTopics: [], drained: [] })
  const [first, second, third] = owned('c1', 'c2', 'c1') as [HistoryEvent, HistoryEvent, HistoryEvent]
  t.match(told(first, second, third), [/A1: c1 got in\/0@2 when c2 owned it already/])
  t.strictSame(told(first, second, leaving, third), [])
  t.match(told(first, second, leaving, third, delivered('a', 3, { consumer: 'c2' })), [/A1: c2 got in\/0@3 when c1/])
  t.match(told(first, leaving, second, third), [/A1: c1 got/], 'one that left before it had it')
  const elsewhere = { ...(third as object), partition: 1 } as HistoryEvent
  t.strictSame(told(first, second, elsewhere), [], 'another partition, which nobody had')
})
