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
import { HandOutRate } from './hand-out-rate.ts'
import { KeyGate } from './key-gate.ts'
import { Letters } from './letters.ts'
import type { QueueLog, QueuePolicy, WaitingMessage } from './queue-words.ts'
import { ReadyIndex } from './ready-index.ts'
import { RetryHeap } from './retry-heap.ts'
import { Round } from './round.ts'
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
  /** Where it is taken from: `key`, it waits for its turn. */
  readonly from: 'ready' | 'suspects' | 'key'
}

const TAG_MAX = 0x1fff_ffff

export class QueueState {
  readonly policy: QueuePolicy
  readonly log: QueueLog
  readonly pool: PagePool = new PagePool()
  readonly ready: ReadyIndex | TurnIndex
  /** The same, where all that is appended is ready; null: keys are limited. */
  readonly plain: ReadyIndex | null
  /** Those that wait for their turn of their key; null: keys are not limited. */
  readonly keys: KeyGate | null
  /** How many may be handed out now; null: there is no limit. */
  readonly rate: HandOutRate | null
  readonly settled: SettledPages
  readonly attempts: AttemptTable = new AttemptTable()
  readonly retries: RetryHeap = new RetryHeap(this.attempts)
  readonly letters: Letters = new Letters()
  readonly suspects: Suspects = new Suspects()
  readonly consumers: Consumers
  readonly round: Round = new Round()
  readonly totals: QueueTotals
  /** Messages that are not settled, and their bytes. */
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

  constructor(policy: QueuePolicy, log: QueueLog, floor: number, end: number, totals: QueueTotals) {
    this.policy = policy
    this.log = log
    const { priorities, keyConcurrency, keyOrder, rate } = policy
    this.keys = keyConcurrency === Number.POSITIVE_INFINITY ? null : new KeyGate(policy, log, this.pool)
    this.plain = this.keys === null ? new ReadyIndex(priorities, this.pool, end) : null
    if (this.plain !== null) this.ready = this.plain
    else if (keyOrder === 'fair') this.ready = new TurnIndex(priorities, this.pool, end)
    else this.ready = new ReadyIndex(priorities, this.pool, end, false)
    this.rate = rate === null ? null : new HandOutRate(rate)
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

  /** It may be handed out, at its place. */
  makeReady(offset: number, priority: number, suspect: boolean): void {
    if (suspect) this.suspects.add(offset, priority, this.ready.keepPlace(offset))
    else this.ready.putBack(offset, priority)
  }

  /** Where keys are limited: a message came or fell due. It is ready, or waits for its turn. */
  enter(offset: number, priority: number, key: number): void {
    if (this.keys?.enter(key, offset, priority) !== false) this.ready.putBack(offset, priority)
  }

  /** A message that had its turn of its key is settled, or is to be a dead letter: the next of the key is ready, at its own place. */
  endTurn(key: number, offset: number): void {
    if (this.keys === null) return
    this.ready.forget(offset)
    const next = this.keys.leave(key)
    if (next === -1) return
    const entry = this.attempts.find(next)
    this.makeReady(next, this.log.priorityOf(next), entry !== -1 && this.attempts.suspects[entry] === 1)
  }

  /** The same, of a message that no consumer has. */
  endTurnOf(offset: number): void {
    if (this.keys !== null) this.endTurn(this.log.keyOf(offset), offset)
  }

  /** Takes a message that waits out of where it waits, for good; whether it did. */
  takeWaiting(offset: number, entry: number): boolean {
    if (this.keys?.has(offset)) {
      this.keys.remove(offset)
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
