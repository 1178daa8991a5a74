/**
 * The record at a reader that has failed: its group is told, and says what follows.
 *
 * The handling thread; one per executor of one delivery at a time. A full link is tried again, until the verdict comes all the
 * same: the reader before may have told of the failure.
 */
import { type SettleHow, VERDICT } from '../link/link.ts'
import type { RecordDelivery } from '../reader/delivery.ts'
import type { PartitionReader } from '../reader/partition-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { Verdict } from '../thread/turn-taker.ts'
import type { ErrorWire } from '../words/errors.ts'
import type { HoldTimer } from './hold-timer.ts'

/** After which a full link is tried again. */
const LINK_RETRY_MS = 5

export class FailedRecord {
  readonly #thread: AttachedThread
  readonly #reader: PartitionReader
  readonly #timer: HoldTimer
  /** The delivery whose verdict is awaited. */
  #judged: RecordDelivery | null = null
  /** Of its record: users can write that of a delivery. */
  #offset = -1

  constructor(thread: AttachedThread, reader: PartitionReader, timer: HoldTimer) {
    this.#thread = thread
    this.#reader = reader
    this.#timer = timer
  }

  tell(delivery: RecordDelivery, how: SettleHow, error: ErrorWire): void {
    this.#judged = delivery
    this.#offset = this.#reader.offset
    this.#send(delivery, how, error)
  }

  #send(delivery: RecordDelivery, how: SettleHow, error: ErrorWire): void {
    const { cursor, epoch, place } = this.#reader.assignment
    const offset = this.#offset
    const { deliveryAttempt } = delivery
    if (!this.#thread.settle(place.host, { cursor, epoch, offset, how, deliveryAttempt, error }))
      this.#timer.start(LINK_RETRY_MS, () => this.#send(delivery, how, error))
  }

  /** In how many ms the record goes out again, or is skipped, 0: at once; null: the verdict is on another failure. */
  heard(verdict: Verdict): number | null {
    const judged = this.#judged
    // A verdict may come twice, when its partition host died in between: one on an earlier hand-out is none on this.
    const isStale = verdict.epoch !== this.#reader.assignment.epoch || verdict.offset !== this.#offset
    if (judged === null || isStale) return null
    this.#timer.clear() // its failure need not be told any more
    const skip = verdict.action === VERDICT.skip
    if (!skip && verdict.failedAttempts <= judged.failedAttempts) return null
    this.#judged = null
    this.#reader.keepVerdict(verdict, judged.deliveryAttempt)
    return skip ? 0 : verdict.delayMs
  }
}
