/**
 * Q1: what a queue counts adds up, is bounded, and in the end accounts for each message that it has taken.
 *
 * Pure functions over a history. A queue tells its counts at any time; at rest they are compared with what became of its messages.
 */
import { type Checker, type HistoryEvent, Problems, placeOf } from './history.ts'
import { endsOf, lettersStaySince } from './queue-ends.ts'

type Counted = Extract<HistoryEvent, { kind: 'counted' }>

/** Q1: at each look the counts add up, and nothing that a queue may not do is counted. */
export const countsAddUp: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('Q1')
  const facts = new Map(queues.map(each => [each.queue, each]))
  const last = new Map<string, Counted>()
  /** Messages that a queue may have now. */
  const allowed = new Map(queues.map(({ queue, maxMessages }) => [queue, maxMessages]))
  for (const event of events) {
    // What was not written down by then is not counted by the next process.
    if (event.kind === 'died' && !event.isWhole) last.clear()
    // What was settled and not synced is back after a loss of power, beside what was sent in its place.
    if (event.kind === 'died' && event.how === 'power')
      for (const queue of facts.keys()) allowed.set(queue, Number.POSITIVE_INFINITY)
    if (event.kind !== 'counted') continue
    const { topic, accepted, ready, unacked, retrying, scheduled, acked, deadLettered, expired, dropped } = event
    const there = ready + unacked + retrying
    const gone = acked + deadLettered + expired + dropped
    if (accepted !== there + scheduled + gone)
      problems.say(`${topic} has accepted ${accepted} messages; ${there + scheduled} are there and ${gone} are gone`)
    if (Math.min(ready, unacked, retrying, scheduled, acked, deadLettered, expired, dropped) < 0)
      problems.say(`${topic} counts less than none: ${JSON.stringify(event)}`)
    const { maxMessages = Number.POSITIVE_INFINITY, deadLetterTopic = null, hasDelays = false } = facts.get(topic) ?? {}
    const most = allowed.get(topic) ?? maxMessages
    // What falls due is in, whatever the bound is.
    if (there > most && !hasDelays) problems.say(`${topic} has ${there} messages, and may have ${most}`)
    allowed.set(topic, Math.max(maxMessages, Math.min(most, there)))
    if ((deadLetterTopic === null ? deadLettered : dropped + expired) > 0)
      problems.say(
        `${topic} has ${deadLettered} letters, dropped ${dropped}, and ${expired} expired; its letters go to ${deadLetterTopic}`,
      )
    const before = last.get(topic)
    last.set(topic, event)
    for (const name of ['accepted', 'acked', 'deadLettered', 'expired', 'dropped'] as const)
      if (before !== undefined && event[name] < before[name])
        problems.say(`${topic} counted ${before[name]} ${name}, and later ${event[name]}`)
  }
  return problems.done()
}

