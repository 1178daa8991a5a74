/** The rules on keys of queues: each sees what breaks it, and nothing else. */
import t from 'tap'
import type { HistoryEvent, QueueFacts } from './history.ts'
import { QUEUE_KEY_RULES } from './queue-key-rules.ts'

const QUEUE: QueueFacts = {
  queue: 'q',
  maxMessages: Number.POSITIVE_INFINITY,
  onFull: 'wait',
  attempts: 5,
  deadLetterTopic: null,
  atMostOnce: false,
  singleActive: false,
  keyConcurrency: 1,
  hasDelays: false,
  hasSteadyTimes: true,
  oneAtATime: false,
  prefetch: 10,
}

const at = (offset: number) => ({ topic: 'q', partition: 0, offset, group: 'q', id: `m${offset}` })
const delivered = (offset: number, key: string | null, consumer = 'c1', attempt = 1): HistoryEvent => {
  const counts = { deliveryAttempt: attempt, failedAttempts: 0 }
  return { kind: 'delivered', ...at(offset), key, consumer, ...counts }
}
const settled = (offset: number, consumer = 'c1', how: 'handled' | 'failed' = 'handled', attempt = 1): HistoryEvent => {
  return { kind: 'settled', ...at(offset), consumer, how, deliveryAttempt: attempt }
}

function judge(events: readonly HistoryEvent[], keyConcurrency = 1): string[] {
  const history = { events, groups: [], queues: [{ ...QUEUE, keyConcurrency }], readTopics: [], drained: [] }
  return QUEUE_KEY_RULES.flatMap(rule => rule(history))
}

const TWO_AT_A_TIME = [
  delivered(0, 'a'),
  delivered(1, 'b'),
  delivered(2, null),
  delivered(3, null),
  delivered(4, 'a', 'c2'),
]

t.test('messages of a key in turn break no rule, whoever gets them', async t => {
  const good = [
    delivered(0, 'a'),
    delivered(1, 'b', 'c2'),
    settled(0, 'c1', 'failed'),
    delivered(0, 'a', 'c2', 2),
    settled(0, 'c2', 'handled', 2),
    delivered(4, 'a'),
    { kind: 'ended', consumer: 'c1' } as const,
    delivered(4, 'a', 'c3', 2),
    // Without an order.
    delivered(3, null),
    delivered(2, null),
  ]
  t.same(judge(good), [])
  t.same(judge(TWO_AT_A_TIME, 2), [])
  t.same(judge(TWO_AT_A_TIME, Number.POSITIVE_INFINITY), [])
})

t.test('more of a key than may be out are seen', async t => {
  t.match(judge(TWO_AT_A_TIME), [/^Q5: c2 got q.* as one of 2 of key a, of which 1 may be out/])
})

t.test('messages of a key out of their order are seen, but for what the next process is given again', async t => {
  const late = [delivered(4, 'a'), settled(4)]
  t.match(judge([...late, delivered(0, 'a')]), [/^Q5: c1 got q.* of key a after message 4 of it/])
  t.same(judge([...late, delivered(0, 'a')], 2), [])
  const sent = { kind: 'sent', producer: 'p', topic: 'q', key: 'a', dueMs: 5 } as const
  t.same(judge([{ ...sent, id: 'm0' }, ...late, delivered(0, 'a')]), [], 'it was due later')
  t.same(judge([{ ...sent, id: 'm4' }, ...late, delivered(0, 'a')]), [])
  const died: HistoryEvent = { kind: 'died', how: 'power', isWhole: false, atMs: 0 }
  t.same(judge([...late, died, delivered(0, 'a')]), [])
})
