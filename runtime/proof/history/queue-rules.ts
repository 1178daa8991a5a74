/**
 * Q2 to Q4, Q7 and Q8: what must hold of a work queue, whoever of its consumers lives.
 *
 * Pure functions over a history. A message is with a consumer from when it is begun until the consumer has settled it, its time is
 * over, or the consumer has left, was stopped, or was told to end. A consumer that was told to end and goes on is heard of no more.
 * One that is leaving may still get a message, which is taken from it when it has left: nobody sees when that is.
 */

import { type Checker, type HistoryEvent, type Place, Problems, placeOf, type QueueFacts } from './history.ts'
import { endsOf, lettersStaySince } from './queue-ends.ts'

type Delivered = Extract<HistoryEvent, { kind: 'delivered' }>
type Settled = Extract<HistoryEvent, { kind: 'settled' }>

/** What each message of queues is known to be, as a checker goes through a history. */
export class Consumers {
  /** Told to end, left or stopped. */
  readonly gone: Set<string> = new Set()
  readonly ended: Set<string> = new Set()
  /** By message, which consumer has it. */
  readonly open: Map<string, Delivered> = new Map()
  /** Hand-outs whose time was over before they were settled. */
  readonly #overdue = new Set<string>()
  readonly #queues: ReadonlySet<string>

  constructor(queues: readonly QueueFacts[]) {
    this.#queues = new Set(queues.map(({ queue }) => queue))
  }

  /** A hand-out of a queue to a consumer that counts. */
  isDelivery(event: HistoryEvent): event is Delivered {
    return event.kind === 'delivered' && this.#queues.has(event.topic) && !this.ended.has(event.consumer)
  }

  /** A settlement of a queue's message that counts for certain, as long as its consumer is not told to end. */
  isSettlement(event: HistoryEvent): event is Settled {
    if (event.kind !== 'settled' || !this.#queues.has(event.topic) || this.gone.has(event.consumer)) return false
    return !this.#overdue.has(handOutOf(event)) && event.mayFail !== true
  }

  hear(event: HistoryEvent): void {
    switch (event.kind) {
      case 'delivered':
        if (this.isDelivery(event) && !this.gone.has(event.consumer)) this.open.set(placeOf(event), event)
        break
      case 'settled':
      case 'overdue':
        if (event.kind === 'overdue') this.#overdue.add(handOutOf(event))
        if (this.open.get(placeOf(event))?.consumer === event.consumer) this.open.delete(placeOf(event))
        break
      case 'died':
        // And all consumers with it.
        this.open.clear()
        break
      case 'ended':
      case 'leaving':
      case 'stopped':
        if (event.kind === 'ended') this.ended.add(event.consumer)
        this.gone.add(event.consumer)
        for (const [place, { consumer }] of this.open) if (consumer === event.consumer) this.open.delete(place)
        break
      default:
    }
  }
}

/** Names one hand-out of a message. */
export function handOutOf(event: Place & { readonly consumer: string; readonly deliveryAttempt: number }): string {
  return `${event.consumer} ${placeOf(event)} ${event.deliveryAttempt}`
}

/** Q2: while one consumer has a message, no other is given it, nor it again. */
export const oneConsumerAtATime: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('Q2')
  const consumers = new Consumers(queues)
  for (const event of events) {
    if (consumers.isDelivery(event)) {
      const holder = consumers.open.get(placeOf(event))
      if (holder !== undefined) problems.say(`${event.consumer} got ${placeOf(event)} while ${holder.consumer} had it`)
    }
    consumers.hear(event)
  }
  return problems.done()
}

/**
 * Q3: what was acknowledged never comes again, unless its consumer was told to end before that could be known: in a queue whose
 * consumers begin one message after the other, before it began the next one.
 */
