/**
 * Calls of the control thread to a partition host, its start values, and its notices.
 *
 * Types only. Every call is idempotent: the control thread knows what exists, and tells a host again after a restart.
 * Records never travel here.
 */

import type { MemoryHandle } from 'sharedarraybuffer-ring'
import type { BrokerEvents, DeadLetterReason } from '../words/broker-events.ts'
import type { ErrorWire } from '../words/errors.ts'
import type { CursorId, Epoch, Offset, PartitionId, RingId } from '../words/quantities.ts'
import type { CutTail } from './folder.ts'
import type { LetterCursor, LetterMark, LetterPage } from './letter-calls.ts'
import type { LinkPlace } from './link-places.ts'
import type { MemoryTuning } from './memory-tuning.ts'
import type {
  GroupPlace,
  HeldWindow,
  PartitionPlace,
  SlotPlace,
  StartAt,
  StorePlace,
  TopicShape,
  WindowOffer,
} from './places.ts'
import type { RingPlace } from './producer-places.ts'
import type { QueueAsks } from './queue-asks.ts'
import type { GroupReport, HostPartitionStats, PartitionDepth, QueueReport } from './reports.ts'
import type { StartPosition } from './start-position.ts'

/** How the last reader of a slot ended, when not in good order. */
export interface SlotCrash {
  readonly reason: Extract<DeadLetterReason, 'crashed' | 'timeout'>
  readonly error: ErrorWire
  /** Whether the record handed out last was being handled when the thread died. */
  readonly executing: boolean
  /** Whether some record is charged with it, of this slot or of another. Default: `executing`. */
  readonly charged?: boolean
  /** Of a queue: the thread was ended to cancel these messages, and no message is charged with that. */
  readonly cancelled?: readonly Offset[]
}

/** A partition that takes dead letters. */
export interface LetterIndexPlace {
  readonly topic: number
  readonly partition: PartitionId
  /** Address of the bits that mark settled letters; 0: on disk. */
  readonly address: number
  /** Members of all groups that have ever read it, of a topic on disk. */
  readonly readers: readonly number[]
}

/** Notices of a partition host. */
export type HostNotice =
  | {
      readonly kind: 'deadLettered'
      readonly events: readonly BrokerEvents['deadLettered'][]
      readonly omitted: number
    }
  | { readonly kind: 'passedOver'; readonly event: BrokerEvents['passedOver'] }
  | { readonly kind: 'dropped'; readonly event: BrokerEvents['dropped'] }
  | { readonly kind: 'attemptFailed'; readonly event: BrokerEvents['attemptFailed'] }
  | { readonly kind: 'looping'; readonly event: BrokerEvents['looping'] }
  /** How many open letters partitions have now that had another number before. */
  | {
      readonly kind: 'deadLetterDepth'
      readonly depths: readonly PartitionDepth[]
    }
  /** A group stands still, because its dead-letter topic is full. */
  | { readonly kind: 'stalled'; readonly event: BrokerEvents['stalled'] }
  | { readonly kind: 'drained'; readonly thread: number }
  | { readonly kind: 'ringDrained'; readonly ring: RingId }
  /** A partition on disk is busy, and asks for a window of so many bytes. */
  | { readonly kind: 'windowAsked'; readonly topic: number; readonly partition: PartitionId; readonly bytes: number }
  /**
   * The data of its window are at this address now; 0: in its memory at rest. Its other borrowed or offered memory, up
   * to the offer of this number, is free.
   */
  | {
      readonly kind: 'windowMoved'
      readonly topic: number
      readonly partition: PartitionId
      readonly address: number
      readonly number: number
    }
  | { readonly kind: 'broken'; readonly error: ErrorWire }
  /** Files were not whole when it opened them, and their ends were cut off. */
  | { readonly kind: 'recovered'; readonly cuts: readonly CutTail[] }
  /** Its disk has failed: it writes nothing any more. */
  | { readonly kind: 'diskFailed'; readonly error: ErrorWire }

/** A thread as a partition host reaches it. */
export interface LinkedThread {
  readonly thread: number
  readonly bell: number
  readonly link: LinkPlace
}

/** All that one partition host is to know. */
export interface HostHoldings {
  readonly threads: readonly LinkedThread[]
  readonly partitions: readonly { readonly place: PartitionPlace; readonly topic: TopicShape }[]
  readonly windows: readonly HeldWindow[]
  readonly letterIndexes: readonly LetterIndexPlace[]
  readonly groups: readonly GroupPlace[]
  readonly slots: readonly SlotPlace[]
  /** Older ones first. */
  readonly rings: readonly {
    readonly place: RingPlace
    readonly topic: number
    readonly thread: number
    readonly after: number
  }[]
  /** Attached threads that have ended. */
  readonly leaving: readonly number[]
}

