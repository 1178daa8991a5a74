/** A consumer group as callers see it. Types only. */
import type { Readable } from 'node:stream'
import type { Observable } from 'rxjs'
import type { ManualDelivery } from './delivery.ts'
import type { ConsumeOptions, HandleOptions, ObserveOptions, RunOptions, StreamOptions } from './group-options.ts'
import type { BatchHandler, Handler, MessageHandler, RecordsHandler } from './handler.ts'
import type { GroupStats } from './listing.ts'
import type { Run } from './run.ts'

/**
 * A consumer group of a topic, on the thread that created the broker. Every group sees every record; one member handles each record.
 *
 * All calls that consume check their options: `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`. They fail with
 * `MILL_CONFIG_MISMATCH` for other options than the group has, `MILL_MEMORY` without room for the group, `MILL_TOPIC_DELETED`,
 * `MILL_ABORTED` by their signal, and `MILL_CLOSED`.
 */
export interface Group<V = unknown> {
  /** Name of the group. */
  readonly name: string
  /** Name of its topic. */
  readonly topic: string
  /**
   * Handles every record on worker threads, in order for each key. Resolves when the threads have loaded the handler.
   *
   * @throws MillraceError `MILL_HANDLER` for a handler that cannot be used; `MILL_UNSERIALISABLE` for `data` that no thread can read
   */
  run<R = unknown>(options: RunOptions): Promise<Run<R>>
  /**
   * Handles every record with a function on this thread, with the same retries and dead letters.
   *
   * @throws MillraceError `MILL_HANDLER` for a handler that cannot be used
   */
  handle<R = unknown>(handler: MessageHandler<V>, options?: HandleOptions): Promise<Run<R>>
  /** The same with a state for each partition. `start` makes the state, and its result gives the type. */
  handle<R = unknown, S = undefined>(handler: Handler<V, S, R>, options?: HandleOptions): Promise<Run<R>>
  /** The same with batches of records. */
  handle<R = unknown, S = undefined>(handler: BatchHandler<V, S, R>, options?: HandleOptions): Promise<Run<R>>
  /** The same with a cursor over many records. */
  handle<R = unknown, S = undefined>(handler: RecordsHandler<V, S, R>, options?: HandleOptions): Promise<Run<R>>
  /** The same for a handler of any of these kinds. */
  handle<R = unknown>(
    handler: MessageHandler<V> | Handler<V, unknown, R> | BatchHandler<V, unknown, R> | RecordsHandler<V, unknown, R>,
    options?: HandleOptions,
  ): Promise<Run<R>>
  /**
   * Async iterable of deliveries. The next turn acks the last delivery, and leaving the loop releases the current one.
   *
   * A `throw` also leaves the loop, and no loop can tell it from a `break`. Handle each delivery by `attempt` to have failures
   * counted. A caller that reads ahead acks unhandled deliveries: use `stream` instead of `Readable.from`.
   *
   * @throws MillraceError `MILL_FULL` when 256 calls of `next` wait already; also any error with which the run fails
   */
  consume(options?: ConsumeOptions): AsyncIterableIterator<ManualDelivery<V>>
  /** Observable of deliveries. Each settlement returns one credit of `window`. */
  observe(options?: ObserveOptions): Observable<ManualDelivery<V>>
  /**
   * Stream of deliveries (`node:stream`, in object mode). At most `highWaterMark` are handed out and not settled.
   *
   * Reading a delivery settles nothing, since a stream does not know what became of it. End the pipeline with `acknowledging`, or
   * settle each delivery. A stream that is destroyed leaves the group, and unsettled deliveries come again. `signal` ends the
   * stream; its deliveries may be settled for 5 s more.
   *
   * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`
   */
  stream(options?: StreamOptions): Readable
  /** Counts of the group: processed, dead-lettered and failed records, lag, threads, and more. */
  stats(): Promise<GroupStats>
  /** Records between committed offset and high watermark, over all partitions. */
  lag(): Promise<number>
  /**
   * Moves the group: to the oldest record, behind the newest, to an offset, or to the first record that is not older than a time.
   * It moves one partition, or all. Earlier failures and snapshots are forgotten.
   *
   * @throws MillraceError `MILL_GROUP_BUSY` while it runs; `MILL_OFFSET_GONE`, `MILL_OUT_OF_RANGE` for an offset that does not exist;
   *   `MILL_INVALID_OPTION`, also for a group that does not exist; `MILL_DISK`
   */
  seek(to: 'earliest' | 'latest' | number | Date, options?: SeekOptions): Promise<void>
  /**
   * Deletes the group, which then holds back no record. The dead-letter topic that was made for it is deleted as well, if it has no
   * letter and no other user. Resolves also when the group does not exist.
   *
   * @throws MillraceError `MILL_GROUP_BUSY` while it runs;
   *   `MILL_UNSUPPORTED` on an attached thread
   */
  delete(): Promise<void>
}

/** Options of `topic.replay`. */
export interface RangeOptions {
  /** Partition to read; default: all. An offset in `from` needs it, because offsets belong to a partition. */
  readonly partition?: number | undefined
  /** Start: the oldest record (default), an offset, or the first record that is not older than a time. */
  readonly from?: 'earliest' | number | Date | undefined
  /** Ends the reading when it is aborted. */
  readonly signal?: AbortSignal | undefined
}

/** Options of `group.seek`. */
export interface SeekOptions {
  /** Partition to move; default: all. An offset needs it, because offsets belong to a partition. */
  readonly partition?: number | undefined
}
