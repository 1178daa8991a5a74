/**
 * A member of a group whose deliveries are settled by the caller: what `observe` and `consume` stand on.
 *
 * The caller's thread. A delivery goes out only against a credit; its settlement returns the credit. Acks may come in
 * any order, commits follow the settled prefix. While a record of a partition has failed and is not settled, nothing
 * new of that partition goes out (order is kept); what was out already may still be settled.
 */
import { clearTimeout, nowMs, setTimeout, wallMs } from '../../actors/world.ts'
import { toWire } from '../errors.ts'
import { AckTracker } from '../group/ack-tracker.ts'
import { PartitionReader } from '../group/partition-reader.ts'
import { VERDICT } from '../link.ts'
import type { Assignment, RevokeAnswer } from '../protocol.ts'
import type { AttachedThread, TurnTaker, Verdict } from '../thread/attached-thread.ts'
import type { FetchedFrame } from './delivery.ts'
import type { RunMember } from './handler-member.ts'
import { SettleableDelivery, type Settler } from './manual-delivery.ts'

/** Deliveries handed out in one turn, before the event loop has its own. */
const TURN_DELIVERIES_MAX = 1_024
/** A full link is tried again after this long. */
const LINK_RETRY_MS = 5

/** What all partitions of one member share. */
export interface Credits {
  available: number
}

/** A record that is out, or waits to go out again. */
interface Out {
  readonly frame: FetchedFrame
  readonly at: number
  /** The last one made of it; null: none yet. */
  delivery: SettleableDelivery | null
  /** Its last hand-out, counted from 1 over all readers that told of theirs. */
  attempt: number
  /** The group has been told that it failed, and has not said yet what becomes of it. */
  judging: boolean
}

class ManualReader implements TurnTaker, Settler {
  readonly reader: PartitionReader
  readonly #thread: AttachedThread
  readonly #credits: Credits
  readonly #emit: (delivery: SettleableDelivery) => void
  readonly #tracker = new AckTracker()
  readonly #out = new Map<number, Out>()
  /** Offsets whose backoff is over, or that were released: they go out again before anything new. */
  #again: number[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #settledTo = -1
  paused = false
  #closed = false

  constructor(
    thread: AttachedThread,
    assignment: Assignment,
    credits: Credits,
    emit: (delivery: SettleableDelivery) => void,
  ) {
    this.#thread = thread
    this.reader = new PartitionReader(thread, assignment)
    this.#credits = credits
    this.#emit = emit
  }

  ready(): boolean {
    if (this.#settledTo !== -1) return true
    if (this.paused || this.#credits.available <= 0) return false
    const unresolved = this.reader.oldestUnresolved()
    const again = this.#again[0]
    if (again !== undefined && again <= unresolved) return true
    return this.reader.offset < unresolved && this.reader.ready()
  }

  turn(deadline: number): boolean {
    let worked = this.#commit()
    for (
      let count = 0;
      count < TURN_DELIVERIES_MAX && !this.paused && !this.#closed && this.#credits.available > 0;
      count++
    ) {
      if (!this.#handOutNext()) break
      worked = true
      if ((count & 63) === 63 && nowMs() >= deadline) break
    }
    return this.#commit() || worked
  }

  #handOutNext(): boolean {
    const { reader } = this
    // Nothing behind a record that failed goes out before that is settled.
    const unresolved = reader.oldestUnresolved()
    const again = this.#again[0]
    if (again !== undefined && again <= unresolved) {
      this.#again.shift()
      const out = this.#out.get(again)
      if (out !== undefined) this.#handOut(again, out)
      return true
    }
    if (reader.offset >= unresolved || !reader.next()) return false
    const { frame, at, offset } = reader
    this.#tracker.handOut(offset)
    const failure = reader.failureOf(offset)
    if (failure?.dead === true) {
      this.#settle(offset)
      return true
    }
    const out: Out = { frame, at, delivery: null, attempt: failure?.deliveryAttempt ?? 0, judging: false }
    this.#out.set(offset, out)
    const wait = (failure?.notBeforeMs ?? 0) - wallMs()
    if (wait > 0) this.#later(offset, wait)
    else this.#handOut(offset, out)
    return true
  }

  #handOut(offset: number, out: Out): void {
    out.attempt++
    const failedAttempts = this.reader.failureOf(offset)?.failedAttempts ?? 0
    out.delivery = new SettleableDelivery(this, out.frame, out.at, offset, out.attempt, failedAttempts)
    this.reader.handOut(offset)
    this.#credits.available--
    this.#emit(out.delivery)
  }

  #settle(offset: number): void {
    this.#out.delete(offset)
    const upTo = this.#tracker.settle(offset)
    if (upTo !== -1) this.#settledTo = upTo
  }

