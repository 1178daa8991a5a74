/**
 * A history without what its processes have lost: what is left is judged as if nothing had been there.
 *
 * Pure. Whether it may be lost is another question (durability-rules.ts). What is in memory goes with its process, and what is in a
 * queue with its deletion (deleted-queues.ts); of a log everything from the end on at which the next process found it. What was confirmed without its place, and may be among that,
 * counts as sent and not confirmed; a letter that is lost stays as one that was.
 */
import { withoutDeleted } from './deleted-queues.ts'
import type { History, HistoryEvent } from './history.ts'

type At = { readonly topic: string; readonly partition: number; readonly offset: number }

/** Offsets from here on are lost, by partition, for what happened before. */
class Losses {
  readonly #ends = new Map<string, number>()
  readonly #inMemory: ReadonlySet<string>
  readonly #forgetful: ReadonlySet<string>
  #died = false
  #powerLost = false

  constructor({ stored }: History) {
    const topics = [...(stored ?? new Map<string, never>())]
    this.#inMemory = new Set(topics.filter(([, { durability }]) => durability === 'memory').map(([topic]) => topic))
    this.#forgetful = new Set(topics.filter(([, { durability }]) => durability === 'os').map(([topic]) => topic))
  }

  /** Hears of events from the last to the first. */
  hear(event: HistoryEvent): void {
    if (event.kind === 'reopened') {
      const line = `${event.topic}/${event.partition}`
      this.#ends.set(line, Math.min(this.#ends.get(line) ?? Number.POSITIVE_INFINITY, event.end))
    } else if (event.kind === 'died') {
      this.#died = true
      if (event.how === 'power') this.#powerLost = true
    }
  }

  has({ topic, partition, offset }: At): boolean {
    if (this.#died && this.#inMemory.has(topic)) return true
    return offset >= (this.#ends.get(`${topic}/${partition}`) ?? Number.POSITIVE_INFINITY)
  }

  /** Whether something of the topic may be lost of which nobody knows where it was. */
  mayHave(topic: string): boolean {
    return (this.#died && this.#inMemory.has(topic)) || (this.#powerLost && this.#forgetful.has(topic))
  }
}

/** What is left of an event; null: nothing. */
function left(event: HistoryEvent, losses: Losses): HistoryEvent | null {
  switch (event.kind) {
    case 'answered': {
      const { topic, partition, offset } = event
      const isPlaced = partition !== undefined && offset !== undefined
      const isLost = isPlaced ? losses.has({ topic, partition, offset }) : losses.mayHave(topic)
      return isLost
        ? { kind: 'answered', topic, id: event.id, outcome: event.outcome === 'fail' ? 'fail' : 'info' }
        : event
    }
    case 'delivered':
    case 'settled':
    case 'confirmed':
    case 'overdue':
    case 'read':
      return losses.has(event) ? null : event
    case 'letter':
      if (losses.has(event.source)) return null
      return losses.has(event) ? { ...event, isLost: true } : event
    case 'ended': {
      const { executing, ...others } = event
      return executing !== undefined && losses.has(executing) ? others : event
    }
    case 'committed':
      // The offset of the next record: it may be the end itself.
      return losses.has({ ...event, offset: Math.max(0, event.offset - 1) }) ? null : event
    case 'logStart':
      return losses.has(event) ? null : event
    case 'counted':
    case 'consuming':
      return losses.has({ topic: event.topic, partition: 0, offset: 0 }) ? null : event
    default:
      return event
  }
}

/**
 * Letters by their places, and in which process each was written at the latest: one may be read long after it was, when the
 * record that it tells of has been lost.
 */
class Births {
  /** By partition, how often it was opened again, oldest first: the process, and the end that it found. */
  readonly #found = new Map<string, { readonly life: number; readonly end: number }[]>()
  readonly #ends: { readonly line: string; readonly life: number; readonly end: number }[] = []

  constructor({ events }: History) {
    let life = 0
    for (const event of events) {
      if (event.kind === 'died') life++
      if (event.kind !== 'reopened') continue
      const { end } = event
      const line = `${event.topic}/${event.partition}`
      this.#found.set(line, [...(this.#found.get(line) ?? []), { life, end }])
      this.#ends.push({ line, life, end })
    }
  }

  /** Whether a record is lost whose letter lies here, in this process. */
  hasLost(source: At, letter: At, life: number): boolean {
    let born = life
    for (const found of (this.#found.get(`${letter.topic}/${letter.partition}`) ?? []).toReversed()) {
      if (found.life > life) continue
      if (found.end <= letter.offset) break
      born = found.life - 1
    }
    const line = `${source.topic}/${source.partition}`
    return this.#ends.some(each => each.line === line && each.life > born && each.end <= source.offset)
  }
}

export function remaining(whole: History): History {
  const history = withoutDeleted(whole)
  const losses = new Losses(history)
  const births = new Births(history)
  let life = history.events.filter(({ kind }) => kind === 'died').length
  const events: HistoryEvent[] = []
  for (const event of history.events.toReversed()) {
    const kept = left(event, losses)
    const isStale = event.kind === 'letter' && births.hasLost(event.source, event, life)
    if (kept !== null && !isStale) events.push(kept)
    losses.hear(event)
    if (event.kind === 'died') life--
  }
  return { ...history, events: events.reverse() }
}
