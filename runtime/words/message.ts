/** What producers hand in, and what they get back. Types only. */

/** A record key. Records with equal keys go to one partition and are handled in order. `null`: no key. */
export type Key = string | Uint8Array

/** Header values by name. Strings come back as strings, bytes as bytes. */
export type Headers = { readonly [name: string]: string | Uint8Array }

/** Headers to publish: an object, a `Map`, or a `Headers` of the web (of `fetch`, say). */
export type GivenHeaders =
  | Headers
  | ReadonlyMap<string, string | Uint8Array>
  | { entries(): IterableIterator<[string, string]>; getSetCookie(): string[] }

/** What a producer hands in. A field of another name is `MILL_UNKNOWN_OPTION`, so that none is lost by a slip of the pen. */
export interface Message<V = unknown> {
  readonly key?: Key | null | undefined
  /** `null` is stored as "no value" (a tombstone) by every codec. */
  readonly value: V
  readonly headers?: GivenHeaders | undefined
  /** Explicit partition, 0 to partitions - 1; wins over the key. */
  readonly partition?: number | undefined
  /** Milliseconds since the epoch; default: when the record was published. */
  readonly timestamp?: number | undefined
}

/** Proof that a record was appended, at the durability level that it names. */
export interface Receipt {
  readonly topic: string
  readonly partition: number
  /** The record's offset in its partition. */
  readonly offset: number
  /** Opaque position, comparable for equality only. */
  readonly position: string
  readonly durability: Durability
}

/**
 * What an acknowledged record survives: nothing beyond the process (`memory`), the death of the process (`os`), or a loss
 * of power as well (`fsync`).
 */
export type Durability = 'memory' | 'os' | 'fsync'

/** A run of consecutive offsets in one partition. */
export interface OffsetRange {
  readonly partition: number
  readonly baseOffset: number
  readonly count: number
}

export interface BatchReceipt {
  readonly count: number
  readonly ranges: readonly OffsetRange[]
  readonly durability: Durability
}

/** How values become bytes; default `json`. A topic keeps the one that it was made with. */
export type CodecName = 'json' | 'bytes' | 'string'

/**
 * How partitions are chosen for messages that name none.
 *
 * `'default'`: by the key's hash, as Kafka does. Without a key a partition is kept for the records of one moment, at most 10
 * published one by one or 16 KiB of a batch; then comes the one of the next few whose groups have least unread.
 * `'round-robin'`: by the key's hash; without a key one after the other, a record each.
 * A function is called for every message, on the thread that publishes, and returns a partition, 0 to `partitions` - 1. It
 * also chooses for keys: records of a key keep their order only if it always returns the same for that key. Anything else that it
 * returns refuses the message with `MILL_OUT_OF_RANGE`.
 */
export type Partitioner =
  | 'default'
  | 'round-robin'
  | ((key: Key | null, message: Message, partitions: number) => number)

export interface PublishOptions {
  readonly signal?: AbortSignal | undefined
  /** How long the publish may wait, in ms, or `Infinity`; default 60,000. */
  readonly timeoutMs?: number | undefined
}

export interface WritableOptions extends PublishOptions {
  /** Messages that may wait in the stream, 1 to 65,536; default 1,024. */
  readonly highWaterMark?: number | undefined
}
