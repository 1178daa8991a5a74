/**
 * The public vocabulary of millrace: what callers hand in and what they get back.
 *
 * Types only; nothing here runs. Every option is optional unless it says otherwise, and is checked once, where it
 * enters (see options.ts).
 */

import type { Readable, Writable } from 'node:stream'
import type { Observable } from 'rxjs'
import type { DeadLetters, DeadLettersOptions } from './dead-letters/dead-letter-types.ts'
import type { Delivery, ManualDelivery } from './delivery-types.ts'
import type { ErrorCode } from './errors.ts'
import type { BrokerEvents, DeadLetterReason } from './event-types.ts'
import type { ConsumeOptions, HandleOptions, ObserveOptions, RunOptions, StreamOptions } from './group-option-types.ts'
import type { BatchHandler, Handler, HandlerContext, MessageHandler } from './handler-types.ts'
import type { GroupInfo, GroupPartitionStats, GroupStats, TopicInfo } from './listing-types.ts'
import type { NamedProducer } from './publish/named-producer-types.ts'

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

export interface BrokerOptions {
  /** Folder that keeps topics and groups on disk, made if it does not exist; default: none, and all is in memory. */
  readonly dir?: string | undefined
  /** Permission bits of folders that are made, 0o700 to 0o777; default 0o700. What exists keeps its own; the umask holds. */
  readonly dirMode?: number | undefined
  /** Permission bits of files that are made, 0o600 to 0o777; default 0o600: only the owner reads records. The umask holds. */
  readonly fileMode?: number | undefined
  /** Upper bound of the shared memory of this broker, in bytes (virtual until touched); default 512 MiB. */
  readonly memoryMaxBytes?: number | undefined
  /** Threads that own partitions; default 1 (2 from 8 cores on). */
  readonly partitionThreads?: number | undefined
  /** Where events are told that nobody listens to; default: one rate-limited line each on stderr. `false`: nowhere. */
  readonly logger?: Logger | false | undefined
  /** Restarts of a broken thread of ours that are allowed within a period, before it is given up. */
  readonly restart?: RestartOptions | undefined
  /**
   * Open letters in a dead-letter topic at which `deadLetterDepth` is raised, 1 or more; default 1,000. It is raised as well when
   * they fill half of a partition in memory. `Infinity`: never.
   */
  readonly deadLetterDepth?: number | undefined
}

/**
 * A thread that dies is started again: at once the first time, then after 50 ms, doubling with a random fifth taken off,
 * to 5 s or a small part of `periodMs`; after 10 quiet seconds it begins anew. A death that a record was charged with
 * counts for nothing here: that record's attempts bound it.
 */
export interface RestartOptions {
  /** Restarts allowed within `periodMs`; default 10. */
  readonly intensity?: number | undefined
  /** Default 10,000 ms. */
  readonly periodMs?: number | undefined
}

/**
 * Called on the thread that created the broker. A message is one line: what is not printable in it is escaped (`\u001b`),
 * and 1,000 characters of it are shown. A logger that throws or rejects is told of once on stderr, and changes nothing.
 */
export interface Logger {
  warn(message: string): void
  error(message: string): void
}

export interface PublishOptions {
  readonly signal?: AbortSignal | undefined
  /** How long the publish may wait, in ms, or `Infinity`; default 60,000. */
  readonly timeoutMs?: number | undefined
}

export interface WritableOptions extends PublishOptions {
  /** Messages that may wait in the stream, 1 to 65,536; default 1,024. */
  readonly highWaterMark?: number | undefined
}

export interface CloseOptions {
  /**
   * In ms, or `Infinity`; default 8,000 for `broker.close`, 30,000 for `run.stop`. After that they reject with an account of what
   * remained.
   */
  readonly timeoutMs?: number | undefined
}

export interface Broker {
  /** Opens a topic, creating it if it does not exist. */
  topic<V = unknown>(name: string | TopicDefinition<V>, options?: TopicOptions): Promise<Topic<V>>
  /** All topics there are, also those on disk that nobody has opened in this process, and dead-letter topics; sorted by name. */
  topics(): Promise<readonly TopicInfo[]>
  /** A producer of a topic on disk, of which there is one with this name, in all processes. */
  producer<V = unknown>(name: string, topic: string | TopicDefinition<V> | Topic<V>): Promise<NamedProducer<V>>
  /** The dead letters that groups of this topic left behind. */
  deadLetters<V = unknown>(topic: string | TopicDefinition<V> | Topic<V>, options?: DeadLettersOptions): DeadLetters<V>
  /**
   * Calls `listener` on this thread for each such event; what it returns removes the listener. What it throws is an uncaught
   * exception of the process, and what it rejects an unhandled rejection, as with an `EventEmitter`; the broker goes on.
   */
  on<E extends keyof BrokerEvents>(event: E, listener: (event: BrokerEvents[E]) => void): () => void
  /**
   * Takes nothing new, waits until what was published is appended (not for what was answered already, as aborted or as too late),
   * lets handlers finish, and stops all threads. The records may take three quarters of `timeoutMs`, or all but 2 s of it. A handler
   * on this thread that awaits it is answered as by `run.stop`.
   *
   * @throws MillraceError `MILL_TIMEOUT` when not all of that was done in time: the broker is closed then, too
   */
  close(options?: CloseOptions): Promise<void>
  readonly closed: boolean
  [Symbol.asyncDispose](): Promise<void>
}

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

