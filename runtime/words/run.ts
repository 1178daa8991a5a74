/** A group’s handlers at work. Types only. */
import type { CloseOptions } from './common-options.ts'
import type { GroupStats } from './listing.ts'

/** A run: the handlers of `group.run` or `group.handle`. It is used on the thread that created the broker. */
export interface Run<R = unknown> {
  /** Group that the run handles for. */
  readonly group: string
  /** Topic of the group. */
  readonly topic: string
  /**
   * Resolves when this group has settled everything published so far. It does not wait for records that handlers publish meanwhile:
   * for a chain of topics, await one group after another.
   *
   * @throws MillraceError `MILL_DEADLOCK` when a handler of this run, on this thread, awaits it before anything else; `MILL_FULL` when
   *   its dead-letter topic has been full for 5 s; any error with which the run fails
   */
  idle(): Promise<void>
  /** Stops handing out records. Handlers at work finish their records. */
  pause(): Promise<void>
  /** Continues after `pause`. */
  resume(): Promise<void>
  /**
   * Lets current deliveries finish, calls the handlers' `stop`, and resolves with their results.
   *
   * A handler of this run, on this thread, that awaits it before anything else is answered at once, without results. `finished`
   * resolves when the run has stopped. After another `await` a handler must not await it: it would wait for `timeoutMs`.
   *
   * @throws MillraceError `MILL_TIMEOUT`, `MILL_HANDLER`
   */
  stop(options?: CloseOptions): Promise<StopReport<R>>
  /** Counts of the group. */
  stats(): Promise<GroupStats>
  /** Records between committed offset and high watermark of the group. */
  lag(): Promise<number>
  /** Resolves when the run was stopped; rejects when it gave up, with `MILL_GAVE_UP` for instance. */
  readonly finished: Promise<void>
  /** Stops the run, as `stop()` does. */
  [Symbol.asyncDispose](): Promise<void>
}

/** The result of `run.stop`. */
export interface StopReport<R = unknown> {
  /** Results of each partition's `stop`, in partition order, without `undefined`. */
  readonly results: readonly R[]
}
