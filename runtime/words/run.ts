/** A group’s handlers at work. Types only. */
import type { CloseOptions } from './common-options.ts'
import type { GroupStats } from './listing.ts'

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
