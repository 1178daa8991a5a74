/**
 * What exists and where, as threads tell each other: topics, partitions, groups, slots, and how a reader takes one over.
 *
 * Types only. Addresses are byte offsets into the broker's shared memory.
 */

import type { RetryOrder } from '../words/group-options.ts'
import type { FileModes, HeldFolder } from './folder.ts'
import type { RingAt } from './link-places.ts'
import type { ProducedTopic } from './produced-topic.ts'

/** A topic as every thread sees it. */
export interface TopicShape extends ProducedTopic {
  readonly windowBytes: number
  /** Null: the topic is in memory only. */
  readonly log: TopicLogShape | null
}

/** How a topic is kept on disk. */
export interface TopicLogShape {
  readonly segmentBytes: number
  /** Infinity: for ever. */
  readonly retentionMs: number
  /** Of a partition's log; Infinity: without a bound. */
  readonly retentionBytes: number
}

/** The log of a partition on disk, as readers on any thread find it. */
export interface PartitionLogPlace {
  readonly folder: string
  readonly logId: Uint8Array
  readonly topic: number
  readonly partition: number
  readonly segmentBytes: number
  readonly frameBytesMax: number
  /** Address of the partition's words (layout.ts). */
  readonly words: number
}

/** Where a broker keeps what it has on disk. */
export interface StorePlace {
  readonly dir: string
  /** Of what is made in it. */
  readonly modes: FileModes
  /** What to look at to know whether the folder is still this broker's; null: nothing. */
  readonly held: HeldFolder | null
  /** Of all its logs. */
  readonly logId: Uint8Array
  /** Size of a file of a host's journal. */
  readonly journalBytes: number
}

/** A partition as readers and its host see it. */
export interface PartitionPlace {
  readonly topic: number
  readonly partition: number
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

/** What a partition on disk was lent or offered of such memory, as the control thread knows it. */
export interface HeldWindow {
  readonly topic: number
  readonly partition: number
  /** Of the last offer. */
  readonly number: number
  /** What it has not taken up, as far as that is known; null: nothing. */
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
  /** Records are committed before they are handled, and what fails is not tried again. */
  readonly atMostOnce: boolean
  /** What waits for a record that is tried again; its readers see to it. */
  readonly order: RetryOrder
}

/** One group on one partition, as its partition host sees it. `member` names it in links. */
export interface GroupPlace {
  readonly cursor: number
  readonly topic: number
  readonly topicName: string
  readonly group: string
  readonly partition: number
  /** Address of its group block. */
  readonly block: number
  readonly policy: RetryPolicy
  /** Topic id that takes dead letters; -1: none. */
  readonly deadLetterTopic: number
  /** Its partition that takes those of this one. */
  readonly deadLetterPartition: number
  readonly from: 'earliest' | 'latest'
  /** Of its handler's last snapshot, where it goes on when another process has left it; null: there is none. */
  readonly snapshotOffset: number | null
}

/** A record that was handed out before, as a new reader must know it. */
export interface KnownRecord {
  readonly offset: number
  readonly failedAttempts: number
  /** Hand-outs so far. */
  readonly deliveryAttempt: number
  /** In `nowMs`, before which it must not be delivered. */
  readonly notBeforeMs: number
  /** Dead-lettered already, or acked ahead of the committed offset: skip it. */
  readonly settled: boolean
  /** It is to be a dead letter, and not to be handed out: who settles it again hears when it is one. */
  readonly dying: boolean
  /** Its thread died while it and others were in hand, and it could not be charged. */
  readonly suspect: boolean
}

/** A new slot on a partition for one incarnation of one reader. */
export interface SlotPlace {
  readonly cursor: number
  readonly epoch: number
  readonly slot: number
  readonly thread: number
  /** Whether commits lag behind returned handlers, because outputs must be confirmed first. */
  readonly confirms: boolean
}

/** Where a reader starts. */
export interface StartAt {
  readonly committed: number
  readonly pin: number
  readonly highWatermark: number
  /** By offset. */
  readonly known: readonly KnownRecord[]
}

/** What a handler's state was like when everything below an offset was in it. */
export interface HandlerSnapshot {
  readonly offset: number
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
