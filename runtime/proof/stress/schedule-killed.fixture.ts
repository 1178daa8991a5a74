/** The schedules of processes that are killed, and where they send to. */
import type { StoreTuning } from '../../embedded/session.ts'
import type { Broker } from '../../words/broker.ts'
import type { Exchange } from '../../words/exchange.ts'
import type { Durability } from '../../words/message.ts'
import type { Queue } from '../../words/queue.ts'
import type { ScheduleOptions, TickMessage } from '../../words/schedule.ts'
import type { Topic } from '../../words/topic.ts'

/** Small files, of which many are closed and given back. */
export const KILLED_TUNING: StoreTuning = { journalBytes: 1_048_576, queueSegmentBytes: 65_536 }

export interface KilledTargets {
  /** Messages stay there. */
  readonly kept: Queue
  /** Messages are consumed. */
  readonly worked: Queue
  readonly log: Topic
  /** One of the two that an exchange leads to; the other is `log`. */
  readonly routed: Queue
  readonly events: Exchange
}

export interface KilledSchedule {
  readonly name: string
  readonly when: ScheduleOptions
  readonly target: keyof KilledTargets
  readonly message: TickMessage
  /** From tick to tick. */
  readonly everyMs: number
  /** Where its messages come to. */
  readonly comesTo: readonly string[]
}

function every(name: string, everyMs: number, target: keyof KilledTargets, message: TickMessage): KilledSchedule {
  return { name, when: { everyMs, missed: 'all' }, target, message, everyMs, comesTo: [target] }
}

/** Some share a target, one has ticks by a pattern, and one goes through an exchange. */
export const KILLED_SCHEDULES: readonly KilledSchedule[] = [
  every('kept', 30, 'kept', { value: 1 }),
  every('worked', 20, 'worked', { value: 'x'.repeat(2_000) }),
  every('other', 45, 'worked', { value: 2, headers: { own: 'h' } }),
  every('log', 25, 'log', { value: 3 }),
  {
    name: 'seconds',
    when: { cron: '* * * * * *', timeZone: 'Europe/Berlin', missed: 'all' },
    target: 'log',
    message: { value: 4, key: 'k' },
    everyMs: 1_000,
    comesTo: ['log'],
  },
  { ...every('routed', 35, 'events', { value: 5, routingKey: 'a.b' }), comesTo: ['routed', 'log'] },
]

export async function openTargets(broker: Broker, durability: Durability): Promise<KilledTargets> {
  const kept = await broker.queue('kept', { durability })
  const worked = await broker.queue('worked', { durability })
  const log = await broker.topic('log', { partitions: 3, durability })
  const routed = await broker.queue('routed', { durability })
  const events = await broker.exchange('events', { type: 'topic' })
  await events.bind(routed, 'a.#')
  await events.bind(log, '*.b')
  return { kept, worked, log, routed, events }
}
