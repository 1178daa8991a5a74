import t from 'tap'
import type { Durability } from '../../words/message.ts'
import type { History, HistoryEvent, QueueFacts } from './history.ts'
import { ofEachIdOneIsTaken } from './queue-id-rules.ts'

const FACTS: QueueFacts = {
  queue: 'q',
  maxMessages: Number.POSITIVE_INFINITY,
  onFull: 'wait',
  attempts: 3,
  deadLetterTopic: null,
  atMostOnce: false,
  singleActive: false,
  dedupeMs: 300,
  keyConcurrency: Number.POSITIVE_INFINITY,
  hasDelays: false,
  hasSteadyTimes: true,
  oneAtATime: false,
  prefetch: 1,
}

let sends = 0

/** A send of a message with this id at a time, and its answer 10 ms later: where it is, or of which message it is a duplicate. */
function sent(messageId: string | undefined, atMs: number, how: 'at' | 'as', offset: number): HistoryEvent[] {
  const id = `m${sends++}`
  const named = messageId === undefined ? {} : { messageId }
  const answer =
    how === 'at' ? ({ outcome: 'ok', offset } as const) : ({ outcome: 'fail', duplicateOf: offset } as const)
  return [
    { kind: 'sent', producer: 'p', topic: 'q', id, key: null, atMs, ...named },
    { kind: 'answered', topic: 'q', id, partition: 0, ...answer, atMs: atMs + 10 },
  ]
}

function found(events: readonly HistoryEvent[], facts: Partial<QueueFacts> = {}, durability?: Durability): string[] {
  const stored = new Map(durability === undefined ? [] : [['q', { durability, isRetained: false }] as const])
  const history: History = { events, groups: [], readTopics: [], drained: [], queues: [{ ...FACTS, ...facts }], stored }
  return ofEachIdOneIsTaken(history)
}

const died = (how: 'killed' | 'power'): HistoryEvent => ({ kind: 'died', how, isWhole: false, atMs: 50 })
const FOR_LONG = { dedupeMs: 3_600_000_000 }

t.test('one of an id, and its duplicates, as long as the id is known', async t => {
  const fine = [
    ...sent('a', 0, 'at', 0),
    ...sent('b', 20, 'at', 1),
    ...sent('a', 40, 'as', 0),
    ...sent(undefined, 50, 'at', 2),
    ...sent('a', 400, 'at', 3),
    ...sent('a', 420, 'as', 3),
  ]
  t.strictSame(found(fine), [])
})

t.test('a second one of an id is told, and so is a duplicate of another message', async t => {
  t.match(found([...sent('a', 0, 'at', 0), ...sent('a', 100, 'at', 1)]), [/of id a is at 1, and 110 ms before .* at 0/])
  t.match(found([...sent('a', 0, 'at', 0), ...sent('a', 100, 'as', 7)]), [/of id a is at 7/])
  t.match(found([...sent('b', 0, 'at', 0), ...sent('a', 10, 'as', 0)]), [/because of 0, which has the id b/])
  t.match(found(sent(undefined, 10, 'as', 0)), [/has no id, and was not taken/])
  t.match(found([...sent('a', 0, 'at', 0), ...sent('a', 9_000, 'as', 0)]), [/not taken 8990 ms after the first/])
})

t.test('ids end with what the queue may lose', async t => {
  const twice = (between: HistoryEvent): HistoryEvent[] => [
    ...sent('a', 0, 'at', 0),
    between,
    ...sent('a', 60, 'at', 1),
  ]
  t.strictSame(found(twice(died('killed')), FOR_LONG), [], 'in memory')
  t.match(found(twice(died('killed')), FOR_LONG, 'os'), [/of id a is at 1/])
  t.strictSame(found(twice(died('power')), FOR_LONG, 'os'), [])
  t.match(found(twice(died('power')), FOR_LONG, 'fsync'), [/of id a is at 1/])
  t.strictSame(found(twice(died('killed')), {}, 'fsync'), [], 'clocks may have been set')
  t.strictSame(found(twice({ kind: 'deleted', topic: 'q' }), FOR_LONG, 'fsync'), [])
})
