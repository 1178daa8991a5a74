/**
 * All that a queue's core knows, and the two moves that everything else is made of: a message is settled, or a consumer
 * lets go.
 *
 * The partition host's thread. Pure. The parts keep their own invariants; the sums over them are kept here. All of it can
 * be made again from facts (queue-facts.ts).
 */

import { PagePool } from '../base/page-pool.ts'
import { SettledPages } from '../base/settled-pages.ts'
import { AttemptTable, RETRYING } from './attempt-table.ts'
import { SUSPECT } from './claims.ts'
import { type Consumer, Consumers } from './consumers.ts'
import { DueOrder } from './due-order.ts'
import { Expiry } from './expiry.ts'
import { HandOutRate } from './hand-out-rate.ts'
import { KeyGate } from './key-gate.ts'
import { Letters } from './letters.ts'
import type { QueueLog, QueuePolicy, WaitingMessage } from './queue-words.ts'
import type { GatheredMessages } from './ready-index.ts'
import { ReadyMessages } from './ready-messages.ts'
import { RetryHeap } from './retry-heap.ts'
import { Round } from './round.ts'
import { Schedule } from './schedule.ts'
import { Suspects } from './suspects.ts'
import { TurnIndex } from './turn-index.ts'

/** Messages that were ever accepted, and those that are settled, by the way. */
export interface QueueTotals {
  accepted: number
  acked: number
  deadLettered: number
  /** Without a dead letter. */
  expired: number
  dropped: number
  purged: number
  cancelled: number
}

/** Ways in which a message is settled. */
export type SettledAs = Exclude<keyof QueueTotals, 'accepted'>

/** A message that is to make room. */
export interface Chosen {
  readonly message: WaitingMessage
  readonly bytes: number
  /** Hash of its key, where keys are limited. */
  readonly key: number
  /** Where it is taken from: `key`, it waits for its turn. */
  readonly from: 'ready' | 'suspects' | 'key'
}

const TAG_MAX = 0x1fff_ffff

export class QueueState {
  readonly policy: QueuePolicy
  readonly log: QueueLog
  readonly pool: PagePool
  /** Where each stands that fell due, and who is before whom. */
  readonly order: DueOrder = new DueOrder()
  readonly ready: ReadyMessages | TurnIndex
  /** The same, where all that is appended and not scheduled is ready; null: keys are limited. */
  readonly plain: ReadyMessages | null
  /** Those that wait for their turn of their key; null: keys are not limited. */
  readonly keys: KeyGate | null
  /** How many may be handed out now; null: there is no limit. */
  readonly rate: HandOutRate | null
  readonly schedule: Schedule
  readonly expiry: Expiry
  readonly settled: SettledPages
  readonly attempts: AttemptTable = new AttemptTable()
  readonly retries: RetryHeap = new RetryHeap(this.attempts)
  readonly letters: Letters = new Letters()
  readonly suspects: Suspects
  readonly consumers: Consumers
  readonly round: Round = new Round()
  readonly totals: QueueTotals
  /** Messages that are neither settled nor scheduled, and their bytes. */
  messages = 0
  bytes = 0
  /** Admitted, and not appended yet. */
  reservedMessages = 0
  reservedBytes = 0
  /** Messages that are to make room for what was admitted last, until somebody has said which of them are gone. */
  chosen: Chosen[] = []
  chosenBytes = 0
  unacked = 0
  /** The number of a part of a failed batch, and the tag of a hand-out, that were given last. */
  lastCohort = 0
  lastTag = 0

  /** `gathered`: what of it is ready already, if it has several priorities and keys are not limited. */
  constructor(
    policy: QueuePolicy,
    log: QueueLog,
    [floor, end]: readonly [floor: number, end: number],
    totals: QueueTotals,
    timed: boolean,
    gathered: GatheredMessages | null = null,
  ) {
    this.policy = policy
    this.log = log
    this.pool = gathered?.pool ?? new PagePool()
    const { priorities, keyConcurrency, keyOrder, rate } = policy
    const { pool, order } = this
    this.keys = keyConcurrency === Number.POSITIVE_INFINITY ? null : new KeyGate(policy, log, pool, order)
    const sets = gathered?.byPriority ?? null
    this.plain = this.keys === null ? new ReadyMessages(priorities, pool, end, order, true, sets) : null
    if (this.plain !== null) this.ready = this.plain
    else if (keyOrder === 'fair') this.ready = new TurnIndex(priorities, pool, end, order)
    else this.ready = new ReadyMessages(priorities, pool, end, order, false)
    this.rate = rate === null ? null : new HandOutRate(rate)
    this.suspects = new Suspects(this.ready, order)
    this.schedule = new Schedule(this.pool)
    this.expiry = new Expiry(log, timed)
    this.settled = new SettledPages(this.pool, floor)
    this.consumers = new Consumers(policy.singleActive)
    this.totals = { ...totals }
  }

