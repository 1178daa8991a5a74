/**
 * What real threads record is judged: all is well, and one planted fault at a time, each through the recorder itself.
 *
 * Three messages of one key go into one partition. The first is handled by thread 1, which then ends with the second on
 * its stack; thread 2 handles that at its second attempt, and fails at the third message twice, which is its limit.
 */
import t from 'tap'
import type { Delivery } from '../../words/delivery.ts'
import { RejectError } from '../../words/errors.ts'
import { judgeJournal, type RecordedFacts } from './recorded-history.fixture.ts'
import { Recorder } from './recorder.fixture.ts'
import { Witness } from './witness.fixture.ts'

const FACTS: RecordedFacts = {
  topic: 'in',
  group: 'g',
  attempts: 2,
  handlerTimeoutMs: 1_000,
  deadLetterTopic: 'dead',
  keyOf: () => 5,
  readInFull: true,
  drained: true,
}

type Step = readonly [name: string, write: (scene: Scene) => void]

/** A recorder, and the handlers that have begun so far, by their threads. */
class Scene {
  readonly recorder: Recorder
  readonly witnesses: Map<number, Witness> = new Map()

  constructor(entries: number) {
    this.recorder = new Recorder(entries)
  }

  of(thread: number): Witness {
    return this.witnesses.get(thread) as Witness
  }
}

function delivery(offset: number, deliveryAttempt = 1, failedAttempts = 0): Delivery<unknown> {
  return { partition: 0, offset, key: 'key-5', deliveryAttempt, failedAttempts } as Delivery<unknown>
}

function letter(offset: number, source: number, reason = 'failed', failures = 2): Delivery<unknown> {
  const headers = {
    'millrace-reason': reason,
    'millrace-partition': '0',
    'millrace-offset': String(source),
    'millrace-failed-attempts': String(failures),
  }
  return { ...delivery(offset), headers } as unknown as Delivery<unknown>
}

const began = (thread: number): Step => [
  `began ${thread}`,
  ({ recorder, witnesses }) => witnesses.set(thread, new Witness(recorder.journal.buffer, 0, thread)),
]
const read = (id: number): Step => [`read ${id}`, ({ recorder }) => recorder.read(delivery(id), id)]
const committed = (offset: number): Step => [
  `committed ${offset}`,
  ({ recorder }) => recorder.journal.add('committed', { offset }),
]
const delivered = (thread: number, offset: number, attempt = 1, failures = 0): Step => [
  `delivered ${offset}.${attempt}`,
  scene => scene.of(thread).delivered(delivery(offset, attempt, failures), offset),
]
const handled = (thread: number, offset: number, attempt = 1, failures = 0): Step => [
  `handled ${offset}`,
  scene => scene.of(thread).handle(delivery(offset, attempt, failures), offset, () => undefined),
]
const failed = (thread: number, offset: number, attempt: number, failures: number, error = new Error('odd')): Step => [
  `failed ${offset}.${attempt}`,
  scene => {
    const fails = (): never => {
      throw error
    }
    try {
      scene.of(thread).handle(delivery(offset, attempt, failures), offset, fails)
    } catch (thrown) {
      if (thrown === error) return
    }
    throw new Error('the witness swallowed what the handler threw')
  },
]
const buried = (offset: number, source: number, reason = 'failed', failures = 2, id = source): Step => [
  `letter ${source}`,
  ({ recorder }) => recorder.letter(letter(offset, source, reason, failures), id),
]
const torn: Step = ['torn', ({ recorder }) => Atomics.add(new Int32Array(recorder.journal.buffer), 0, 1)]
const stopping: Step = ['stopping', ({ recorder }) => recorder.stopping()]
const left = (thread: number): Step => ['left', scene => scene.of(thread).left()]

const GOOD: readonly Step[] = [
  ['sent', ({ recorder }) => recorder.sent(0, 3)],
  ['answered', ({ recorder }) => recorder.answered(0, 'ok', { count: 2 })],
  ['place', ({ recorder }) => recorder.answered(2, 'ok', { partition: 0, offset: 2 })],
  began(1),
  read(0),
  read(1),
  read(2),
  handled(1, 0),
  committed(1),
  delivered(1, 1),
  began(2),
  handled(2, 1, 2, 1),
  committed(2),
  failed(2, 2, 1, 0),
  failed(2, 2, 2, 1),
  buried(0, 2),
  committed(3),
  stopping,
  left(2),
]

/** The good steps with others in place of the one of this name, or behind it. */
function instead(name: string, ...others: readonly Step[]): readonly Step[] {
  return GOOD.flatMap(step => (step[0] === name ? others : [step]))
}

function behind(name: string, ...others: readonly Step[]): readonly Step[] {
  return GOOD.flatMap(step => (step[0] === name ? [step, ...others] : [step]))
}

