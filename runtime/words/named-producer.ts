/** Named producers, as callers see them. Types only. */
import type { BatchReceipt, Message, PublishOptions, Receipt } from './message.ts'

/** What became of numbered records. */
export interface SequencedReceipt extends BatchReceipt {
  /** The number of the first of the messages. */
  readonly first: number
  /** How many of them were there already, from another process, and were not published again. */
  readonly repeated: number
}

/**
 * A producer that goes on where it was in the process before. Its records are numbered from 0, in the order of the calls.
 * After a crash `next` is the number of the first record that may be missing: publish from there on, each record as before,
 * and what is there already is not published twice.
 */
export interface NamedProducer<V = unknown> {
  readonly name: string
  readonly topic: string
  /** The number of the record that is published next. */
  readonly next: number
  /** `null`: the record was there already. It needs a key or a partition. */
  publish(message: Message<V>, options?: PublishOptions): Promise<Receipt | null>
  publishBatch(messages: readonly Message<V>[], options?: PublishOptions): Promise<SequencedReceipt>
  flush(): Promise<void>
  /** Another may open it then. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