export const nothingAckedComesAgain: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('Q3')
  const consumers = new Consumers(queues)
  const inTurn = new Set(queues.filter(({ oneAtATime }) => oneAtATime).map(({ queue }) => queue))
  const acked = new Map<string, string>()
  /** By consumer, what it acked and has gone on from. */
  const sure = new Set<string>()
  const last = new Map<string, string>()
  for (const event of events) {
    if (consumers.isSettlement(event) && event.how === 'handled') {
      acked.set(placeOf(event), event.consumer)
      last.set(event.consumer, placeOf(event))
    }
    if (consumers.isDelivery(event)) {
      const before = last.get(event.consumer)
      last.delete(event.consumer)
      if (before !== undefined && inTurn.has(event.topic)) sure.add(before)
      const by = acked.get(placeOf(event))
      if (by !== undefined && (!consumers.ended.has(by) || sure.has(placeOf(event))))
        problems.say(`${event.consumer} got ${placeOf(event)}, which ${by} has acked`)
    }
    consumers.hear(event)
    // What the next process knows of it is a question of durability (queue-lives-rules.ts).
    if (event.kind === 'died') for (const known of [acked, sure, last]) known.clear()
  }
  return problems.done()
}

/**
 * Q4: no consumer has more than its prefetch, of what it has begun, nor all of them together by what the queue counts. At most once,
 * what is begun is acked.
 */
export const prefetchIsKept: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('Q4')
  const consumers = new Consumers(queues)
  const facts = new Map(queues.map(each => [each.queue, each]))
  for (const event of events) {
    if (event.kind === 'counted') {
      const most = (facts.get(event.topic)?.prefetch ?? 0) * event.consumers
      if (event.unacked > most)
        problems.say(
          `${event.unacked} messages of ${event.topic} are unacked, and ${event.consumers} consumers may have ${most}`,
        )
    }
    if (consumers.isDelivery(event)) {
      const { prefetch = 0, atMostOnce = false } = facts.get(event.topic) ?? {}
      const limit = atMostOnce ? Number.POSITIVE_INFINITY : prefetch
      const mine = [...consumers.open.values()].filter(({ consumer }) => consumer === event.consumer).length + 1
      if (mine > limit)
        problems.say(`${event.consumer} has ${mine} messages with ${placeOf(event)}, and may have ${limit}`)
    }
    consumers.hear(event)
  }
  return problems.done()
}

/** Single active: one consumer has the queue until it has left, was stopped or was told to end, also while it has nothing to do. */
export const oneConsumerIsActive: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('single active')
  const consumers = new Consumers(queues)
  const single = new Set(queues.filter(({ singleActive }) => singleActive).map(({ queue }) => queue))
  const active = new Map<string, string>()
  for (const event of events) {
    if (consumers.isDelivery(event) && single.has(event.topic)) {
      const before = active.get(event.topic)
      active.set(event.topic, event.consumer)
      if (before !== undefined && before !== event.consumer && !consumers.gone.has(before))
        problems.say(`${event.consumer} got ${placeOf(event)} while ${before} had the queue`)
    }
    if (event.kind === 'died') active.clear()
    consumers.hear(event)
  }
  return problems.done()
}

/**
 * Q8 and Q7: hand-outs count up, and each failure that a consumer told of before it was asked to end is counted. That no more are,
 * and that what a consumer has lost is charged to nobody, is the rule of all groups (letter-rules.ts).
 */
