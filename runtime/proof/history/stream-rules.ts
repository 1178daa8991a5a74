/**
 * S1 to S9 and S11: what must hold of a stream, whoever reads it.
 *
 * Pure functions over a history. `read` events come from readers that take every record in order; `delivered` events
 * from consumers, which may see a record again.
 */
import { type Checker, type HistoryEvent, type Place, Problems, placeOf, type RateFacts } from './history.ts'
import { LeftLetters } from './left-letters.ts'

type Sent = Extract<HistoryEvent, { kind: 'sent' }>

function lineOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`
}

/** S1: a place holds one value for ever, whoever tells of it. */
export const oneValueAtAPlace: Checker = ({ events }) => {
  const problems = new Problems('S1')
  const values = new Map<string, string>()
  for (const event of events) {
    if (event.kind !== 'read' && event.kind !== 'delivered' && !(event.kind === 'answered' && event.outcome === 'ok'))
      continue
    if (event.partition === undefined || event.offset === undefined) continue
    const place = placeOf({ topic: event.topic, partition: event.partition, offset: event.offset })
    const known = values.get(place)
    if (known === undefined) values.set(place, event.id)
    else if (known !== event.id) problems.say(`${place} held ${known}, and later ${event.id}`)
  }
  return problems.done()
}

/**
 * S2: a value is at one place; but a group that was moved may bury it again, and what retention has removed may come again.
 * When it has is heard of later, if at all: for these topics everything below the last start that was heard of is gone. A letter that a
 * loss of power has left may be there again.
 */
export const onePlaceForAValue: Checker = history => {
  const { events, groups, stored } = history
  const problems = new Problems('S2')
  const left = new LeftLetters(history)
  const moved = new Set(events.flatMap(event => (event.kind === 'sought' ? [`${event.group} of ${event.topic}`] : [])))
  const exempt = new Set(
    groups
      .filter(({ group, topic }) => moved.has(`${group} of ${topic}`))
      .map(({ deadLetterTopic }) => deadLetterTopic),
  )
  const places = new Map<string, Place>()
  /** Where a partition of a folder begins, as far as that was heard of. */
  const starts = new Map<string, number>()
  for (const event of events) {
    if (event.kind !== 'reopened' && event.kind !== 'logStart') continue
    if (stored?.get(event.topic)?.isRetained !== true) continue
    const start = event.kind === 'reopened' ? event.start : event.offset
    starts.set(lineOf(event), Math.max(starts.get(lineOf(event)) ?? 0, start))
  }
  for (const event of events) {
    left.hear(event)
    if (event.kind !== 'read' && event.kind !== 'delivered') continue
    if (exempt.has(event.topic)) continue
    const name = `${event.topic} ${event.id}`
    const known = places.get(name)
    const isThere = known !== undefined && known.offset >= (starts.get(lineOf(known)) ?? 0)
    if (isThere && placeOf(known) !== placeOf(event) && !left.has(known))
      problems.say(`${event.id} is at ${placeOf(known)} and at ${placeOf(event)}`)
    if (!isThere) places.set(name, event)
  }
  return problems.done()
}

/** S3 and S4: what was confirmed is read, none skipped and, after the end, none missing. */
export const nothingConfirmedIsLost: Checker = ({ events, readTopics, stored }) => {
  const problems = new Problems('S3/S4')
  const read = new Set<string>()
  for (const event of events) if (event.kind === 'read') read.add(`${event.topic} ${event.id}`)
  /** Topics of which retention has removed something, and up to where. */
  const starts = new Map<string, number>()
  const removed = new Set<string>()
  for (const event of events) {
    if (event.kind !== 'logStart' || event.offset === 0 || stored?.get(event.topic)?.isRetained !== true) continue
    starts.set(`${event.topic}/${event.partition}`, event.offset)
    removed.add(event.topic)
  }
  for (const event of events) {
    if (event.kind !== 'answered' || event.outcome !== 'ok' || !readTopics.includes(event.topic)) continue
    const { topic, partition, offset } = event
    if (offset === undefined ? removed.has(topic) : offset < (starts.get(`${topic}/${partition}`) ?? 0)) continue
    if (!read.has(`${event.topic} ${event.id}`))
      problems.say(`${event.id} was confirmed in ${event.topic}, and nobody read it`)
  }
  return problems.done()
}

/** S5: what failed for certain is not there, and nothing is that nobody sent. Dead letters are sent by nobody. */
export const nothingFailedIsRead: Checker = ({ events }) => {
  const problems = new Problems('S5')
  const failed = new Set<string>()
  const sent = new Set<string>()
  const topics = new Set<string>()
  for (const event of events) {
    if (event.kind === 'sent') {
      sent.add(`${event.topic} ${event.id}`)
      topics.add(event.topic)
    }
    if (event.kind === 'answered' && event.outcome === 'fail') failed.add(`${event.topic} ${event.id}`)
  }
  for (const event of events) {
    if (event.kind !== 'read' && event.kind !== 'delivered') continue
    const name = `${event.topic} ${event.id}`
    if (failed.has(name)) problems.say(`${event.id} failed, and is at ${placeOf(event)}`)
    else if (topics.has(event.topic) && !sent.has(name))
      problems.say(`${event.id} is at ${placeOf(event)}, and nobody sent it there`)
  }
  return problems.done()
}

/** S6 and S7: a reader moves from one offset to the next. */
export const readersMissNothing: Checker = ({ events }) => {
  const problems = new Problems('S6/S7')
  const next = new Map<string, number>()
  for (const event of events) {
    if (event.kind !== 'read') continue
    const name = `${event.reader} ${event.topic}/${event.partition}`
    const expected = next.get(name)
    if (expected !== undefined && event.offset !== expected)
      problems.say(`${event.reader} read ${placeOf(event)} when ${expected} was to come`)
    next.set(name, event.offset + 1)
  }
  return problems.done()
}

/**
 * S8: one producer's sends to a partition are there in the order in which it made them. What comes again, after retention has
 * removed it, comes behind what was sent later; whether it may is another rule's (`onePlaceForAValue`).
 */
export const sendsKeepTheirOrder: Checker = ({ events }) => {
  const problems = new Problems('S8')
  const sends = new Map<string, { readonly sent: Sent; readonly order: number }>()
  // What is published again after a failure has the order of its first time.
  for (const [order, event] of events.entries())
    if (event.kind === 'sent' && !sends.has(`${event.topic} ${event.id}`))
      sends.set(`${event.topic} ${event.id}`, { sent: event, order })
  const last = new Map<string, { readonly id: string; readonly order: number }>()
  const firsts = new Map<string, number>()
  for (const event of events) {
    if (event.kind !== 'read') continue
    const name = `${event.topic}/${event.partition} ${event.id}`
    firsts.set(name, Math.min(firsts.get(name) ?? event.offset, event.offset))
  }
  for (const event of events) {
    if (event.kind !== 'read') continue
    const known = sends.get(`${event.topic} ${event.id}`)
    if (known === undefined) continue
    const isAgain = event.offset > (firsts.get(`${event.topic}/${event.partition} ${event.id}`) ?? event.offset)
    const line = `${event.reader} ${event.topic}/${event.partition} ${known.sent.producer}`
    const before = last.get(line)
    if (before !== undefined && before.order > known.order && !isAgain)
      problems.say(
        `${known.sent.producer} sent ${event.id} before ${before.id}, and it is behind it in ${event.topic}/${event.partition}`,
      )
    last.set(line, { id: event.id, order: known.order })
  }
  return problems.done()
}

/** S9: the earliest offset of a partition never goes back. */
export const theStartNeverGoesBack: Checker = ({ events }) => {
  const problems = new Problems('S9')
  const starts = new Map<string, number>()
  for (const event of events) {
    if (event.kind !== 'logStart') continue
    const name = `${event.topic}/${event.partition}`
    const known = starts.get(name) ?? 0
    if (event.offset < known) problems.say(`${name} began at ${known}, and later at ${event.offset}`)
    starts.set(name, Math.max(known, event.offset))
  }
  return problems.done()
}

/**
 * S11: in no time more records go than the rate allows. Each went between its send and its answer, so those of which both are in a time
 * went in it. Each process begins anew.
 */
export const noTimeHasTooMany: Checker = ({ events, rates = [] }) => {
  const problems = new Problems('S11')
  for (const rate of rates) {
    let sentAt = new Map<string, number>()
    let spans: Span[] = []
    for (const event of [...events, DEATH]) {
      if (event.kind === 'sent' && event.topic === rate.topic && rate.producers.includes(event.producer))
        sentAt.set(event.id, event.atMs ?? 0)
      else if (event.kind === 'answered' && event.topic === rate.topic && event.outcome === 'ok') {
        const from = sentAt.get(event.id)
        if (from !== undefined && event.atMs !== undefined) spans.push({ from, to: event.atMs })
      } else if (event.kind === 'died') {
        for (const what of tooMany(spans, rate)) problems.say(what)
        sentAt = new Map()
        spans = []
      }
    }
  }
  return problems.done()
}

interface Span {
  readonly from: number
  readonly to: number
}

const DEATH: HistoryEvent = { kind: 'died', how: 'closed', isWhole: true, atMs: 0 }

function* tooMany(spans: readonly Span[], { topic, max, perMs }: RateFacts): Generator<string> {
  const byEnd = [...spans].sort((a, b) => a.to - b.to)
  for (const begin of new Set(spans.map(({ from }) => from))) {
    let count = 0
    for (const { from, to } of byEnd) {
      if (from < begin) continue
      count++
      // So many times end to end, the last of which may have only begun.
      const allowed = max * (Math.floor((to - begin) / perMs) + 1)
      if (count > allowed) {
        yield `${count} records went to ${topic} from ${begin} to ${to} ms, where ${max} may in ${perMs} ms`
        break
      }
    }
  }
}

export const STREAM_RULES: readonly Checker[] = [
  oneValueAtAPlace,
  onePlaceForAValue,
  nothingConfirmedIsLost,
  nothingFailedIsRead,
  readersMissNothing,
  sendsKeepTheirOrder,
  theStartNeverGoesBack,
  noTimeHasTooMany,
]
