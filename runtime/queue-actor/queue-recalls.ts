/**
 * Takes messages back from consumers that have them in advance: where another consumer has nothing to do, where a message of a lower
 * priority is in the way of a higher one, and where a time to live is over.
 *
 * The partition host's thread, after each step's hand-outs. What has begun stays where it is. A short time is left to the consumers first:
 * most of what they have in advance they begin by themselves, and each recall costs a hand-out.
 *
 * Why it waits, and for how long: docs/decisions/029-recalls.md.
 *
 * Bounds: what consumers have in advance; one look for each PATIENCE_MS, and one for each OVERTAKEN_MS.
 */
import type { Offset } from '../words/quantities.ts'
import type { CoreClaim, WaitingClaim } from './consumer-claims.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import type { QueueHandOuts } from './queue-hand-outs.ts'
import type { QueueParts } from './queue-parts.ts'

/** A consumer has nothing to do for so long before it gets what another one has in advance. */
const PATIENCE_MS = 1
/** A message waits for so long behind others of a lower priority. */
const OVERTAKEN_MS = 4
const NEVER: number = Number.POSITIVE_INFINITY
/** Below each priority of a consumer. */
const NONE: number = Number.NEGATIVE_INFINITY

export class QueueRecalls {
  readonly #parts: QueueParts
  readonly #handOuts: QueueHandOuts
  /** Since when a consumer has nothing to do while another one has something in advance, in `nowMs`. */
  #idleFromMs = NEVER
  /** Since when a message waits behind others of a lower priority: at a consumer, or since no consumer has room for it. */
  #overtakenFromMs = NEVER
  /** Messages that expired while they were sent in pieces: one for each consumer. */
  readonly #overdueInPieces = new Map<QueueConsumer, Offset>()

  constructor(parts: QueueParts, handOuts: QueueHandOuts) {
    this.#parts = parts
    this.#handOuts = handOuts
  }

