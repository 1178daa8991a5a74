/**
 * Which record of a partition may be handed out next: by offset, by key, by what has failed and by what is out.
 *
 * Pure: no clock, no threads; the time is an input. The thread that handles drives it: `take` what was read, `next` or
 * `batch` to hand out, then `settle`, `fail` and `judge`, or `release` for each (drawn in lane-entry.ts). Of all that may go,
 * the lowest offset goes.
 *
 * Rules. A record that failed holds, until it is settled, everything after it (`partition`), later records of its key
 * (`key`), or nothing (`none`). With `serial`, records of one key are out one after the other, those of one batch
 * together. A record without a key holds no other by its key. While there are suspects, records go out one at a time.
 *
 * Bounds: PARKED_MAX records that failed and are not behind the prefix; then what has not failed waits. How many records
 * are taken is its user's bound.
 */

import { FAILURES_MAX } from '../wire/layout.ts'
import type { RetryOrder } from '../words/group-options.ts'
import type { Known, LaneEntry } from './lane-entry.ts'
import { LaneFailures } from './lane-failures.ts'
import { ReadyList } from './ready-list.ts'

/** As many as the group keeps account of. */
export const PARKED_MAX: number = FAILURES_MAX

export interface LaneRules {
  readonly retryOrder: RetryOrder
  /** Whether records of one key go out one after the other. */
  readonly serial: boolean
}

export class Lane<P> {
  readonly #retryOrder: RetryOrder
  readonly #serial: boolean
  /** All records from the settled prefix on, by offset; null: in front of it, and let go of. */
  readonly #line: (LaneEntry<P> | null)[] = []
  #head = 0
  #prefix: number
  /** Unsettled records of each key, by offset. */
  readonly #keys = new Map<string, LaneEntry<P>[]>()
  /** Waiting records that their key does not hold, by offset; some that it does, until they are looked at. */
  readonly #list = new ReadyList<P>()
  readonly #failures = new LaneFailures<P>()
  /** Failed, settled or not, and not behind the prefix. */
  #held = 0
  #out = 0
  /** In the stage `waiting`. */
  #waiting = 0
  readonly #suspects = new Set<LaneEntry<P>>()
  #picks = 0
  #cohorts = 0

  constructor({ retryOrder, serial }: LaneRules, prefix: number) {
    this.#retryOrder = retryOrder
    this.#serial = serial
    this.#prefix = prefix
  }

  /** First offset that is not settled, of those taken. */
  get prefix(): number {
    return this.#prefix
  }

  /** Records from the prefix on, settled or not. */
  get size(): number {
    return this.#line.length - this.#head
  }

  get out(): number {
    return this.#out
  }

  /** All of them, by offset. */
  get entries(): readonly LaneEntry<P>[] {
    return this.#line.slice(this.#head) as LaneEntry<P>[]
  }

  /** Whether records go out one at a time, because one of them may have killed its thread. */
  get careful(): boolean {
    return this.#suspects.size > 0
  }

  /** When the next parked record is due; Infinity: none is parked. */
  get dueMs(): number {
    return this.#failures.dueMs
  }

