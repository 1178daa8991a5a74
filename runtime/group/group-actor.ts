/**
 * One group on one partition: what happens to records that were not plainly acked, step by step.
 *
 * The partition host's thread. A shell around group-cursor.ts: it gives that the inputs, and carries out the effects in
 * the order in which they come (kept in the shared block first, answered last), so that a death in between repeats an
 * input and loses none. It decides nothing.
 *
 * How far its reader is, is group-slot.ts; what of the window it holds back, group-gate.ts; letters that have to wait,
 * group-letters.ts. On disk, its state is kept from one process to the next (group-on-disk.ts).
 */

import type { Memory } from 'sharedarraybuffer-ring'
import { nowMs, random, wallMs } from '../../actors/world.ts'
import type { Instant } from '../base/clock.ts'
import type { HostLink, Settlement } from '../link/host-link.ts'
import { SETTLE, VERDICT } from '../link/link.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { Standing } from '../resident/resident.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { GroupPlace, SlotPlace, StartAt } from '../wire/places.ts'
import type { GroupReport } from '../wire/reports.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import type { Epoch, Offset } from '../words/quantities.ts'
import type { AwaitingLetter } from './awaiting-letter.ts'
import type { GroupCeiling } from './ceiling-words.ts'
import { GroupBlock } from './group-block.ts'
import {
  type CursorEffect,
  type CursorInput,
  type CursorState,
  type Failure,
  type FailureHow,
  openCursor,
  step,
} from './group-cursor.ts'
import { type GroupGate, gateOf } from './group-gate.ts'
import { GroupLetters } from './group-letters.ts'
import { ceilingOf, GroupOnDisk } from './group-on-disk.ts'
import { openBlock } from './group-opening.ts'
import { groupReport } from './group-report.ts'
import { GroupSlot } from './group-slot.ts'
import type { GroupState } from './group-state.ts'
import { knownRecords } from './hand-over.ts'
import { asOfSnapshot, type PassedOver } from './reopened-group.ts'

/** What the group needs of its host. */
export interface GroupUpcalls {
  deadLettered(event: BrokerEvents['deadLettered']): void
  /** A failure that is tried again, or counted and gone; `error` as JSON. */
  attemptFailed(failure: Failure, error: string): void
  fault(point: number): void
  /** As another process left it on disk; undefined: the group is new there, or in memory. */
  readonly kept?: GroupState | undefined
}

const HOWS: Readonly<Record<number, FailureHow>> = {
  [SETTLE.failed]: 'failed',
  [SETTLE.rejected]: 'rejected',
  [SETTLE.timeout]: 'timeout',
  [SETTLE.decode]: 'decode',
}

/** Now, on both clocks. */
function instant(): Instant {
  return { nowMs: nowMs(), wallMs: wallMs() }
}

export class GroupActor {
  readonly place: GroupPlace
  readonly partition: PartitionActor
  readonly #deadLetters: PartitionActor | null
  readonly #block: GroupBlock
  readonly #upcalls: GroupUpcalls
  #cursor: CursorState
  readonly #slot: GroupSlot
  readonly #letters: GroupLetters
  /** A predecessor may have appended a dead letter and died before it said so: its reader is to be told again. */
  #owesSkips = false
  readonly #gate: GroupGate
  readonly #ceiling: GroupCeiling | null
  /** Null: in memory, where no other process looks for it. */
  readonly #onDisk: GroupOnDisk | null
  /** What a killed process may have handed out, or not, and this one passes over; null: it is known. */
  readonly passedOver: PassedOver | null

