/**
 * A member of a group, or of a queue, whose deliveries are settled by the caller: what `observe` and `consume` stand on.
 *
 * The caller's thread. It has a reader for each partition that it is assigned (manual-reader.ts), or for its queue
 * (queue-manual-reader.ts); they share its credits.
 *
 * Bound: `window` deliveries out over all partitions.
 */
import { PartitionIntake } from '../reader/partition-intake.ts'
import { PartitionReader } from '../reader/partition-reader.ts'
import { QueueReader } from '../reader/queue-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { RevokeAnswer } from '../wire/member-calls.ts'
import type { Assignment } from '../wire/places.ts'
import type { RetryOrder } from '../words/group-options.ts'
import { Credits } from './credits.ts'
import type { RunMember } from './handler-member.ts'
import type { SettleableDelivery } from './manual-delivery.ts'
import { ManualReader } from './manual-reader.ts'
import type { MemberReader } from './member-reader.ts'
import { QueueManualReader } from './queue-manual-reader.ts'
import { WindowWatch } from './window-watch.ts'

export class ManualMember implements RunMember {
  readonly #thread: AttachedThread
  readonly #credits: Credits
  readonly #retryOrder: RetryOrder
  readonly #emit: (delivery: SettleableDelivery) => void
  /** Time from a queue's delivery to its settlement, in ms; Infinity: any. */
  readonly #ackTimeoutMs: number
  readonly #readers = new Map<number, MemberReader>()
  #paused = false

  constructor(
    thread: AttachedThread,
    window: number,
    retryOrder: RetryOrder,
    emit: (delivery: SettleableDelivery) => void,
    stuck: ((waitedMs: number) => void) | null = null,
    ackTimeoutMs: number = Number.POSITIVE_INFINITY,
  ) {
    this.#ackTimeoutMs = ackTimeoutMs
    this.#thread = thread
    this.#retryOrder = retryOrder
    this.#credits = new Credits(window)
    if (stuck !== null) this.#credits.watch = new WindowWatch(this.#credits, stuck)
    this.#emit = emit
  }

  async assign(assignment: Assignment): Promise<void> {
    const reader = this.#readerOf(assignment)
    reader.paused = this.#paused
    this.#readers.set(assignment.cursor, reader)
    this.#thread.addTaker(assignment.cursor, reader)
  }

  #readerOf(assignment: Assignment): MemberReader {
    const thread = this.#thread
    const credits = this.#credits
    const emit = this.#emit
    if (assignment.consumer !== undefined) {
      const reader = new QueueReader(thread, assignment)
      return new QueueManualReader({ thread, reader, credits, emit, ackTimeoutMs: this.#ackTimeoutMs })
    }
    const records = new PartitionReader(thread, assignment)
    const intake = new PartitionIntake(thread, records, this.#retryOrder === 'key')
    return new ManualReader(thread, intake, credits, this.#retryOrder, emit)
  }

  async revoke(cursor: number, epoch: number): Promise<RevokeAnswer> {
    const reader = this.#readers.get(cursor)
    if (reader === undefined || reader.epoch !== epoch) return { held: false }
    await reader.close()
    this.#readers.delete(cursor)
    this.#thread.removeTaker(cursor, reader)
    return { held: true }
  }

  async cancel(cursor: number, epoch: number, tag: number, withinMs: number): Promise<void> {
    const reader = this.#readers.get(cursor)
    if (reader?.epoch === epoch) await reader.cancel?.(tag, withinMs)
  }

  /** No handler of a user's runs in it. */
  onStack(): null {
    return null
  }

  leaving(): void {
    this.#credits.ended = true
  }

  abandon(): void {
    this.leaving()
    this.#credits.watch?.close()
    for (const [cursor, reader] of this.#readers) {
      reader.abandon()
      this.#thread.removeTaker(cursor, reader)
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
    for (const cursor of this.#readers.keys()) this.#thread.wake(cursor)
  }
}
