/**
 * Records as they pass the port of an engine: encoded, so that no engine knows of codecs. Types only.
 *
 * Bytes belong to whoever gets them: an engine copies what it keeps of a batch before its call of `publish` returns, and hands
 * out bytes that it does not touch again.
 */

/** A place in a topic, in the engine's own words. Above the port it is compared for equality, kept, and handed back; nothing else. */
export type Position = string

/** Names are unique in a record. */
export type EncodedHeaders = readonly (readonly [name: string, value: Uint8Array])[]

/** What a producer hands in. An empty key or value is not `null`. */
export interface EncodedRecord {
  /** `null`: none. */
  readonly key: Uint8Array | null
  /** `null`: a tombstone. */
  readonly value: Uint8Array | null
  readonly headers: EncodedHeaders
  /** Milliseconds since the epoch. */
  readonly timestampMs: number
  /** 0 to the topic's partitions - 1; `null`: the engine chooses, and records of equal keys go to one partition. */
  readonly partition: number | null
}

/** What a member of a group is handed. */
export interface DeliveredRecord extends EncodedRecord {
  readonly partition: number
  /** The same that `publish` gave for it, and no other record's of the topic. */
  readonly position: Position
  /** How often members of the group were handed it before; 0 where the engine does not count (`Capabilities.redelivered`). */
  readonly redelivered: number
}
