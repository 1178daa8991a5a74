/**
 * The slot of one group on one partition: opened for a reader, read while that goes on, shut and handed over when it has ended.
 *
 * The partition host's thread. While a slot is open its words are its reader's, and say how far the group is; else the group's
 * block says it. A reader is known by its epoch: what it writes after its slot was shut changes nothing.
 */

import type { Memory } from 'sharedarraybuffer-ring'
import type { HostLink } from '../link/host-link.ts'
import { nearestOffset } from '../log/format/frame.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { SLOT_COMMITTED, SLOT_EPOCH, SLOT_LEDGER, SLOT_RETURNED } from '../wire/layout.ts'
import { Ledger } from '../wire/ledger.ts'
import type { GroupPlace, SlotPlace } from '../wire/places.ts'
import type { Epoch, Offset } from '../words/quantities.ts'
import type { GroupCeiling } from './ceiling-words.ts'
import type { GroupBlock } from './group-block.ts'
import type { Failure } from './group-cursor.ts'
import type { GroupGate } from './group-gate.ts'
import { type HandedOver, handOver } from './hand-over.ts'
import { leftSlot, prepareSlot } from './slot-words.ts'

interface OpenSlot {
  readonly place: SlotPlace
  readonly link: HostLink
}

export class GroupSlot {
  readonly #memory: Memory
  readonly #place: GroupPlace
  readonly #partition: PartitionActor
  readonly #block: GroupBlock
  readonly #gate: GroupGate
  readonly #ceiling: GroupCeiling | null
  #open: OpenSlot | null = null
  /** As the reader last said. */
  #committed: Offset

  constructor(
    memory: Memory,
    place: GroupPlace,
    partition: PartitionActor,
    block: GroupBlock,
    gate: GroupGate,
    ceiling: GroupCeiling | null,
  ) {
    this.#memory = memory
    this.#place = place
    this.#partition = partition
    this.#block = block
    this.#gate = gate
    this.#ceiling = ceiling
    this.#committed = block.committed
  }

  get isOpen(): boolean {
    return this.#open !== null
  }

  /** Whether it is open for the reader of this epoch. */
  isOf(epoch: Epoch): boolean {
    return this.#open?.place.epoch === epoch
  }

  /** To the thread of its reader; null: it has none. */
  get link(): HostLink | null {
    return this.#open?.link ?? null
  }

  /** First offset not settled, as the reader last said. */
  committed(): Offset {
    const open = this.#open
    if (open !== null) {
      const apart = open.place.confirms || this.#place.policy.atMostOnce
      const word = open.place.slot + (apart ? SLOT_COMMITTED : SLOT_RETURNED)
      this.#committed = nearestOffset(this.#gate.near(this.#committed), this.#memory.load(word))
    }
    return this.#committed
  }

  /** First offset whose handling is not over: at most once, it is committed before. */
  passed(): Offset {
    const committed = this.committed()
    if (!this.#place.policy.atMostOnce) return committed
    // A crash that is not charged yet concerns a record that is committed.
    if (this.#open === null) return Math.min(committed, this.#block.charged?.offset ?? committed)
    return nearestOffset(committed, this.#memory.load(this.#open.place.slot + SLOT_RETURNED))
  }

  /**
   * Opens it for a new incarnation of the reader. After a restart of this thread the same call takes an open slot over: its
   * reader has been going on, so its words stay.
   */
  open(place: SlotPlace, link: HostLink): void {
    if (this.#open !== null && this.#open.place.epoch !== place.epoch)
      throw new Error('broken invariant: a slot is open for another epoch')
    const words = this.#memory.i32
    if (words[(place.slot + SLOT_EPOCH) >> 2] !== place.epoch) {
      prepareSlot(this.#memory, place.slot, this.#committed, this.#block.ledger)
      this.#gate.prepare(place.slot, this.#committed)
      this.#ceiling?.prepare(place.slot)
      this.#memory.store(place.slot + SLOT_EPOCH, place.epoch)
    }
    if (this.#open === null) {
      this.#gate.open(place.slot)
      this.#ceiling?.open(place.slot)
    }
    this.#open = { place, link }
    this.#partition.readers.set(place.cursor, link)
  }

  /** If it is open for this epoch, takes over what it says, and gates the window in its place. */
  shut(epoch: Epoch, crash: SlotCrash | null, failures: ReadonlyMap<number, Failure>): void {
    const open = this.#open
    if (open === null || open.place.epoch !== epoch) return
    const { slot } = open.place
    const { committed, executing } = this.#handOver(slot, crash, failures)
    this.#committed = committed
    this.#block.committed = committed
    this.#gate.shut(slot)
    this.#ceiling?.settle(committed)
    this.#block.close(epoch, executing)
    this.#open = null
    this.#partition.readers.delete(this.#place.cursor)
  }

  #handOver(slot: number, crash: SlotCrash | null, failures: ReadonlyMap<number, Failure>): HandedOver {
    const left = leftSlot(this.#memory, slot, this.committed(), crash)
    const { committed, handed, returned } = left
    if (this.#place.policy.atMostOnce) {
      // Nobody tries it again: whatever the thread died of, it is lost, and said to be.
      const lost = crash !== null && handed === returned + 1
      return { committed, executing: lost ? { offset: returned, deliveryAttempt: 1 } : null }
    }
    return handOver(this.#block.ledger, new Ledger(this.#memory, slot + SLOT_LEDGER), left, failures)
  }

  /** While it is shut: the group goes on at this offset. */
  move(offset: Offset): void {
    // What is passed over, or comes again, was not handled because of that.
    this.#block.skipped += offset - this.#committed
    this.#block.committed = offset
    this.#committed = offset
    this.#ceiling?.settle(offset)
    this.#block.ledger.reset()
    this.#gate.move(offset)
  }

  /** Tells its reader what becomes of a record, if there is one. */
  verdict(offset: Offset, action: number, failedAttempts: number, delayMs: number): void {
    const open = this.#open
    if (open === null) return
    open.link.verdict(this.#place.cursor, open.place.epoch, offset, action, failedAttempts, delayMs)
    open.link.publish()
  }
}
