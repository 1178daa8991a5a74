/** Lists of topics and groups, and the progress of groups. Types only. */
import type { Rate } from './common-options.ts'
import type { CodecName, Durability } from './message.ts'

/** A topic in the list of `broker.topics`. */
export interface TopicInfo {
  /** Name of the topic. */
  readonly name: string
  /** Number of partitions. */
  readonly partitions: number
  /** Codec of its values. */
  readonly codec: CodecName
  /** Durability of acknowledged records. */
  readonly durability: Durability
  /** Largest encoded record, in bytes. */
  readonly maxMessageBytes: number
  /** Shared memory of each partition's window at most, in bytes. */
  readonly windowBytes: number
  /** Behaviour of `publish` at a full partition. */
  readonly onFull: 'wait' | 'reject'
  /** Limit of each producer's publishes in this process; null: none. */
  readonly publishRate: Rate | null
  /** Retention by age, in ms; null in memory. */
  readonly retentionMs: number | null
  /** Retention by size, in bytes for each partition; null in memory. */
  readonly retentionBytes: number | null
  /** Size of a segment file, in bytes; null in memory. */
  readonly segmentBytes: number | null
  /** Topics whose dead letters it has taken; empty: it is no dead-letter topic. */
  readonly deadLettersOf: readonly string[]
}

/** A queue in the list of `broker.queues`. `queue.stats()` reports its messages. */
export interface QueueInfo {
  /** Name of the queue. */
  readonly name: string
  /** Codec of its values. */
  readonly codec: CodecName
  /** Durability of acknowledged messages. */
  readonly durability: Durability
  /** Largest encoded message, in bytes. */
  readonly maxMessageBytes: number
  /** Number of priorities. */
  readonly priorities: number
  /** Messages that are not settled, at most; `Infinity`: as many as there is room for. */
  readonly maxMessages: number
  /** Their bytes, at most; `Infinity`: as many as there is room for. */
  readonly maxBytes: number
  /** Behaviour of `send` at a full queue. */
  readonly onFull: 'wait' | 'reject' | 'dropHead'
  /** Whether one consumer at a time has the queue. */
  readonly singleActive: boolean
  /** Messages of one key that may be out at a time; `Infinity`: no limit. */
  readonly keyConcurrency: number
}

/** A group in the list of `topic.groups`. `topic.group(name).stats()` reports its progress. */
export interface GroupInfo {
  /** Name of the group. */
  readonly name: string
  /** Whether a run or a subscription of it is open. */
  readonly running: boolean
  /** Threads that hold partitions of it now. */
  readonly threads: number
}

/** Counts of a group. */
export interface GroupStats {
  /** Topic of the group. */
  readonly topic: string
  /** Name of the group. */
  readonly group: string
  /** Records acked. */
  readonly processed: number
  /** Records moved to the dead-letter topic. */
  readonly deadLettered: number
  /** Records in doubt, at most once on disk: a killed process may or may not have handed them out. */
  readonly passedOver: number
  /** Open dead letters of this group: not replayed, not purged, not settled by the groups of their topic. */
  readonly deadLetterDepth: number
  /**
   * Whether the group stands still because a dead-letter topic does not accept a letter. Where that topic is full, a replay or a purge
   * of letters (`broker.deadLetters`) lets the group continue by itself.
   */
  readonly waitsForDeadLetters: boolean
  /** Failed attempts of all records. */
  readonly failures: number
  /** Records between committed offset and high watermark. */
  readonly lag: number
  /** Handler threads that died and were replaced. */
  readonly restarts: number
  /** Threads that hold partitions of this group now. */
  readonly threads: number
  /** Progress in each partition. */
  readonly partitions: readonly GroupPartitionStats[]
}

/** Progress of a group in one partition. */
export interface GroupPartitionStats {
  /** Partition. */
  readonly partition: number
  /** First offset that is not settled. */
  readonly committed: number
  /** First offset that is not readable yet. */
  readonly highWatermark: number
  /** Records between the two. */
  readonly lag: number
  /** Whether this partition waits for room in a dead-letter topic. */
  readonly waitsForDeadLetters: boolean
}
