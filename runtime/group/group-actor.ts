/**
 * One group on one partition: its committed offset, its current reader's slot, its failures and dead letters.
 *
 * The partition host's thread. A shell around group-cursor.ts: it gives that the inputs, and carries out the effects in
 * the order in which they come (kept in the shared block first, answered last), so that a death in between repeats an
 * input and loses none. It decides nothing.
 *
 * What of the window it holds back is group-gate.ts. On disk, its state is kept from one process to the next
 * (group-states.ts).
 */

import type { Memory } from 'sharedarraybuffer-ring'
import { nowMs, random, wallMs } from '../../actors/world.ts'
import type { Instant } from '../base/clock.ts'
import type { HostLink, Settlement } from '../link/host-link.ts'
import { SETTLE, VERDICT } from '../link/link.ts'
import { nearestOffset } from '../log/format/frame.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { Standing } from '../resident/resident.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { FAULT_POINT, SLOT_COMMITTED, SLOT_EPOCH, SLOT_LEDGER, SLOT_RETURNED } from '../wire/layout.ts'
import { Ledger } from '../wire/ledger.ts'
import type { GroupPlace, SlotPlace, StartAt } from '../wire/places.ts'
import type { GroupReport } from '../wire/reports.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import type { AwaitingLetter } from './awaiting-letter.ts'
import { GroupCeiling } from './ceiling-words.ts'
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
import type { GroupState } from './group-state.ts'
import { type HandedOver, handOver, knownRecords } from './hand-over.ts'
import { asOfSnapshot, lettersBeyond, type PassedOver, reopened } from './reopened-group.ts'
import { leftSlot, prepareSlot } from './slot-words.ts'
import { storedFailure } from './stored-failure.ts'

