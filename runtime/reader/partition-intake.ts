/**
 * The records of a partition for a member that has several of them in hand: a reader, with its slot's ledger and what it has
 * to say to its group.
 *
 * The thread that handles. How each record stands is in the ledger, LEDGER_RECORDS from the committed offset on; of those
 * further ahead nothing is kept, and whoever comes next hands them out anew.
 */

import type { SettleHow } from '../link/link.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { LEDGER_RECORDS } from '../wire/layout.ts'
import type { Ledger } from '../wire/ledger.ts'
import type { KnownRecord } from '../wire/places.ts'
import type { ErrorWire } from '../words/errors.ts'
import type { CursorId, Epoch, Offset } from '../words/quantities.ts'
import type { Intake, RecordPlace, Standing, Taken } from './intake.ts'
import type { PartitionReader } from './partition-reader.ts'
import { keyTextAt } from './record-ranges.ts'
import { SettlementQueue } from './settlement-queue.ts'

export class PartitionIntake implements Intake {
  readonly cursor: CursorId
  readonly slot: number
  readonly epoch: Epoch
  readonly suspectTo: number
  readonly accountMax: number = LEDGER_RECORDS
  readonly #reader: PartitionReader
  /** Whether anybody looks at keys. */
  readonly #keys: boolean
  readonly #ledger: Ledger
  readonly #settlements: SettlementQueue

  constructor(thread: Pick<AttachedThread, 'settle'>, reader: PartitionReader, keys: boolean) {
    const { cursor, slot, epoch } = reader.assignment
    this.cursor = cursor
    this.slot = slot
    this.epoch = epoch
    this.suspectTo = reader.suspectTo
    this.#reader = reader
    this.#keys = keys
    this.#ledger = reader.ledger()
    this.#settlements = new SettlementQueue(thread, reader.assignment)
  }

  get committed(): Offset {
    return this.#reader.committed
  }

  ready(): boolean {
    return this.#reader.ready()
  }

  next(): Taken | null {
    const reader = this.#reader
    return reader.next() ? this.#taken(reader, reader.knownOf(reader.offset)) : null
  }

  nextPlace(): RecordPlace | null {
    const reader = this.#reader
    return !reader.knowsAny && reader.next() ? reader : null
  }

  taken(place: RecordPlace): Taken {
    return this.#taken(place, undefined)
  }

  #taken({ offset, frame, at }: RecordPlace, known: KnownRecord | undefined): Taken {
    return { offset, key: this.#keys ? keyTextAt(frame, at) : null, frame, at, known, kept: null }
  }

  stands(offset: Offset, deliveryAttempt: number, how: Standing): void {
    if (offset >= this.#reader.committed + LEDGER_RECORDS) return
    if (how === 'out') this.#ledger.handOut(offset, deliveryAttempt)
    else if (how === 'settled') this.#ledger.settle(offset, deliveryAttempt)
    else this.#ledger.back(offset, deliveryAttempt)
  }

  judge(offset: Offset, how: SettleHow, deliveryAttempt: number, error: ErrorWire): void {
    this.#settlements.send(offset, how, deliveryAttempt, error)
  }

  commit(offset: Offset): void {
    this.#reader.commit(offset)
    this.#settlements.committed(offset)
  }

  inHand(pending: number, handled: number, alone: number): void {
    if (alone !== -1) this.#reader.handOut(alone)
    this.#reader.active(pending)
    this.#reader.handled(handled)
  }

  close(): void {
    this.#settlements.close()
    this.#reader.close()
  }
}
