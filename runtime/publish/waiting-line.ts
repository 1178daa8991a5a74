/**
 * Publishes to one topic that wait for room, in the order in which they came.
 *
 * The producer's thread. A publish waits behind those for its partition; a batch waits behind all, and all behind it. What may
 * wait is bounded by the thread's waiting room, where all its topics' publishes count. Where the producer has a rate, what it holds
 * keeps all behind it, but for records that it does not concern.
 */
import { nowMs } from '../../actors/world.ts'
import { FullError } from '../words/errors.ts'
import type { Waiter } from './overdue.ts'
import { PendingBatch } from './pending-batch.ts'
import { PendingPublish } from './pending-publish.ts'
import type { RateGate } from './rate-gate.ts'
import { encodedSize } from './record-writer.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** What became of one: all of it is in frames, or has failed; or there is no room for the rest, or the rate holds it. */
export type Advance = 'over' | 'full' | 'held'

/** Whoever appends. */
export interface LineUser {
  advancePublish(waiter: PendingPublish): Advance
  advanceBatch(batch: PendingBatch): Advance
}

export class WaitingLine {
  /** The producer's rate; null: it has none. */
  readonly gate: RateGate | null
  /** Of the last that came: everything published before has a lower one. */
  serial = 0
  readonly #room: WaitingRoom
  #waiters: Waiter[] = []
  /** Waiting single publishes, by partition. */
  readonly #waitingIn: number[]
  #batches = 0
  /** Those that no rate holds, while it holds others. */
  #free = 0
  /** Batches wait until so many let them go. */
  #holds = 0
  /** While the gate is shut. */
  #heldFrom = Number.POSITIVE_INFINITY

  constructor(room: WaitingRoom, partitions: number, gate: RateGate | null) {
    this.#room = room
    this.gate = gate
    this.#waitingIn = Array.from({ length: partitions }, () => 0)
  }

  get waiters(): readonly Waiter[] {
    return this.#waiters
  }

  /** Messages that wait; not those of publishes that were answered. */
  get unanswered(): number {
    return this.#unansweredFrom(0)
  }

  /** Those of them that wait for the rate. */
  get held(): number {
    return this.#unansweredFrom(this.heldFrom)
  }

  #unansweredFrom(serial: number): number {
    let count = 0
    for (const waiter of this.#waiters) {
      if (!waiter.done && waiter.serial >= serial)
        count += waiter instanceof PendingBatch ? waiter.messages.length - waiter.next : 1
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

  /** While the rate holds others: nothing waits that another one which it does not hold has to stay behind. */
  get passesFree(): boolean {
    return this.#free === 0 && this.gate?.isShut === true
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

  /** Takes it in as the last one, which waits for the rate (`isHeld`) or for room; false: the thread's waiting room is full. */
  take(waiter: Waiter, isHeld = false): boolean {
    if (!(waiter instanceof PendingPublish ? this.#takePublish(waiter) : this.#takeBatch(waiter))) return false
    if (isHeld) this.#hold(waiter)
    return true
  }

  /** The same; one that may not wait is refused. */
  takeOrRefuse(waiter: Waiter, isHeld: boolean, target: string): void {
    if (this.take(waiter, isHeld)) return
    const room = `this thread's waiting room`
    const why = isHeld ? `${this.gate?.text}, and ${room} is full` : `${target} is full, and so is ${room}`
    waiter.settle(
      new FullError(
        `${why} (${this.#room.bounds}); await each one, or use tryPublish or trySend`,
        waiter instanceof PendingPublish ? waiter.original : waiter.messages[waiter.next],
      ),
    )
  }

  #hold(waiter: Waiter): void {
    this.#heldFrom = Math.min(this.heldFrom, waiter.serial)
    this.gate?.shut()
  }

  #takePublish(waiter: PendingPublish): boolean {
    const { key, value, headers, partition } = waiter.message
    const bytes = encodedSize(key, value, headers)
    if (!this.#room.admit(bytes, waiter.isOutput)) return false
    this.#waitingIn[partition] = (this.#waitingIn[partition] as number) + 1
    if (waiter.isFree) this.#free++
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
    if (waiter.roomSince === Number.POSITIVE_INFINITY) waiter.roomSince = nowMs()
    if (waiter instanceof PendingBatch) {
      this.#batches--
      waiter.left()
    } else {
      const { partition } = waiter.message
      this.#waitingIn[partition] = (this.#waitingIn[partition] as number) - 1
      if (waiter.isFree) this.#free--
      this.#room.leave(waiter.bytes)
    }
  }

  /** Serial of the first that waits for the producer's rate, and so do those behind it; Infinity: none does. */
  get heldFrom(): number {
    return this.gate?.isShut === true ? this.#heldFrom : Number.POSITIVE_INFINITY
  }

  /** Lets those go on that can. `closed`: partitions to which nothing goes now. */
  serve(user: LineUser, closed: ReadonlySet<number>): void {
    if (this.gate?.isShut !== true) this.#serveAll(user, closed)
    if (this.#free > 0 && this.gate?.isShut === true) this.#serveFree(user, closed)
  }

  #serveAll(user: LineUser, closed: ReadonlySet<number>): void {
    const stuck = new Set<number>()
    const left: Waiter[] = []
    const waiters = this.#waiters
    let index = 0
    for (; index < waiters.length; index++) {
      const waiter = waiters[index] as Waiter
      const advance = this.#advance(waiter, user, stuck, closed)
      if (advance === 'over') {
        this.#leave(waiter)
        continue
      }
      if (advance === 'held') this.#hold(waiter)
      // Everything behind a batch that cannot go on stays behind it.
      if (advance === 'held' || waiter instanceof PendingBatch) break
      stuck.add(waiter.message.partition)
      left.push(waiter)
    }
    this.#waiters = left.concat(waiters.slice(index))
  }

  /** `stuck`: partitions for which others wait that came before. */
  #advance(waiter: Waiter, user: LineUser, stuck: ReadonlySet<number>, closed: ReadonlySet<number>): Advance {
    if (waiter.done) return 'over'
    if (waiter instanceof PendingBatch) return stuck.size > 0 || this.#holds > 0 ? 'full' : user.advanceBatch(waiter)
    const { partition } = waiter.message
    return stuck.has(partition) || closed.has(partition) ? 'full' : user.advancePublish(waiter)
  }

  /** While the rate holds the others. */
  #serveFree(user: LineUser, closed: ReadonlySet<number>): void {
    const stuck = new Set(closed)
    this.#waiters = this.#waiters.filter(waiter => {
      const isFree = waiter instanceof PendingPublish && waiter.isFree
      if (!waiter.done && !isFree) return true
      if (isFree && this.#advance(waiter, user, stuck, closed) !== 'over') {
        stuck.add(waiter.message.partition)
        return true
      }
      this.#leave(waiter)
      return false
    })
  }

  /**
   * Where there is a rate: notes since when each waits for something else, and lets those leave that are answered. Returns `heldFrom`.
   */
  look(now: number): number {
    const { heldFrom } = this
    if (this.gate === null) return heldFrom
    this.#waiters = this.#waiters.filter(waiter => {
      if (waiter.done) this.#leave(waiter)
      else if (waiter.serial < heldFrom) waiter.roomSince = Math.min(waiter.roomSince, now)
      else if (!(waiter instanceof PendingPublish && waiter.isFree)) waiter.roomSince = Number.POSITIVE_INFINITY
      return !waiter.done
    })
    return heldFrom
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
    this.gate?.close()
  }
}
