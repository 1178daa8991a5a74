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
import { Letters } from './letters.ts'
import type { QueueLog, QueuePolicy, WaitingMessage } from './queue-words.ts'
import { type GatheredMessages, ReadyIndex } from './ready-index.ts'
import { RetryHeap } from './retry-heap.ts'
import { Round } from './round.ts'
import { Suspects } from './suspects.ts'

/** Messages that were ever accepted, and those that are settled, by the way. */
export interface QueueTotals {
  accepted: number
  acked: number
  deadLettered: number
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
  readonly suspect: boolean
}

const TAG_MAX = 0x1fff_ffff

export class QueueState {
  readonly policy: QueuePolicy
  readonly log: QueueLog
  readonly pool: PagePool
  readonly ready: ReadyIndex
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

  /** `gathered`: what of it is ready already, if it has several priorities. */
  constructor(
    policy: QueuePolicy,
    log: QueueLog,
    [floor, end]: readonly [floor: number, end: number],
    totals: QueueTotals,
    gathered: GatheredMessages | null = null,
  ) {
    this.policy = policy
    this.log = log
    this.pool = gathered?.pool ?? new PagePool()
    this.ready = new ReadyIndex(policy.priorities, this.pool, end, gathered?.byPriority)
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
    if (suspect) this.suspects.add(offset, priority)
    else this.ready.putBack(offset, priority)
  }

  /** Takes a message that waits out of where it waits; whether it did. */
  takeWaiting(offset: number, entry: number): boolean {
    if (entry !== -1 && this.attempts.states[entry] === RETRYING) {
      this.retries.remove(entry)
      return true
    }
    if (this.suspects.remove(offset)) return true
    return this.ready.remove(offset, this.log.priorityOf(offset))
  }
}
