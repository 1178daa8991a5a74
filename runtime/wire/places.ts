/**
 * Shapes and addresses that threads send each other: topics, partitions, groups, slots, and the start of a reader.
 *
 * Types only. Addresses are byte offsets into the broker's shared memory.
 */

import type { RetryOrder } from '../words/group-options.ts'
import type { CursorId, Epoch, Offset, PartitionId, Position } from '../words/quantities.ts'
import type { FileModes, HeldFolder } from './folder.ts'
import type { RingAt } from './link-places.ts'
import type { ProducedTopic } from './produced-topic.ts'
import type { ConsumerShape, QueueMemory } from './queue-places.ts'

/** A topic as every thread sees it. */
export interface TopicShape extends ProducedTopic {
  readonly windowBytes: number
  /** Null: the topic is in memory only. */
  readonly log: TopicLogShape | null
  /** Place of its first partition (control/placement.ts); left out: 0. */
  readonly base?: number
  /** Of a queue on disk, for the next process: what its group is. */
  readonly terms?: QueueTerms
}

/** How a topic is kept on disk. */
export interface TopicLogShape {
  readonly segmentBytes: number
  /** Infinity: for ever. */
  readonly retentionMs: number
  /** Size limit of a partition's log; Infinity: none. */
  readonly retentionBytes: number
}

/** The log of a partition on disk, as readers on any thread find it. */
export interface PartitionLogPlace {
  readonly folder: string
  readonly logId: Uint8Array
  readonly topic: number
  readonly partition: PartitionId
  readonly segmentBytes: number
  readonly frameBytesMax: number
  /** Address of the partition's words (layout.ts). */
  readonly words: number
}

/** Place of a broker's files on disk. */
export interface StorePlace {
  readonly dir: string
  /** Permission bits of new files and folders. */
  readonly modes: FileModes
  /** Lock to check, so that the folder is still this broker's; null: none. */
  readonly held: HeldFolder | null
  /** Id of all its logs. */
  readonly logId: Uint8Array
  /** Size of a file of a host's journal. */
  readonly journalBytes: number
  /** Bytes of a file of settled messages from which on it may be written anew; default: settled-log.ts’s. */
  readonly settledCompactBytes?: number | undefined
  /** Bytes of its log that a queue goes through in a step while it opens; default: waiting-scan.ts’s. */
  readonly queueScanBytes?: number | undefined
}

/** A partition as readers and its host see it. */
export interface PartitionPlace {
  readonly topic: number
  readonly partition: PartitionId
  readonly host: number
  readonly window: RingAt
  /** Address of its words (layout.ts). */
  readonly words: number
  /** Null: the topic is in memory only. */
  readonly log: PartitionLogPlace | null
}

/** Shared memory for the window of a partition on disk, beyond what it has at rest. */
export interface WindowOffer extends RingAt {
  /** Grows with each offer. */
  readonly number: number
}

/** Borrowed and offered memory of a partition on disk, as the control thread knows it. */
export interface HeldWindow {
  readonly topic: number
  readonly partition: PartitionId
  /** Number of the last offer. */
  readonly number: number
  /** Offer that is not known to be taken up; null: none. */
  readonly offer: WindowOffer | null
}

/** How a group treats records that fail. */
export interface RetryPolicy {
  /** Failures allowed in total; Infinity: only what is rejected or does not decode is dead-lettered. */
  readonly attempts: number
  /** Whether there is a dead-letter topic. */
  readonly hasDeadLetters: boolean
  readonly initialMs: number
  readonly maxMs: number
  readonly jitter: number
  /** Whether records are committed before they are handled. A failed record is then not retried. */
  readonly atMostOnce: boolean
  /** Records that wait behind a retry; the readers keep that order. */
  readonly order: RetryOrder
}

/** How a queue treats messages that fail. */
export interface QueueTerms {
  readonly policy: RetryPolicy
  /** Name of the dead-letter topic, or null for none. */
  readonly deadLetter: string | null
}

/** One group on one partition, as its partition host sees it. `cursor` is its number in links. */
export interface GroupPlace {
  readonly cursor: CursorId
  readonly topic: number
  readonly topicName: string
  readonly group: string
  readonly partition: PartitionId
  /** Address of its group block. */
  readonly block: number
  readonly policy: RetryPolicy
  /** Topic id that takes dead letters; -1: none. */
  readonly deadLetterTopic: number
  /** Partition of the dead-letter topic for the letters of this one. */
  readonly deadLetterPartition: PartitionId
  readonly from: 'earliest' | 'latest'
  /** Offset of its handler's last snapshot, where a new process continues; null: none. */
  readonly snapshotOffset: Offset | null
  /** Of a work queue, whose block is a queue's. */
  readonly queue?: QueueMemory
}

/** A record that was handed out before, as a new reader must know it. */
export interface KnownRecord {
  readonly offset: Offset
  readonly failedAttempts: number
  /** Hand-outs so far. */
  readonly deliveryAttempt: number
  /** Time before which it must not be delivered, on `nowMs`. */
  readonly notBeforeMs: number
  /** Dead-lettered already, or acked ahead of the committed offset: skip it. */
  readonly settled: boolean
  /** Whether it is to be a dead letter, and not to be handed out. A member that settles it again is notified of the letter. */
  readonly dying: boolean
  /** Whether its thread died while it and others were in hand, so that it could not be charged. */
  readonly suspect: boolean
}

/** A new slot on a partition for one incarnation of one reader. */
export interface SlotPlace {
  readonly cursor: CursorId
  readonly epoch: Epoch
  readonly slot: number
  readonly thread: number
  /** Whether commits lag behind returned handlers, because outputs must be confirmed first. */
  readonly confirms: boolean
  /** Of a consumer of a queue. Its `cursor` is its own, and the slot has its claims and deliveries. */
  readonly consumer?: ConsumerShape
}

/** Start of a reader. */
export interface StartAt {
  readonly committed: Offset
  readonly pin: Position
  readonly highWatermark: Offset
  /** Known records by offset. */
  readonly known: readonly KnownRecord[]
}

/** A handler's state that includes everything below an offset. */
export interface HandlerSnapshot {
  readonly offset: Offset
  /** JSON. */
  readonly text: string
}

/** Everything a reader needs to take a partition over. */
export interface Assignment extends SlotPlace, StartAt {
  /** Null: there is none. */
  readonly snapshot: HandlerSnapshot | null
  readonly topic: TopicShape
  readonly group: string
  readonly place: PartitionPlace
}
