/**
 * Records as they pass the port of an engine: encoded, so that no engine knows of codecs. Types only.
 *
 * The receiver owns the bytes: an engine copies the bytes of a batch before its call of `publish` returns, and never
 * changes bytes that it handed out.
 */

/** A place in a topic, in the engine's own words. Above the port it is compared for equality, kept, and handed back; nothing else. */
export type Position = string

/** Names are unique in a record. */
export type EncodedHeaders = readonly (readonly [name: string, value: Uint8Array])[]

/** A record of a producer. An empty key or value is not `null`. */
export interface EncodedRecord {
  /** Key; `null`: none. */
  readonly key: Uint8Array | null
  /** Value; `null`: a tombstone. */
  readonly value: Uint8Array | null
  /** Headers in the order of the producer. */
  readonly headers: EncodedHeaders
  /** Timestamp in milliseconds since the epoch. */
  readonly timestampMs: number
  /** Partition, 0 to the topic's partitions - 1; `null`: the engine chooses, and records of equal keys go to one partition. */
  readonly partition: number | null
}

/** A record handed to a member of a group. */
export interface DeliveredRecord extends EncodedRecord {
  /** Partition of the record. */
  readonly partition: number
  /** Position as `publish` returned it; no other record of the topic has it. */
  readonly position: Position
  /** Number of earlier hand-outs to members of the group; 0 where the engine does not count (`Capabilities.redelivered`). */
  readonly redelivered: number
}
