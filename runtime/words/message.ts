/** Messages of producers, and the receipts for them. Types only. */

/** A record key. Records with equal keys go to one partition and are handled in order. `null`: no key. */
export type Key = string | Uint8Array

/** Header values by name. Strings come back as strings, bytes as bytes. */
export type Headers = {
  /** Value of the header of that name. */
  readonly [name: string]: string | Uint8Array
}

/** Headers to publish: an object, a `Map`, or a `Headers` of the web (of `fetch`, for example). */
export type GivenHeaders =
  | Headers
  | ReadonlyMap<string, string | Uint8Array>
  | {
      /** Names and values. */
      entries(): IterableIterator<[string, string]>
      /** Tells a `Headers` of the web from other objects. */
      getSetCookie(): string[]
    }

/** A message to publish. A field of another name is `MILL_UNKNOWN_OPTION`, so that a misspelt field is not lost. */
export interface Message<V = unknown> {
  /** Key of the record; default: none. */
  readonly key?: Key | null | undefined
  /** Value of the record. Every codec stores `null` as "no value" (a tombstone). */
  readonly value: V
  /** Headers of the record; default: none. At most 1,000 under names that start with `millrace-`. */
  readonly headers?: GivenHeaders | undefined
  /** Explicit partition, 0 to partitions - 1; wins over the key. */
  readonly partition?: number | undefined
  /** Timestamp, in milliseconds since the epoch; default: the time of publishing. */
  readonly timestamp?: number | undefined
}

/** Proof that a record was appended, at the named durability level. */
export interface Receipt {
  /** Topic of the record. */
  readonly topic: string
  /** Partition of the record. */
  readonly partition: number
  /** Offset of the record in its partition. */
  readonly offset: number
  /** Opaque position, comparable for equality only. */
  readonly position: string
  /** Durability of the record from now on. */
  readonly durability: Durability
}

/**
 * Endurance of an acknowledged record: it lasts as long as the process (`memory`), survives the death of the process (`os`), or
 * survives a loss of power as well (`fsync`).
 */
export type Durability = 'memory' | 'os' | 'fsync'

/** A run of consecutive offsets in one partition. */
export interface OffsetRange {
  /** Partition of the records. */
  readonly partition: number
  /** Offset of the first record. */
  readonly baseOffset: number
  /** Number of records. */
  readonly count: number
}

/** Proof that all records of a batch were appended. */
export interface BatchReceipt {
  /** Number of appended records. */
  readonly count: number
  /** Places of the records. */
  readonly ranges: readonly OffsetRange[]
  /** Durability of the records from now on. */
  readonly durability: Durability
}

/** Encoding of values; default `json`. A topic keeps the codec that it was made with. */
export type CodecName = 'json' | 'bytes' | 'string'

/**
 * Choice of the partition for messages that name none.
 *
 * `'default'`: by the key's hash, as in Kafka. Records without a key share a partition for a short time: at most 10 that are published one
 * by one, or 16 KiB of a batch. The next partition is the one of the next few whose groups have the fewest unread records.
 *
 * `'round-robin'`: by the key's hash; records without a key go to one partition after another.
 *
 * A function is called for every message, on the publishing thread, and returns a partition, 0 to `partitions` - 1. It is called for
 * messages with keys, too. Records of a key keep their order only if it always returns the same partition for that key. Any other result
 * refuses the message with `MILL_OUT_OF_RANGE`.
 */
export type Partitioner =
  | 'default'
  | 'round-robin'
  | ((key: Key | null, message: Message, partitions: number) => number)

/** Options of `publish` and `publishBatch`. */
export interface PublishOptions {
  /** Ends the wait for room when it is aborted (`MILL_ABORTED`). The record may have been appended already. */
  readonly signal?: AbortSignal | undefined
  /**
   * Time that the publish may wait, in ms, or `Infinity`; default 60,000, without the time that it waits for the topic's `publishRate`.
   * Beyond it: `MILL_TIMEOUT`.
   */
  readonly timeoutMs?: number | undefined
}

/** Options of `topic.writable`. */
export interface WritableOptions extends PublishOptions {
  /** Messages that may wait in the stream, 1 to 65,536; default 1,024. */
  readonly highWaterMark?: number | undefined
}
