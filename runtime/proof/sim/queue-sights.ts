/**
 * What befell the work queues of a seed, as far as its history and its plan tell: main.ts counts in how many seeds each occurs.
 *
 * Pure.
 */
import type { Durability } from '../../words/message.ts'
import type { HistoryEvent } from '../history/history.ts'
import type { FaultKind } from './plan.ts'
import type { QueuePlan } from './queue-plan.ts'

export const QUEUE_SIGHTS = [
  'queue',
  'consumerDeath',
  'hostDeath',
  'standstill',
  'stop',
  'pause',
  'release',
  'retry',
  'timeout',
  'overtaking',
  'full',
  'dropHead',
  'letter',
  'dropped',
  'atMostOnce',
  'singleActive',
  'keyLimit',
  'fair',
  'rate',
  'oneAtATime',
  'onDisk',
  'reopened',
  'confirmed',
  'ranked',
  'lettersWait',
  'delayed',
  'expired',
  'deleted',
  'deletionRefused',
  'ids',
  'duplicate',
  'updated',
] as const
export type QueueSight = (typeof QUEUE_SIGHTS)[number]

/** What befalls everybody befalls queues as well. */
const BY_FAULT: readonly (readonly [FaultKind, QueueSight])[] = [
  ['hostDeath', 'hostDeath'],
  ['hostDeathAtPoint', 'hostDeath'],
  ['stall', 'standstill'],
  ['pausedThread', 'standstill'],
  ['pausedProcess', 'standstill'],
]

function byPlan(plan: QueuePlan): QueueSight[] {
  const { acts, singleActive, prefetch, members, keyConcurrency, keyOrder, rate, dedupeMs } = plan
  const seen: QueueSight[] = ['queue']
  if (acts.includes('pause')) seen.push('pause')
  if (singleActive) seen.push('singleActive')
  if (keyConcurrency < Number.POSITIVE_INFINITY) seen.push('keyLimit')
  if (keyOrder === 'fair') seen.push('fair')
  if (rate !== null) seen.push('rate')
  if (dedupeMs > 0) seen.push('ids')
  if (prefetch === 1 && members.length === 1) seen.push('oneAtATime')
  if (new Set(members.map(({ consumerPriority }) => consumerPriority)).size > 1) seen.push('ranked')
  return seen
}

export function queueSights(
  events: readonly HistoryEvent[],
  plans: readonly QueuePlan[],
  faults: ReadonlyMap<FaultKind, number>,
  durabilities: ReadonlyMap<string, Durability>,
): QueueSight[] {
  const seen = new Set(plans.flatMap(byPlan))
  if ([...durabilities.values()].some(each => each !== 'memory')) seen.add('onDisk')
  if (plans.length > 0) for (const [fault, sight] of BY_FAULT) if (faults.has(fault)) seen.add(sight)
  const queues = new Map(plans.map(plan => [plan.name, plan]))
  /** By consumer, how many messages it has. */
  const open = new Map<string, Set<number>>()
  const last = new Map<string, number>()
  const priorities = new Map<string, number>()
  const delayed = new Set<string>()
  for (const event of events) {
    const holder = 'consumer' in event ? open.get(event.consumer) : undefined
    if (event.kind === 'ended' && holder !== undefined && holder.size > 0) seen.add('consumerDeath')
    if ((event.kind === 'stopped' || event.kind === 'leaving') && holder !== undefined) seen.add('stop')
    const plan = 'topic' in event ? queues.get(event.topic) : undefined
    if ((event.kind === 'deleted' || event.kind === 'deletionRefused') && queues.has(event.topic)) seen.add(event.kind)
    if (event.kind === 'updated' && event.isChanged === true) seen.add('updated')
    if (event.kind === 'letter' && queues.has(event.source.topic))
      seen.add(event.reason === 'maxlen' ? 'dropHead' : event.reason === 'expired' ? 'expired' : 'letter')
    if (plan === undefined) continue
    switch (event.kind) {
      case 'reopened':
      case 'confirmed':
        seen.add(event.kind)
        break
      case 'sent':
        priorities.set(event.id, event.priority ?? 0)
        if (event.dueMs !== undefined) delayed.add(event.id)
        break
      case 'answered':
        if (event.outcome === 'fail') seen.add(event.duplicateOf === undefined ? 'full' : 'duplicate')
        break
      case 'delivered': {
        open.set(event.consumer, (holder ?? new Set()).add(event.offset))
        if (plan.atMostOnce) seen.add('atMostOnce')
        if (delayed.has(event.id)) seen.add('delayed')
        if (event.failedAttempts > 0) seen.add('retry')
        const isUrgent = (priorities.get(event.id) ?? 0) > 0 && event.deliveryAttempt === 1
        if (isUrgent && event.offset > (last.get(event.topic) ?? event.offset) + 1) seen.add('overtaking')
        last.set(event.topic, event.offset)
        break
      }
      case 'overdue':
        seen.add('timeout')
        break
      case 'settled':
        holder?.delete(event.offset)
        if (event.how === 'released') seen.add('release')
        break
      case 'counted':
        if (event.ready + event.unacked + event.retrying === plan.maxMessages) seen.add('full')
        if (event.dropped > 0) seen.add('dropped')
        if (event.expired > 0) seen.add('expired')
        if (event.waitsForDeadLetters === true) seen.add('lettersWait')
        break
      default:
    }
  }
  return [...seen]
}
