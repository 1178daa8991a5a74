/** Options of groups and of the calls that consume. Types only; an omitted option has the named default. */

import type { RestartOptions } from './common-options.ts'

/** Options of a group, the same in every call that consumes for it. */
export interface GroupOptions {
  /** Failures allowed for a record in total before it is dead-lettered, 1 to 1,000,000 or `Infinity`; default 5. */
  readonly attempts?: number | undefined
  /** Waits between the attempts. */
  readonly backoff?: BackoffOptions | undefined
  /** Name of the dead-letter topic, or `false` for none (only with `attempts: Infinity`); default `<topic>.<group>.dlq`. */
  readonly deadLetter?: string | false | undefined
  /** Start of a new group; default `earliest`. */
  readonly from?: 'earliest' | 'latest' | undefined
  /** Records that wait behind a failed one; default `partition`. */
  readonly retryOrder?: RetryOrder | undefined
}

/** Records that wait while a failed record is to be retried: later ones of its `partition`, later ones of its `key`, or `none`. */
export type RetryOrder = 'partition' | 'key' | 'none'

/** Waits between the attempts of a record. */
export interface BackoffOptions {
  /** Wait after the first failure, in ms; default 100. It doubles with each failure. */
  readonly initialMs?: number | undefined
  /** Longest wait, in ms; default 10,000. */
  readonly maxMs?: number | undefined
  /** Random share of the wait, 0 to 1; default 0.2. */
  readonly jitter?: number | undefined
}

/**
 * Time of the commit: after the handler (the record may come again), or before it (the record may be lost).
 *
 * At most once on disk, a killed process may pass over up to 1,024 records of each partition. `passedOver` of `GroupStats` counts them.
 */
export type DeliveryGuarantee = 'at-least-once' | 'at-most-once'

/** Options of a handler with a `batch` function. */
export interface BatchOptions {
  /** Records in one call of `batch` at most, 1 to 1,000; default 100. */
  readonly maxRecords?: number | undefined
  /** Time that a smaller batch waits for more records, in ms, 0 to 60,000; default 0. */
  readonly maxWaitMs?: number | undefined
}

/** Options of `group.handle`. */
export interface HandleOptions extends GroupOptions {
  /**
   * `at-least-once` (default): a record is committed after its handler. `at-most-once`: it is committed before, never comes again,
   * and is dead-lettered at its first failure (omit `attempts`).
   */
  readonly delivery?: DeliveryGuarantee | undefined
  /**
   * Calls of the handler that may be pending at a time in each partition, 1 to 256; default 1. Records of one key are still handled
   * one after another, records without a key in any order.
   */
  readonly concurrency?: number | undefined
  /** Size and wait of batches, for handlers with a `batch` function. */
  readonly batch?: BatchOptions | undefined
  /** Time limit of one delivery, in ms; default 30,000; `Infinity`: none. */
  readonly handlerTimeoutMs?: number | undefined
  /** Topic for the handler's results, under the input's key. `undefined` is not published. Default: none. */
  readonly output?: string | undefined
  /** Stops the run when it is aborted. */
  readonly signal?: AbortSignal | undefined
}

/** Options of `group.run`. */
export interface RunOptions extends HandleOptions {
  /** Handler's module, as a file URL or an absolute path. Its default export is a function, or an argument or result of `defineHandler`. */
  readonly handler: URL | string
  /** Number of worker threads, 1 to 256; default: cores - 1, at least 1. */
  readonly threads?: number | undefined
  /** Structured-cloneable value that handlers see as `context.data`. */
  readonly data?: unknown
  /** Memory limits of each handler thread, as for `new Worker`. */
  readonly resourceLimits?: ResourceLimits | undefined
  /** Restarts allowed without a record to charge; one more fails the run. */
  readonly restart?: RestartOptions | undefined
}

/** Memory limits of a thread, as for `new Worker` of Node. Buffers do not count. */
export interface ResourceLimits {
  /** Size of the old generation of the heap, in MiB. */
  readonly maxOldGenerationSizeMb?: number | undefined
  /** Size of the young generation of the heap, in MiB. */
  readonly maxYoungGenerationSizeMb?: number | undefined
  /** Size of the memory for generated code, in MiB. */
  readonly codeRangeSizeMb?: number | undefined
  /** Size of the stack, in MiB. */
  readonly stackSizeMb?: number | undefined
}

/** Options of `group.consume`. */
export interface ConsumeOptions extends GroupOptions {
  /**
   * End of the loop: `'caught-up'` ends it when everything published before its first turn is settled, by this member or another. Retries are
   * waited for, and dead letters count as settled. Default: it ends by `signal`, or when the broker closes.
   */
  readonly until?: 'caught-up' | undefined
  /** Ends the loop when it is aborted. */
  readonly signal?: AbortSignal | undefined
}

/** Options of `group.observe`. */
export interface ObserveOptions extends GroupOptions {
  /** Unsettled deliveries at most, 1 to 65,536; default 1,024. */
  readonly window?: number | undefined
  /** Ends the subscription when it is aborted. */
  readonly signal?: AbortSignal | undefined
}

/** Options of `group.stream`. */
export interface StreamOptions extends GroupOptions {
  /** Unsettled deliveries at most, 1 to 65,536; default 64. */
  readonly highWaterMark?: number | undefined
  /**
   * End of the stream: `'caught-up'` ends it when everything published before it is read is settled, by this member or another. Retries are
   * waited for, and dead letters count as settled. Default: it ends by `signal`, or when the broker closes.
   */
  readonly until?: 'caught-up' | undefined
  /** Ends the stream when it is aborted. Deliveries that it has handed on may be settled for 5 s more. */
  readonly signal?: AbortSignal | undefined
}