export interface Group<V = unknown> {
  readonly name: string
  readonly topic: string
  /** Handles every record on worker threads, in order per key. */
  run<R = unknown>(options: RunOptions): Promise<Run<R>>
  /** Handles every record with a function on this thread; same retries and dead letters. */
  handle<R = unknown>(handler: MessageHandler<V>, options?: HandleOptions): Promise<Run<R>>
  /** The same with a state for each partition, whose type is what `start` makes. */
  handle<R = unknown, S = undefined>(handler: Handler<V, S, R>, options?: HandleOptions): Promise<Run<R>>
  handle<R = unknown, S = undefined>(handler: BatchHandler<V, S, R>, options?: HandleOptions): Promise<Run<R>>
  /** The same for a handler of whichever kind. */
  handle<R = unknown>(
    handler: MessageHandler<V> | Handler<V, unknown, R> | BatchHandler<V, unknown, R>,
    options?: HandleOptions,
  ): Promise<Run<R>>
  /**
   * Async iterable of deliveries; the next turn acks the last, leaving the loop releases the current one. That is so for a throw as
   * well, which no loop can tell from a `break`: handle each delivery by `attempt` to have failures counted. Whoever reads
   * ahead acks what nobody has handled: for `Readable.from` take `stream`.
   */
  consume(options?: ConsumeOptions): AsyncIterableIterator<ManualDelivery<V>>
  /** Observable of deliveries; each ack returns one credit of `window`. */
  observe(options?: ObserveOptions): Observable<ManualDelivery<V>>
  /**
   * Stream of deliveries (`node:stream`, in object mode), of which `highWaterMark` may be out and not settled. Reading one settles
   * nothing, since a stream does not know what became of it: end the pipeline with `acknowledging`, or settle each delivery. A stream
   * that is destroyed leaves the group, and what is not settled comes again. Aborted by `signal` it ends: what it has handed on may
   * be settled for 5 s more.
   *
   * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`
   */
  stream(options?: StreamOptions): Readable
  stats(): Promise<GroupStats>
  /** Records between committed offset and high watermark, over all partitions. */
  lag(): Promise<number>
  /**
   * Moves the group: to the oldest record, behind the newest, to an offset, or to the first record that is not older than a
   * time; in one partition, or in all. Failures and snapshots of before are forgotten. Fails while it runs.
   */
  seek(to: 'earliest' | 'latest' | number | Date, options?: SeekOptions): Promise<void>
  /**
   * Forgets the group and stops it gating the topic. The dead-letter topic that was made for it goes as well, if no letter is
   * left in it and nobody else uses it. Resolves also when there is no such group.
   *
   * @throws MillraceError `MILL_GROUP_BUSY` while it runs
   */
  delete(): Promise<void>
}

export interface RangeOptions {
  /** Default: all. An offset needs it, for offsets are a partition's. */
  readonly partition?: number | undefined
  /** The oldest record (default), an offset, or the first record that is not older than a time. */
  readonly from?: 'earliest' | number | Date | undefined
  readonly signal?: AbortSignal | undefined
}

export interface SeekOptions {
  /** Default: all. An offset needs it, for offsets are a partition's. */
  readonly partition?: number | undefined
}

export interface Run<R = unknown> {
  readonly group: string
  readonly topic: string
  /**
   * Resolves when everything published so far is settled by this group. What handlers publish meanwhile is not waited for: of a
   * chain of topics, await one group after the other.
   *
   * @throws MillraceError `MILL_DEADLOCK` when a handler of this run, on this thread, awaits it before anything else; what the run failed with; `MILL_FULL` when its dead-letter topic has been full for 5 s
   */
  idle(): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  /**
   * Lets current deliveries finish, runs the handlers' `stop`, and resolves with what they returned. A handler of this run, on this
   * thread, that awaits it before anything else cannot wait for itself: it has an answer at once, without results, and `finished`
   * resolves when the run has stopped. After another `await` a handler must not await it: it would wait for `timeoutMs`.
   *
   * @throws MillraceError `MILL_TIMEOUT`, `MILL_HANDLER`
   */
  stop(options?: CloseOptions): Promise<StopReport<R>>
  stats(): Promise<GroupStats>
  lag(): Promise<number>
  /** Resolves when the run was stopped; rejects when it gave up. */
  readonly finished: Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface StopReport<R = unknown> {
  /** What each partition's `stop` returned, `undefined` left out, in partition order. */
  readonly results: readonly R[]
}

/** A topic's name, options and value type, shared by producers and handlers. */
export interface TopicDefinition<V = unknown> {
  readonly name: string
  readonly options: TopicOptions
  /** Type only; never present. */
  readonly value?: V
}

export type {
  BatchHandler,
  BrokerEvents,
  DeadLetterReason,
  Delivery,
  ErrorCode,
  GroupInfo,
  GroupPartitionStats,
  GroupStats,
  Handler,
  HandlerContext,
  ManualDelivery,
  MessageHandler,
  TopicInfo,
}