function judge(steps: readonly Step[], endsMax = 1, entries = 100): string[] {
  const scene = new Scene(entries)
  for (const [, write] of steps) write(scene)
  return judgeJournal(scene.recorder.journal, FACTS, endsMax)
}

const BAD: readonly (readonly [rule: string, what: string, steps: readonly Step[]])[] = [
  [
    'S1',
    'a receipt for the place of another record',
    instead('place', ['place', ({ recorder }) => recorder.answered(2, 'ok', { partition: 0, offset: 1 })]),
  ],
  ['S2', 'a record at two places', behind('read 2', ['again', ({ recorder }) => recorder.read(delivery(3), 0)])],
  ['S3/S4', 'a confirmed record that is not in the log', instead('read 2')],
  ['S5', 'a record that nobody sent', behind('read 2', read(3))],
  [
    'S5',
    'a record whose send failed',
    instead('answered', ['answered', ({ recorder }) => recorder.answered(0, 'fail', { count: 2 })]),
  ],
  ['S6/S7', 'a reader that skips', instead('read 1')],
  [
    'S8',
    'sends out of order',
    instead('sent', ['sent', ({ recorder }) => recorder.sent(1, 2)], ['sent', ({ recorder }) => recorder.sent(0)]),
  ],
  ['A1', 'a thread that goes on when its successor was given a record', behind('handled 1', delivered(1, 2))],
  ['A3', 'two records of a key in the wrong order', instead('handled 0', handled(1, 1), handled(1, 0))],
  ['A3', 'a successor that skips', instead('handled 1')],
  ['A4', 'a commit that goes one too far', instead('committed 1', committed(2))],
  ['A4', 'a commit that goes back', behind('committed 2', committed(1))],
  ['A4', 'a record that comes again when it is committed', behind('began 2', handled(2, 0, 2, 0))],
  ['A5', 'a record that nobody handled', instead('letter 2')],
  ['D1', 'an attempt beyond the limit', behind('failed 2.2', failed(2, 2, 3, 2))],
  ['D1', 'a crash that is not charged', instead('handled 1', handled(2, 1, 2, 0))],
  ['D1', 'a crash that is charged twice', instead('handled 1', handled(2, 1, 2, 2))],
  ['D1', 'a failure that is not counted', instead('failed 2.2', failed(2, 2, 2, 0))],
  ['D1', 'a neighbour that is charged', instead('failed 2.1', failed(2, 2, 1, 1))],
  ['D1', 'a dead letter twice', behind('letter 2', buried(1, 2))],
  ['D1', 'a dead letter before the limit', instead('letter 2', buried(0, 2, 'failed', 1))],
  ['D1', 'a dead letter for another reason', instead('letter 2', buried(0, 2, 'rejected'))],
  ['D2', 'a dead letter with another value', instead('letter 2', buried(0, 2, 'failed', 2, 1))],
]

t.test('a journal in which all is well breaks no rule', async t => {
  t.strictSame(judge(GOOD), [])
})

for (const [rule, what, steps] of BAD) {
  t.test(`${rule} sees ${what}`, async t => {
    const found = judge(steps)
    t.ok(
      found.some(problem => problem.startsWith(`${rule}:`)),
      found.join('; ') || 'nothing was seen',
    )
  })
}

t.test('a thread that ended in the middle of an entry may be charged with that record, and with no other', async t => {
  t.strictSame(judge(instead('delivered 1.1', torn)), [])
  const another = [handled(2, 1, 1, 0), failed(2, 2, 1, 1)]
  const steps = instead('delivered 1.1', torn).flatMap(step => (step[0] === 'handled 1' ? another : [step]))
  t.match(judge(steps).join(), 'D1: in/0@2 came to')
})

t.test('what was on the stack of a thread that ended as its run stopped may go uncharged', async t => {
  const steps = instead('began 2', stopping, began(2))
  t.strictSame(judge(steps.map(step => (step[0] === 'handled 1' ? handled(2, 1, 2, 0) : step))), [])
  t.strictSame(judge(steps), [])
})

t.test('a rejected record is dead-lettered at once', async t => {
  const steps = instead('failed 2.1', failed(2, 2, 1, 0, new RejectError('no'))).flatMap(step => {
    if (step[0] === 'failed 2.2') return []
    return step[0] === 'letter 2' ? [buried(0, 2, 'rejected', 1)] : [step]
  })
  t.strictSame(judge(steps), [])
})

t.test('more threads that ended, or more torn entries, than the program knows of are told', async t => {
  t.strictSame(judge(GOOD, 0), ['1 threads ended with a partition in hand, and only 0 were to'])
  t.strictSame(judge(behind('sent', torn, torn)), ['2 entries are torn, and 1 threads ended'])
})

t.test('a journal that is full is not judged: the run has failed', async t => {
  t.strictSame(judge(GOOD, 1, 10), ['the journal is full after 10 entries: nothing can be judged'])
})
