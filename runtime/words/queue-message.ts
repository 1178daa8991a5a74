/** Messages sent to queues, and the receipts for them. Types only. */
import type { Durability, GivenHeaders, Key } from './message.ts'

/** A message to send. A field of another name is `MILL_UNKNOWN_OPTION`, so that a misspelt field is not lost. */
export interface QueueMessage<V = unknown> {
  /** Value of the message. Every codec stores `null` as "no value". */
  readonly value: V
  /** Key of the message; default: none. It is handed on. With the queue's `keyConcurrency` messages of a key wait for each other. */
  readonly key?: Key | null | undefined
  /** Headers of the message; default: none. At most 1,000 under names that start with `millrace-`. */
  readonly headers?: GivenHeaders | undefined
  /** Priority, 0 (default) to the queue's `priorities` - 1. A higher one goes first. */
  readonly priority?: number | undefined
  /**
   * Id of the message, 1 to 256 bytes in UTF-8; default: none. For a queue with `dedupeMs`: within it a second message with the id is not taken,
   * and `send` resolves with the receipt of the first one. A delivery or dead letter that is handed in has none.
   */
  readonly id?: string | undefined
  /** Time from the send in which no consumer gets the message, in ms, of any length; default 0. Then it goes behind all that the queue has. */
  readonly delayMs?: number | undefined
  /** Moment before which no consumer gets the message, in place of `delayMs`. One that has passed is no delay. */
  readonly deliverAt?: Date | undefined
  /**
   * Time in which a consumer must get the message, in ms, at least 1, from the send or from the end of its delay. After it the message
   * becomes a dead letter, as `expired`. The queue's `messageTtlMs` counts as well: the shorter of the two. Default `Infinity`.
   */
  readonly ttlMs?: number | undefined
}

/** Proof that the queue has a message. */
export interface QueueReceipt {
  /** Queue of the message. */
  readonly queue: string
  /** The message's `id`, or else a name that no other message of the broker has. */
  readonly id: string
  /** Whether the queue had a message with this `id` already, and has not taken this one. */
  readonly duplicate: boolean
  /** Durability of the message from now on. */
  readonly durability: Durability
}

/** Proof that the queue has all messages of a batch. */
export interface QueueBatchReceipt {
  /** Number of messages. */
  readonly count: number
  /** Ids of the messages, in their order: of each its `id`, or else a name that no other message of the broker has. */
  readonly ids: readonly string[]
  /** Indices of the messages that were not taken, because the queue had one with their `id` already. */
  readonly duplicates: readonly number[]
  /** Durability of the messages from now on. */
  readonly durability: Durability
}
