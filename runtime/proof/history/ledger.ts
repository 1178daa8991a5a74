/**
 * What of each partition is settled for each group, as a checker goes through a history.
 *
 * Pure functions and their books; of the rules on groups.
 */
import { Causes } from './causes.ts'
import type { GroupFacts, History } from './history.ts'
import { placeOf } from './history.ts'

export function lineOf(event: { readonly group: string; readonly topic: string; readonly partition: number }): string {
  return `${event.group} of ${event.topic}/${event.partition}`
}

export function factsOf({ groups }: History): Map<string, GroupFacts> {
  return new Map(groups.map(facts => [`${facts.group} of ${facts.topic}`, facts]))
}

/**
 * Records that were given up before a loss of power which may have taken their letters, by group and place: nobody need have
 * read those, and the group may be behind them all the same.
 */
function buriedAndLost({ events, groups, stored, ...others }: History): ReadonlySet<string> {
  const lost = new Set<string>()
  const limits = new Map<string, number>()
  for (const { group, topic, attempts, deadLetterTopic } of groups)
    if (deadLetterTopic !== null && stored?.get(deadLetterTopic)?.durability === 'os')
      limits.set(`${group} of ${topic}`, attempts)
  if (limits.size === 0 || !events.some(event => event.kind === 'died' && event.how === 'power')) return lost
  const causes = new Causes({ events, groups, ...others })
  /** By group and place: its limit, which is reached at once by what was rejected or does not decode. */
  const limitOf = new Map<string, number>()
  for (const event of events) {
    causes.hear(event)
    if (event.kind === 'delivered' || event.kind === 'settled') {
      const name = `${event.group} ${placeOf(event)}`
      const limit = limits.get(`${event.group} of ${event.topic}`)
      const isOver = event.kind === 'settled' && (event.how === 'rejected' || event.how === 'decode')
      if (limit !== undefined) limitOf.set(name, isOver ? 0 : (limitOf.get(name) ?? limit))
    }
    if (event.kind !== 'died' || event.how !== 'power') continue
    for (const [name, limit] of limitOf) if ((causes.all.get(name) ?? 0) >= limit) lost.add(name)
  }
  return lost
}

/** What of one partition is settled for a group, for good. */
class Settled {
  readonly #done = new Set<number>()
  readonly first: number
  #prefix: number

  constructor(first: number) {
    this.first = first
    this.#prefix = first
  }

  add(offset: number): void {
    this.#done.add(offset)
    while (this.#done.has(this.#prefix)) this.#prefix++
  }

  has(offset: number): boolean {
    return offset < this.first || this.#done.has(offset)
  }

  /** The first offset that is not settled. */
  get prefix(): number {
    return this.#prefix
  }
}

/** Keeps what is settled up to date; records before the first that a `latest` group saw count as settled. */
export class Ledger {
  readonly #settled = new Map<string, Settled>()
  readonly #letters: ReadonlyMap<string, number>
  readonly #lost: ReadonlySet<string>
  /** Where each partition begins by now whose old records are removed. */
  readonly #starts = new Map<string, number>()

  constructor(history: History) {
    const { events, stored } = history
    this.#lost = buriedAndLost(history)
    for (const event of events)
      if (event.kind === 'logStart' && stored?.get(event.topic)?.isRetained === true)
        this.#starts.set(`${event.topic}/${event.partition}`, event.offset)

    // A letter is told of when somebody reads it, later than it was written: it counts from the start.
    const letters = new Map<string, number>()
    for (const event of events)
      if (event.kind === 'letter') letters.set(`${event.group} ${placeOf(event.source)}`, event.failedAttempts)
    this.#letters = letters
  }

  /** Whether it need not be handled: it is a dead letter, or was removed. */
  isOver(event: {
    readonly group: string
    readonly topic: string
    readonly partition: number
    readonly offset: number
  }): boolean {
    if (event.offset < (this.#starts.get(`${event.topic}/${event.partition}`) ?? 0)) return true
    const name = `${event.group} ${placeOf(event)}`
    return this.#letters.has(name) || this.#lost.has(name)
  }

  of(event: { readonly group: string; readonly topic: string; readonly partition: number }, first: number): Settled {
    const line = lineOf(event)
    let settled = this.#settled.get(line)
    if (settled === undefined) {
      settled = new Settled(first)
      this.#settled.set(line, settled)
    }
    return settled
  }
}
