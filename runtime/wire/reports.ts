/** Reports of partition hosts about partitions and groups. Types only. */
import type { GroupPartitionStats } from '../words/listing.ts'
import type { PartitionStats } from '../words/topic.ts'

export interface HostPartitionStats extends PartitionStats {
  readonly dropped: number
  readonly deadLetterDepth: number
}

/** Report of a partition host about one group on one partition. */
export interface GroupReport extends GroupPartitionStats {
  readonly cursor: number
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
  readonly partition: number
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
