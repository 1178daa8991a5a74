/** How far a group is on one partition, as it is kept on disk. Types only. */
import type { CursorId, Offset } from '../words/quantities.ts'
import type { StoredFailure } from './stored-failure.ts'

/** One group on one partition. */
export interface GroupState {
  /** First offset not settled; at most once, the first whose handling is not over. */
  readonly committed: Offset
  /** Where the group goes on in another process. Above `committed` only at most once, while someone reads. */
  readonly ceiling: number
  /** Of the records between those two, in all processes so far, how many may or may not have been handed out. */
  readonly passedOver: number
  /** Records before the group's start, and those that were dropped. */
  readonly skipped: number
  readonly deadLettered: number
  readonly failed: number
  /** End of the partition that takes its dead letters. */
  readonly letters: number
  readonly failures: readonly StoredFailure[]
  /** Records that have a dead letter before `letters`, and found no room among the failures (reopened-group.ts). */
  readonly beyond: readonly number[]
}

/** A group that is kept on disk. */
export interface KeptGroup {
  readonly place: { readonly cursor: CursorId }
  /** As it is to be kept now; null: nothing is to be written of it. */
  state(): GroupState | null
}
