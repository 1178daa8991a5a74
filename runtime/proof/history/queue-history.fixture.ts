import { FACTS } from './facts.fixture.ts'
import { GROUP_RULES } from './group-rules.ts'
import type { Checker, GroupFacts, History, HistoryEvent, Place, QueueFacts } from './history.ts'
import { LETTER_RULES } from './letter-rules.ts'
import { QUEUE_COUNT_RULES } from './queue-count-rules.ts'
import { QUEUE_KEY_RULES } from './queue-key-rules.ts'
import { QUEUE_ORDER_RULES } from './queue-order-rules.ts'
import { QUEUE_RULES } from './queue-rules.ts'
import { QUEUE_TIME_RULES } from './queue-time-rules.ts'
import { STREAM_RULES } from './stream-rules.ts'

export const place = (offset: number): Place => ({ topic: 'q', partition: 0, offset })
export const OFFSETS: Readonly<Record<string, number>> = { a: 0, b: 1, c: 2, d: 3, e: 4 }

export function sent(id: string, priority = 0): HistoryEvent {
  return { kind: 'sent', producer: 'p', topic: 'q', id, key: null, priority }
}

export function answered(id: string, outcome: 'ok' | 'fail' = 'ok'): HistoryEvent {
  const at = outcome === 'ok' ? { partition: 0, offset: OFFSETS[id] as number } : {}
  return { kind: 'answered', topic: 'q', id, outcome, ...at }
}

export function delivered(id: string, deliveryAttempt = 1, failedAttempts = 0, consumer = 'c1'): HistoryEvent {
  const offset = OFFSETS[id] as number
  return { kind: 'delivered', group: 'q', consumer, id, key: null, deliveryAttempt, failedAttempts, ...place(offset) }
}

export type How = Extract<HistoryEvent, { kind: 'settled' }>['how']

export function settled(id: string, how: How, deliveryAttempt = 1, consumer = 'c1'): HistoryEvent {
  return { kind: 'settled', group: 'q', consumer, how, deliveryAttempt, ...place(OFFSETS[id] as number) }
}

export function letter(id: string, reason = 'failed', failedAttempts = 2): HistoryEvent {
  const source = place(OFFSETS[id] as number)
  const at = { topic: 'q.dlq', partition: 0, offset: source.offset }
  return { kind: 'letter', ...at, id, key: null, group: 'q', source, reason, failedAttempts, replayed: 0 }
}

export type Counted = Extract<HistoryEvent, { kind: 'counted' }>

export function counted(counts: Partial<Counted>): HistoryEvent {
  const none = { accepted: 0, ready: 0, unacked: 0, retrying: 0, scheduled: 0 }
  const over = { acked: 0, deadLettered: 0, expired: 0, dropped: 0 }
  return { kind: 'counted', topic: 'q', consumers: 1, isAtRest: false, ...none, ...over, ...counts }
}

export const ended = (consumer: string): HistoryEvent => ({ kind: 'ended', consumer })

/**
 * One consumer after the other, of one message each. Five messages: `b` goes before `a`, `a` is handed back and comes again at its
 * place, `c` fails twice and is a dead letter, `d` is acked when its first consumer has died, `e` is rejected.
 */
export const GOOD: readonly HistoryEvent[] = [
  { kind: 'consuming', topic: 'q', consumers: 1 },
  sent('a'),
  sent('b', 1),
  sent('c'),
  answered('a'),
  answered('b'),
  answered('c'),
  counted({ accepted: 3, ready: 3 }),
  delivered('b'),
  settled('b', 'handled'),
  delivered('a'),
  counted({ accepted: 3, ready: 1, unacked: 1, acked: 1 }),
  settled('a', 'released'),
  sent('d'),
  answered('d'),
  delivered('a', 2),
  settled('a', 'handled', 2),
  delivered('c'),
  settled('c', 'failed'),
  delivered('d'),
  ended('c1'),
  delivered('c', 2, 1, 'c2'),
  settled('c', 'failed', 2, 'c2'),
  delivered('d', 2, 1, 'c2'),
  sent('e'),
  answered('e'),
  settled('d', 'handled', 2, 'c2'),
  delivered('e', 1, 0, 'c2'),
  settled('e', 'rejected', 1, 'c2'),
  letter('c'),
  letter('e', 'rejected', 1),
  counted({ accepted: 5, acked: 3, deadLettered: 2, isAtRest: true }),
]

export const QUEUE: QueueFacts = {
  queue: 'q',
  maxMessages: 3,
  onFull: 'wait',
  attempts: 2,
  deadLetterTopic: 'q.dlq',
  atMostOnce: false,
  singleActive: true,
  keyConcurrency: Number.POSITIVE_INFINITY,
  oneAtATime: true,
  prefetch: 1,
  hasDelays: false,
  hasSteadyTimes: true,
}

export const ALL: readonly Checker[] = [
  ...STREAM_RULES,
  ...GROUP_RULES,
  ...LETTER_RULES,
  ...QUEUE_RULES,
  ...QUEUE_COUNT_RULES,
  ...QUEUE_ORDER_RULES,
  ...QUEUE_KEY_RULES,
  ...QUEUE_TIME_RULES,
]

export function historyOf(events: readonly HistoryEvent[], facts: Partial<QueueFacts> = {}): History {
  const queue = { ...QUEUE, ...facts }
  const { attempts, atMostOnce, deadLetterTopic } = queue
  const group: GroupFacts = {
    ...FACTS,
    topic: 'q',
    group: 'q',
    ordered: false,
    keyed: false,
    attempts,
    atMostOnce,
    deadLetterTopic,
  }
  return { events, groups: [group], queues: [queue], readTopics: [], drained: [] }
}

export function judge(events: readonly HistoryEvent[], facts?: Partial<QueueFacts>): string[] {
  return ALL.flatMap(rule => rule(historyOf(events, facts)))
}

/** The good history with other events in place of those from `from` on, so many. */
export function planted(
  from: HistoryEvent,
  count: number,
  ...events: readonly HistoryEvent[]
): readonly HistoryEvent[] {
  const at = GOOD.findIndex(event => JSON.stringify(event) === JSON.stringify(from))
  if (at === -1) throw new Error(`the good history has no ${JSON.stringify(from)}`)
  return [...GOOD.slice(0, at), ...events, ...GOOD.slice(at + count)]
}

export const LAST: HistoryEvent = GOOD.at(-1) as HistoryEvent
export const atRest = (counts: Partial<Counted>): HistoryEvent =>
  counted({ accepted: 5, acked: 3, deadLettered: 2, isAtRest: true, ...counts })
