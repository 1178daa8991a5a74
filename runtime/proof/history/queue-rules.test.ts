/**
 * Each rule on queues sees what it is there for: a history in which all is well, and one planted event at a time that is not.
 */
import t from 'tap'
import type { Durability } from '../../words/message.ts'
import type { HistoryEvent, QueueFacts, StoredFacts } from './history.ts'
import { QUEUE_COUNT_RULES } from './queue-count-rules.ts'
import {
  ALL,
  answered,
  atRest,
  counted,
  delivered,
  ended,
  GOOD,
  historyOf,
  judge,
  LAST,
  letter,
  place,
  planted,
  sent,
  settled,
} from './queue-history.fixture.ts'
import { QUEUE_RULES } from './queue-rules.ts'
import { remaining } from './remaining.ts'

const BAD: readonly (readonly [
  rule: string,
  what: string,
  events: readonly HistoryEvent[],
  facts?: Partial<QueueFacts>,
])[] = [
  ['Q1', 'counts that do not add up', planted(LAST, 0, counted({ accepted: 5, acked: 3, unacked: 1 }))],
  ['Q1', 'less than none', planted(LAST, 0, counted({ accepted: 5, acked: -1, deadLettered: 6 }))],
  [
    'Q1',
    'more messages than it may have',
    planted(LAST, 0, counted({ accepted: 5, ready: 2, retrying: 1, unacked: 1, acked: 1 })),
  ],
  [
    'Q1',
    'a count that goes back',
    planted(LAST, 0, counted({ accepted: 4, acked: 4 }), counted({ accepted: 4, acked: 3, ready: 1 })),
  ],
  ['Q1', 'drops of a queue with letters', planted(LAST, 1, atRest({ deadLettered: 1, dropped: 1 }))],
  ['Q1', 'a queue at rest that waits', planted(LAST, 1, atRest({ waitsForDeadLetters: true }))],
  ['Q1', 'messages at rest', planted(LAST, 1, atRest({ acked: 2, ready: 1 }))],
  ['Q1', 'less than was confirmed', planted(LAST, 1, atRest({ accepted: 4, acked: 2 }))],
  ['Q1', 'more than was sent', planted(LAST, 1, atRest({ accepted: 6, acked: 4 }))],
  ['Q1', 'a letter that is not there', planted(LAST, 1, atRest({ acked: 2, deadLettered: 3 }))],
  [
    'Q1',
    'a confirmed message that nobody got',
    planted(delivered('e', 1, 0, 'c2'), 2).filter(event => event !== GOOD[30]),
  ],
  ['Q1', 'too many that wait', GOOD, { maxMessages: 2 }],
  ['Q2', 'a message that two have', planted(settled('b', 'handled'), 0, delivered('b', 2, 0, 'c2'))],
  ['Q2', 'a message that comes again while it is there', planted(settled('b', 'handled'), 0, delivered('b', 2))],
  [
    'Q3',
    'a message that was acked',
    planted(settled('d', 'handled', 2, 'c2'), 1, settled('d', 'handled', 2, 'c2'), delivered('d', 3, 1, 'c3')),
  ],
  ['Q4', 'a consumer with one more than it may have', planted(settled('b', 'handled'), 0, delivered('a'))],
  ['Q4', 'more unacked than all may have', planted(LAST, 0, counted({ accepted: 5, unacked: 2, acked: 3 }))],
  [
    'Q5',
    'a lower priority first',
    planted(
      delivered('b'),
      5,
      delivered('d', 1, 0, 'c0'),
      settled('d', 'released', 1, 'c0'),
      delivered('a', 1, 0, 'c0'),
      settled('a', 'released', 1, 'c0'),
      delivered('b'),
      settled('b', 'handled'),
    ),
  ],
  [
    'Q5',
    'a returned message behind a fresh one',
    planted(
      delivered('a', 2),
      2,
      delivered('c'),
      settled('c', 'failed'),
      delivered('a', 2),
      settled('a', 'handled', 2),
    ),
  ],
  ['S8', 'messages out of order', [sent('b'), sent('a'), ...GOOD]],
  [
    'S1',
    'a receipt for another message',
    planted(LAST, 0, { kind: 'answered', topic: 'q', id: 'x', outcome: 'ok', partition: 0, offset: 0 }),
  ],
  ['S5', 'a message that was refused', planted(answered('e'), 1, answered('e', 'fail'))],
  ['Q8', 'an attempt that does not count up', planted(delivered('a', 2), 2, delivered('a'), settled('a', 'handled'))],
  ['Q8', 'a failure that is not counted', planted(delivered('d'), 3, delivered('c', 2), settled('c', 'failed', 2))],
  [
    'Q8',
    'more failures than attempts',
    planted(delivered('c', 2, 1, 'c2'), 1, delivered('c', 2, 2, 'c2')),
    { attempts: 3 },
  ],
  ['Q8', 'no letter of what was rejected', planted(letter('e', 'rejected', 1), 1)],
  ['Q8', 'no letter of what has failed for the last time', planted(letter('c'), 1)],
  ['Q8', 'a letter of what was acked', planted(LAST, 0, letter('d'))],
  ['D1', 'a failure of nobody', planted(delivered('a', 2), 1, delivered('a', 2, 1))],
  ['D1', 'a stale failure that counts', planted(LAST, 0, delivered('d', 3, 2, 'c3'))],
  ['D1', 'an attempt after the limit', planted(letter('c'), 0, delivered('c', 3, 2, 'c2'))],
  ['D1', 'a letter before the limit', planted(letter('c'), 1, letter('c', 'failed', 1))],
  [
    'Q3',
    'a message that was acked, and its consumer has gone on before its end',
    planted(delivered('c', 2, 1, 'c2'), 0, delivered('b', 2, 0, 'c2'), settled('b', 'handled', 2, 'c2')),
  ],
  [
    'Q8',
    'a hand-out of what nobody has begun',
    planted(delivered('b'), 2, delivered('b', 2), settled('b', 'handled', 2)),
  ],
  [
    'single active',
    'another consumer while one has the queue',
    planted(delivered('b'), 2, delivered('b', 1, 0, 'c3'), settled('b', 'handled', 1, 'c3')),
  ],
  ['at most once', 'a message that comes again', GOOD, { atMostOnce: true }],
]

