/** How groups are set up, and how they are read: types only. What is left out has the default that is named. */

import type { RestartOptions } from './common-options.ts'

export interface GroupOptions {
  /** Failures allowed per record in total before it is dead-lettered, 1 to 1,000,000; default 5. */
  readonly attempts?: number | undefined
  readonly backoff?: BackoffOptions | undefined
  /** Dead-letter topic: its name, or `false` for none (only with `attempts: Infinity`); default `<topic>.<group>.dlq`. */
  readonly deadLetter?: string | false | undefined
  /** Where a new group starts; default `earliest`. */
  readonly from?: 'earliest' | 'latest' | undefined
  /**
   * What waits while a record that failed is to be tried again: all later records of its `partition` (default), later
   * ones of its `key`, or `none`.
   */
  readonly retryOrder?: RetryOrder | undefined
}

/** What waits while a record that failed is to be tried again: its partition, later records of its key, or nothing. */
export type RetryOrder = 'partition' | 'key' | 'none'

export interface BackoffOptions {
  /** Wait after the first failure, in ms; default 100. Doubles with each failure. */
  readonly initialMs?: number | undefined
  /** Longest wait, in ms; default 10,000. */
  readonly maxMs?: number | undefined
  /** Random share of the wait, 0 to 1; default 0.2. */
  readonly jitter?: number | undefined
}

/**
 * When a record counts as delivered: after its handler (it may come again), or before (it may be lost). On disk a process
 * that is killed loses up to 1,024 records of each partition that way, and they are counted (`passedOver` of `GroupStats`).
 */
export type DeliveryGuarantee = 'at-least-once' | 'at-most-once'

export interface BatchOptions {
  /** Records handed to one call of `batch`, at most; 1 to 1,000, default 100. */
  readonly maxRecords?: number | undefined
  /** How long a smaller batch waits for more, in ms; 0 to 60,000, default 0. */
  readonly maxWaitMs?: number | undefined
}

export interface HandleOptions extends GroupOptions {
  /**
   * `at-least-once` (default): a record is committed when it was handled. `at-most-once`: it is committed before, never
   * comes again, and is dead-lettered at its first failure (`attempts` must be left out).
   */
  readonly delivery?: DeliveryGuarantee | undefined
  /**
   * Calls of the handler that may be pending at a time, per partition; 1 to 256, default 1. Records of one key are still
   * handled one after the other, those without a key in any order.
   */
  readonly concurrency?: number | undefined
  /** For handlers with a `batch` function. */
  readonly batch?: BatchOptions | undefined
  /** How long one delivery may take, in ms; default 30,000; `Infinity`: for ever. */
  readonly handlerTimeoutMs?: number | undefined
  /** Topic that takes what the handler returns (`undefined` is not published), under the input's key. */
  readonly output?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface RunOptions extends HandleOptions {
  /** Module whose default export is a function, or what `defineHandler` takes or returns: a file URL, or an absolute path. */
  readonly handler: URL | string
  /** Worker threads; default: cores - 1, at least 1. */
  readonly threads?: number | undefined
  /** Structured-cloneable value that handlers see as `context.data`. */
  readonly data?: unknown
  /** As for `new Worker`. */
  readonly resourceLimits?: ResourceLimits | undefined
  /** Restarts allowed that no record can be charged with; beyond that the run fails. */
  readonly restart?: RestartOptions | undefined
}

export interface ResourceLimits {
  readonly maxOldGenerationSizeMb?: number | undefined
  readonly maxYoungGenerationSizeMb?: number | undefined
  readonly codeRangeSizeMb?: number | undefined
  readonly stackSizeMb?: number | undefined
}

export interface ConsumeOptions extends GroupOptions {
  readonly signal?: AbortSignal | undefined
}

export interface ObserveOptions extends GroupOptions {
  /** Deliveries handed out and not settled, at most; 1 to 65,536; default 1,024. */
  readonly window?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface StreamOptions extends GroupOptions {
  /** Deliveries handed out and not settled, at most; 1 to 65,536; default 64. */
  readonly highWaterMark?: number | undefined
  readonly signal?: AbortSignal | undefined
}
