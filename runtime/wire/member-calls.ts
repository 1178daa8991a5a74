/** Calls of the control thread to a thread that handles records. Types only. */

import type { MemoryHandle } from 'sharedarraybuffer-ring'
import type { RetryOrder } from '../words/group-options.ts'
import type { CursorId, Epoch } from '../words/quantities.ts'
import type { ThreadPlace } from './link-places.ts'
import type { Assignment, TopicShape } from './places.ts'
import type { GrownTopic } from './producer-places.ts'

/** How a group's handler is run, the same on a handler host and on the caller's thread. */
export interface RunShape {
  readonly run: number
  readonly topic: TopicShape
  readonly group: string
  readonly handlerTimeoutMs: number
  readonly output: string | null
  /** As in the group's options, for every member. */
  readonly atMostOnce: boolean
  readonly retryOrder: RetryOrder
  readonly concurrency: number
  readonly batch: BatchShape | null
  /** Of a queue's consumers: deliveries that each may have unsettled, at most; null: what they learn. */
  readonly prefetch: number | null
  /** Of a queue's consumers: those of a lower one get what those of a higher one have no room for. */
  readonly consumerPriority: number
}

/** Bounds of a batch, if any were asked for. */
export interface BatchShape {
  readonly maxRecords: number
  readonly maxWaitMs: number
}

/** How a reader let a partition go. */
export interface RevokeAnswer {
  /** Whether it held the partition; then it writes to the slot no more. */
  readonly held: boolean
  /** Result of the handler's `stop`. */
  readonly result?: unknown
}

/** Calls that a thread with readers answers, about the readers of one run. */
export interface MemberApi {
  assign(run: number, assignment: Assignment): Promise<void>
  /** Stops after the current delivery, and runs the handler's `stop` if it is asked to. */
  revoke(run: number, cursor: CursorId, epoch: Epoch, stop: boolean): Promise<RevokeAnswer>
  /** Aborts the signal of a queue's message. Resolves when its consumer has let go of it, or after so long. */
  cancel(run: number, cursor: CursorId, epoch: Epoch, tag: number, withinMs: number): Promise<void>
  pause(run: number): void
  resume(run: number): void
}

/** Start values of a handler host. */
export interface HandlerHostBoot {
  readonly memory: MemoryHandle
  readonly place: ThreadPlace
  readonly shape: RunShape
  /** URL of the handler's module. */
  readonly handler: string
  readonly data: unknown
  /** The broker's control calls, for the handler's publishes. */
  readonly control: import('node:worker_threads').MessagePort
}

/** Calls that a handler host answers. */
export interface HandlerHostApi extends MemberApi {
  /** Topics have more partitions. */
  grown(topics: readonly GrownTopic[]): void
  /** These members, which it is given next, are to be handled alone at first. */
  careful(cursors: readonly number[]): void
  /** Loads the handler; resolves with whether it keeps snapshots, rejects with MILL_HANDLER. */
  load(): Promise<boolean>
  end(): void
}
