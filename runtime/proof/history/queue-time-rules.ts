/**
 * Q6: no message of a queue is begun before it is due, and none is handed out or begun once its time to live is over.
 *
 * Pure functions over a history. A queue takes back what has expired at a consumer and has not begun; that is judged where nothing
 * holds its host up. When a message was handed out is not seen, but after which of its consumer's settlements it was: a
 * consumer with `prefetch` p gets its n-th message when it has settled n - p of them. What expired before that was handed out too late.
 */
import { type Checker, type HistoryEvent, Problems, placeOf, type QueueFacts } from './history.ts'

/** A queue takes so long to take a message back from a consumer. */
const TAKEN_BACK_MS = 5
const NEVER: number = Number.POSITIVE_INFINITY

type Sent = Extract<HistoryEvent, { kind: 'sent' }>
type Updated = Extract<HistoryEvent, { kind: 'updated' }>

/** What is known of times while an update is under way, and where nobody knows what became of one. */
function unsure({ dueMs: _, ...sent }: Sent): Sent {
  return { ...sent, expiresMs: NEVER }
}

/**
 * What is known of times once an update is over. The new time of a retry goes with the host of a queue in memory: what had begun before is not
 * judged. A new delay moves the end of a time to live.
 */
function updated(before: Sent, { isChanged, dueMs, expiresMs }: Updated, hasBegun: boolean): Sent {
  if (isChanged === false) return before
  const found = unsure(before)
  if (isChanged === undefined || hasBegun) return expiresMs === undefined ? found : { ...found, expiresMs: NEVER }
  const due = dueMs ?? before.dueMs
  const keeps = dueMs === undefined ? before.expiresMs : found.expiresMs
  const expires = expiresMs ?? keeps
  return {
    ...found,
    ...(due === undefined ? {} : { dueMs: due }),
    ...(expires === undefined ? {} : { expiresMs: expires }),
  }
}

/** Of each consumer: when it has settled each of its messages, and how many it has begun. */
class HandOuts {
  readonly #prefetch: number
  readonly #settled = new Map<string, number[]>()
  readonly #begun = new Map<string, number>()

  constructor({ prefetch }: QueueFacts) {
    this.#prefetch = prefetch
  }

  /** The earliest time at which a message that is begun now was handed out; null: it is not known. */
  begins(consumer: string): number | null {
    const before = this.#begun.get(consumer) ?? 0
    this.#begun.set(consumer, before + 1)
    return this.#settled.get(consumer)?.[before - this.#prefetch] ?? null
  }

  settles(consumer: string, atMs: number): void {
    const settled = this.#settled.get(consumer) ?? []
    this.#settled.set(consumer, settled)
    settled.push(atMs)
  }

  ended(consumer: string): void {
    this.#settled.delete(consumer)
    this.#begun.set(consumer, Number.NEGATIVE_INFINITY)
  }
}

/** Q6, where the wall clock by which times are sent went on steadily. */
export const timesAreKept: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('Q6')
  for (const facts of queues) {
    if (!facts.hasSteadyTimes || facts.atMostOnce) continue
    const sent = new Map<string, Sent>()
    const handOuts = new HandOuts(facts)
    /** Hand-outs that are over. */
    const over = new Set<string>()
    /** Hand-outs that were begun. */
    const begun = new Set<string>()
    /** Messages that were begun, and what was known of one before it was to be updated. */
    const hasBegun = new Set<string>()
    const before = new Map<string, Sent>()
    for (const event of events) {
      if (event.kind === 'ended' || event.kind === 'leaving') handOuts.ended(event.consumer)
      // An update is as durable as an acknowledgement that was not confirmed.
      if (event.kind === 'died' && event.how === 'power')
        for (const id of before.keys()) sent.set(id, unsure(sent.get(id) as Sent))
      if (event.kind === 'letter' && event.source.topic === facts.queue && event.reason === 'expired')
        if (sent.get(event.id)?.expiresMs === undefined)
          problems.say(`${placeOf(event.source)} is a dead letter as expired, and had no time to live`)
      if (!('topic' in event) || event.topic !== facts.queue) continue
      if (event.kind === 'sent') sent.set(event.id, event)
      const known = event.kind === 'updating' || event.kind === 'updated' ? sent.get(event.id) : undefined
      if (event.kind === 'updating' && known !== undefined) {
        before.set(event.id, known)
        sent.set(event.id, unsure(known))
      }
      if (event.kind === 'updated' && known !== undefined)
        sent.set(event.id, updated(before.get(event.id) ?? known, event, hasBegun.has(event.id)))
      if (event.kind === 'delivered') {
        const { dueMs = 0, expiresMs = Number.POSITIVE_INFINITY } = sent.get(event.id) ?? {}
        const since = handOuts.begins(event.consumer)
        if (event.atMs !== undefined && event.atMs < dueMs)
          problems.say(`${event.consumer} got ${placeOf(event)} at ${event.atMs}, and it was due at ${dueMs}`)
        if (since !== null && since > expiresMs)
          problems.say(`${event.consumer} got ${placeOf(event)} after ${since}, and it expired at ${expiresMs}`)
        // A batch that failed as a whole is handled again in halves, and was begun before.
        const began = `${event.consumer} ${event.offset} ${event.deliveryAttempt}`
        const isLate = (event.atMs ?? 0) > expiresMs + TAKEN_BACK_MS
        if (facts.takesBackInTime === true && !begun.has(began) && isLate)
          problems.say(`${event.consumer} began ${placeOf(event)} at ${event.atMs}, and it expired at ${expiresMs}`)
        begun.add(began)
        hasBegun.add(event.id)
      }
      if (event.kind !== 'settled' && event.kind !== 'overdue') continue
      const name = `${event.consumer} ${event.offset} ${event.deliveryAttempt}`
      if (over.has(name)) continue
      over.add(name)
      // What has no time of its own was not settled before anything that has.
      handOuts.settles(event.consumer, ('atMs' in event ? event.atMs : undefined) ?? 0)
    }
  }
  return problems.done()
}

export const QUEUE_TIME_RULES: readonly Checker[] = [timesAreKept]