/** Calls that a partition host answers. All idempotent. */
export interface PartitionHostApi {
  /** The first call to a new thread. */
  restore(holdings: HostHoldings): void
  addThread(thread: LinkedThread): void
  /** The thread has ended: drain its rings to the published tails, then say `drained`. */
  removeThread(thread: number): void
  /** `members`: of its groups, those that may be kept on disk. Answers where its log ends; null: it is in memory only. */
  addPartition(place: PartitionPlace, topic: TopicShape, cursors: readonly number[]): number | null
  /**
   * Closes a topic that no group reads any more. `gone`: it was deleted, no state of it is kept, producers are
   * notified, and their frames are not taken. Null: it could not be opened, and has no user.
   */
  dropTopic(topic: number, gone: { readonly partitions: number; readonly cursors: readonly number[] } | null): void
  /** Closes the partitions from `from` on, after they could not all be added. They have no producer and no reader. */
  dropPartitions(topic: number, from: number): void
  /** The partition takes dead letters from now on. */
  addLetterIndex(letterIndex: LetterIndexPlace): void
  readLetters(topic: number, partition: PartitionId, cursor: LetterCursor): LetterPage
  settleLetters(topic: number, partition: PartitionId, letters: readonly LetterMark[]): void
  /** `after`: the ring that is drained first, or 0. */
  addRing(ring: RingPlace, topic: number, thread: number, after: number): void
  openGroup(group: GroupPlace): void
  /** Opens the same group with other options, before it has a member. */
  reopenGroup(group: GroupPlace): void
  deleteGroup(cursor: CursorId): void
  openSlot(slot: SlotPlace): StartAt
  closeSlot(cursor: CursorId, epoch: Epoch, crash: SlotCrash | null): void
  /** The low word of the number of the last record that a named producer has in a partition, from an offset on. */
  lastSequence(topic: number, partition: PartitionId, producer: number, from: number): number | null
  /** The offset that is meant, and the high watermark. @throws MillraceError MILL_OFFSET_GONE, MILL_OUT_OF_RANGE */
  offsetAt(topic: number, partition: PartitionId, place: StartPosition): { readonly from: number; readonly to: number }
  /** Moves a group without a reader. @throws MillraceError as `offsetAt` */
  seekGroup(cursor: CursorId, place: StartPosition): void
  /** Offers a partition on disk memory for its window. The host reports when it uses it. */
  offerWindow(topic: number, partition: PartitionId, offer: WindowOffer): void
  /** Recalls borrowed memory of these windows. The host returns it when no reader is copying. */
  recallWindows(windows: readonly { readonly topic: number; readonly partition: PartitionId }[]): void
  partitionStats(topic: number): readonly HostPartitionStats[]
  groupReports(cursors: readonly number[]): readonly GroupReport[]
  queueReport(cursor: CursorId): QueueReport | Promise<QueueReport>
  /** Asks a queue about its messages. `queue`: the number of its group. @throws MillraceError MILL_TOPIC_DELETED, MILL_DISK */
  askQueue<K extends keyof QueueAsks>(
    queue: CursorId,
    ask: K,
    asked: Parameters<QueueAsks[K]>,
  ): ReturnType<QueueAsks[K]> | Promise<ReturnType<QueueAsks[K]>>
  /** What a consumer has told its queue is as durable as the queue. `queue`: the number of the queue's group. @throws MillraceError MILL_DISK */
  confirmQueue(queue: CursorId, consumer: CursorId): void | Promise<void>
  /**
   * Resolves when each of these members has settled everything that is readable now. `butLater`: a queue need not have settled messages
   * that wait for their time. `wait`: its number, to leave it.
   */
  idle(cursors: readonly number[], butLater: boolean, wait: number): Promise<void>
  /** Resolves a wait that nobody waits for any more, if it is not over. */
  leaveIdle(wait: number): void
  /** Brings what it has on disk into good order and adopts no more work. @throws MillraceError MILL_DISK */
  stop(): void
}

/** Start values of a partition host. */
export interface PartitionHostBoot {
  readonly memory: MemoryHandle
  readonly host: number
  /** Address of its own words: bell and wants. */
  readonly address: number
  readonly fault: number
  readonly store: StorePlace | null
  readonly tuning: MemoryTuning
}
