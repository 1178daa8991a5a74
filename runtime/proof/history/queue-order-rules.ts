/**
 * Q5: what of a queue is handed out first, and S8 of its senders.
 *
 * Pure functions over a history. When a message was handed out is not seen, but after which of its consumer's settlements it was: a
 * consumer with `prefetch` p gets its n-th message when it has settled n - p of them. What was ready then, and until the n-th was
 * begun, comes first if it is better: of a higher priority, or of the same one and older. Others may have as many of those as they
 * may prefetch, so that the rule is exact for a queue with one consumer that has one message, and weak for others. Where keys are limited,
 * a message with a key may wait for others of it: it is not looked for. What was sent with a delay or updated has a place that is not seen,
 * and is judged by nobody.
 */
import { type Checker, type HistoryEvent, Problems, placeOf, type QueueFacts } from './history.ts'

type Delivered = Extract<HistoryEvent, { kind: 'delivered' }>

const NEVER: number = Number.POSITIVE_INFINITY

interface Message {
  readonly offset: number
  readonly priority: number
  /** Since which event it is ready; infinite: it is not. */
  readySince: number
  /** Numbers of its hand-outs, as they were begun, and which of them is next. */
  readonly attempts: readonly number[]
  next: number
}

/** Whether it is begun again, and was not out in between unseen: its thread ended before its handler could say so, and nobody knows when. */
function isAwaited({ attempts, next }: Message): boolean {
  const attempt = attempts[next]
  return attempt !== undefined && attempt <= (attempts[next - 1] ?? 0) + 1
}

function isBetter(a: Message, b: Message): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.offset < b.offset)
}

/** What is known of one queue, as a checker goes through its history. */
class Line {
  readonly #prefetch: number
  readonly #atMostOnce: boolean
  readonly #messages = new Map<number, Message>()
  /** By consumer, the events at which it has settled each of its messages, and how many it has begun. */
  readonly #settled = new Map<string, number[]>()
  readonly #begun = new Map<string, number>()
  readonly #over = new Set<string>()
  readonly #attempts: ReadonlyMap<number, readonly number[]>
  /** Messages that may wait for others of their key. */
  readonly #keyed: ReadonlySet<number>
  /** Consumers that there may have been, from each event on. */
  readonly #consumers: { readonly at: number; readonly count: number }[] = []

  constructor(
    { prefetch, atMostOnce }: QueueFacts,
    attempts: ReadonlyMap<number, readonly number[]>,
    keyed: ReadonlySet<number>,
  ) {
    this.#prefetch = prefetch
    this.#atMostOnce = atMostOnce
    this.#attempts = attempts
    this.#keyed = keyed
  }

  consuming(at: number, count: number): void {
    this.#consumers.push({ at, count })
  }

  taken(at: number, offset: number, priority: number): void {
    if (this.#messages.has(offset)) return
    this.#messages.set(offset, {
      offset,
      priority,
      readySince: at,
      attempts: this.#attempts.get(offset) ?? [],
      next: 0,
    })
  }

  /** It was begun before its sender heard that it is there. */
  #messageOf(offset: number, priority: number): Message {
    this.taken(Number.POSITIVE_INFINITY, offset, priority)
    return this.#messages.get(offset) as Message
  }

  /** Messages that were better than one that is begun now, and ready, and were passed over; null: it may be. */
  begins(at: number, event: Delivered, priority: number): string | null {
    const message = this.#messageOf(event.offset, priority)
    message.readySince = Number.POSITIVE_INFINITY
    message.next++
    const before = this.#begun.get(event.consumer) ?? 0
    this.#begun.set(event.consumer, before + 1)
    const settled = this.#settledOf(event.consumer)
    const since = settled[before - this.#prefetch]
    // At most once, it is acked when it is begun.
    if (this.#atMostOnce) settled.push(at)
    if (since === undefined) return null
    const passed = [...this.#messages.values()].filter(
      other =>
        other.readySince <= since && isAwaited(other) && isBetter(other, message) && !this.#keyed.has(other.offset),
    )
    const others = this.#most(since) - 1
    const room = others * this.#prefetch + this.#prefetch - 1
    if (passed.length <= room) return null
    return `${event.consumer} got ${placeOf(event)} of priority ${priority} before ${passed.map(({ offset }) => offset).join()}`
  }

  #settledOf(consumer: string): number[] {
    const settled = this.#settled.get(consumer) ?? []
    this.#settled.set(consumer, settled)
    return settled
  }

  /** Consumers that there were since then, at most at a time. */
  #most(since: number): number {
    let most = 1
    for (let index = this.#consumers.length - 1; index >= 0; index--) {
      const { at, count } = this.#consumers[index] as { readonly at: number; readonly count: number }
      most = Math.max(most, count)
      if (at <= since) break
    }
    return most
  }

  /** A hand-out is over; what its consumer hands back is ready again when the consumer has room for another. */
  over(at: number, consumer: string, offset: number, attempt: number, isReleased: boolean): void {
    const name = `${consumer} ${offset} ${attempt}`
    if (this.#atMostOnce || this.#over.has(name)) return
    this.#over.add(name)
    this.#settledOf(consumer).push(at)
    const message = this.#messages.get(offset)
    if (isReleased && message !== undefined) message.readySince = at
  }

  /** What one that was told to end hands back may never arrive, or later. */
  ended(consumer: string): void {
    this.#settled.delete(consumer)
    this.#begun.set(consumer, Number.NEGATIVE_INFINITY)
  }
}

