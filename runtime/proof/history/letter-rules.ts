/**
 * D1 to D5: what must hold of failures and dead letters.
 *
 * Pure functions over a history. A failure has a cause that can be seen: the consumer said so, the delivery was overdue,
 * or the consumer's thread ended while it had the record in hand. Nothing else may be charged.
 */
import { Causes } from './causes.ts'
import { type Checker, type HistoryEvent, Problems, placeOf } from './history.ts'
import { LeftLetters } from './left-letters.ts'

type Letter = Extract<HistoryEvent, { kind: 'letter' }>

/** D1: no hand-out once the limit is reached. */
export const noAttemptAfterTheLimit: Checker = ({ events, groups }) => {
  const problems = new Problems('D1')
  const limits = new Map(groups.map(({ topic, group, attempts }) => [`${group} of ${topic}`, attempts]))
  for (const event of events) {
    if (event.kind !== 'delivered') continue
    const limit = limits.get(`${event.group} of ${event.topic}`) ?? Number.POSITIVE_INFINITY
    if (event.failedAttempts >= limit)
      problems.say(`${placeOf(event)} came to ${event.group} with ${event.failedAttempts} failures of ${limit}`)
  }
  return problems.done()
}

/**
 * Each failure that is counted has a cause of its own: none is charged for a neighbour, and none twice. At most once, what
 * was committed and not yet handled goes with its thread, whatever that died of.
 */
export const onlyFailuresAreCharged: Checker = history => {
  const { events, groups } = history
  const lossy = new Set(groups.filter(({ atMostOnce }) => atMostOnce).map(({ group, topic }) => `${group} of ${topic}`))
  const problems = new Problems('D1')
  const causes = new Causes(history)
  for (const event of events) {
    if (event.kind === 'delivered') {
      const count = causes.of(event.group, placeOf(event))
      if (event.failedAttempts > count)
        problems.say(
          `${placeOf(event)} came to ${event.consumer} with ${event.failedAttempts} failures, and had ${count}`,
        )
    }
    causes.hear(event)
  }
  for (const event of events) {
    if (event.kind !== 'letter' || event.replayed > 0 || lossy.has(`${event.group} of ${event.source.topic}`)) continue
    const count = causes.of(event.group, placeOf(event.source))
    if (event.failedAttempts > count)
      problems.say(
        `the letter of ${placeOf(event.source)} tells of ${event.failedAttempts} failures, and it had ${count}`,
      )
  }
  return problems.done()
}

/** What a thread had on its stack when it ended is charged with that, once. */
export const crashesAreCharged: Checker = ({ events }) => {
  const problems = new Problems('D1')
  const before = new Map<string, number>()
  const charged = new Map<string, number>()
  /** What each consumer's end is to be charged to. */
  const by = new Map<string, string[]>()
  const ended = new Set<string>()
  for (const event of events) {
    // What failed is written down from time to time.
    if (event.kind === 'died') {
      before.clear()
      charged.clear()
    }
    // Who seeks begins anew.
    if (event.kind === 'sought') {
      const line = `${event.group} ${event.topic}/${event.partition}@`
      for (const counts of [before, charged])
        for (const name of counts.keys()) if (name.startsWith(line)) counts.delete(name)
    }
    if (event.kind === 'ended') {
      if (event.executing !== undefined && !ended.has(event.consumer)) {
        const name = `${event.executing.group} ${placeOf(event.executing)}`
        charged.set(name, (before.get(name) ?? 0) + 1)
        by.set(event.consumer, [...(by.get(event.consumer) ?? []), name])
      }
      if (event.unseen === true) for (const name of by.get(event.consumer) ?? []) charged.delete(name)
      ended.add(event.consumer)
    }
    // Who was to end by then, and goes on, does not hear of what comes later.
    if (event.kind !== 'delivered' || ended.has(event.consumer)) continue
    const name = `${event.group} ${placeOf(event)}`
    const least = charged.get(name)
    if (least !== undefined && event.failedAttempts < least)
      problems.say(
        `${placeOf(event)} was on the stack of a thread that ended, and came again with ${event.failedAttempts} failures, not ${least}`,
      )
    before.set(name, event.failedAttempts)
  }
  return problems.done()
}

/** D2: a letter's key and value are those of its record. */
export const lettersAreTheirRecords: Checker = ({ events }) => {
  const problems = new Problems('D2')
  const records = new Map<string, { readonly id: string; readonly key: string | null }>()
  for (const event of events) if (event.kind === 'read') records.set(placeOf(event), event)
  for (const event of events) {
    if (event.kind !== 'letter') continue
    const record = records.get(placeOf(event.source))
    if (record !== undefined && (record.id !== event.id || record.key !== event.key))
      problems.say(`the letter ${placeOf(event)} holds ${event.id}, and ${placeOf(event.source)} holds ${record.id}`)
  }
  return problems.done()
}

/** A record is dead-lettered once by a group, at its limit or when it was rejected, with a reason that it gave. */
export const oneLetterAtTheLimit: Checker = history => {
  const { events, groups } = history
  const problems = new Problems('D1')
  const left = new LeftLetters(history)
  const limits = new Map(groups.map(({ topic, group, attempts }) => [`${group} of ${topic}`, attempts]))
  const told = new Map<string, Letter>()
  const sought = new Set<string>()
  const hows = new Map<string, Set<string>>()
  for (const event of events) {
    const name = event.kind === 'settled' || event.kind === 'overdue' ? `${event.group} ${placeOf(event)}` : undefined
    if (name === undefined) continue
    const how = event.kind === 'settled' ? (event.mayFail === true ? 'failed' : event.how) : 'timeout'
    hows.set(name, (hows.get(name) ?? new Set()).add(how))
  }
  for (const event of events)
    if (event.kind === 'sought') sought.add(`${event.group} ${event.topic}/${event.partition}`)
  for (const event of events) {
    left.hear(event)
    if (event.kind !== 'letter') continue
    const name = `${event.group} ${placeOf(event.source)}`
    const { topic, partition } = event.source
    const known = sought.has(`${event.group} ${topic}/${partition}`) ? undefined : told.get(name)
    const isOther = known !== undefined && known.isLost !== true && known.offset !== event.offset
    if (isOther && !left.has(known))
      problems.say(
        `${placeOf(event.source)} is dead-lettered by ${event.group} at ${placeOf(known)} and at ${placeOf(event)}`,
      )
    told.set(name, event)
    const limit = limits.get(`${event.group} of ${event.source.topic}`) ?? Number.POSITIVE_INFINITY
    // What a queue gives up to make room has not failed at all, or not often enough.
    if (event.reason === 'maxlen') continue
    const atOnce = event.reason === 'rejected' || event.reason === 'decode'
    if (!atOnce && event.failedAttempts !== limit)
      problems.say(
        `${placeOf(event.source)} was dead-lettered as ${event.reason} after ${event.failedAttempts} failures of ${limit}`,
      )
    // What a dead thread did last is not on record: `crashed` and `timeout` need no word of it.
    if ((atOnce || event.reason === 'failed') && hows.get(name)?.has(event.reason) !== true)
      problems.say(`${placeOf(event.source)} was dead-lettered as ${event.reason}, and never was that`)
  }
  return problems.done()
}

export const LETTER_RULES: readonly Checker[] = [
  noAttemptAfterTheLimit,
  onlyFailuresAreCharged,
  crashesAreCharged,
  lettersAreTheirRecords,
  oneLetterAtTheLimit,
]
