/**
 * What must hold of work queues on disk through the deaths of their processes: Q3 of what was confirmed, and Q8 of failures.
 *
 * Pure functions over a history. A settlement that was confirmed is kept by the next process: at `fsync` after a loss of power too, at `os` after
 * the death of the process. One that was not may be lost, unless the broker has closed in good order. A failure that
 * a consumer has been told of was written down before, and may go with the power alone.
 */
import { type Checker, Problems, placeOf } from './history.ts'
import { handOutOf } from './queue-rules.ts'

/** Q3 through processes: what was confirmed, or acknowledged before a close in good order, never comes again. */
export const nothingConfirmedComesAgain: Checker = ({ events, queues = [], stored }) => {
  const problems = new Problems('Q3')
  const names = new Set(queues.map(({ queue }) => queue))
  const durabilityOf = (topic: string): string => stored?.get(topic)?.durability ?? 'memory'
  /** By message, its queue and why it is over. */
  const over = new Map<string, { readonly topic: string; readonly why: string }>()
  /** Acknowledged in the process under way, by consumers that were not told to end. */
  const acked = new Map<string, string>()
  const ended = new Set<string>()
  /** Hand-outs whose time was over before they were settled: they have failed, whatever their consumers said then. */
  const overdue = new Set<string>()
  for (const event of events) {
    if (event.kind === 'ended') ended.add(event.consumer)
    if (event.kind === 'overdue') overdue.add(handOutOf(event))
    if (event.kind === 'confirmed' && event.how !== 'failed' && event.how !== 'released')
      over.set(placeOf(event), { topic: event.topic, why: `was ${event.how}, which was confirmed` })
    if (event.kind === 'settled' && event.how === 'handled' && event.mayFail !== true && !ended.has(event.consumer))
      if (names.has(event.topic) && !overdue.has(handOutOf(event))) acked.set(placeOf(event), event.topic)
    if (event.kind === 'overdue') acked.delete(placeOf(event))
    if (event.kind === 'delivered' && names.has(event.topic) && !ended.has(event.consumer)) {
      const known = over.get(placeOf(event))
      if (known !== undefined) problems.say(`${event.consumer} got ${placeOf(event)}, which ${known.why}`)
      acked.delete(placeOf(event))
    }
    if (event.kind !== 'died') continue
    for (const [place, { topic }] of over) {
      const durability = durabilityOf(topic)
      if (durability === 'memory' || (durability === 'os' && event.how === 'power')) over.delete(place)
    }
    if (event.isWhole)
      for (const [place, topic] of acked)
        if (durabilityOf(topic) !== 'memory')
          over.set(place, { topic, why: 'was handled before a close in good order' })
    acked.clear()
  }
  return problems.done()
}

/** Q8 through processes: failures of a message are not forgotten. That its hand-outs count on is a rule of all lives (queue-rules.ts). */
export const failuresAreKept: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('Q8')
  const names = new Set(queues.map(({ queue }) => queue))
  /** By message: what was seen of it last. */
  const failures = new Map<string, number>()
  const ended = new Set<string>()
  for (const event of events) {
    if (event.kind === 'ended') ended.add(event.consumer)
    if (event.kind === 'died' && event.how === 'power') failures.clear()
    if (event.kind !== 'delivered' || !names.has(event.topic) || ended.has(event.consumer)) continue
    const place = placeOf(event)
    const before = failures.get(place) ?? 0
    failures.set(place, event.failedAttempts)
    if (event.failedAttempts < before)
      problems.say(`${place} had ${before} failures, and came to ${event.consumer} with ${event.failedAttempts}`)
  }
  return problems.done()
}

export const QUEUE_LIVES_RULES: readonly Checker[] = [nothingConfirmedComesAgain, failuresAreKept]