/** Numbers of the hand-outs of each message of a queue, as they were begun. */
function attemptsOf(events: readonly HistoryEvent[], queue: string): Map<number, number[]> {
  const attempts = new Map<number, number[]>()
  for (const event of events)
    if (event.kind === 'delivered' && event.topic === queue)
      attempts.set(event.offset, [...(attempts.get(event.offset) ?? []), event.deliveryAttempt])
  return attempts
}

/** Messages that are begun and may have waited for others of their key. */
function keyedOf(events: readonly HistoryEvent[], { queue, keyConcurrency }: QueueFacts): ReadonlySet<number> {
  if (keyConcurrency === Number.POSITIVE_INFINITY) return new Set()
  return new Set(
    events.flatMap(event =>
      event.kind === 'delivered' && event.topic === queue && event.key !== null ? [event.offset] : [],
    ),
  )
}

/** Q5: of what is ready the best comes first: the highest priority, and of that the oldest, also of what was handed back. */
export const bestComesFirst: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('Q5')
  for (const facts of queues) {
    const { queue } = facts
    const priorities = new Map<string, number>()
    const delayed = new Set<string>()
    const delayedAt = new Set<number>()
    for (const event of events) {
      if (event.kind === 'updating') delayed.add(event.id)
      if (event.kind !== 'sent' || event.topic !== queue) continue
      priorities.set(event.id, event.priority ?? 0)
      if (event.dueMs !== undefined) delayed.add(event.id)
    }
    const line = new Line(facts, attemptsOf(events, queue), keyedOf(events, facts))
    for (const [at, event] of events.entries()) {
      if (event.kind === 'ended' || event.kind === 'leaving') line.ended(event.consumer)
      if (!('topic' in event) || event.topic !== queue) continue
      if (event.kind === 'consuming') line.consuming(at, event.consumers)
      if (event.kind === 'answered' && event.outcome === 'ok' && event.offset !== undefined)
        line.taken(delayed.has(event.id) ? NEVER : at, event.offset, priorities.get(event.id) ?? 0)
      if (event.kind === 'delivered') {
        if (delayed.has(event.id)) delayedAt.add(event.offset)
        const wrong = line.begins(at, event, priorities.get(event.id) ?? 0)
        if (wrong !== null && !delayed.has(event.id)) problems.say(wrong)
      }
      if (event.kind === 'settled' || event.kind === 'overdue') {
        const isReleased = event.kind === 'settled' && event.how === 'released' && !delayedAt.has(event.offset)
        line.over(at, event.consumer, event.offset, event.deliveryAttempt, isReleased)
      }
    }
  }
  return problems.done()
}

/** S8: what one sender sends to a queue is there in the order in which it sent it. */
export const queuesKeepTheirSenders: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('S8')
  const names = new Set(queues.map(({ queue }) => queue))
  const offsets = new Map<string, number>()
  for (const event of events) {
    const isPlaced = event.kind === 'delivered' || (event.kind === 'answered' && event.outcome === 'ok')
    if (isPlaced && event.offset !== undefined) offsets.set(`${event.topic} ${event.id}`, event.offset)
  }
  const last = new Map<string, number>()
  for (const event of events) {
    if (event.kind !== 'sent' || !names.has(event.topic)) continue
    const offset = offsets.get(`${event.topic} ${event.id}`)
    if (offset === undefined) continue
    const name = `${event.topic} ${event.producer}`
    const before = last.get(name) ?? -1
    if (offset <= before)
      problems.say(`${event.id} of ${name} is at ${offset}, and what was sent before it at ${before}`)
    last.set(name, Math.max(before, offset))
  }
  return problems.done()
}

export const QUEUE_ORDER_RULES: readonly Checker[] = [bestComesFirst, queuesKeepTheirSenders]
