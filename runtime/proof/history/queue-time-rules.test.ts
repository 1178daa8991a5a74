/** Q6 sees what is begun before it is due, and what was handed out after its time to live, and nothing else. */
import t from 'tap'
import type { HistoryEvent, QueueFacts } from './history.ts'
import { timesAreKept } from './queue-time-rules.ts'

const QUEUE: QueueFacts = {
  queue: 'q',
  maxMessages: 3,
  onFull: 'wait',
  attempts: 2,
  deadLetterTopic: 'q.dlq',
  atMostOnce: false,
  singleActive: false,
  oneAtATime: true,
  prefetch: 1,
  hasDelays: true,
  keyConcurrency: Number.POSITIVE_INFINITY,
  hasSteadyTimes: true,
}

function judge(events: readonly HistoryEvent[], facts: Partial<QueueFacts> = {}): readonly string[] {
  return timesAreKept({ events, groups: [], queues: [{ ...QUEUE, ...facts }], readTopics: [], drained: [] })
}

const place = (offset: number) => ({ topic: 'q', partition: 0, offset })
const at = (offset: number) => ({ group: 'q', consumer: 'c', deliveryAttempt: 1, ...place(offset) })

function sent(id: string, times: { readonly dueMs?: number; readonly expiresMs?: number } = {}): HistoryEvent {
  return { kind: 'sent', producer: 'p', topic: 'q', id, key: null, ...times }
}

function delivered(id: string, offset: number, atMs: number): HistoryEvent {
  return { kind: 'delivered', id, key: null, failedAttempts: 0, atMs, ...at(offset) }
}

function settled(offset: number, atMs: number): HistoryEvent {
  return { kind: 'settled', how: 'handled', atMs, ...at(offset) }
}

function letter(id: string, offset: number): HistoryEvent {
  const where = { topic: 'q.dlq', partition: 0, offset: 0 }
  return {
    kind: 'letter',
    id,
    key: null,
    group: 'q',
    source: place(offset),
    reason: 'expired',
    failedAttempts: 0,
    replayed: 0,
    ...where,
  }
}

t.test('what is begun when it is due, and before it expires, breaks no rule', async t => {
  const good = [
    sent('a', { dueMs: 100 }),
    sent('b', { expiresMs: 120 }),
    delivered('b', 1, 50),
    settled(1, 110),
    delivered('a', 0, 111),
  ]
  t.same(judge([...good, sent('c', { expiresMs: 200 }), letter('c', 2)]), [])
})

t.test('what is begun before it is due is found', async t => {
  const early = [sent('a', { dueMs: 100 }), delivered('a', 0, 99)]
  t.match(judge(early), [/^Q6: c got q\/0@0 at 99, and it was due at 100/])
  t.same(judge(early, { hasSteadyTimes: false }), [], 'unless the clock was set')
})

t.test('what was handed out after its time is found, and what was prefetched before is not', async t => {
  const late = [sent('a'), sent('b', { expiresMs: 60 }), delivered('a', 0, 10), settled(0, 61), delivered('b', 1, 62)]
  t.match(judge(late), [/^Q6: c got q\/0@1 after 61, and it expired at 60/])
  t.same(judge(late, { prefetch: 2 }), [])
})

t.test(
  'what begins when it has expired at its consumer is found, where nothing keeps the queue from taking it back',
  async t => {
    const late = (atMs: number) => [sent('a', { expiresMs: 60 }), delivered('a', 0, atMs)]
    t.match(judge(late(66), { takesBackInTime: true }), [/^Q6: c began q\/0@0 at 66, and it expired at 60/])
    t.same(judge(late(65), { takesBackInTime: true }), [], 'that takes a moment')
    t.same(judge(late(66)), [])
    const again = [...late(60), delivered('a', 0, 66)]
    t.same(judge(again, { takesBackInTime: true }), [], 'what has begun is handled to its end')
  },
)

t.test('a dead letter that says expired of what has no time to live is found', async t => {
  t.match(judge([sent('a'), letter('a', 0)]), [/^Q6: q\/0@0 is a dead letter as expired/])
})

const updating = (id: string): HistoryEvent => ({ kind: 'updating', topic: 'q', id })
const updated = (id: string, what: object): HistoryEvent => ({ kind: 'updated', topic: 'q', id, ...what })

t.test('what was updated is judged by its new times, and by neither while that is under way', async t => {
  t.same(judge([sent('a'), updating('a'), letter('a', 0)]), [], 'it may have a time to live by then')
  const put = (what: object): HistoryEvent[] => [sent('a', { expiresMs: 60 }), updating('a'), updated('a', what)]
  const early = [...put({ isChanged: true, dueMs: 300 }), delivered('a', 0, 299)]
  t.match(judge(early), [/^Q6: c got q\/0@0 at 299, and it was due at 300/])
  const kept = (atMs: number, what: object) => judge([...put(what), delivered('a', 0, atMs)], { takesBackInTime: true })
  t.match(kept(66, { isChanged: false, dueMs: 300, expiresMs: 900 }), [/expired at 60/], 'it was not changed')
  t.match(kept(66, { isChanged: true }), [/expired at 60/], 'its time to live was not')
  t.match(kept(506, { isChanged: true, expiresMs: 500 }), [/expired at 500/])
  t.same(kept(66, { isChanged: true, expiresMs: 500 }), [])
  t.same(kept(66, { isChanged: true, dueMs: 61 }), [], 'a new delay moves the end')
  t.same(kept(66, {}), [], 'nobody knows what became of it')
  t.same(judge([sent('a', { dueMs: 100 }), updating('a'), delivered('a', 0, 5)]), [], 'it is under way')
})

t.test('a loss of power may undo an update', async t => {
  const died: HistoryEvent = { kind: 'died', how: 'power', isWhole: false, atMs: 50 }
  const put = [sent('a'), updating('a'), updated('a', { isChanged: true, dueMs: 300 })]
  t.same(judge([...put, died, delivered('a', 0, 60)]), [])
  t.equal(judge([...put, { ...died, how: 'killed' }, delivered('a', 0, 60)]).length, 1)
})