export const queueCountersAreExact: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('Q8')
  const consumers = new Consumers(queues)
  const attempts = new Map<string, number>()
  /** Queues of which no consumer has been told to end: what is begun is known. */
  const calm = new Set(queues.map(({ queue }) => queue))
  const queueOf = new Map<string, string>()
  const begun = new Map<string, number>()
  const failed = new Map<string, string[]>()
  for (const event of events) {
    if (event.kind === 'began') queueOf.set(event.consumer, event.topic)
    if (event.kind === 'ended') calm.delete(queueOf.get(event.consumer) ?? '')
    // What was out and not begun when a process died was handed out, and nobody has seen it.
    if (event.kind === 'died' && !event.isWhole) calm.clear()
    if (consumers.isSettlement(event) && event.how === 'failed')
      failed.set(placeOf(event), [...(failed.get(placeOf(event)) ?? []), event.consumer])
    if (consumers.isDelivery(event)) {
      const place = placeOf(event)
      const before = attempts.get(place) ?? 0
      attempts.set(place, event.deliveryAttempt)
      queueOf.set(event.consumer, event.topic)
      const times = (begun.get(place) ?? 0) + 1
      begun.set(place, times)
      if (calm.has(event.topic) && event.deliveryAttempt !== times)
        problems.say(
          `${place} was begun ${times} times, and came to ${event.consumer} as attempt ${event.deliveryAttempt}`,
        )
      if (event.deliveryAttempt <= before)
        problems.say(
          `${place} was handed out as attempt ${before}, then to ${event.consumer} as ${event.deliveryAttempt}`,
        )
      const least = (failed.get(place) ?? []).filter(by => !consumers.ended.has(by)).length
      if (event.failedAttempts < least)
        problems.say(
          `${place} has failed ${least} times, and came to ${event.consumer} with ${event.failedAttempts} failures`,
        )
      if (event.failedAttempts >= event.deliveryAttempt)
        problems.say(`${place} has ${event.failedAttempts} failures at attempt ${event.deliveryAttempt}`)
    }
    // Hand-outs are written down before anybody gets the message. What is not synced may go with the power.
    if (event.kind === 'died' && event.how === 'power') attempts.clear()
    if (event.kind === 'died' && !event.isWhole) failed.clear()
    consumers.hear(event)
  }
  return problems.done()
}

/** Q8: a queue at rest has a dead letter of what was rejected or has failed as often as it may, and of nothing that was acked. */
export const lettersAreExact: Checker = history => {
  const { events, queues = [] } = history
  const problems = new Problems('Q8')
  const consumers = new Consumers(queues)
  const { letters, kept } = endsOf(events)
  const facts = new Map(queues.map(each => [each.queue, each]))
  const over = new Map<string, { readonly event: Settled; readonly at: number; readonly isLetter: boolean }>()
  const failures = new Map<string, number>()
  for (const [at, event] of events.entries()) {
    if (consumers.isDelivery(event)) failures.set(placeOf(event), event.failedAttempts)
    if (consumers.isSettlement(event)) {
      const { attempts = 0, atMostOnce = false } = facts.get(event.topic) ?? {}
      const isLast = event.how === 'failed' && (failures.get(placeOf(event)) ?? 0) + 1 >= attempts
      const isLetter = isLast || event.how === 'rejected' || event.how === 'decode'
      if (!atMostOnce && (isLetter || event.how === 'handled')) over.set(placeOf(event), { event, at, isLetter })
    }
    consumers.hear(event)
  }
  const atRest = new Set(events.flatMap(event => (event.kind === 'counted' && event.isAtRest ? [event.topic] : [])))
  const stay = new Map(queues.map(({ queue }) => [queue, lettersStaySince(history, queue)]))
  for (const [place, { event, at, isLetter }] of over) {
    if (!atRest.has(event.topic) || consumers.ended.has(event.consumer)) continue
    if (isLetter && at < (stay.get(event.topic) ?? -1)) continue
    const hasLetters = facts.get(event.topic)?.deadLetterTopic !== null
    if (!hasLetters || (isLetter ? letters : kept).has(place) === isLetter) continue
    problems.say(`${place} was ${event.how} by ${event.consumer}, and has ${isLetter ? 'no' : 'a'} dead letter`)
  }
  return problems.done()
}

export const QUEUE_RULES: readonly Checker[] = [
  oneConsumerAtATime,
  nothingAckedComesAgain,
  prefetchIsKept,
  oneConsumerIsActive,
  queueCountersAreExact,
  lettersAreExact,
]
