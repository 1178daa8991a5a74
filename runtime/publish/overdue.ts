/**
 * What a topic's publishes and flushes wait for too long: says so once, and gives up what is past its deadline, with what holds it. That
 * a producer's rate holds something back is nothing to be said.
 *
 * The producer's thread. Bound: one question to the control thread for each partition at a time.
 */
import { STALLED_MS } from '../base/clock.ts'
import type { FrameObserver } from './frame-tickets.ts'
import type { PendingBatch } from './pending-batch.ts'
import type { PendingPublish } from './pending-publish.ts'
import type { HoldUpcalls } from './producer-upcalls.ts'

/** What may wait before it is in a frame. */
export type Waiter = PendingPublish | PendingBatch

/** What waits for its receipt, or to be in a frame. */
export interface Unanswered {
  readonly done: boolean
  /** Null: of several. */
  readonly partition: number | null
  /** Since when it waits for room or for its receipt; Infinity: it waits for its rate. */
  readonly roomSince: number
  readonly deadline: number
  /** Its time is over; `hold` says what holds it, or nothing. */
  expire(hold: string): void
}

/** What is in joint frames is looked at by whoever sent it (routed-sends.ts). */
export function addWaiter(waiting: Set<Unanswered>, observer: FrameObserver): void {
  if ('roomSince' in observer) waiting.add(observer as FrameObserver & Unanswered)
}

/** Those who wait for what was published before. */
interface Waiting {
  /** Since when the oldest of them does; Infinity: none waits. */
  readonly sinceMs: number
}

/** Longest wait for the control thread to say what holds an overdue publish. */
const HOLD_MS = 1_000

export class Overdue {
  readonly #topic: number
  readonly #upcalls: HoldUpcalls
  /** Of null: the partition with most on its way. */
  readonly #partitionOf: (waiter: Unanswered | null) => number
  readonly #drain: (then: () => void) => void
  readonly #gaveUp: () => void
  /** The producer's rate, in words. */
  readonly #rate: string
  #wasLate = false
  #saidStalled = false
  /** Publishes past their deadline for which it is being asked what holds them, and since when. */
  readonly #asked = new WeakMap<Unanswered, number>()
  /** The answers on their way, by partition. */
  readonly #holds = new Map<number, Promise<string>>()

  constructor(
    topic: number,
    upcalls: HoldUpcalls,
    partitionOf: (waiter: Unanswered | null) => number,
    drain: (then: () => void) => void,
    gaveUp: () => void,
    rate: string,
  ) {
    this.#topic = topic
    this.#upcalls = upcalls
    this.#partitionOf = partitionOf
    this.#drain = drain
    this.#gaveUp = gaveUp
    this.#rate = rate
  }

  /** Looks at all that is not answered; a flush may wait for records whose publishes were answered. */
  sweep(waiting: Iterable<Unanswered>, now: number, flushes: Waiting): void {
    let longest: Unanswered | null = null
    for (const waiter of waiting) {
      if (waiter.done) continue
      if (longest === null || waiter.roomSince < longest.roomSince) longest = waiter
      if (now >= waiter.deadline) this.#giveUp(waiter, now)
    }
    const since = Math.min(longest?.roomSince ?? Number.POSITIVE_INFINITY, flushes.sinceMs)
    const isLate = now - since >= STALLED_MS
    // At the second look: a thread that was busy for so long may not have taken its receipts before the first.
    const isStalled = isLate && this.#wasLate
    if (isStalled && !this.#saidStalled) {
      const first = longest?.roomSince === since ? longest : null
      this.#upcalls.stalled(this.#topic, this.#partitionOf(first), now - since)
    }
    this.#wasLate = isLate
    this.#saidStalled = isStalled
  }

  /** Rejects what is overdue, once it is known what holds it; without that, where the control thread does not say. */
  #giveUp(waiter: Unanswered, now: number): void {
    if (waiter.roomSince === Number.POSITIVE_INFINITY) {
      this.#expire(waiter, this.#rate)
      return
    }
    const asked = this.#asked.get(waiter)
    if (asked !== undefined) {
      if (now - asked >= HOLD_MS) this.#expire(waiter, '')
      return
    }
    this.#asked.set(waiter, now)
    const partition = this.#partitionOf(waiter)
    let hold = this.#holds.get(partition)
    if (hold === undefined) {
      hold = this.#upcalls.describeHold(this.#topic, partition).catch(() => '')
      this.#holds.set(partition, hold)
      void hold.then(() => this.#holds.delete(partition))
    }
    void hold.then(text => {
      this.#expire(waiter, text)
      this.#gaveUp()
    })
  }

  /**
   * Its receipt may be there, and this thread was too busy to look: what was appended is not said to be late. It is given up
   * before what has become free is given away, or it would be appended after all.
   */
  #expire(waiter: Unanswered, hold: string): void {
    if (waiter.done) return
    this.#drain(() => {
      if (!waiter.done) waiter.expire(hold)
    })
  }
}
