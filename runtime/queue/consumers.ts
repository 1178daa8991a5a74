/**
 * The consumers of a queue, and which of them gets the next message: by room, by their priority, then the one that has
 * waited longest.
 *
 * The partition host's thread. Pure. A consumer has room while it holds fewer messages and bytes than it asked for; a
 * larger message may be all that it holds. Those with room stand in a line for each priority. One that gets room, or got
 * a message and still has room, goes to the end of its line. With `singleActive` one consumer has the queue until it
 * ends; then the one with the highest priority, and of those the one that was attached first.
 *
 * Bound: CONSUMERS_MAX.
 */
import { CLAIMS_MAX, Claims } from './claims.ts'
import type { ConsumerTerms } from './queue-words.ts'

/** Consumers that a queue may have at a time. */
export const CONSUMERS_MAX = 4096

export class Consumer {
  readonly number: number
  readonly priority: number
  readonly ackTimeoutMs: number
  /** Its place in the order of attaching. */
  readonly attached: number
  readonly claims: Claims
  prefetch: number
  prefetchBytes: number
  heldBytes = 0
  /** Whether it holds a suspect, and gets nothing else. */
  alone = false
  /** Whether it stands in its line. */
  listed = false
  before: Consumer | null = null
  after: Consumer | null = null

  constructor(number: number, terms: ConsumerTerms, attached: number) {
    this.number = number
    this.priority = terms.priority
    this.ackTimeoutMs = terms.ackTimeoutMs
    this.attached = attached
    this.prefetch = terms.prefetch
    this.prefetchBytes = terms.prefetchBytes
    this.claims = new Claims(terms.ackTimeoutMs !== Number.POSITIVE_INFINITY)
  }
}

interface Line {
  readonly priority: number
  first: Consumer | null
  last: Consumer | null
  size: number
}

export class Consumers {
  readonly #singleActive: boolean
  readonly #byNumber: (Consumer | undefined)[] = []
  /** Highest priority first. */
  readonly #lines: Line[] = []
  #active: Consumer | null = null
  #attached = 0
  #size = 0

  constructor(singleActive: boolean) {
    this.#singleActive = singleActive
  }

  get size(): number {
    return this.#size
  }

  /** With `singleActive` the one that has the queue. */
  get active(): Consumer | null {
    return this.#active
  }

  of(number: number): Consumer | undefined {
    return this.#byNumber[number]
  }