/** Q1: a queue at rest has taken what it said it has, and each message of it has come to one of the ends that are counted. */
export const nothingIsLost: Checker = history => {
  const { events, queues = [], stored } = history
  const problems = new Problems('Q1')
  const { handled, begun, letters } = endsOf(events)
  const hasLostPower = events.some(event => event.kind === 'died' && event.how === 'power')
  const unanswered = unansweredOf(events)
  const anybodyEnded = events.some(({ kind }) => kind === 'ended')
  for (const { queue, deadLetterTopic, atMostOnce } of queues) {
    const counts = events.findLast((event): event is Counted => event.kind === 'counted' && event.topic === queue)
    if (counts === undefined || !counts.isAtRest) continue
    const { accepted, ready, unacked, retrying, scheduled, acked, deadLettered, waitsForDeadLetters } = counts
    const there = ready + unacked + retrying + scheduled
    if (waitsForDeadLetters === true) problems.say(`${queue} is at rest, and waits for dead letters`)
    if (there > 0) problems.say(`${queue} is at rest, and ${there} are there`)
    let sure = 0
    let unsure = unanswered.get(queue)?.size ?? 0
    const isOf = (place: string): boolean => place.startsWith(`${queue}/`)
    const told = [...letters].filter(isOf)
    // Letters that are counted, and were taken before anybody had read them. One whose message was handled is of another one at its place.
    let taken = Math.max(0, deadLettered - told.filter(place => !handled.has(place)).length)
    const stay = lettersStaySince(history, queue)
    for (const [at, event] of events.entries()) {
      if (event.kind !== 'answered' || event.topic !== queue) continue
      if (event.outcome === 'info') unsure++
      if (event.outcome !== 'ok') continue
      sure++
      if (event.offset === undefined || deadLetterTopic === null) continue
      const place = placeOf({ topic: queue, partition: 0, offset: event.offset })
      // At most once, it is acked before anybody can tell that it was begun.
      const isOver = handled.has(place) || letters.has(place) || (atMostOnce && (begun.has(place) || anybodyEnded))
      if (isOver) continue
      if (at < stay && taken > 0) taken--
      else problems.say(`${event.id} at ${place} was neither handled nor dead-lettered, and ${queue} is at rest`)
    }
    if (accepted < sure || accepted > sure + unsure)
      problems.say(
        `${queue} counts ${accepted} messages, and has confirmed ${sure}, with ${unsure} of which nobody knows`,
      )
    // At `os` a letter that nobody has read may have gone with the power, and one may be there whose count has gone.
    const mayDiffer = hasLostPower && stored?.get(queue)?.durability === 'os'
    if (told.length !== deadLettered && !mayDiffer)
      problems.say(`${queue} counts ${deadLettered} dead letters, and ${told.length} are there`)
    const most = [...handled].filter(isOf).length
    if (!atMostOnce && acked > most) problems.say(`${queue} counts ${acked} acks, and ${most} messages were handled`)
  }
  return problems.done()
}

/** By queue: what was sent by a process that died before anybody was told what became of it. */
function unansweredOf(events: readonly HistoryEvent[]): Map<string, Set<string>> {
  const unanswered = new Map<string, Set<string>>()
  for (const event of events) {
    if (event.kind === 'sent') unanswered.set(event.topic, (unanswered.get(event.topic) ?? new Set()).add(event.id))
    else if (event.kind === 'answered') unanswered.get(event.topic)?.delete(event.id)
  }
  return unanswered
}

/** Messages that begin only after a loss of power: they may have been gone before it, and be back. */
function broughtBack(events: readonly HistoryEvent[]): Set<string> {
  const confirmed = new Set<string>()
  const before = new Set<string>()
  const back = new Set<string>()
  const begun = new Set<string>()
  for (const event of events) {
    if (event.kind === 'died' && event.how === 'power') for (const place of confirmed) before.add(place)
    if (event.kind === 'answered' && event.offset !== undefined)
      confirmed.add(placeOf({ topic: event.topic, partition: 0, offset: event.offset }))
    if (event.kind !== 'delivered') continue
    const place = placeOf(event)
    if (before.has(place) && !begun.has(place)) back.add(place)
    begun.add(place)
  }
  return back
}

/** Q1: what is confirmed and has not begun, but will be, is in the queue: never more than it may have. */
export const lengthIsBounded: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('Q1')
  const limits = new Map(
    queues.flatMap(({ queue, maxMessages, hasDelays }) => (hasDelays ? [] : [[queue, maxMessages]])),
  )
  const { begun } = endsOf(events)
  const back = broughtBack(events)
  const waiting = new Map<string, Set<number>>()
  const started = new Set<string>()
  for (const event of events) {
    if (event.kind === 'delivered' && limits.has(event.topic)) {
      started.add(placeOf(event))
      waiting.get(event.topic)?.delete(event.offset)
    }
    if (event.kind !== 'answered' || event.offset === undefined || !limits.has(event.topic)) continue
    const { topic, offset } = event
    const place = placeOf({ topic, partition: 0, offset })
    if (!begun.has(place) || started.has(place) || back.has(place)) continue
    const there = waiting.get(topic) ?? new Set()
    waiting.set(topic, there.add(offset))
    const limit = limits.get(topic) as number
    if (there.size > limit)
      problems.say(`${topic} has ${there.size} messages that nobody has begun, and may have ${limit}`)
  }
  return problems.done()
}

export const QUEUE_COUNT_RULES: readonly Checker[] = [countsAddUp, nothingIsLost, lengthIsBounded]