t.test('a history in which all is well breaks no rule', async t => {
  t.same(judge(GOOD), [])
})

for (const [rule, what, events, facts] of BAD)
  t.test(`${rule} sees ${what}`, async t => {
    const found = judge(events, facts)
    t.ok(
      found.some(problem => problem.startsWith(`${rule}:`)),
      found.join('\n') || 'nothing was found',
    )
  })

t.test('what a queue gives up to make room has as many failures as it has', async t => {
  t.same(
    judge(
      planted(
        LAST,
        1,
        sent('x'),
        { kind: 'answered', topic: 'q', id: 'x', outcome: 'info' },
        letter('c', 'maxlen', 0),
        atRest({}),
      ),
    ),
    [],
  )
})

t.test('what a consumer acked before it was told to end may come again, and what one had that has left', async t => {
  const again = [delivered('b', 2, 0, 'c2'), settled('b', 'handled', 2, 'c2')]
  t.same(judge(planted(delivered('c', 2, 1, 'c2'), 0, ...again), { oneAtATime: false }), [])
  const left: readonly HistoryEvent[] = [
    delivered('e', 1, 0, 'c2'),
    { kind: 'leaving', group: 'q', consumer: 'c2' },
    delivered('e', 2, 0, 'c3'),
    settled('e', 'rejected', 2, 'c3'),
  ]
  t.same(judge(planted(delivered('e', 1, 0, 'c2'), 2, ...left)), [])
})

t.test('what was dropped, and is back after a loss of power, took no room before it', async t => {
  const events = (how: 'power' | 'killed'): HistoryEvent[] => [
    ...(['a', 'b', 'c'] as const).flatMap(id => [sent(id), answered(id)]),
    { kind: 'died', how, isWhole: false, atMs: 1 },
    ...(['a', 'b', 'c'] as const).map(id => delivered(id)),
  ]
  const isOfLength = (problem: string): boolean => problem.includes('nobody has begun')
  t.same(judge(events('power'), { maxMessages: 2 }).filter(isOfLength), [])
  t.equal(judge(events('killed'), { maxMessages: 2 }).filter(isOfLength).length, 1)
})

t.test('others may have prefetched what is better', async t => {
  const events = planted(
    delivered('a', 2),
    2,
    delivered('c'),
    settled('c', 'failed'),
    delivered('a', 2),
    settled('a', 'handled', 2),
  )
  const isOfOrder = (problem: string): boolean => problem.startsWith('Q5')
  t.same(judge(events, { prefetch: 2 }).filter(isOfOrder), [])
  const two: HistoryEvent = { kind: 'consuming', topic: 'q', consumers: 2 }
  t.same(judge([...events.slice(0, 1), two, ...events.slice(1)]).filter(isOfOrder), [])
})

