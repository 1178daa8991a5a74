/**
 * Publishes to one topic that wait for room, in the order in which they came.
 *
 * The producer's thread. A publish waits behind those for its partition; a batch waits behind all, and all behind it. What may
 * wait is bounded by the thread's waiting room, where all its topics' publishes count.
 */

import type { Waiter } from './overdue.ts'
import { PendingBatch } from './pending-batch.ts'
import { PendingPublish } from './pending-publish.ts'
import { encodedSize } from './record-writer.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** Whoever appends. False: there is no room yet, for this one or, of a batch, for the rest of it. */
export interface LineUser {
  appendWaiting(waiter: PendingPublish): boolean
  advanceBatch(batch: PendingBatch): boolean
}

export class WaitingLine {
  /** Of the last that came: everything published before has a lower one. */
  serial = 0
  readonly #room: WaitingRoom
  #waiters: Waiter[] = []
  /** Waiting single publishes, by partition. */
  readonly #waitingIn: number[]
  #batches = 0
  /** Batches wait until so many let them go. */
  #holds = 0

  constructor(room: WaitingRoom, partitions: number) {
    this.#room = room
    this.#waitingIn = Array.from({ length: partitions }, () => 0)
  }

  get waiters(): readonly Waiter[] {
    return this.#waiters
  }

  /** Messages that wait; not those of publishes that were answered. */
  get unanswered(): number {
    let count = 0
    for (const waiter of this.#waiters) {
      if (!waiter.done) count += waiter instanceof PendingBatch ? waiter.messages.length - waiter.next : 1
    }
    return count
  }

  get isEmpty(): boolean {
    return this.#waiters.length === 0
  }

  get hasBatches(): boolean {
    return this.#batches > 0
  }

  /** Serial of the oldest that waits. */
  get oldest(): number {
    return this.#waiters[0]?.serial ?? Number.POSITIVE_INFINITY
  }

  /** The topic has one partition more. */
  grown(): void {
    this.#waitingIn.push(0)
  }

  /** Nothing waits that a record for this partition has to stay behind. */
  passes(partition: number): boolean {
    return this.#batches === 0 && this.#waitingIn[partition] === 0
  }

  /** A batch need not wait before it was tried. */
  get passesBatches(): boolean {
    return this.#waiters.length === 0 && this.#holds === 0
  }

  /** Batches wait until `release` was called as often. */
  hold(): void {
    this.#holds++
  }

  release(): void {
    this.#holds--
  }

  /** Takes it in as the last one; false: the thread's waiting room is full. */
  take(waiter: Waiter): boolean {
    return waiter instanceof PendingPublish ? this.#takePublish(waiter) : this.#takeBatch(waiter)
  }

  #takePublish(waiter: PendingPublish): boolean {
    const { key, value, headers, partition } = waiter.message
    const bytes = encodedSize(key, value, headers)
    if (!this.#room.admit(bytes, waiter.isOutput)) return false
    this.#waitingIn[partition] = (this.#waitingIn[partition] as number) + 1
    this.#add(waiter, bytes)
    return true
  }

  #takeBatch(waiter: PendingBatch): boolean {
    const bytes = waiter.prepared.bytesFrom(waiter.next)
    if (!this.#room.admitBatch(bytes)) return false
    this.#batches++
    this.#add(waiter, bytes)
    return true
  }

  #add(waiter: Waiter, bytes: number): void {
    waiter.own(bytes)
    waiter.serial = ++this.serial
    this.#waiters.push(waiter)
  }

  #leave(waiter: Waiter): void {
    if (waiter instanceof PendingBatch) {
      this.#batches--
      this.#room.leaveBatch(waiter.bytes)
    } else {
      const { partition } = waiter.message
      this.#waitingIn[partition] = (this.#waitingIn[partition] as number) - 1
      this.#room.leave(waiter.bytes)
    }
  }

  /** Lets those go on that can. `closed`: partitions to which nothing goes now. */
  serve(user: LineUser, closed: ReadonlySet<number>): void {
    const stuck = new Set<number>()
    const left: Waiter[] = []
    const waiters = this.#waiters
    let index = 0
    for (; index < waiters.length; index++) {
      const waiter = waiters[index] as Waiter
      const partition = waiter instanceof PendingPublish ? waiter.message.partition : -1
      if (waiter.done) this.#leave(waiter)
      else if (waiter instanceof PendingBatch) {
        // Everything behind a batch that cannot go on stays behind it.
        if (stuck.size > 0 || this.#holds > 0 || !user.advanceBatch(waiter)) break
        this.#leave(waiter)
      } else if (!stuck.has(partition) && !closed.has(partition) && user.appendWaiting(waiter)) this.#leave(waiter)
      else {
        stuck.add(partition)
        left.push(waiter)
      }
    }
    for (; index < waiters.length; index++) left.push(waiters[index] as Waiter)
    this.#waiters = left
  }

  /** What waits for this partition fails, and leaves when the line is served next. */
  failIn(partition: number, error: Error): void {
    for (const waiter of this.#waiters)
      if (waiter instanceof PendingBatch || waiter.message.partition === partition) waiter.settle(error)
  }

  /** All fail, and leave. */
  fail(error: Error): void {
    for (const waiter of this.#waiters) {
      waiter.settle(error)
      this.#leave(waiter)
    }
    this.#waiters = []
  }
}
