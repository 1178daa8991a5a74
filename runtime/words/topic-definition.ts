/** Options of topics, and definitions that producers and handlers share. Types only. */
import type { Rate } from './common-options.ts'
import type { CodecName, Durability, Partitioner } from './message.ts'

/** Options of a topic. A topic that exists keeps its own: other values, but in `groups`, are `MILL_CONFIG_MISMATCH`. */
export interface TopicOptions {
  /** Number of partitions, 1 to 1,024; default 1. `topic.addPartitions` adds more later. */
  readonly partitions?: number | undefined
  /** Codec of the values; default `json`. */
  readonly codec?: CodecName | undefined
  /**
   * Largest encoded record (key + headers + value), in bytes, 1 to 64 MiB; default 1 MiB, or half of the default `windowBytes` in
   * memory where that is less.
   */
  readonly maxMessageBytes?: number | undefined
  /**
   * Shared memory of a partition for its readers, in bytes, 64 KiB to 256 MiB, rounded up to a power of two. At least twice
   * a given `maxMessageBytes`; default 2 MiB or that minimum. In memory the default shrinks, down to 64 KiB, where many partitions or
   * topics share `memoryMaxBytes`. On disk a busy partition borrows up to this much.
   */
  readonly windowBytes?: number | undefined
  /** Behaviour of `publish` at a full partition: `wait` (default), or `reject` with `MILL_FULL`. */
  readonly onFull?: 'wait' | 'reject' | undefined
  /**
   * Records that each producer may publish in a time; default: no limit. Beyond it `publish` waits, or rejects, as `onFull` says.
   *
   * A producer is a thread that publishes to the topic, with all its handles of the topic, or a named producer. Each handler thread that
   * has the topic as its `output` is one by itself. Dead letters and their replay are not limited. The rate is one of this process: the
   * folder does not keep it.
   */
  readonly publishRate?: Rate | undefined
  /**
   * Choice of the partition for messages without `partition`, when this thread publishes; default `'default'`. Handlers' outputs
   * and named producers use the default.
   */
  readonly partitioner?: Partitioner | undefined
  /** Consumer groups that hold this topic's records from the start, before their first `run`. */
  readonly groups?: readonly string[] | undefined
  /** Durability of acknowledged records; default `fsync` if the broker has a `dir`, else `memory`, the only choice there. */
  readonly durability?: Durability | undefined
  /** Least age of deleted records on disk, in ms; default 7 days; `Infinity`: none are deleted. Whole segments are deleted. */
  readonly retentionMs?: number | undefined
  /** Size of a partition's log on disk above which its oldest segments are deleted, in bytes, from 64 KiB; default `Infinity`. */
  readonly retentionBytes?: number | undefined
  /** Size of a segment file on disk, in bytes, 64 KiB to 1 GiB; default 64 MiB. */
  readonly segmentBytes?: number | undefined
}

/** A topic's name, options and value type, shared by producers and handlers. */
export interface TopicDefinition<V = unknown> {
  /** Name of the topic. */
  readonly name: string
  /** Options of the topic. */
  readonly options: TopicOptions
  /** Type of the values only; never present. */
  readonly value?: V
}