t.test('at most once, a message makes room for the next one when it is begun', async t => {
  const events = [
    ...GOOD.slice(0, 4),
    answered('a'),
    delivered('a'),
    answered('b'),
    settled('a', 'handled'),
    delivered('c'),
    delivered('b'),
  ]
  const isOfOrder = (problem: string): boolean => problem.startsWith('Q5')
  t.same(judge(events, { atMostOnce: true }).filter(isOfOrder), [])
  t.equal(judge(events).filter(isOfOrder).length, 1)
})

t.test('what a process in memory had is gone with it', async t => {
  const died: HistoryEvent = { kind: 'died', how: 'killed', isWhole: false, atMs: 1 }
  const stored = new Map(['q', 'q.dlq'].map(topic => [topic, { durability: 'memory', isRetained: false }] as const))
  const second = GOOD.slice(0, 10).map(event => ('id' in event ? { ...event, id: `${event.id}2` } : event))
  const events = [...GOOD.slice(0, 20), died, ...second]
  const history = remaining({ ...historyOf(events), stored })
  t.same(
    ALL.flatMap(rule => rule(history)),
    [],
  )
})

t.test('what a queue had when it was deleted is gone with it, also what is heard of it later', async t => {
  const gone: HistoryEvent = { kind: 'deleted', topic: 'q' }
  const again = JSON.parse(
    JSON.stringify(GOOD)
      .replace(/"id":"(\w)"/g, '"id":"$1 again"')
      .replace(/"consumer":"/g, '"consumer":"other '),
  ) as readonly HistoryEvent[]
  const late = [settled('c', 'handled'), letter('a'), answered('c')]
  const judged = (events: readonly HistoryEvent[]): string[] => ALL.flatMap(rule => rule(remaining(historyOf(events))))
  const first = GOOD.slice(0, 13)
  t.same(judged([...first, gone, ...again.slice(0, 4), ...late, ...again.slice(4)]), [])
  t.not(judged([...first, ...again]).length, 0, 'without the deletion it is not')
  const wrong = again.filter(event => event.kind !== 'letter')
  t.not(judged([...first, gone, ...wrong]).length, 0, 'the queue that has its name is judged')
})

t.test('what was out when a process died was handed out, though nobody began it', async t => {
  const died = (isWhole: boolean): HistoryEvent => ({
    kind: 'died',
    how: isWhole ? 'closed' : 'killed',
    isWhole,
    atMs: 1,
  })
  const ofAttempts = (...events: readonly HistoryEvent[]): number =>
    judge(events).filter(problem => /^Q8: .* as attempt 2/.test(problem)).length
  t.equal(ofAttempts(died(false), delivered('a', 2)), 0)
  t.equal(ofAttempts(died(true), delivered('a', 2)), 1, 'a close in good order takes it back')
  t.equal(ofAttempts(delivered('a', 2)), 1)
})

t.test('what is given to one that is leaving is taken from it again', async t => {
  const leaving: HistoryEvent = { kind: 'leaving', group: 'q', consumer: 'c2' }
  const again = [delivered('e', 1, 0, 'c2'), delivered('e', 2, 0, 'c3'), settled('e', 'rejected', 2, 'c3')]
  const ofTwo = (...events: readonly HistoryEvent[]): string[] =>
    judge(planted(delivered('e', 1, 0, 'c2'), 2, ...events)).filter(problem => problem.startsWith('Q2'))
  t.same(ofTwo(leaving, ...again), [])
  t.equal(ofTwo(...again).length, 1)
})

const began = (consumer: string): HistoryEvent => ({ kind: 'began', group: 'q', consumer, topic: 'q', partition: 0 })

t.test('the end of a consumer explains one failure of a hand-out that nobody has seen', async t => {
  const charged = (events: readonly HistoryEvent[], facts: Partial<QueueFacts> = {}): number =>
    judge(events, facts).filter(problem => /^D1: .*, and (it )?had/.test(problem)).length
  const first = [began('c1'), ended('c1')]
  t.equal(charged([...first, delivered('a', 2, 1, 'c2')]), 0)
  t.equal(charged([began('c1'), delivered('a', 2, 1, 'c2')]), 1, 'nobody has ended')
  t.equal(charged([...first, delivered('a', 1, 1, 'c2')]), 1, 'it was not handed out before')
  t.equal(charged([...first, delivered('a', 2, 1, 'c2'), delivered('b', 2, 1, 'c2')]), 1, 'it explains one')
  t.equal(charged([...first, began('c3'), ended('c3'), delivered('a', 2, 2, 'c2')], { attempts: 9 }), 1)
  t.equal(charged([...first, delivered('a', 3, 1, 'c2'), delivered('a', 4, 1, 'c2')]), 0, 'it is counted once')
  const inHand = [began('c1'), delivered('b'), ended('c1'), delivered('a', 2, 1, 'c2')]
  t.equal(charged(inHand), 1, 'it had another one in hand')
  t.equal(charged(inHand, { oneAtATime: false }), 0, 'which does not keep it from beginning one more')
  const known: HistoryEvent = { kind: 'ended', consumer: 'c1', executing: { group: 'q', ...place(1) } }
  t.equal(charged([began('c1'), delivered('b'), known, delivered('a', 2, 1, 'c2')], { oneAtATime: false }), 1)
  const once = { attempts: 1 }
  t.equal(charged([...first, letter('a', 'crashed', 1)], once), 0)
  t.equal(charged([...first, letter('a', 'failed', 1)], once), 1)
  t.equal(charged([...first, letter('a', 'crashed', 1), letter('b', 'crashed', 1)], once), 1)
})

t.test('what was out unseen was not passed over', async t => {
  const passed = (attempt: number): number =>
    judge([
      { kind: 'consuming', topic: 'q', consumers: 1 },
      ...[sent('a', 1), sent('b'), sent('c'), answered('a'), answered('b'), answered('c')],
      ...[began('c1'), ended('c1'), began('c2')],
      ...[delivered('b', 1, 0, 'c2'), settled('b', 'handled', 1, 'c2')],
      ...[delivered('c', 1, 0, 'c2'), settled('c', 'handled', 1, 'c2')],
      ...[delivered('a', attempt, attempt - 1, 'c2'), settled('a', 'handled', attempt, 'c2')],
    ]).filter(problem => problem.startsWith('Q5')).length
  t.equal(passed(2), 0)
  t.equal(passed(1), 1)
})

t.test('at os the power may take a letter whose message is gone, and no more of them than are counted', async t => {
  const power: HistoryEvent = { kind: 'died', how: 'power', isWhole: false, atMs: 1 }
  const found = (durability: Durability, events: readonly HistoryEvent[]): string[] => {
    const stored = new Map<string, StoredFacts>([['q', { durability, isRetained: false }]])
    const history = { ...historyOf(events), stored }
    return [...QUEUE_RULES, ...QUEUE_COUNT_RULES].flatMap(rule => rule(history))
  }
  // A message that makes room: nobody begins it, and nobody has read its letter.
  const dropped = [...GOOD.slice(0, 29), sent('x'), { ...answered('a'), id: 'x', offset: 5 } as HistoryEvent]
  const rest = (deadLettered: number): HistoryEvent => counted({ accepted: 6, acked: 3, deadLettered, isAtRest: true })
  const lacking = (...events: readonly HistoryEvent[]): number =>
    found('os', [...dropped, ...events]).filter(problem => /nor dead-lettered|no dead letter/.test(problem)).length
  const [c, e] = [letter('c'), letter('e', 'rejected', 1)]
  t.equal(lacking(c, e, power, rest(3)), 0)
  t.equal(lacking(c, e, rest(3)), 1, 'the power was not lost')
  t.equal(
    lacking(c, e, power, counted({ accepted: 6, acked: 4, deadLettered: 2, isAtRest: true })),
    1,
    'it is not counted',
  )
  t.equal(lacking(power, rest(3)), 0, 'nor of what has failed')
  t.equal(lacking(c, power, rest(3)), 0)
  t.equal(
    found('fsync', [...dropped, c, e, power, rest(3)]).filter(problem => /nor dead-lettered/.test(problem)).length,
    1,
  )
  t.equal(found('fsync', [...dropped, c, power, rest(3)]).filter(problem => /no dead letter/.test(problem)).length, 1)
  const both = (isLost: boolean): number =>
    found('os', [...GOOD.slice(0, -1), { ...letter('d'), isLost } as HistoryEvent, power, LAST]).filter(problem =>
      /has a dead letter/.test(problem),
    ).length
  t.equal(both(true), 0, 'it was taken with what followed from it')
  t.equal(both(false), 1)
})
