/** The judge of queues finds each kind of fault in a history that has it, and none in one that has not. */
import t from 'tap'
import { type EventKind, QueueLedger } from './queue-ledger.fixture.ts'
import { judgeQueue, type QueueFacts } from './queue-ledger-rules.fixture.ts'

/** Token, kind, message, and of what is begun deliveryAttempt and failedAttempts. */
type Line = readonly [number, EventKind, number, number?, number?]

function verdict(lines: readonly Line[], facts: Partial<QueueFacts> = {}, beats: readonly number[] = []): string[] {
  const ledger = new QueueLedger()
  for (const line of lines) ledger.add(...line)
  for (const token of beats) ledger.beat(token)
  return judgeQueue(ledger, { sent: 1, attempts: 3, letters: [], isPoison: () => false, ...facts })
}

const handled: readonly Line[] = [
  [1, 'begun', 1, 1, 0],
  [1, 'done', 1],
]
/** The same by a promise; whether it was seen to is not said. */
const resolved: readonly Line[] = [
  [1, 'begun', 1, 1, 0],
  [1, 'resolving', 1],
]
/** Thread 1 is alive after all. */
const later: readonly Line[] = [
  [1, 'begun', 2, 1, 0],
  [1, 'done', 2],
]

t.test('what is allowed', async t => {
  t.strictSame(verdict(handled), [])
  t.strictSame(
    verdict([
      [1, 'begun', 1, 1, 0],
      [2, 'begun', 1, 2, 1],
      [2, 'done', 1],
    ]),
    [],
    'a thread died with it',
  )
  t.strictSame(verdict([...handled, [2, 'begun', 1, 2, 1], [2, 'done', 1]]), [], 'a thread died before its ack')
  t.strictSame(
    verdict([
      [1, 'begun', 1, 1, 0],
      [1, 'failed', 1],
      [2, 'begun', 1, 2, 1],
      [2, 'done', 1],
    ]),
    [],
  )
  t.strictSame(
    verdict([
      [1, 'begun', 1, 1, 0],
      [1, 'returned', 1],
      [1, 'begun', 1, 2, 0],
      [1, 'done', 1],
    ]),
    [],
  )
  t.strictSame(
    verdict([
      [1, 'begun', 1, 1, 0],
      [1, 'failed', 1],
      [2, 'begun', 1, 2, 0],
      [2, 'done', 1],
    ]),
    [],
    'a thread died before it told of its failure',
  )
  t.strictSame(
    verdict([...resolved, ...later, [2, 'begun', 1, 2, 0], [2, 'done', 1]], { sent: 2 }),
    [],
    'a thread died of what it began before it had seen to the promise',
  )
  t.strictSame(verdict([...resolved, [1, 'settled', 1]]), [])
  t.strictSame(
    verdict([[1, 'begun', 1, 1, 0], [1, 'rejecting', 1], ...later, [2, 'begun', 1, 2, 0], [2, 'done', 1]], { sent: 2 }),
    [],
    'the same of a failure',
  )
  const letters = [{ message: 1, reason: 'crashed', failedAttempts: 3 }]
  const deaths: readonly Line[] = [
    [1, 'begun', 1, 1, 0],
    [2, 'begun', 1, 2, 1],
    [3, 'begun', 1, 3, 2],
  ]
  t.strictSame(verdict(deaths, { letters }), [])
  t.strictSame(
    verdict([
      [1, 'begun', 1, 1, 0],
      [1, 'late', 1],
    ]),
    [],
    'it may have been acked',
  )
})

const letter = { message: 1, reason: 'crashed', failedAttempts: 3 } as const
const faults: Readonly<Record<string, readonly [readonly Line[], Partial<QueueFacts>?, (readonly number[])?]>> = {
  'nobody sent it': [[[1, 'begun', 2, 1, 0], ...handled]],
  'while 1 had it and lived': [[[1, 'begun', 1, 1, 0], [2, 'begun', 1, 2, 0], [2, 'done', 1], ...later], { sent: 2 }],
  'while 1 had it and lived ': [
    [
      [1, 'begun', 1, 1, 0],
      [2, 'begun', 1, 2, 0],
      [2, 'done', 1],
    ],
    {},
    [1],
  ],
  'came again after 1 had acked it': [[...handled, ...later, [2, 'begun', 1, 2, 0], [2, 'done', 1]], { sent: 2 }],
  'came again after 1 had acked it ': [[...resolved, [1, 'settled', 1], [2, 'begun', 1, 2, 0], [2, 'done', 1]]],
  'came again after 1 had acked it  ': [[...resolved, [2, 'begun', 1, 2, 0], [1, 'settled', 1], [2, 'done', 1]]],
  'and nobody had it': [[...handled, [1, 'done', 1]]],
  'deliveryAttempt 1 after 1': [
    [
      [1, 'begun', 1, 1, 0],
      [1, 'returned', 1],
      [1, 'begun', 1, 1, 0],
      [1, 'done', 1],
    ],
  ],
  'after 1 told failures': [
    [
      [1, 'begun', 1, 1, 0],
      [1, 'failed', 1],
      [1, 'begun', 1, 2, 0],
      [1, 'done', 1],
    ],
  ],
  'after 1 told failures ': [
    [
      [1, 'begun', 1, 1, 0],
      [1, 'rejecting', 1],
      [1, 'settled', 1],
      [2, 'begun', 1, 2, 0],
      [2, 'done', 1],
    ],
  ],
  'and 3 are allowed': [
    [
      [1, 'begun', 1, 4, 3],
      [1, 'done', 1],
    ],
  ],
  'is lost': [[[1, 'begun', 1, 1, 0]]],
  'has two dead letters': [[], { letters: [letter, letter], isPoison: () => true }],
  'was acked, and has a dead letter': [[...handled, ...later], { sent: 2, letters: [letter], isPoison: () => true }],
  'after 2 failures': [[], { letters: [{ ...letter, failedAttempts: 2 }], isPoison: () => true }],
  'only 0 of its consumers': [[], { letters: [letter] }],
}

for (const [what, [lines, facts, beats]] of Object.entries(faults))
  t.test(`finds: ${what}`, async t => {
    const problems = verdict(lines, facts, beats)
    t.equal(problems.length, 1, problems.join('; '))
    t.match(problems[0] ?? '', what.trim())
  })
