/** What a topic is made with, and a definition that producers and handlers share. Types only. */
import type { CodecName, Durability, Partitioner } from './message.ts'

export interface TopicOptions {
  /** 1 to 1,024; default 1. A topic that exists keeps its count: another value is `MILL_CONFIG_MISMATCH`. */
  readonly partitions?: number | undefined
  /** Default `json`. */
  readonly codec?: CodecName | undefined
  /** Largest encoded record (key + headers + value), in bytes; default 1 MiB. */
  readonly maxMessageBytes?: number | undefined
  /** Shared memory a partition keeps for its readers, in bytes, rounded up to a power of two; at least twice
   * `maxMessageBytes`; default 2 MiB or that minimum. On disk it is what a busy partition is lent, as far as there is any. */
  readonly windowBytes?: number | undefined
  /** What `publish` does when the partition is full: `wait` (default) or `reject` with `MILL_FULL`. */
  readonly onFull?: 'wait' | 'reject' | undefined
  /** Which partition a message without `partition` goes to; default `'default'`. Of this thread's publishing: handlers' outputs
   * and named producers use the default. */
  readonly partitioner?: Partitioner | undefined
  /** Consumer groups that gate this topic from the start, before their first `run`. */
  readonly groups?: readonly string[] | undefined
  /** What an acknowledged record survives; default `fsync` if the broker has a `dir`, else `memory`, the only choice there. */
  readonly durability?: Durability | undefined
  /** On disk: how long a record is kept at least, in ms; default 7 days; `Infinity`: for ever. Whole segments are removed. */
  readonly retentionMs?: number | undefined
  /** On disk: size of a partition's log above which its oldest segments are removed, in bytes; default `Infinity`. */
  readonly retentionBytes?: number | undefined
  /** On disk: size of a file of the log, in bytes, 64 KiB to 1 GiB; default 64 MiB. */
  readonly segmentBytes?: number | undefined
}

/** A topic's name, options and value type, shared by producers and handlers. */
export interface TopicDefinition<V = unknown> {
  readonly name: string
  readonly options: TopicOptions
  /** Type only; never present. */
  readonly value?: V
}