  *all(): Generator<Consumer> {
    for (const consumer of this.#byNumber) if (consumer !== undefined) yield consumer
  }

  /** A number that no consumer has now. `attached`: for a queue that is rebuilt, its place in the order of attaching. */
  attach(number: number, terms: ConsumerTerms, attached?: number): Consumer {
    if (this.#size === CONSUMERS_MAX) throw new RangeError(`a queue has ${CONSUMERS_MAX} consumers at most`)
    if (this.#byNumber[number] !== undefined) throw new RangeError(`consumer ${number} is attached already`)
    const consumer = new Consumer(number, terms, attached ?? this.#attached)
    this.#attached = Math.max(this.#attached, consumer.attached) + 1
    this.#byNumber[number] = consumer
    this.#size++
    if (attached === undefined && this.#singleActive && this.#active === null) this.activate(consumer)
    this.refresh(consumer)
    return consumer
  }

  /** It ends, and holds nothing. */
  detach(consumer: Consumer): void {
    this.#leaveLine(consumer)
    this.#byNumber[consumer.number] = undefined
    this.#size--
    const others = [...this.all()]
    if (!others.some(({ priority }) => priority === consumer.priority))
      this.#lines.splice(this.#lines.indexOf(this.#lineOf(consumer.priority)), 1)
    if (this.#active !== consumer) return
    this.#active = null
    const next = others.sort((a, b) => b.priority - a.priority || a.attached - b.attached)[0]
    if (next !== undefined) this.activate(next)
  }

  /** It has the queue. */
  activate(consumer: Consumer): void {
    this.#active = consumer
    this.refresh(consumer)
  }

  /** What it holds or asks for has changed: whether it stands in its line. */
  refresh(consumer: Consumer): void {
    const has = this.#hasRoom(consumer)
    if (has === consumer.listed) return
    if (has) this.#enterLine(consumer)
    else this.#leaveLine(consumer)
  }

  /** It got a message. */
  served(consumer: Consumer): void {
    const has = this.#hasRoom(consumer)
    if (has && consumer.listed && consumer.after === null) return
    this.#leaveLine(consumer)
    if (has) this.#enterLine(consumer)
  }

  /** Who gets a message of so many bytes, but for `except`; null: nobody has room. */
  choose(bytes: number, except: Consumer | null): Consumer | null {
    for (const line of this.#lines)
      for (let consumer = line.first; consumer !== null; consumer = consumer.after) {
        const fits = consumer.claims.size === 0 || consumer.heldBytes + bytes <= consumer.prefetchBytes
        if (fits && consumer !== except) return consumer
      }
    return null
  }

  /** How many have room and the priority of this one. */
  inLineOf({ priority }: Consumer): number {
    return this.#lineOf(priority).size
  }

  /** Who holds nothing, and has waited longest of those with the highest priority; null: nobody. */
  empty(): Consumer | null {
    for (const line of this.#lines)
      for (let consumer = line.first; consumer !== null; consumer = consumer.after)
        if (consumer.claims.size === 0) return consumer
    return null
  }

  /** Who holds fewest messages, of those that may get any; null: there is none. */
  nearestToEmpty(): Consumer | null {
    let nearest: Consumer | null = null
    for (const consumer of this.all())
      if (this.isServed(consumer) && (nearest === null || consumer.claims.size < nearest.claims.size))
        nearest = consumer
    return nearest
  }

  /** Whether it may get messages when it has room. */
  isServed(consumer: Consumer): boolean {
    return consumer.prefetch > 0 && (!this.#singleActive || consumer === this.#active)
  }

  /** Those in lines, in the order of each line, then the others in the order of attaching. */
  inOrder(): Consumer[] {
    const found: Consumer[] = []
    for (const line of this.#lines)
      for (let consumer = line.first; consumer !== null; consumer = consumer.after) found.push(consumer)
    const others = [...this.all()].filter(({ listed }) => !listed)
    return [...found, ...others.sort((a, b) => a.attached - b.attached)]
  }

  #hasRoom(consumer: Consumer): boolean {
    const held = consumer.claims.size
    return (
      held < consumer.prefetch &&
      (held === 0 || consumer.heldBytes < consumer.prefetchBytes) &&
      !consumer.alone &&
      (!this.#singleActive || consumer === this.#active)
    )
  }

  #lineOf(priority: number): Line {
    let index = 0
    for (; index < this.#lines.length; index++) {
      const line = this.#lines[index] as Line
      if (line.priority === priority) return line
      if (line.priority < priority) break
    }
    const line: Line = { priority, first: null, last: null, size: 0 }
    this.#lines.splice(index, 0, line)
    return line
  }

  #enterLine(consumer: Consumer): void {
    const line = this.#lineOf(consumer.priority)
    consumer.listed = true
    consumer.before = line.last
    if (line.last === null) line.first = consumer
    else line.last.after = consumer
    line.last = consumer
    line.size++
  }

  #leaveLine(consumer: Consumer): void {
    if (!consumer.listed) return
    const line = this.#lineOf(consumer.priority)
    if (consumer.before === null) line.first = consumer.after
    else consumer.before.after = consumer.after
    if (consumer.after === null) line.last = consumer.before
    else consumer.after.before = consumer.before
    line.size--
    consumer.listed = false
    consumer.before = null
    consumer.after = null
  }
}

/** @throws RangeError when a consumer cannot hold so many messages. */
export function checked<T extends { readonly prefetch: number }>(terms: T): T {
  if (terms.prefetch >= 0 && terms.prefetch <= CLAIMS_MAX) return terms
  throw new RangeError(`a consumer holds 0 to ${CLAIMS_MAX} messages, not ${terms.prefetch}`)
}