  /** Messages that wait for a retry or for their dead letter. */
  get held(): number {
    return this.retries.size + this.letters.size
  }

  /** A tag fits into a shared word beside three bits, and is never 0. */
  newTag(): number {
    this.lastTag = this.lastTag === TAG_MAX ? 1 : this.lastTag + 1
    return this.lastTag
  }

  /** Nothing is known of it any more but that it is settled. */
  settle(offset: number, bytes: number, entry: number, as: SettledAs): void {
    if (entry !== -1) this.attempts.remove(entry)
    this.settled.add(offset)
    this.ready.left(offset)
    this.expiry.left(offset)
    this.totals[as]++
    this.messages--
    this.bytes -= bytes
  }

  /** The consumer holds it no longer. What the slot said stays readable until the slot is given out again. */
  letGo(consumer: Consumer, slot: number): void {
    const { claims } = consumer
    if (((claims.flags[slot] as number) & SUSPECT) !== 0) {
      consumer.alone = false
      this.suspects.isOut = false
    }
    consumer.heldBytes -= claims.bytes[slot] as number
    claims.free(slot)
    this.unacked--
    this.consumers.refresh(consumer)
  }

  /** It may be handed out, at its place, until it expires. */
  makeReady(offset: number, priority: number, suspect: boolean): void {
    this.expiry.cameBack(offset)
    this.#putInPlace(offset, priority, suspect)
  }

  #putInPlace(offset: number, priority: number, suspect: boolean): void {
    if (suspect) {
      this.ready.keepPlace(offset)
      this.suspects.add(offset, priority)
    } else this.ready.putBack(offset, priority)
  }

  /** A message came or fell due. It is ready, or waits for its turn of its key. */
  enter(offset: number, priority: number): void {
    if (this.keys?.enter(this.log.keyOf(offset), offset, priority) === false) return
    // One that was out before may have been put off (updating.ts).
    const entry = this.attempts.find(offset)
    this.#putInPlace(offset, priority, entry !== -1 && this.attempts.suspects[entry] === 1)
  }

  /** The turn of a message is over: it is settled, or is to be a dead letter. The next of its key is ready, at its own place. */
  endTurn(key: number): void {
    const next = this.keys?.leave(key) ?? -1
    if (next === -1) return
    const entry = this.attempts.find(next)
    // While it waited, it would have expired in its time.
    this.#putInPlace(next, this.log.priorityOf(next), entry !== -1 && this.attempts.suspects[entry] === 1)
  }

  /** The same, of a message that no consumer has. */
  endTurnOf(offset: number): void {
    if (this.keys !== null) this.endTurn(this.log.keyOf(offset))
  }

  /** It counts as one of the queue from now on, and waits nowhere yet; whether it was scheduled. */
  takeScheduled(offset: number): boolean {
    if (!this.schedule.has(offset)) return false
    this.schedule.remove(offset)
    this.countIn(this.log.bytesOf(offset))
    return true
  }

  /** A message of so many bytes is scheduled no more, and counts as one of the queue. */
  countIn(bytes: number): void {
    this.schedule.bytes -= bytes
    this.messages++
    this.bytes += bytes
  }

  /** Takes a message that waits out of where it waits, for good; whether it did. */
  takeWaiting(offset: number, entry: number): boolean {
    if (this.takeScheduled(offset)) return true
    if (this.keys?.has(offset)) {
      this.keys.remove(this.log.keyOf(offset), offset, this.log.priorityOf(offset))
      return true
    }
    if (!this.#takeReady(offset, entry)) return false
    this.endTurnOf(offset)
    return true
  }

  #takeReady(offset: number, entry: number): boolean {
    if (entry !== -1 && this.attempts.states[entry] === RETRYING) {
      this.retries.remove(entry)
      return true
    }
    if (this.suspects.remove(offset)) return true
    return this.ready.remove(offset, this.log.priorityOf(offset))
  }
}
