/** A member of a group as its coordinator reaches it, and what it leaves behind. Types only; the control thread. */

import type { SlotCrash } from '../wire/host-calls.ts'
import type { RevokeAnswer } from '../wire/member-calls.ts'
import type { Assignment, SlotPlace } from '../wire/places.ts'
import type { GrownTopic } from '../wire/producer-places.ts'
import type { ThreadEntry } from './catalog-entries.ts'

/** One incarnation of a member. Calls reject with CallError when its thread is gone, or is waited for no longer. */
export interface MemberHandle {
  readonly run: number
  readonly thread: ThreadEntry
  readonly confirms: boolean
  /** Of a queue's consumer, as in RunShape. */
  readonly prefetch: number | null
  readonly consumerPriority: number
  /** Before it is given these: what its predecessor may have died of is handled alone at first. Never rejects. */
  careful(cursors: readonly number[]): Promise<void>
  assign(assignment: Assignment): Promise<void>
  revoke(cursor: number, epoch: number, stop: boolean): Promise<RevokeAnswer>
  /** Of a queue's consumer: aborts the signal of a message that it has begun. Resolves when it has let go of that, or after so long. */
  cancel?(cursor: number, epoch: number, tag: number, withinMs: number): Promise<void>
  /** Ends its thread to cancel a message of a queue, and nothing is charged. Resolves when it has ended. Left out: it cannot be ended. */
  endFor?(offset: number): Promise<void>
  /** How its thread ended, once it has, as far as that slot is concerned; null: no fault of its own, or it lives. */
  crashOf(slot: SlotPlace): Promise<SlotCrash | null>
  /** Topics that its thread publishes to have more partitions. Nobody waits until it has heard of it. */
  grown(topics: readonly GrownTopic[]): void
  /** The member cannot take a partition: its handler's `start` failed, or does not return. */
  refused(error: unknown): void
}

export interface PartitionResult {
  readonly partition: number
  readonly result: unknown
}

/** How a run ended: what its handlers' `stop` returned, in partition order, and which of them threw what. */
export interface Farewell {
  readonly results: readonly PartitionResult[]
  readonly failures: readonly { readonly partition: number; readonly error: unknown }[]
}

/** What a member's slots looked like when its thread ended. */
export type CrashOf = (slot: SlotPlace) => SlotCrash
