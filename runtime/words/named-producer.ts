/** Named producers, as callers see them. Types only. */
import type { BatchReceipt, Message, PublishOptions, Receipt } from './message.ts'

/** The receipt for numbered records. */
export interface SequencedReceipt extends BatchReceipt {
  /** Number of the first message. */
  readonly first: number
  /** Messages that an earlier process had published already; they were not published again. */
  readonly repeated: number
}

/**
 * A producer that continues where the earlier process stopped. Its records are numbered from 0, in the order of the calls.
 *
 * After a crash `next` is the number of the first record that may be missing. Publish again from there, each record as before:
 * records that exist are not stored twice. After a failed publish the producer must be opened again.
 */
export interface NamedProducer<V = unknown> {
  /** Name of the producer. */
  readonly name: string
  /** Topic that it publishes to. */
  readonly topic: string
  /** Number of the next record. */
  readonly next: number
  /**
   * Publishes one record, which needs a key or a partition. `null`: the record exists already.
   *
   * @throws MillraceError as `topic.publish`; `MILL_INVALID_OPTION` without key and partition; `MILL_UNPUBLISHED` once a record is
   *   missing; `MILL_CLOSED` after `close`
   */
  publish(message: Message<V>, options?: PublishOptions): Promise<Receipt | null>
  /**
   * Publishes many records in order; each needs a key or a partition.
   *
   * @throws MillraceError as `publish`
   */
  publishBatch(messages: readonly Message<V>[], options?: PublishOptions): Promise<SequencedReceipt>
  /** Resolves when all records published so far are appended. */
  flush(): Promise<void>
  /** Closes the producer. It may then be opened elsewhere. */
  close(): Promise<void>
  /** Closes the producer, as `close()` does. */
  [Symbol.asyncDispose](): Promise<void>
}
