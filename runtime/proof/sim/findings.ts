/**
 * What the processes of one simulation have found out together, and what all of them know of its topics and groups.
 */
import type { Durability } from '../../words/message.ts'
import type { GroupFacts, StoredFacts } from '../history/history.ts'
import { type ExchangeFindings, exchangesOf } from './exchange-work.ts'
import type { Counted } from './growing.ts'
import type { Lab } from './lab.ts'
import type { GroupPlan, Plan } from './plan.ts'
import { type QueuePlan, queueLettersOf } from './queue-plan.ts'
import { requestPlanOf } from './request-plan.ts'
import { RequestFindings } from './request-work.ts'
import { tickPlanOf } from './tick-plan.ts'
import { TickFindings } from './tick-work.ts'

const DEAD = '.dlq'

export class Findings {
  readonly facts: readonly GroupFacts[]
  readonly stored: ReadonlyMap<string, StoredFacts>
  readonly drained: string[] = []
  readonly problems: string[] = []
  /** Rounds of messages so far: none is published twice. */
  round = 0
  queueRound = 0
  readonly queues: readonly QueuePlan[]
  /** By name. */
  readonly queueDurabilities: ReadonlyMap<string, Durability>
  /** Null: the seed has no exchanges. */
  readonly exchanges: ExchangeFindings | null
  /** Null: the seed has no requests. */
  readonly requests: RequestFindings | null
  /** Null: the seed has no schedules. */
  readonly ticks: TickFindings | null
  /** Numbers of named producers below these were published. */
  readonly numbered: Map<string, number> = new Map()
  /** How many partitions topics have. */
  readonly counts: Map<string, Counted> = new Map()
  /** Topics of dead letters that are there. */
  readonly letterTopics: Set<string> = new Set()

  constructor(
    { seed, groups, disk, faults }: Plan,
    queues: readonly QueuePlan[],
    queueDurabilities: ReadonlyMap<string, Durability>,
    lab: Lab,
  ) {
    this.queues = queues
    this.exchanges = exchangesOf(seed)
    const requests = requestPlanOf(seed, disk !== null)
    this.requests = requests === null ? null : new RequestFindings(requests, lab)
    const ticks = tickPlanOf(seed, disk !== null, faults.has('clockJump'))
    this.ticks = ticks === null ? null : new TickFindings(ticks)
    this.queueDurabilities = queueDurabilities
    this.facts = groups.map(plan => {
      const handles = plan.kind === 'run' || plan.kind === 'handle'
      return {
        topic: 'in',
        group: plan.name,
        attempts: plan.attempts,
        ordered: handles && plan.retryOrder === 'partition' && plan.concurrency === 1,
        keyed: handles && plan.retryOrder !== 'none',
        from: plan.named ? 'earliest' : 'latest',
        atMostOnce: plan.atMostOnce,
        deadLetterTopic: lettersOf(plan),
      }
    })
    const stored = new Map<string, StoredFacts>()
    if (disk !== null) {
      const { durability, outDurability, retentionBytes } = disk
      stored.set('in', { durability, isRetained: retentionBytes !== Number.POSITIVE_INFINITY })
      stored.set('out', { durability: outDurability, isRetained: false })
      for (const plan of groups) stored.set(lettersOf(plan), { durability, isRetained: false })
      for (const plan of queues)
        for (const topic of [plan.name, queueLettersOf(plan)])
          if (topic !== null)
            stored.set(topic, { durability: queueDurabilities.get(plan.name) ?? 'memory', isRetained: false })
    }
    this.stored = stored
  }
}

export function lettersOf({ name }: GroupPlan): string {
  return `in.${name}${DEAD}`
}