  /** The record that was read after all others. */
  take(offset: number, key: string | null, payload: P, known?: Known): LaneEntry<P> {
    const entry: LaneEntry<P> = {
      offset,
      key: this.#serial || this.#retryOrder === 'key' ? key : null,
      payload,
      stage: 'waiting',
      failedAttempts: known?.failedAttempts ?? 0,
      deliveryAttempt: known?.deliveryAttempt ?? 0,
      notBeforeMs: known?.notBeforeMs ?? 0,
      cohort: 0,
      pick: 0,
      listed: false,
    }
    this.#line.push(entry)
    if (entry.failedAttempts > 0) this.#held++
    if (known?.settled === true) {
      entry.stage = 'settled'
      this.#advance()
      return entry
    }
    if (entry.key !== null) {
      const members = this.#keys.get(entry.key)
      if (members === undefined) this.#keys.set(entry.key, [entry])
      else members.push(entry)
    }
    if (known?.suspect === true) this.#suspects.add(entry)
    if (entry.failedAttempts > 0) {
      this.#failures.add(entry)
      if (known?.dying === true) entry.stage = 'judged'
      else this.#failures.park(entry)
      return entry
    }
    this.#waiting++
    if (!this.#heldByKey(entry, 0)) this.#list.add(entry)
    return entry
  }

  /** Everything below `offset` is settled, and was not taken: there are no entries. */
  passed(offset: number): void {
    this.#prefix = offset
  }

  /** Whether `next` would find one at `now`. */
  hasNext(now: number): boolean {
    this.#wakeParked(now)
    return this.#lowest(0) !== null
  }

  /** Hands out the lowest record that may go at `now`. */
  next(now: number): LaneEntry<P> | null {
    this.#wakeParked(now)
    const entry = this.#lowest(0)
    if (entry !== null) this.#handOut(entry, ++this.#picks)
    return entry
  }

  /**
   * Hands out up to `max` records together, lowest first. One that failed before goes alone, as does a suspect; parts of
   * a failed batch stay apart from others.
   */
  batch(max: number, now: number): LaneEntry<P>[] {
    const first = this.next(now)
    if (first === null) return []
    const batch = [first]
    if (first.failedAttempts > 0 || this.careful) return batch
    let last = first
    while (batch.length < max) {
      this.#offerSuccessor(last)
      const entry = this.#lowest(first.pick)
      if (entry === null || entry.failedAttempts > 0 || entry.cohort !== first.cohort) break
      this.#handOut(entry, first.pick)
      batch.push(entry)
      last = entry
    }
    return batch
  }

  /** Whether a batch of `max` would be full, or is not to be filled: then it need not wait for more. */
  batchIsReady(max: number, now: number): boolean {
    this.#wakeParked(now)
    const first = this.#lowest(0)
    if (first === null) return false
    if (first.failedAttempts > 0 || first.cohort !== 0 || this.careful) return true
    return this.#waiting >= max
  }

  /** It is handled, or was dead-lettered. */
  settle(entry: LaneEntry<P>): void {
    this.#leaveOut(entry)
    this.#list.remove(entry)
    entry.stage = 'settled'
    if (entry.failedAttempts > 0) this.#failures.remove(entry)
    if (entry.key !== null) {
      const members = this.#keys.get(entry.key) ?? []
      members.splice(members.indexOf(entry), 1)
      if (members.length === 0) this.#keys.delete(entry.key)
    }
    this.#keyMoved(entry.key)
    this.#advance()
  }

  /** It failed; what follows is to be judged. */
  fail(entry: LaneEntry<P>): void {
    this.#leaveOut(entry)
    entry.stage = 'judged'
    entry.cohort = 0
    if (entry.failedAttempts === 0) this.#held++
    entry.failedAttempts++
    this.#failures.add(entry)
    this.#keyMoved(entry.key)
  }

  /** It is to be tried again, not before `notBeforeMs`. */
  judge(entry: LaneEntry<P>, failedAttempts: number, notBeforeMs: number): void {
    entry.failedAttempts = failedAttempts
    entry.notBeforeMs = notBeforeMs
    this.#failures.park(entry)
  }

  /** It comes again at its place, and has not failed. `cohort`: the part of a failed batch that it is in. */
  release(entry: LaneEntry<P>, cohort = 0): void {
    this.#leaveOut(entry)
    this.#wait(entry)
    entry.cohort = cohort
    this.#list.add(entry)
    this.#keyMoved(entry.key)
  }

  /** The records of a batch that failed as a whole come again in two parts; no record is charged. */
  halve(batch: readonly LaneEntry<P>[]): void {
    const middle = batch.length >> 1
    const halves = [++this.#cohorts, ++this.#cohorts]
    for (const [index, entry] of batch.entries()) this.release(entry, halves[index < middle ? 0 : 1])
  }

  #handOut(entry: LaneEntry<P>, pick: number): void {
    this.#list.remove(entry)
    this.#waiting--
    entry.stage = 'out'
    entry.pick = pick
    entry.deliveryAttempt++
    this.#out++
  }

  #leaveOut(entry: LaneEntry<P>): void {
    if (entry.stage === 'out') this.#out--
    if (entry.stage === 'parked') this.#failures.unpark(entry)
    if (this.#suspects.size > 0) this.#suspects.delete(entry)
  }

  #wakeParked(now: number): void {
    if (now < this.#failures.dueMs) return
    for (const entry of this.#failures.takeDue(now)) {
      this.#wait(entry)
      this.#list.add(entry)
    }
  }

  #wait(entry: LaneEntry<P>): void {
    entry.stage = 'waiting'
    this.#waiting++
  }

  #advance(): void {
    for (;;) {
      const entry = this.#line[this.#head]
      if (entry?.stage !== 'settled') break
      if (entry.failedAttempts > 0) this.#held--
      this.#prefix = entry.offset + 1
      // What its consumer does not keep is garbage now, while it is young.
      this.#line[this.#head++] = null
    }
    if (this.#head > 256 && this.#head * 2 > this.#line.length) {
      this.#line.splice(0, this.#head)
      this.#head = 0
    }
  }

  /** The lowest record that may go, into the hand-out `pick` if that is not 0. */
  #lowest(pick: number): LaneEntry<P> | null {
    // The suspect itself goes alone; what is out with nobody suspected is no obstacle.
    if (this.careful && this.#out > 0) return null
    const list = this.#list
    for (let index = 0; index < list.length; ) {
      const entry = list.at(index)
      if (this.#retryOrder === 'partition' && entry.offset > this.#failures.oldest) return null
      // Listed again when its key has moved.
      if (this.#heldByKey(entry, pick)) list.removeAt(index)
      else if (entry.failedAttempts === 0 && this.#held >= PARKED_MAX) index++
      else return entry
    }
    return null
  }

  #heldByKey(entry: LaneEntry<P>, pick: number): boolean {
    if (entry.key === null) return false
    const serial = this.#serial
    const passes = this.#retryOrder === 'none'
    for (const other of this.#keys.get(entry.key) ?? []) {
      const together = other.stage === 'out' && other.pick === pick
      if (other === entry) {
        if (!passes) return false
      } else if (passes) {
        if (other.stage === 'out' && !together) return true
      } else if (serial ? !together : other.failedAttempts > 0) return true
    }
    return false
  }

  /** Something of this key went, came back or was settled: who it held may go now. */
  #keyMoved(key: string | null): void {
    const members = key === null ? undefined : this.#keys.get(key)
    if (members === undefined) return
    let fresh = false
    for (const entry of members) {
      if (entry.stage === 'waiting' && !(fresh && this.#serial && entry.failedAttempts === 0)) {
        this.#list.add(entry)
        fresh ||= entry.failedAttempts === 0
      }
      // Behind these it waits for the next move.
      if (this.#retryOrder !== 'none' && (this.#serial || entry.failedAttempts > 0)) return
    }
  }

  /** The next of its key may go with it, into the same batch. */
  #offerSuccessor({ key, offset }: LaneEntry<P>): void {
    if (key === null || !this.#serial) return
    const next = this.#keys.get(key)?.find(entry => entry.offset > offset && entry.stage !== 'settled')
    if (next?.stage === 'waiting') this.#list.add(next)
  }
}