interface OpenSlot {
  readonly place: SlotPlace
  readonly link: HostLink
}

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
  readonly #memory: Memory
  readonly #block: GroupBlock
  readonly #upcalls: GroupUpcalls
  #cursor: CursorState
  #slot: OpenSlot | null = null
  readonly #letters: GroupLetters
  /** A predecessor may have appended a dead letter and died before it said so: its reader is to be told again. */
  #owesSkips = false
  readonly #gate: GroupGate
  readonly #lettersFrom: number
  /** The first offset whose handling is not over, and the ceiling, as they were last kept on disk. */
  #kept = -1
  #keptCeiling = -1
  /** How far records may be handed out; null: as they come, because the group delivers at least once or in memory. */
  readonly #ceiling: GroupCeiling | null
  #passedOver: PassedOver | null = null
  /** Records that have their dead letter, and are not among the failures. */
  #beyond: Set<number> = new Set()
  /** As the reader last said. */
  #committed: number

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
    this.#memory = memory
    this.#upcalls = upcalls
    this.#block = new GroupBlock(memory, place.block)
    this.#gate = gateOf(memory, partition, this.#block)
    this.#letters = new GroupLetters(place, partition, deadLetters, this.#gate, event => upcalls.deadLettered(event))
    // Those that lie before where letters are looked for have been remembered.
    this.#lettersFrom = kept?.letters ?? 0
    const done = new Set([
      ...(kept?.beyond ?? []).map(offset => offset | 0),
      ...(deadLetters?.sequencesOf(place.cursor, this.#lettersFrom) ?? []),
    ])
    if (!this.#block.opened) this.#open(kept, done)
    this.#committed = this.#block.committed
    const isBound = place.policy.atMostOnce && partition.isOnDisk
    this.#ceiling = isBound ? new GroupCeiling(memory, this.#committed) : null
    this.#cursor = openCursor(place.policy, this.#block.failures(), this.#block.deadLettered, this.#block.failed)
    const { failures } = this.#cursor
    if (partition.isOnDisk) this.#beyond = lettersBeyond(kept, done, this.#committed, partition.highWatermark, failures)
    partition.groups.set(place.cursor, this)
    if ([...this.#cursor.failures.values()].some(({ state }) => state === 'dying')) this.#hold()
    for (const failure of [...this.#cursor.failures.values()]) {
      const isDying = failure.state === 'dying'
      // On disk it may have been known as one to be tried again, by a group that was named before its letters were known.
      if (done.has(failure.offset | 0) && (isDying || partition.isOnDisk))
        this.#step({ kind: 'deadLettered', offset: failure.offset }, '')
      else if (isDying) this.#letters.wait({ failure, error: '{}' })
    }
    this.#letGo()
  }

  #open(kept: GroupState | undefined, letters: ReadonlySet<number>): void {
    const { logStartOffset, highWatermark } = this.partition
    const earliest = this.place.from === 'earliest'
    this.#gate.begin(earliest)
    const first = this.place.snapshotOffset ?? (earliest ? logStartOffset : highWatermark)
    const reopening = reopened(kept, letters, { highWatermark, first }, instant())
    const { committed, skipped, passedOver, deadLettered, failed, failures } = reopening
    this.#passedOver = reopening.gap
    this.#block.passedOver = passedOver
    this.#block.committed = committed
    this.#block.skipped = skipped
    this.#block.count(deadLettered, failed)
    for (const failure of failures) this.#block.keep(failure)
    this.#block.markOpened()
  }

  /** What is to be found again by another process; null: the topic is in memory only. */
  state(): GroupState | null {
    if (!this.partition.isOnDisk) return null
    this.#kept = this.#passed()
    this.#keptCeiling = this.#ceilingNow()
    for (const offset of this.#beyond) if (offset < this.#kept) this.#beyond.delete(offset)
    return {
      committed: this.#kept,
      ceiling: this.#keptCeiling,
      passedOver: this.#block.passedOver,
      skipped: this.#block.skipped,
      deadLettered: this.#cursor.deadLettered,
      failed: this.#cursor.failed,
      // Until somebody joins it, its letters are looked for from where they were the last time.
      letters: this.#deadLetters?.highWatermark ?? this.#lettersFrom,
      failures: [...this.#cursor.failures.values()].map(storedFailure),
      beyond: [...this.#beyond],
    }
  }

  /** Nothing from there on was handed out, nor will be before a higher one is kept. */
  #ceilingNow(): number {
    return Math.max(this.committed(), this.#ceiling?.offset ?? 0)
  }

  /** Keeps the bytes of what is to be a dead letter, wherever its reader goes on. */
  #hold(): void {
    if (this.place.policy.atMostOnce) this.#gate.hold()
  }

  #letGo(): void {
    if ([...this.#cursor.failures.values()].some(({ state }) => state === 'dying')) return
    this.#gate.letGo()
  }

  /** First offset whose handling is not over: at most once, it is committed before. */
  #passed(): number {
    const committed = this.committed()
    if (!this.place.policy.atMostOnce) return committed
    // A crash that is not charged yet concerns a record that is committed.
    if (this.#slot === null) return Math.min(committed, this.#block.charged?.offset ?? committed)
    return nearestOffset(committed, this.#memory.load(this.#slot.place.slot + SLOT_RETURNED))
  }

  /** First offset not settled, as the reader last said. */
  committed(): number {
    const open = this.#slot
    if (open !== null) {
      const apart = open.place.confirms || this.place.policy.atMostOnce
      const word = open.place.slot + (apart ? SLOT_COMMITTED : SLOT_RETURNED)
      // In memory, close below the high watermark, as the window is bounded: the base holds however far the reader has come.
      const near = this.partition.isOnDisk ? this.#committed : this.partition.highWatermark
      this.#committed = nearestOffset(near, this.#memory.load(word))
    }
    return this.#committed
  }

  /**
   * Opens a slot for a new incarnation of the reader. After a restart of this thread the same call takes an open slot
   * over: its reader has been going on, so its words stay.
   */
  openSlot(place: SlotPlace, link: HostLink): StartAt {
    if (this.#slot !== null && this.#slot.place.epoch !== place.epoch)
      throw new Error('broken invariant: a slot is open for another epoch')
    // A predecessor closed it, and was not heard: its reader is fenced.
    if (this.#block.closedEpoch === place.epoch) return this.#startAt()
    const words = this.#memory.i32
    if (words[(place.slot + SLOT_EPOCH) >> 2] !== place.epoch) {
      prepareSlot(this.#memory, place.slot, this.#committed, this.#block.ledger)
      this.#gate.prepare(place.slot, this.#committed)
      this.#ceiling?.prepare(place.slot)
      this.#memory.store(place.slot + SLOT_EPOCH, place.epoch)
    }
    if (this.#slot === null) {
      this.#gate.open(place.slot)
      this.#ceiling?.open(place.slot)
    }
    this.#slot = { place, link }
    this.partition.readers.set(place.cursor, link)
    this.#owesSkips = this.#cursor.failures.size > 0
    // A predecessor may have died between its commit and its ring.
    link.wake(place.cursor)
    return this.#startAt()
  }

  /** Readers ignore what they know already. */
  #repeatSkips(): void {
    this.#owesSkips = false
    // At most once it is committed long before its reader may go on.
    const passed = this.#passed()
    for (const { offset, state } of this.#cursor.failures.values()) {
      if (state === 'dead' && offset >= passed) this.#verdict(offset, VERDICT.skip, 0, 0)
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
  closeSlot(epoch: number, crash: SlotCrash | null): void {
    if (this.#slot?.place.epoch === epoch) this.#shut(this.#slot, crash)
    if (this.#slot !== null || this.#block.closedEpoch !== epoch) return
    this.#upcalls.fault(FAULT_POINT.beforeCharge)
    const { charged } = this.#block
    if (crash !== null && charged !== null) {
      // At most once it is committed already, and not yet over.
      const committed = Math.min(this.#committed, charged.offset)
      this.#step({ kind: 'crashed', committed, how: crash.reason, ...charged }, JSON.stringify(crash.error))
      this.#upcalls.fault(FAULT_POINT.betweenChargeAndAnswer)
      this.#block.discharge()
    }
    this.#letGo()
    // Last: what is charged may be a record that is committed, and is read from here.
    this.#gate.settle(this.#committed)
  }

  /** Takes over what the slot says, and gates the window in its place. */
  #shut({ place: { epoch, slot } }: OpenSlot, crash: SlotCrash | null): void {
    const { committed, executing } = this.#handOver(slot, crash)
    this.#committed = committed
    this.#block.committed = committed
    this.#gate.shut(slot)
    this.#ceiling?.settle(committed)
    this.#block.close(epoch, executing)
    this.#slot = null
    this.partition.readers.delete(this.place.cursor)
  }

  #handOver(slot: number, crash: SlotCrash | null): HandedOver {
    const left = leftSlot(this.#memory, slot, this.committed(), crash)
    const { committed, handed, returned } = left
    if (this.place.policy.atMostOnce) {
      // Nobody tries it again: whatever the thread died of, it is lost, and said to be.
      const lost = crash !== null && handed === returned + 1
      return { committed, executing: lost ? { offset: returned, deliveryAttempt: 1 } : null }
    }
    return handOver(this.#block.ledger, new Ledger(this.#memory, slot + SLOT_LEDGER), left, this.#cursor.failures)
  }

  /** Takes a settlement; false when it cannot be answered now. */
  settle(settlement: Settlement): boolean {
    const open = this.#slot
    if (open === null || open.place.epoch !== settlement.epoch) return true
    const how = HOWS[settlement.how]
    if (how === undefined) throw new Error(`broken invariant: settlement of kind ${settlement.how}`)
    const { offset, deliveryAttempt } = settlement
    return this.#step({ kind: 'settled', offset, committed: this.#passed(), how, deliveryAttempt }, settlement.error)
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
        this.#verdict(
          effect.failure.offset,
          VERDICT.retry,
          effect.failure.failedAttempts,
          Math.ceil(Math.max(0, effect.failure.notBeforeMs - now)),
        )
        break
      case 'skip':
        this.#verdict(effect.offset, VERDICT.skip, 0, 0)
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

  #verdict(offset: number, action: number, failedAttempts: number, delayMs: number): void {
    const open = this.#slot
    if (open === null) return
    open.link.verdict(this.place.cursor, open.place.epoch, offset, action, failedAttempts, delayMs)
    open.link.publish()
  }

  #moveToDeadLetters(dying: AwaitingLetter): void {
    if (this.#beyond.delete(dying.failure.offset) || this.#letters.write(dying)) {
      this.#upcalls.fault(FAULT_POINT.betweenDeadLetterAndVerdict)
      this.#step({ kind: 'deadLettered', offset: dying.failure.offset }, '')
    }
    this.#letGo()
  }

  /** Work left over from before: dead letters that had no room, failures that are behind the committed offset now. */
  tend(): boolean {
    let worked = false
    if (this.#owesSkips && (this.#slot?.link.room() ?? 0) >= this.#cursor.failures.size) this.#repeatSkips()
    if (this.#letters.waiting > 0 && this.#slotHasRoom()) {
      const waiting = this.#letters.take()
      for (const each of waiting) this.#moveToDeadLetters(each)
      worked = this.#letters.waiting < waiting.length
    }
    if (this.#cursor.failures.size > 0) {
      const before = this.#cursor.failures.size
      this.#step({ kind: 'committed', committed: this.#passed() }, '')
      worked ||= this.#cursor.failures.size < before
    }
    return worked
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
    return this.#slot === null || this.#slot.link.room() > this.#letters.waiting
  }

  /** Whether its reader may commit, or has committed what is not kept on disk yet. */
  get lags(): boolean {
    if (this.#slot !== null && this.committed() < this.partition.highWatermark) return true
    if (this.#passed() !== this.#kept) return true
    return this.#ceilingNow() !== this.#keptCeiling
  }

  /** What a killed process may have handed out, or not, and this one passes over; null: it is known. */
  get passedOver(): PassedOver | null {
    return this.#passedOver
  }

  /** Whether its reader is to be let go further, which takes a write to the disk. */
  get isLow(): boolean {
    return this.#ceiling?.isLow(this.committed(), this.#passed()) === true
  }

  /** Sets a higher ceiling; nobody is told before it is kept. */
  raise(): void {
    this.#ceiling?.raise(this.committed())
  }

  /** What was set is kept, and durable; or the disk has failed, and nothing more can be handed out. */
  goOn(isKept: boolean): void {
    if (isKept) this.#ceiling?.grant()
    else this.#ceiling?.bar()
    this.#slot?.link.wake(this.place.cursor)
  }

  /** Whether everything below `offset` is settled. */
  settledTo(offset: number): boolean {
    return this.#passed() >= offset && (this.#letters.waiting === 0 || !this.place.policy.atMostOnce)
  }

  /** Nobody reads for it: it goes on here, as if nothing had failed yet. */
  seek(offset: number): void {
    if (this.#slot !== null) throw new Error('broken invariant: a group is moved while a slot is open')
    for (const failed of this.#cursor.failures.keys()) this.#block.forget(failed)
    this.#letters.forget()
    this.#beyond.clear()
    const { deadLettered, failed } = this.#cursor
    this.#cursor = openCursor(this.place.policy, [], deadLettered, failed)
    // What is passed over, or comes again, was not handled because of that.
    this.#block.skipped += offset - this.#committed
    this.#block.committed = offset
    this.#committed = offset
    this.#ceiling?.settle(offset)
    this.#block.ledger.reset()
    this.#gate.move(offset)
  }

  /** Stops gating the window. */
  close(): void {
    this.#gate.close()
    this.partition.readers.delete(this.place.cursor)
    this.partition.groups.delete(this.place.cursor)
  }

  report(): GroupReport {
    const committed = this.committed()
    const { highWatermark, partition, window } = this.partition
    const { deadLettered, failed } = this.#cursor
    const deadAhead = [...this.#cursor.failures.values()].filter(
      failure => failure.state === 'dead' && failure.offset >= committed,
    ).length
    return {
      cursor: this.place.cursor,
      partition,
      committed,
      highWatermark,
      lag: highWatermark - committed,
      processed: committed - this.#block.skipped - (deadLettered - deadAhead),
      deadLettered,
      passedOver: this.#block.passedOver,
      failures: failed,
      lagBytes: (window.end - this.#gate.pin) | 0,
      deadLetterDepth: this.#deadLetters?.letterIndex?.depthOf(this.place.cursor) ?? 0,
      waitsForDeadLetters: this.#letters.held,
    }
  }
}