  constructor(
    memory: Memory,
    place: GroupPlace,
    partition: PartitionActor,
    deadLetters: PartitionActor | null,
    upcalls: GroupUpcalls,
  ) {
    const kept = asOfSnapshot(upcalls.kept, place.snapshotOffset)
    this.place = place
    this.partition = partition
    this.#deadLetters = deadLetters
    this.#upcalls = upcalls
    this.#block = new GroupBlock(memory, place.block)
    this.#gate = gateOf(memory, partition, this.#block)
    this.#letters = new GroupLetters(place, partition, deadLetters, this.#gate, event => upcalls.deadLettered(event))
    // Those that lie before where letters are looked for have been remembered.
    const done = new Set([
      ...(kept?.beyond ?? []).map(offset => offset | 0),
      ...(deadLetters?.sequencesOf(place.cursor, kept?.letters ?? 0) ?? []),
    ])
    const block = this.#block
    this.passedOver = block.opened ? null : openBlock(block, this.#gate, place, partition, kept, done, instant())
    this.#ceiling = ceilingOf(memory, place, partition, block)
    this.#slot = new GroupSlot(memory, place, partition, block, this.#gate, this.#ceiling)
    this.#cursor = openCursor(place.policy, block.failures(), block.deadLettered, block.failed)
    const parts = [block, this.#slot, this.#ceiling] as const
    this.#onDisk = partition.isOnDisk
      ? new GroupOnDisk(parts, partition, deadLetters, kept, done, this.#cursor.failures)
      : null
    partition.groups.set(place.cursor, this)
    if ([...this.#cursor.failures.values()].some(({ state }) => state === 'dying')) this.#hold()
    for (const failure of [...this.#cursor.failures.values()]) {
      const isDying = failure.state === 'dying'
      // On disk it may have been known as one to be tried again, by a group that was named before its letters were known.
      if (done.has(failure.offset | 0) && (isDying || this.#onDisk !== null))
        this.#step({ kind: 'deadLettered', offset: failure.offset }, '')
      else if (isDying) this.#letters.wait({ failure, error: '{}' })
    }
    this.#letGo()
  }

  /** What is to be found again by another process; null: the topic is in memory only. */
  state(): GroupState | null {
    return this.#onDisk?.state(this.#cursor) ?? null
  }

  /** Keeps the bytes of what is to be a dead letter, wherever its reader goes on. */
  #hold(): void {
    if (this.place.policy.atMostOnce) this.#gate.hold()
  }

  #letGo(): void {
    if ([...this.#cursor.failures.values()].some(({ state }) => state === 'dying')) return
    this.#gate.letGo()
  }

  /** First offset not settled, as the reader last said. */
  committed(): Offset {
    return this.#slot.committed()
  }

  /** Opens a slot for a reader, or takes an open one over, where a thread before this one had opened it. */
  openSlot(place: SlotPlace, link: HostLink): StartAt {
    // A predecessor closed it, and was not heard: its reader is fenced.
    if (!this.#slot.isOpen && this.#block.closedEpoch === place.epoch) return this.#startAt()
    this.#slot.open(place, link)
    this.#owesSkips = this.#cursor.failures.size > 0
    // A predecessor may have died between its commit and its ring.
    link.wake(place.cursor)
    return this.#startAt()
  }

  /** Readers ignore what they know already. */
  #repeatSkips(): void {
    this.#owesSkips = false
    // At most once it is committed long before its reader may go on.
    const passed = this.#slot.passed()
    for (const { offset, state } of this.#cursor.failures.values()) {
      if (state === 'dead' && offset >= passed) this.#slot.verdict(offset, VERDICT.skip, 0, 0)
    }
  }

  #startAt(): StartAt {
    const committed = this.committed()
    return {
      committed,
      pin: this.#gate.current,
      highWatermark: this.partition.highWatermark,
      known: knownRecords(this.#block.ledger, this.#cursor.failures, committed),
    }
  }

  /**
   * Fences the reader: its slot is read once, and what it writes there later changes nothing. Told again, because a
   * predecessor died before it had answered, it goes on where that was: the crash is charged once.
   */
  closeSlot(epoch: Epoch, crash: SlotCrash | null): void {
    this.#slot.shut(epoch, crash, this.#cursor.failures)
    if (this.#slot.isOpen || this.#block.closedEpoch !== epoch) return
    this.#upcalls.fault(FAULT_POINT.beforeCharge)
    const { charged } = this.#block
    if (crash !== null && charged !== null) {
      // At most once it is committed already, and not yet over.
      const committed = Math.min(this.committed(), charged.offset)
      this.#step({ kind: 'crashed', committed, how: crash.reason, ...charged }, JSON.stringify(crash.error))
      this.#upcalls.fault(FAULT_POINT.betweenChargeAndAnswer)
      this.#block.discharge()
    }
    this.#letGo()
    // Last: what is charged may be a record that is committed, and is read from here.
    this.#gate.settle(this.committed())
  }

  /** Takes a settlement; false when it cannot be answered now. */
  settle(settlement: Settlement): boolean {
    if (!this.#slot.isOf(settlement.epoch)) return true
    const how = HOWS[settlement.how]
    if (how === undefined) throw new Error(`broken invariant: settlement of kind ${settlement.how}`)
    const { offset, deliveryAttempt } = settlement
    return this.#step(
      { kind: 'settled', offset, committed: this.#slot.passed(), how, deliveryAttempt },
      settlement.error,
    )
  }

  #step(input: CursorInput, error: string): boolean {
    const now = instant()
    const next = step(this.#cursor, input, now, random)
    if (next.effects.some(effect => effect.kind === 'later')) return false
    this.#cursor = next.state
    for (const effect of next.effects) this.#carryOut(effect, error, now.nowMs)
    return true
  }

  #carryOut(effect: CursorEffect, error: string, now: number): void {
    switch (effect.kind) {
      case 'keep':
        if (effect.failure.state === 'dying') this.#hold()
        else if (error !== '') this.#upcalls.attemptFailed(effect.failure, error)
        this.#block.keep(effect.failure)
        this.#block.count(this.#cursor.deadLettered, this.#cursor.failed)
        break
      case 'forget':
        this.#block.forget(effect.offset)
        break
      case 'retry':
        this.#slot.verdict(
          effect.failure.offset,
          VERDICT.retry,
          effect.failure.failedAttempts,
          Math.ceil(Math.max(0, effect.failure.notBeforeMs - now)),
        )
        break
      case 'skip':
        this.#slot.verdict(effect.offset, VERDICT.skip, 0, 0)
        break
      case 'drop':
        this.#block.skipped++
        break
      case 'deadLetter':
        this.#moveToDeadLetters({ failure: effect.failure, error })
        if (this.#letters.waiting > 0) this.#upcalls.fault(FAULT_POINT.letterWaits)
        break
      case 'later':
        break
    }
  }

  #moveToDeadLetters(dying: AwaitingLetter): void {
    if (this.#onDisk?.takeLetter(dying.failure.offset) === true || this.#letters.write(dying)) {
      this.#upcalls.fault(FAULT_POINT.betweenDeadLetterAndVerdict)
      this.#step({ kind: 'deadLettered', offset: dying.failure.offset }, '')
    }
    this.#letGo()
  }

  /** Work left over from before: failures that are behind the committed offset now, and dead letters that had no room. */
  tend(): boolean {
    if (this.#owesSkips && (this.#slot.link?.room() ?? 0) >= this.#cursor.failures.size) this.#repeatSkips()
    const hasForgotten = this.#forgetPassed()
    if (this.#letters.waiting === 0 || !this.#slotHasRoom() || !this.#writeWaiting()) return hasForgotten
    this.#forgetPassed()
    return true
  }

  /** Whether any failure was behind the committed offset. */
  #forgetPassed(): boolean {
    const before = this.#cursor.failures.size
    if (before > 0) this.#step({ kind: 'committed', committed: this.#slot.passed() }, '')
    return this.#cursor.failures.size < before
  }

  /** Whether fewer dead letters wait. A reader that takes up a kept state commits past records that it has: they need none any more. */
  #writeWaiting(): boolean {
    const waiting = this.#letters.take()
    const { failures } = this.#cursor
    const needed = waiting.filter(({ failure }) => failures.get(failure.offset)?.state === 'dying')
    if (needed.length === 0) this.#letters.forget()
    for (const each of needed) this.#moveToDeadLetters(each)
    return this.#letters.waiting < waiting.length
  }

  /** Whether a reader's commit would let something go on here. */
  get waits(): boolean {
    return this.#letters.waiting > 0 || this.#cursor.failures.size > 0
  }

  /** Where it stands as a resident of its host (resident/resident.ts). */
  standing(): Standing {
    if (this.isLow) return 'ready'
    if (this.waits) return 'waitsForCommit'
    return this.#owesSkips ? 'waits' : 'rests'
  }

  /** What is to be told of its dead letters, where they have no room. */
  get letters(): Pick<GroupLetters, 'takeStall' | 'stallsInMs' | 'stuck'> {
    return this.#letters
  }

  #slotHasRoom(): boolean {
    return (this.#slot.link?.room() ?? Number.POSITIVE_INFINITY) > this.#letters.waiting
  }

  /** Whether its reader may commit, or has committed what is not kept on disk yet; false: it is in memory. */
  get lags(): boolean {
    return this.#onDisk?.lags === true
  }

  /** Whether its reader needs a higher ceiling, which takes a write to the disk. */
  get isLow(): boolean {
    return this.#ceiling?.isLow(this.committed(), this.#slot.passed()) === true
  }

  /** Sets a higher ceiling; its reader is told when it is kept. */
  raise(): void {
    this.#ceiling?.raise(this.committed())
  }

  /** What was set is kept, and durable; or the disk has failed, and nothing more can be handed out. */
  goOn(isKept: boolean): void {
    if (isKept) this.#ceiling?.grant()
    else this.#ceiling?.bar()
    this.#slot.link?.wake(this.place.cursor)
  }

  /** Whether everything below `offset` is settled. */
  settledTo(offset: Offset): boolean {
    return this.#slot.passed() >= offset && (this.#letters.waiting === 0 || !this.place.policy.atMostOnce)
  }

  /** It has no reader: it goes on here, as if nothing had failed yet. */
  seek(offset: Offset): void {
    if (this.#slot.isOpen) throw new Error('broken invariant: a group is moved while a slot is open')
    for (const failed of this.#cursor.failures.keys()) this.#block.forget(failed)
    this.#letters.forget()
    this.#onDisk?.forgetLetters()
    const { deadLettered, failed } = this.#cursor
    this.#cursor = openCursor(this.place.policy, [], deadLettered, failed)
    this.#slot.move(offset)
  }

  /** Stops gating the window. */
  close(): void {
    this.#gate.close()
    this.partition.readers.delete(this.place.cursor)
    this.partition.groups.delete(this.place.cursor)
  }

  report(): GroupReport {
    const { cursor } = this.place
    return groupReport({
      cursor,
      partition: this.partition,
      block: this.#block,
      state: this.#cursor,
      committed: this.committed(),
      pin: this.#gate.pin,
      deadLetterDepth: this.#deadLetters?.letterIndex?.depthOf(cursor) ?? 0,
      waitsForDeadLetters: this.#letters.held,
    })
  }
}
