/** Reports of partition hosts about partitions and groups. Types only. */

import type { GroupPartitionStats } from '../words/listing.ts'
import type { CursorId, PartitionId } from '../words/quantities.ts'
import type { PartitionStats } from '../words/topic.ts'

export interface HostPartitionStats extends PartitionStats {
  readonly dropped: number
  readonly deadLetterDepth: number
}

/** Report of a partition host about one group on one partition. */
export interface GroupReport extends GroupPartitionStats {
  readonly cursor: CursorId
  readonly processed: number
  readonly passedOver: number
  readonly deadLettered: number
  readonly failures: number
  readonly lagBytes: number
  /** Dead letters of this group that wait: not replayed, not purged, not settled by the groups of their topic. */
  readonly deadLetterDepth: number
}

/** The dead letters of one partition. */
export interface PartitionDepth {
  readonly topic: number
  readonly partition: PartitionId
  /** Letters that wait. */
  readonly depth: number
  /** How much of its room in memory letters take, 0 to 1; on disk 0. */
  readonly filled: number
}

export interface GroupSummary {
  readonly topic: string
  readonly group: string
  readonly restarts: number
  readonly threads: number
  readonly reports: readonly GroupReport[]
}

/** Counts of a work queue. All messages that were accepted are in one of the first ten. */
export interface QueueReport {
  /** Waiting to be handed out, and those of `dying`. */
  readonly ready: number
  readonly unacked: number
  /** That failed and wait for their retry. */
  readonly retrying: number
  /** That are not due yet. */
  readonly scheduled: number
  readonly acked: number
  readonly deadLettered: number
  /** Whose time to live was over, without a dead letter. */
  readonly expired: number
  readonly dropped: number
  readonly purged: number
  readonly cancelled: number
  readonly accepted: number
  /** Of `ready`: those that wait for room for their dead letter. */
  readonly dying: number
  /** Of what is not settled, MESSAGE_OVERHEAD of each included. */
  readonly bytes: number
  /** Of what may be handed out, by priority. */
  readonly readyByPriority: readonly number[]
  readonly consumers: number
  /** Dead letters of this queue that wait. */
  readonly deadLetterDepth: number
  /** Messages that were not taken, because their ids were known. */
  readonly duplicates: number
  /** Ids that were forgotten before their time. */
  readonly forgottenIds: number
  /** Failed attempts so far. */
  readonly failures: number
}
