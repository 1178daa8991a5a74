/** A topic as callers see it. Types only. */
import type { Writable } from 'node:stream'
import type { Delivery } from './delivery.ts'
import type { Group, RangeOptions } from './group.ts'
import type { GroupInfo } from './listing.ts'
import type { BatchReceipt, Message, PublishOptions, Receipt, WritableOptions } from './message.ts'

/** A topic, on the thread that created the broker. After its deletion calls but `delete` fail with `MILL_TOPIC_DELETED`. */
export interface Topic<V = unknown> {
  /** Name of the topic. */
  readonly name: string
  /** Number of partitions now. */
  readonly partitions: number
  /**
   * Publishes one record. Resolves when it is appended. Beyond the topic's `publishRate` it waits in the order of the calls, or rejects,
   * as `onFull` says.
   *
   * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_UNSERIALISABLE`, `MILL_TOO_LARGE` for
   *   the message; `MILL_FULL` with `refused`, and `retryAfterMs` beyond the rate; `MILL_TIMEOUT`, `MILL_ABORTED`; `MILL_MEMORY` without
   *   memory for a larger ring; `MILL_DISK`, `MILL_LOCKED`, `MILL_THREAD_LOST`, `MILL_CLOSED`
   */
  publish(message: Message<V>, options?: PublishOptions): Promise<Receipt>
  /**
   * Publishes one record without a promise. `false`: the partition is full, or the topic's `publishRate` is used up, and nothing was
   * taken.
   *
   * A record that is too large for this thread's ring waits for a larger one, and so do the records behind it. The bound is 10,000
   * records or 16 MiB for all topics of a thread. If a record that was taken is lost, `publishFailed` is raised, and `flush`
   * rejects: those that wait then, or the next one.
   *
   * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_UNSERIALISABLE`, `MILL_TOO_LARGE`, `MILL_OUT_OF_RANGE`, `MILL_CLOSED`,
   * `MILL_TOPIC_DELETED`
   */
  tryPublish(message: Message<V>): boolean
  /**
   * Publishes many records, in order for each partition. It is not atomic. With a `publishRate` it goes in portions, each as large as the
   * rate allows. With `onFull: 'reject'` only the first portion goes; the rest is `unpublished`.
   *
   * @throws MillraceError `MILL_UNPUBLISHED`: its `unpublished` lists the messages that were not appended, `unknown` those that were on
   *   their way and may be; `cause` is an error as of `publish`
   */
  publishBatch(messages: readonly Message<V>[], options?: PublishOptions): Promise<BatchReceipt>
  /**
   * Stream that publishes the messages written to it (`node:stream`, in object mode).
   *
   * `write` returns false, and a pipeline waits, while `highWaterMark` messages wait. The stream finishes when all messages have their
   * receipt. The first batch that fails destroys it with `MILL_UNPUBLISHED`: `unpublished` and `unknown` are those of that batch.
   *
   * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`
   */
  writable(options?: WritableOptions): Writable
  /**
   * Resolves when everything that this thread published to the topic so far is appended. It has no time limit; after 5 s `stalled`
   * is raised. Rejects when a record that `tryPublish` took is lost.
   */
  flush(): Promise<void>
  /**
   * Reads records of a topic on disk again, without a group. It reads one partition, or all of them one after another, up to the
   * newest record at the call.
   *
   * @throws MillraceError `MILL_INVALID_OPTION`, also for a topic in memory; `MILL_OUT_OF_RANGE`; `MILL_OFFSET_GONE` where retention has
   *   removed the records; `MILL_ABORTED` by the signal; `MILL_CORRUPT`, `MILL_DISK`
   */
  replay(options?: RangeOptions): AsyncIterableIterator<Delivery<V>>
  /**
   * A consumer group of this topic. Its first `run`, `handle`, `consume` or `observe` creates it.
   *
   * @throws MillraceError `MILL_INVALID_NAME`
   */
  group(name: string): Group<V>
  /**
   * All groups of this topic, sorted by name, also those on disk that this process has not run.
   *
   * @throws MillraceError `MILL_TOPIC_DELETED`
   */
  groups(): Promise<readonly GroupInfo[]>
  /**
   * Offsets, memory and files of the topic's partitions.
   *
   * @throws MillraceError `MILL_TOPIC_DELETED`
   */
  stats(): Promise<TopicStats>
  /**
   * Adds `count` partitions, to 1,024 in all at most, and resolves with the new number. On failure nothing has changed.
   *
   * Keys may go to other partitions from then on, so a key has no order across the change. Records stay where they are, and
   * partitions are never removed. All groups read the new partitions from their beginning, running groups at once. Dead-letter topics
   * with as many partitions as this topic grow with it.
   *
   * @throws MillraceError `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_TOPIC_DELETED`, `MILL_CLOSED`; `MILL_MEMORY` without room;
   *   `MILL_DISK`; `MILL_CONFIG_MISMATCH` where dead letters of several partitions share one partition
   */
  addPartitions(count: number): Promise<number>
  /**
   * Deletes the topic: its records, groups, snapshots and named producers, its shared memory and its files. A death of the process at
   * any moment leaves all of the topic or nothing.
   *
   * Later publishes fail with `MILL_TOPIC_DELETED`, on every thread. The name may be used again, for a new topic. Dead-letter topics of
   * its groups are deleted as well if they have no letter. Resolves also when the topic was deleted before.
   *
   * @throws MillraceError `MILL_GROUP_BUSY` while a run reads the topic, or has its output or its dead letters there;
   *   `MILL_DISK` where its files could not be removed; the next opening of the folder continues the removal;
   *   `MILL_UNSUPPORTED` on an attached thread
   */
  delete(): Promise<void>
}

/** Counts of a topic. */
export interface TopicStats {
  /** Counts of each partition. */
  readonly partitions: readonly PartitionStats[]
  /** Records dropped, oldest first, because no group reads the topic and its window was full. */
  readonly dropped: number
  /** Messages of this thread that wait for the topic's `publishRate` now, those of named producers included. */
  readonly waitingForRate: number
}

/** Counts of a partition. */
export interface PartitionStats {
  /** Partition. */
  readonly partition: number
  /** Earliest offset that exists. */
  readonly logStartOffset: number
  /** First offset that is not readable yet. */
  readonly highWatermark: number
  /** The topic's `windowBytes`. */
  readonly windowBytes: number
  /** Bytes in use of its present window; the window of a partition on disk is smaller at rest. */
  readonly usedBytes: number
  /** Size of its files, in bytes; 0 for a topic in memory. */
  readonly diskBytes: number
}
