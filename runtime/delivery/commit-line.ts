/**
 * The records of one intake that a member has in hand: which of them go, which wait for a verdict, and how far they are
 * settled, so that it can be committed.
 *
 * The thread that handles; one for each intake. What may go is decided in lane.ts; here each step of a record is carried to
 * the lane and to the intake, and verdicts come back. Whoever has it hands records out, and wakes when one is due.
 *
 * Bound: its user's, which says when another record may be taken in.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import { type SettleHow, VERDICT } from '../link/link.ts'
import type { Intake, RecordPlace, Taken } from '../reader/intake.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { Verdict } from '../thread/turn-taker.ts'
import { type ErrorWire, toWire } from '../words/errors.ts'
import { Lane, type LaneRules } from './lane.ts'
import type { LaneEntry } from './lane-entry.ts'

/** A record in hand. */
export type Entry = LaneEntry<Taken>

export class CommitLine {
  readonly lane: Lane<Taken>
  readonly #thread: Pick<AttachedThread, 'wake'>
  readonly #intake: Intake
  /** Records whose failure is judged, by offset. */
  readonly #judged = new Map<number, Entry>()
  /** Of the record that was read last; -1: none was. */
  #taken = -1
  #timer: ReturnType<typeof setTimeout> | null = null
  #timerMs = Number.POSITIVE_INFINITY
  #closed = false

  constructor(thread: Pick<AttachedThread, 'wake'>, intake: Intake, rules: LaneRules) {
    this.lane = new Lane(rules, intake.committed)
    this.#thread = thread
    this.#intake = intake
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Whether all records have been read that a thread before may have died of. */
  get tookSuspects(): boolean {
    return this.#taken >= this.#intake.suspectTo
  }

  /** Whether the intake keeps how so many more records stand. */
  hasRoom(records = 1): boolean {
    return this.#taken - this.#intake.committed < this.#intake.accountMax - records
  }

  get owesCommit(): boolean {
    return this.lane.prefix > this.#intake.committed
  }

  /** Takes one more record in; false: there is none now. */
  take(): boolean {
    const taken = this.#intake.next()
    if (taken === null) return false
    this.#taken = taken.offset
    this.#putIn(taken)
    return true
  }

  /** Reads one more record, which stays out of the lane; null: there is none now, or it has to go there. */
  takePlace(): RecordPlace | null {
    const place = this.#intake.nextPlace()
    if (place !== null) this.#taken = place.offset
    return place
  }

  /** Puts a record of `takePlace` into the lane, before any other is. */
  putIn(place: RecordPlace): void {
    this.#putIn(this.#intake.taken(place))
  }

  #putIn(taken: Taken): void {
    const { offset, key, known } = taken
    const entry = this.lane.take(offset, key, taken, known)
    if (known?.settled === true) this.#stands(entry, 'settled')
    // It is to be a dead letter: its verdict went to the reader before, if it was given.
    else if (entry.stage === 'judged') this.#judge(entry, 'failed', toWire(new Error('it waits for its dead letter')))
  }

  /** A consumer has it in hand. */
  handOut(entry: Entry): void {
    this.#stands(entry, 'out')
  }

  settle(entry: Entry): void {
    this.lane.settle(entry)
    this.#stands(entry, 'settled')
  }

  /** It comes again, and has not failed. */
  release(entry: Entry): void {
    this.lane.release(entry)
    this.#stands(entry, 'back')
  }

  /** They come again in two parts, and have not failed. */
  halve(entries: readonly Entry[]): void {
    this.lane.halve(entries)
    for (const entry of entries) this.#stands(entry, 'back')
  }

  /** Known here at once, so that nothing it holds goes out while it is judged. */
  fail(entry: Entry, how: SettleHow, error: ErrorWire): void {
    this.lane.fail(entry)
    this.#stands(entry, 'back')
    this.#judge(entry, how, error)
  }

  #stands({ offset, deliveryAttempt }: Entry, how: 'out' | 'back' | 'settled'): void {
    this.#intake.stands(offset, deliveryAttempt, how)
  }

  #judge(entry: Entry, how: SettleHow, error: ErrorWire): void {
    this.#judged.set(entry.offset, entry)
    this.#intake.judge(entry.offset, how, entry.deliveryAttempt, error)
  }

  /** One on an earlier failure of the record is none on this; it may come twice, when its partition host died in between. */
  verdict({ epoch, offset, action, failedAttempts, delayMs }: Verdict): void {
    const entry = this.#judged.get(offset)
    if (this.#closed || epoch !== this.#intake.epoch || entry === undefined) return
    const skip = action === VERDICT.skip
    if (!skip && failedAttempts < entry.failedAttempts) return
    this.#judged.delete(offset)
    if (skip) this.settle(entry)
    else this.lane.judge(entry, failedAttempts, nowMs() + delayMs)
    this.#thread.wake(this.#intake.cursor)
  }

  /** Commits the settled prefix; whether that is new. */
  commit(): boolean {
    const { prefix } = this.lane
    if (this.#closed || prefix <= this.#intake.committed) return false
    this.#intake.commit(prefix)
    return true
  }

  /** Wakes the thread after `delayMs`, unless it is woken sooner anyway. */
  wakeAfter(delayMs: number): void {
    if (delayMs === Number.POSITIVE_INFINITY || this.#closed) return
    const at = nowMs() + Math.max(0, delayMs)
    if (this.#timer !== null) {
      if (this.#timerMs <= at) return
      clearTimeout(this.#timer)
    }
    this.#timerMs = at
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        this.#thread.wake(this.#intake.cursor)
      },
      Math.ceil(Math.max(0, delayMs)),
    )
  }

  /** Nothing is taken in, committed or judged any more. */
  close(): void {
    this.#closed = true
    this.#intake.close()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#judged.clear()
  }
}
