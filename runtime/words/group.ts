/** A consumer group as callers see it. Types only. */
import type { Readable } from 'node:stream'
import type { Observable } from 'rxjs'
import type { ManualDelivery } from './delivery.ts'
import type { ConsumeOptions, HandleOptions, ObserveOptions, RunOptions, StreamOptions } from './group-options.ts'
import type { BatchHandler, Handler, MessageHandler } from './handler.ts'
import type { GroupStats } from './listing.ts'
import type { Run } from './run.ts'

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
