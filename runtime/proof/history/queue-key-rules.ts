/**
 * Q5 of keys: how many messages of a key consumers have begun at a time, and in which order. Pure functions over a history.
 *
 * A message of a key is begun after it was handed out, and over before it is settled: so what is seen is never more than what is out.
 */
import { type Checker, Problems, placeOf } from './history.ts'
import { Consumers } from './queue-rules.ts'

/** Of a key no more messages are begun at a time than may be out. */
export const keysAreLimited: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('Q5')
  const consumers = new Consumers(queues)
  const limits = new Map(queues.map(({ queue, keyConcurrency }) => [queue, keyConcurrency]))
  for (const event of events) {
    consumers.hear(event)
    if (!consumers.isDelivery(event) || event.key === null) continue
    const { topic, key } = event
    const alike = [...consumers.open.values()].filter(other => other.topic === topic && other.key === key)
    const limit = limits.get(topic) ?? Number.POSITIVE_INFINITY
    if (alike.length > limit)
      problems.say(
        `${event.consumer} got ${placeOf(event)} as one of ${alike.length} of key ${key}, of which ${limit} may be out`,
      )
  }
  return problems.done()
}

/**
 * With one of a key at a time its messages are begun in their order, and none again when a later one has been. What was sent with a delay, or
 * updated, has a place that is not seen.
 */
export const keysAreInOrder: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('Q5')
  const consumers = new Consumers(queues)
  const strict = new Set(queues.filter(({ keyConcurrency }) => keyConcurrency === 1).map(({ queue }) => queue))
  /** By queue and key, the message that was begun last. */
  const last = new Map<string, number>()
  const delayed = new Set<string>()
  for (const event of events) {
    if (event.kind === 'updating' || (event.kind === 'sent' && event.dueMs !== undefined)) delayed.add(event.id)
    // The next process may be given again what this one has settled.
    if (event.kind === 'died' || event.kind === 'deleted') last.clear()
    consumers.hear(event)
    if (!consumers.isDelivery(event) || event.key === null || !strict.has(event.topic) || delayed.has(event.id))
      continue
    const name = `${event.topic} ${event.key}`
    const before = last.get(name) ?? -1
    if (event.offset < before)
      problems.say(`${event.consumer} got ${placeOf(event)} of key ${event.key} after message ${before} of it`)
    last.set(name, Math.max(before, event.offset))
  }
  return problems.done()
}

export const QUEUE_KEY_RULES: readonly Checker[] = [keysAreLimited, keysAreInOrder]
