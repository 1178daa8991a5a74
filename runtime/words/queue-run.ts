/** A queue's handlers at work. Types only. */
import type { CloseOptions } from './common-options.ts'
import type { QueueStats } from './queue-stats.ts'
import type { StopReport } from './run.ts'

/** A run: the handlers of `queue.run` or `queue.handle`. It is used on the thread that created the broker. */
export interface QueueRun<R = unknown> {
  /** Queue that the run handles for. */
  readonly queue: string
  /**
   * Resolves when everything that this thread sent so far, and everything that the queue has, is settled, by whichever consumer.
   *
   * @throws MillraceError `MILL_DEADLOCK` when a handler of this run, on this thread, awaits it before anything else; `MILL_FULL` when its
   *   dead-letter topic has been full for 5 s; any error with which the run fails
   */
  idle(): Promise<void>
  /** Takes no more messages, and gives back those that were not begun. Handlers at work finish theirs. */
  pause(): Promise<void>
  /** Continues after `pause`. */
  resume(): Promise<void>
  /**
   * Lets current deliveries finish, calls the handlers' `stop`, and resolves with their results. Messages that were not begun go back to
   * their places.
   *
   * A handler of this run, on this thread, that awaits it before anything else is answered at once, without results. `finished`
   * resolves when the run has stopped. After another `await` a handler must not await it: it would wait for `timeoutMs`.
   *
   * @throws MillraceError `MILL_TIMEOUT`, `MILL_HANDLER`
   */
  stop(options?: CloseOptions): Promise<StopReport<R>>
  /** Counts of the queue. */
  stats(): Promise<QueueStats>
  /** Resolves when the run was stopped; rejects when it gave up, with `MILL_GAVE_UP` for instance. */
  readonly finished: Promise<void>
  /** Stops the run, as `stop()` does. */
  [Symbol.asyncDispose](): Promise<void>
}
