/** The rules on queues that outlive their processes see what they are there for, and nothing in what is right. */
import t from 'tap'
import type { Durability } from '../../words/message.ts'
import type { GroupFacts, HistoryEvent, QueueFacts, StoredFacts } from './history.ts'
import { oneLetterAtTheLimit } from './letter-rules.ts'
import { QUEUE_LIVES_RULES } from './queue-lives-rules.ts'
import { remaining } from './remaining.ts'
import { onePlaceForAValue } from './stream-rules.ts'

const at = { topic: 'q', partition: 0, offset: 0 }
const QUEUE: QueueFacts = {
  queue: 'q',
  maxMessages: Number.POSITIVE_INFINITY,
  onFull: 'wait',
  attempts: 3,
  deadLetterTopic: 'q.dlq',
  atMostOnce: false,
  singleActive: false,
  oneAtATime: true,
  prefetch: 1,
}

function delivered(consumer: string, deliveryAttempt: number, failedAttempts = 0): HistoryEvent {
  return { kind: 'delivered', group: 'q', consumer, id: 'a', key: null, deliveryAttempt, failedAttempts, ...at }
}

const handled = (consumer: string): HistoryEvent => ({
  kind: 'settled',
  group: 'q',
  consumer,
  how: 'handled',
  deliveryAttempt: 1,
  ...at,
})
const confirmed: HistoryEvent = { kind: 'confirmed', consumer: 'c1', how: 'handled', ...at }
const died = (how: 'closed' | 'killed' | 'power', isWhole = how === 'closed'): HistoryEvent => ({
  kind: 'died',
  how,
  isWhole,
  atMs: 0,
})

function verdict(durability: Durability, ...events: readonly HistoryEvent[]): string {
  const stored = new Map<string, StoredFacts>([['q', { durability, isRetained: false }]])
  const history = { events, groups: [], readTopics: [], drained: [], queues: [QUEUE], stored }
  const kept = remaining(history)
  return QUEUE_LIVES_RULES.flatMap(rule => rule(kept)).join()
}

t.test('one letter of a message, unless a loss of power at `os` has left it and brought the message back', async t => {
  const letter = (offset: number): readonly HistoryEvent[] => {
    const where = { topic: 'q.dlq', partition: 0, offset, id: 'a', key: null }
    const said = { group: 'q', source: at, reason: 'timeout', failedAttempts: 3, replayed: 0 }
    return [
      { kind: 'read', reader: 'r', ...where },
      { kind: 'letter', ...where, ...said },
    ]
  }
  const judged = (durability: Durability, how: 'killed' | 'power'): string => {
    const stored = new Map<string, StoredFacts>([
      ['q', { durability, isRetained: false }],
      ['q.dlq', { durability, isRetained: false }],
    ])
    const groups = [
      { topic: 'q', group: 'q', attempts: 3, deadLetterTopic: 'q.dlq' },
    ] as unknown as readonly GroupFacts[]
    const reopened = { kind: 'reopened', topic: 'q.dlq', partition: 0, start: 0, end: 1 } as const
    const events = [...letter(0), died(how), reopened, ...letter(0), ...letter(1)]
    const history = { events, groups, readTopics: [], drained: [], queues: [QUEUE], stored }
    return [onePlaceForAValue, oneLetterAtTheLimit].flatMap(rule => rule(history)).join()
  }
  t.equal(judged('os', 'power'), '')
  for (const [durability, how] of [
    ['os', 'killed'],
    ['fsync', 'power'],
  ] as const)
    t.match(judged(durability, how), /S2: a is at .*D1: q.0@0 is dead-lettered by q/, `${durability}, ${how}`)
})

t.test('an acknowledgement that was confirmed is kept', async t => {
  const first = [delivered('c1', 1), handled('c1'), confirmed]
  for (const durability of ['os', 'fsync'] as const) {
    t.equal(verdict(durability, ...first, died('killed')), '')
    t.match(
      verdict(durability, ...first, delivered('c2', 2)),
      /Q3: c2 got q.0@0, which was handled, which was confirmed/,
    )
    t.match(verdict(durability, ...first, died('killed'), delivered('c2', 2)), /Q3: c2 got q.0@0/)
  }
  t.match(verdict('fsync', ...first, died('power'), delivered('c2', 2)), /Q3: c2 got q.0@0/)
  t.equal(verdict('os', ...first, died('power'), delivered('c2', 2)), '')
  t.equal(verdict('memory', ...first, died('killed'), delivered('c2', 2)), '')
})

t.test('a queue that is made anew has offsets that were there before', async t => {
  const gone: HistoryEvent = { kind: 'deleted', topic: 'q' }
  const first = [delivered('c1', 1), handled('c1')]
  t.equal(verdict('fsync', ...first, confirmed, gone, delivered('c2', 1)), '')
  t.equal(verdict('fsync', ...first, gone, confirmed, delivered('c2', 1)), '', 'it was heard late')
})

t.test('one that was not confirmed may be lost, but not by a close in good order', async t => {
  const first = [delivered('c1', 1), handled('c1')]
  t.equal(verdict('fsync', ...first, died('killed'), delivered('c2', 2)), '')
  t.match(verdict('fsync', ...first, died('closed'), delivered('c2', 2)), /handled before a close in good order/)
  t.equal(verdict('fsync', ...first, died('closed', false), delivered('c2', 2)), '', 'the disk had failed')
  t.equal(verdict('fsync', ...first, delivered('c2', 2), died('closed'), delivered('c3', 3)), '', 'it had come again')
  const late: HistoryEvent = { kind: 'overdue', group: 'q', consumer: 'c1', deliveryAttempt: 1, ...at }
  t.equal(verdict('fsync', ...first, late, died('closed'), delivered('c2', 2)), '')
  const ended: HistoryEvent = { kind: 'ended', consumer: 'c1' }
  t.equal(verdict('fsync', delivered('c1', 1), ended, handled('c1'), died('closed'), delivered('c2', 2)), '')
})

t.test('failures are not forgotten', async t => {
  const first = [delivered('c1', 2, 1)]
  t.equal(verdict('os', ...first, died('killed'), delivered('c2', 3, 1)), '')
  t.match(verdict('os', ...first, died('closed'), delivered('c2', 3, 0)), /Q8: q.0@0 had 1 failures, .* with 0/)
  t.match(verdict('os', ...first, died('killed'), died('killed'), delivered('c2', 4, 0)), /Q8/)
  t.equal(verdict('fsync', ...first, died('power'), delivered('c2', 1)), '')
})
