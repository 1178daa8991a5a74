/** A topic as callers see it. Types only. */
import type { Writable } from 'node:stream'
import type { Delivery } from './delivery.ts'
import type { Group, RangeOptions } from './group.ts'
import type { GroupInfo } from './listing.ts'
import type { BatchReceipt, Message, PublishOptions, Receipt, WritableOptions } from './message.ts'

export interface Topic<V = unknown> {
  readonly name: string
  /** How many there are now. */
  readonly partitions: number
  /** Resolves when the record is appended. */
  publish(message: Message<V>, options?: PublishOptions): Promise<Receipt>
  /**
   * Appends without a promise; `false` when the partition is full (nothing was taken). A record that is too large for this
   * thread's ring waits until a larger one has been made, and so do those behind it: 10,000, or 16 MiB, for all topics of a
   * thread. Where there is no memory for that, or a record taken is lost otherwise, `publishFailed` is raised, and the next
   * `flush` rejects.
   *
   * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_UNSERIALISABLE`, `MILL_TOO_LARGE`, `MILL_OUT_OF_RANGE`, `MILL_CLOSED`,
   * `MILL_TOPIC_DELETED`
   */
  tryPublish(message: Message<V>): boolean
  /**
   * Appends many. Not atomic: on failure the error's `unpublished` lists what was not appended, and `unknown` what was on its
   * way and may be.
   */
  publishBatch(messages: readonly Message<V>[], options?: PublishOptions): Promise<BatchReceipt>
  /**
   * Stream that publishes the messages that are written to it (`node:stream`, in object mode). `write` says false, and a pipeline
   * waits, while `highWaterMark` messages wait for their turn; it has finished when all have their receipt. The first batch that
   * fails destroys it, with `MILL_UNPUBLISHED`: `unpublished` and `unknown` are those of that batch.
   *
   * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`
   */
  writable(options?: WritableOptions): Writable
  /**
   * Resolves when everything that this thread published to the topic so far is appended, however long that takes; after 5 s
   * `stalled` is raised. Rejects when something that `tryPublish` took is lost.
   */
  flush(): Promise<void>
  /**
   * Reads records of a topic on disk again, without a group: one partition or all of them, one after the other, up to what
   * there is when it is called.
   */
  replay(options?: RangeOptions): AsyncIterableIterator<Delivery<V>>
  /** A consumer group of this topic; it comes into being with its first `run`, `handle`, `consume` or `observe`. */
  group(name: string): Group<V>
  /**
   * All groups of this topic, running or not, also those on disk that nobody has run in this process; sorted by name.
   *
   * @throws MillraceError `MILL_TOPIC_DELETED`
   */
  groups(): Promise<readonly GroupInfo[]>
  /** @throws MillraceError `MILL_TOPIC_DELETED` */
  stats(): Promise<TopicStats>
  /**
   * Gives the topic `count` partitions more, 1,024 in all at most, and resolves with how many it has then. Keys may go to other
   * partitions from then on, so there is no order of a key across the change; records stay where they are. Partitions are never
   * taken away. All groups read the new ones from their beginning, those that run at once. Dead-letter topics with a partition for
   * each of this one's get as many. On failure nothing has changed.
   *
   * @throws MillraceError `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_TOPIC_DELETED`, `MILL_CLOSED`; `MILL_MEMORY` where it does
   *   not fit; `MILL_DISK`; `MILL_CONFIG_MISMATCH` where dead letters of several partitions share one that cannot be theirs then
   */
  addPartitions(count: number): Promise<number>
  /**
   * Deletes the topic for good: its records, groups, snapshots and named producers, its shared memory and its files. A process
   * that dies at any moment of it leaves all of the topic or nothing. Whoever publishes to it gets `MILL_TOPIC_DELETED`, in
   * every thread; the name may be used again, and is then a new topic's. Dead-letter topics of its groups go as well if no
   * letter is left in them. Resolves also when the topic was deleted before.
   *
   * @throws MillraceError `MILL_GROUP_BUSY` while a run reads the topic, or has its output or its dead letters there;
   *   `MILL_DISK` where its files could not be removed, which the next opening of the folder goes on with
   */
  delete(): Promise<void>
}

export interface TopicStats {
  readonly partitions: readonly PartitionStats[]
  /** Records dropped, oldest first, because no group gates the topic and its window was full. */
  readonly dropped: number
}

export interface PartitionStats {
  readonly partition: number
  readonly logStartOffset: number
  readonly highWatermark: number
  /** Of the topic. */
  readonly windowBytes: number
  /** Of the window that it has now, which is smaller while a partition on disk is at rest. */
  readonly usedBytes: number
  /** Size of its files, 0 for a topic in memory. */
  readonly diskBytes: number
}
