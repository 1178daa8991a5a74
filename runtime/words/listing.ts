/** What callers are told of what exists, and of how far groups are. Types only. */
import type { CodecName, Durability } from './message.ts'

/** What is known of a topic. */
export interface TopicInfo {
  readonly name: string
  readonly partitions: number
  readonly codec: CodecName
  readonly durability: Durability
  /** Bytes. */
  readonly maxMessageBytes: number
  /** Bytes of shared memory for each partition. */
  readonly windowBytes: number
  readonly onFull: 'wait' | 'reject'
  /** In ms; null in memory. */
  readonly retentionMs: number | null
  /** In bytes for each partition; null in memory. */
  readonly retentionBytes: number | null
  /** In bytes; null in memory. */
  readonly segmentBytes: number | null
  /** Topics whose dead letters it has taken; empty: it is no dead-letter topic. */
  readonly deadLettersOf: readonly string[]
}

/** What is known of a group without asking how far it is, which `topic.group(name).stats()` tells. */
export interface GroupInfo {
  readonly name: string
  /** Whether a run or a subscription of it is open. */
  readonly running: boolean
  /** Threads that hold partitions of it now. */
  readonly threads: number
}

export interface GroupStats {
  readonly topic: string
  readonly group: string
  /** Records acked. */
  readonly processed: number
  readonly deadLettered: number
  /** At most once, on disk: records of which it is not known whether processes that were killed had handed them out. */
  readonly passedOver: number
  /** Dead letters of this group that wait: not replayed, not purged, not settled by the groups of their topic. */
  readonly deadLetterDepth: number
  /**
   * A record is to be dead-lettered, and its dead-letter topic does not take it: the group stands still there. Where the topic is
   * full, a replay or a purge of letters (`broker.deadLetters`) sets it going, and nothing else needs to be done.
   */
  readonly waitsForDeadLetters: boolean
  /** Failed attempts, of all records. */
  readonly failures: number
  readonly lag: number
  /** Handler threads that died and were replaced. */
  readonly restarts: number
  /** Threads that hold partitions of this group now. */
  readonly threads: number
  readonly partitions: readonly GroupPartitionStats[]
}

export interface GroupPartitionStats {
  readonly partition: number
  readonly committed: number
  readonly highWatermark: number
  readonly lag: number
  readonly waitsForDeadLetters: boolean
}