  #commit(): boolean {
    if (this.#settledTo === -1) return false
    this.reader.commit(this.#settledTo)
    this.#settledTo = -1
    return true
  }

  #later(offset: number, delayMs: number): void {
    if (delayMs === Number.POSITIVE_INFINITY) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#goesAgain(offset)
    }, delayMs)
    this.#timers.add(timer)
  }

  acked(delivery: SettleableDelivery): void {
    if (this.#closed) return
    this.#credits.available++
    this.reader.forgetFailure(delivery.offset)
    this.#settle(delivery.offset)
    this.#thread.wake()
  }

  withdrawn(delivery: SettleableDelivery): void {
    const out = this.#out.get(delivery.offset)
    if (out !== undefined) out.attempt--
    this.released(delivery)
  }

  released(delivery: SettleableDelivery): void {
    if (this.#closed) return
    this.#credits.available++
    this.#goesAgain(delivery.offset)
  }

  #goesAgain(offset: number): void {
    const behind = this.#again.findIndex(other => other > offset)
    this.#again.splice(behind === -1 ? this.#again.length : behind, 0, offset)
    this.#thread.wake()
  }

  failed(delivery: SettleableDelivery, how: 'failed' | 'rejected' | 'decode', error: unknown): void {
    if (this.#closed) return
    this.#credits.available++
    const { offset, deliveryAttempt } = delivery
    const out = this.#out.get(offset)
    if (out !== undefined) out.judging = true
    // Known here at once, so that nothing newer goes out while the group decides.
    this.reader.keepFailure({
      offset,
      failedAttempts: delivery.failedAttempts + 1,
      deliveryAttempt,
      notBeforeMs: Number.POSITIVE_INFINITY,
      dead: false,
    })
    this.#send(offset, how, deliveryAttempt, error)
  }

  #send(offset: number, how: 'failed' | 'rejected' | 'decode', deliveryAttempt: number, error: unknown): void {
    const { member, epoch, place } = this.reader.assignment
    if (this.#thread.settle(place.host, member, epoch, offset, how, deliveryAttempt, toWire(error))) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#send(offset, how, deliveryAttempt, error)
    }, LINK_RETRY_MS)
    this.#timers.add(timer)
  }

  verdict(verdict: Verdict): void {
    const { offset, epoch, action, failedAttempts, delayMs } = verdict
    const out = this.#out.get(offset)
    if (epoch !== this.reader.assignment.epoch) return
    const dead = action === VERDICT.skip
    if (out?.delivery == null) {
      // It was dying when this reader came, and has not gone out from here.
      const known = this.reader.failureOf(offset)
      if (!dead || known === undefined || known.dead) return
      this.reader.keepFailure({ ...known, dead })
      if (out !== undefined) this.#settle(offset)
      this.#thread.wake()
      return
    }
    // A verdict may come twice, when its partition host died in between: the record is to go out once more, not twice;
    // and one on an earlier hand-out is none on this.
    if (!out.judging || (!dead && failedAttempts <= out.delivery.failedAttempts)) return
    out.judging = false
    this.reader.keepFailure({
      offset,
      failedAttempts,
      deliveryAttempt: out.attempt,
      notBeforeMs: wallMs() + delayMs,
      dead,
    })
    if (dead) this.#settle(offset)
    else this.#later(offset, delayMs)
  }

  close(): void {
    this.#commit()
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    for (const { delivery } of this.#out.values()) {
      if (delivery === null) continue
      if (!delivery.settled) this.#credits.available++
      delivery.expire()
    }
  }
}

export class ManualMember implements RunMember {
  readonly #thread: AttachedThread
  readonly #credits: Credits
  readonly #emit: (delivery: SettleableDelivery) => void
  readonly #readers = new Map<number, ManualReader>()
  #paused = false

  constructor(thread: AttachedThread, window: number, emit: (delivery: SettleableDelivery) => void) {
    this.#thread = thread
    this.#credits = { available: window }
    this.#emit = emit
  }

  async assign(assignment: Assignment): Promise<void> {
    const reader = new ManualReader(this.#thread, assignment, this.#credits, this.#emit)
    reader.paused = this.#paused
    this.#readers.set(assignment.member, reader)
    this.#thread.addTaker(assignment.member, reader)
  }

  async revoke(member: number, epoch: number): Promise<RevokeAnswer> {
    const reader = this.#readers.get(member)
    if (reader === undefined || reader.reader.assignment.epoch !== epoch) return { held: false }
    reader.close()
    this.#readers.delete(member)
    this.#thread.removeTaker(member, reader)
    return { held: true }
  }

  abandon(): void {
    for (const [member, reader] of this.#readers) {
      reader.close()
      this.#thread.removeTaker(member, reader)
    }
    this.#readers.clear()
  }

  pause(): void {
    this.#paused = true
    for (const reader of this.#readers.values()) reader.paused = true
  }

  resume(): void {
    this.#paused = false
    for (const reader of this.#readers.values()) reader.paused = false
    this.#thread.wake()
  }
}