  /** When `look` has something to do, in `nowMs`. */
  get dueMs(): number {
    return Math.min(this.#idleFromMs + PATIENCE_MS, this.#overtakenFromMs + OVERTAKEN_MS)
  }

  /** Whether what one consumer has in advance may go to another. */
  get areShared(): boolean {
    return this.#parts.consumers.size > 1 && !this.#parts.policy.singleActive
  }

  /** Whether anything was taken back that dies, or was handed out anew. */
  look(nowMs: number): boolean {
    const sent = this.#takeBackSent()
    const shared = this.#shares(nowMs)
    return this.#putsInOrder(nowMs) || shared || sent
  }

  /** What has expired at its consumer, which has not begun it, comes back; whether any did. It dies with the next look at the time. */
  readonly takeBackOverdue = (): boolean => {
    const { core, consumers } = this.#parts
    let recalled = false
    for (const { offset, consumer: number } of core.overdue)
      for (const consumer of consumers.values()) {
        if (consumer.number !== number) continue
        if (consumer.sending?.offset === offset) this.#overdueInPieces.set(consumer, offset)
        else recalled = this.#takeBackOne(consumer, offset) || recalled
      }
    return recalled
  }

  /** The same of what expired while it was sent in pieces, when all of it is sent and before it is visible. */
  #takeBackSent(): boolean {
    let recalled = false
    for (const [consumer, offset] of this.#overdueInPieces) {
      const isHere = this.#parts.consumers.get(consumer.place.cursor) === consumer
      if (isHere && consumer.sending?.offset === offset) continue
      this.#overdueInPieces.delete(consumer)
      recalled = (isHere && this.#takeBackOne(consumer, offset)) || recalled
    }
    return recalled
  }

  #takeBackOne(consumer: QueueConsumer, offset: Offset): boolean {
    return this.#recall(
      consumer,
      consumer.waiting().filter(waiting => waiting.offset === offset),
    )
  }

  // -- a consumer has nothing to do -------------------------------------------------------------------------------

  #shares(nowMs: number): boolean {
    const priority = this.#parts.core.figures.hasReady || !this.areShared ? NONE : this.#idlePriority()
    if (priority === NONE || !this.#haveInAdvance(priority)) {
      this.#idleFromMs = NEVER
      return false
    }
    if (this.#idleFromMs === NEVER) this.#idleFromMs = nowMs
    if (nowMs < this.#idleFromMs + PATIENCE_MS) return false
    this.#idleFromMs = NEVER
    return this.#shareOut(priority)
  }

  /** The highest consumer priority of those that could begin a message at once; NONE: there are none. */
  #idlePriority(): number {
    let priority = NONE
    for (const consumer of this.#parts.consumers.values())
      if (consumer.shape.priority > priority && this.#isIdle(consumer)) ({ priority } = consumer.shape)
    return priority
  }

  #isIdle(consumer: QueueConsumer): boolean {
    const { wanted, handles } = consumer.words
    return wanted > 0 && this.#held(consumer) < handles && consumer.hasRoom
  }

  /** Whether a consumer of this priority or a lower one has something in advance. */
  #haveInAdvance(priority: number): boolean {
    for (const consumer of this.#parts.consumers.values()) if (this.#mayGive(consumer, priority)) return true
    return false
  }

  /** A message is for no consumer of a lower priority than that of the one that has it. */
  #mayGive(consumer: QueueConsumer, priority: number): boolean {
    return consumer.shape.priority <= priority && this.#held(consumer) > consumer.words.handles
  }

  #held({ number }: QueueConsumer): number {
    return this.#parts.core.figures.heldBy(number)
  }

  /** The one that has most in advance gives a share to each idle one of its priority or a higher: what it would have begun last. */
  #shareOut(priority: number): boolean {
    let from: QueueConsumer | null = null
    let most: readonly WaitingClaim[] = []
    for (const consumer of this.#parts.consumers.values()) {
      if (!this.#mayGive(consumer, priority)) continue
      const waiting = consumer.waiting()
      if (waiting.length > most.length) {
        from = consumer
        most = waiting
      }
    }
    if (from === null) return false
    const { others, room } = this.#idleBeside(from)
    // While it has begun something, others can begin all that it has in advance.
    const share = Math.floor((most.length * others) / (others + 1))
    const given = Math.min(share === 0 && this.#held(from) > most.length ? 1 : share, room)
    return this.#recall(from, most.slice(most.length - given)) && this.#handOuts.handOut(from)
  }

  /** The idle ones of this one's priority or a higher, and how many messages they have room for. */
  #idleBeside({ shape }: QueueConsumer): { readonly others: number; readonly room: number } {
    let others = 0
    let room = 0
    for (const consumer of this.#parts.consumers.values()) {
      if (consumer.shape.priority < shape.priority || !this.#isIdle(consumer)) continue
      others++
      room += consumer.words.wanted - this.#held(consumer)
    }
    return { others, room }
  }

  // -- priorities -------------------------------------------------------------------------------------------------

  #putsInOrder(nowMs: number): boolean {
    const { core, policy } = this.#parts
    if (policy.priorities === 1) return false
    const waits = core.figures.readyPriority > 0
    const overtaken = this.#handOuts.overtaken()
    if (!waits && overtaken === null) {
      this.#overtakenFromMs = NEVER
      return false
    }
    if (this.#overtakenFromMs === NEVER) this.#overtakenFromMs = nowMs
    if (nowMs < this.#overtakenFromMs + OVERTAKEN_MS) return false
    this.#overtakenFromMs = NEVER
    const consumer = overtaken ?? this.#lowest(core.figures.readyPriority)
    if (consumer === null) return false
    const inTheWay = this.#inTheWay(consumer, waits ? core.figures.readyPriority : -1)
    if (!this.#recall(consumer, inTheWay)) return false
    this.#handOuts.serve(consumer)
    return this.#handOuts.handOut()
  }

  /** Who has most in advance of a lower priority than this; null: nobody has any. */
  #lowest(priority: number): QueueConsumer | null {
    let found: QueueConsumer | null = null
    let most = 0
    for (const consumer of this.#parts.consumers.values()) {
      const { length } = this.#inTheWay(consumer, priority)
      if (length > most) {
        found = consumer
        most = length
      }
    }
    return found
  }

  /** What it has in advance, and would begin before others of a higher priority: those that it has as well, and of this one. */
  #inTheWay(consumer: QueueConsumer, priority: number): WaitingClaim[] {
    const { source } = this.#parts
    let highest = priority
    return consumer
      .waiting()
      .toReversed()
      .filter(({ offset }) => {
        const own = source.priorityOf(offset)
        highest = Math.max(highest, own)
        return own < highest
      })
  }

  /** Takes these back, as far as they have not begun; whether any was. */
  #recall(consumer: QueueConsumer, claims: readonly WaitingClaim[]): boolean {
    const parts = this.#parts
    let recalled = false
    for (const { tag, offset } of claims) {
      if (!consumer.recall(tag)) continue
      parts.takeBack(consumer.number, offset, consumer.claimOf(tag) as CoreClaim)
      parts.over(consumer, tag, 0)
      recalled = true
    }
    return recalled
  }
}
