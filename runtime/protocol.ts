/**
 * What the threads of one broker say to each other over control ports: data and the calls that carry it.
 *
 * Types only. The control thread holds the truth about what exists (topics, threads, groups, members) and tells hosts,
 * who can be told again after a restart: every call to a partition host is idempotent. Records never travel here.
 */

import type { MemoryHandle } from 'sharedarraybuffer-ring'
import type { ErrorWire } from './errors.ts'
import type { RetryOrder } from './group-option-types.ts'
import type { Phase } from './layout.ts'
import type { LetterCursor, LetterMark, LetterPage, LetterTopics } from './letter-calls.ts'
import type { CutTail } from './log/cut-tail.ts'
import type { HeldFolder } from './log/lock-watch.ts'
import type { FileModes } from './log/node-disk.ts'
import type { MemoryTuning } from './memory-tuning.ts'
import type {
  Assignment,
  GroupPlace,
  HandlerSnapshot,
  HeldWindow,
  PartitionLogPlace,
  PartitionPlace,
  RetryPolicy,
  SlotPlace,
  StartAt,
  StorePlace,
  TopicShape,
  WindowOffer,
} from './places.ts'
import type { RingPlace } from './publish/partition-writer.ts'
import type { ClientPlace, LinkPlace } from './thread/attached-thread.ts'
import type {
  BrokerEvents,
  DeadLetterReason,
  Durability,
  GroupInfo,
  GroupPartitionStats,
  PartitionStats,
  TopicInfo,
} from './types.ts'

/** How the last reader of a slot ended, when not in good order. */
export interface SlotCrash {
  readonly reason: Extract<DeadLetterReason, 'crashed' | 'timeout'>
  readonly error: ErrorWire
  /** Whether the record handed out last was being handled when the thread died. */
  readonly executing: boolean
  /** Whether some record is charged with it, of this slot or of another. Default: `executing`. */
  readonly charged?: boolean
}

/** A partition that takes dead letters. */
export interface DeskPlace {
  readonly topic: number
  readonly partition: number
  /** Where it keeps which of them are settled; 0: on disk. */
  readonly address: number
  /** Members of all groups that have ever read it, of a topic on disk. */
  readonly readers: readonly number[]
}

/** How far a named producer is known to be. */
export interface ProducerState {
  /** By which its frames are known. */
  readonly id: number
  /** All records of lower numbers are acknowledged. */
  readonly next: number
  /** By partition: the offset of a frame that has one of its last acknowledged records. */
  readonly seen: readonly number[]
  /** Over how many partitions its records spread; left out: over those in `seen`. */
  readonly spread?: readonly Spread[]
}

/** From the record of this number on, keys are spread over so many partitions. */
export interface Spread {
  readonly from: number
  readonly partitions: number
}

/** What a named producer needs to publish. */
export interface NamedPlaces extends ProducerPlaces {
  readonly state: ProducerState
  /** By partition: the number after the last record that it has. */
  readonly passed: readonly number[]
}

/** From where to read. */
export type ReadPlace = 'earliest' | 'latest' | { readonly offset: number } | { readonly timeMs: number }

/** What is read again of a partition on disk. */
export interface ReadRange {
  readonly partition: number
  readonly place: PartitionLogPlace
  readonly from: number
  /** Before this offset. */
  readonly to: number
}

/** What a partition host knows of one group on one partition. */
export interface GroupReport extends GroupPartitionStats {
  readonly member: number
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

/** What a partition host tells without being asked. */
export type HostNotice =
  | {
      readonly kind: 'deadLettered'
      readonly events: readonly BrokerEvents['deadLettered'][]
      readonly omitted: number
    }
  | { readonly kind: 'passedOver'; readonly event: BrokerEvents['passedOver'] }
  | { readonly kind: 'dropped'; readonly event: BrokerEvents['dropped'] }
  | { readonly kind: 'attemptFailed'; readonly event: BrokerEvents['attemptFailed'] }
  /** How many open letters partitions have now that had another number before. */
  | {
      readonly kind: 'deadLetterDepth'
      readonly depths: readonly PartitionDepth[]
    }
  /** A group stands still, because its dead-letter topic is full. */
  | { readonly kind: 'stalled'; readonly event: BrokerEvents['stalled'] }
  | { readonly kind: 'drained'; readonly client: number }
  | { readonly kind: 'ringDrained'; readonly ring: number }
  /** A partition on disk is busy, and asks for a window of so many bytes. */
  | { readonly kind: 'windowAsked'; readonly topic: number; readonly partition: number; readonly bytes: number }
  /**
   * The data of its window are at this address now, 0: where they are at rest. Of what it was lent and offered, up to the offer of
   * this number, the rest is free.
   */
  | {
      readonly kind: 'windowMoved'
      readonly topic: number
      readonly partition: number
      readonly address: number
      readonly number: number
    }
  | { readonly kind: 'broken'; readonly error: ErrorWire }
  /** Files were not whole when it opened them, and their ends were cut off. */
  | { readonly kind: 'recovered'; readonly cuts: readonly CutTail[] }
  /** Its disk has failed: nothing is written any more. */
  | { readonly kind: 'diskFailed'; readonly error: ErrorWire }

/** A thread as a partition host reaches it. */
export interface LinkedClient {
  readonly client: number
  readonly bell: number
  readonly link: LinkPlace
}

/** All that one partition host is to know. */
export interface HostHoldings {
  readonly clients: readonly LinkedClient[]
  readonly partitions: readonly { readonly place: PartitionPlace; readonly topic: TopicShape }[]
  readonly windows: readonly HeldWindow[]
  readonly desks: readonly DeskPlace[]
  readonly groups: readonly GroupPlace[]
  readonly slots: readonly SlotPlace[]
  /** Older ones first. */
  readonly rings: readonly {
    readonly place: RingPlace
    readonly topic: number
    readonly client: number
    readonly after: number
  }[]
  /** Clients whose thread has ended. */
  readonly leaving: readonly number[]
}

export interface HostPartitionStats extends PartitionStats {
  readonly dropped: number
  readonly deadLetterDepth: number
}

/** Calls that a partition host answers. All idempotent. */
export interface PartitionHostApi {
  /** The first call to a new thread. */
  restore(holdings: HostHoldings): void
  addClient(client: LinkedClient): void
  /** The client's thread has ended: drain its rings to the published tails, then say `drained`. */
  removeClient(client: number): void
  /** `members`: of its groups, those that may be kept on disk. Answers where its log ends; null: it is in memory only. */
  addPartition(place: PartitionPlace, topic: TopicShape, members: readonly number[]): number | null
  /**
   * Lets a topic go that no group reads any more. `gone`: it was deleted, and nothing is kept of it; producers are told, and
   * what comes from them is not taken. Null: it could not be opened, and nobody has it.
   */
  dropTopic(topic: number, gone: { readonly partitions: number; readonly members: readonly number[] } | null): void
  /** Lets the partitions from one on go, which could not all be added: nobody publishes to them or reads them. */
  dropPartitions(topic: number, from: number): void
  /** The partition takes dead letters from now on. */
  addDesk(desk: DeskPlace): void
  readLetters(topic: number, partition: number, cursor: LetterCursor): LetterPage
  settleLetters(topic: number, partition: number, letters: readonly LetterMark[]): void
  /** `after`: the ring that is drained first, or 0. */
  addRing(ring: RingPlace, topic: number, client: number, after: number): void
  openGroup(group: GroupPlace): void
  /** The same group with other options; nobody has joined it yet. */
  reopenGroup(group: GroupPlace): void
  deleteGroup(member: number): void
  openSlot(slot: SlotPlace): StartAt
  closeSlot(member: number, epoch: number, crash: SlotCrash | null): void
  /** The low word of the number of the last record that a named producer has in a partition, from an offset on. */
  lastSequence(topic: number, partition: number, producer: number, from: number): number | null
  /** The offset that is meant, and the high watermark. @throws MillraceError MILL_OFFSET_GONE, MILL_OUT_OF_RANGE */
  offsetAt(topic: number, partition: number, place: ReadPlace): { readonly from: number; readonly to: number }
  /** Moves a group that nobody reads for. @throws MillraceError as `offsetAt` */
  seekGroup(member: number, place: ReadPlace): void
  /** Lends a partition on disk memory for its window; it says when it has taken it up. */
  offerWindow(topic: number, partition: number, offer: WindowOffer): void
  /** What these were lent is needed: they give it back when no reader is copying. */
  recallWindows(windows: readonly { readonly topic: number; readonly partition: number }[]): void
  partitionStats(topic: number): readonly HostPartitionStats[]
  groupReports(members: readonly number[]): readonly GroupReport[]
  /** Resolves when each of these members has settled everything that is readable now. */
  idle(members: readonly number[]): Promise<void>
  /** Brings what it has on disk into good order and adopts no more work. @throws MillraceError MILL_DISK */
  stop(): void
}

/** What a partition host is started with. */
export interface PartitionHostBoot {
  readonly memory: MemoryHandle
  readonly host: number
  /** Of its own words: bell and wants. */
  readonly address: number
  readonly fault: number
  readonly store: StorePlace | null
  readonly tuning: MemoryTuning
}

/** How a group's handler is run, the same on a handler host and on the caller's thread. */
export interface RunShape {
  readonly run: number
  readonly topic: TopicShape
  readonly group: string
  readonly handlerTimeoutMs: number
  readonly output: string | null
  /** As the group has them, whoever joins. */
  readonly atMostOnce: boolean
  readonly retryOrder: RetryOrder
  readonly concurrency: number
  readonly batch: BatchShape | null
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
  /** What the handler's `stop` returned. */
  readonly result?: unknown
}

/** Calls that a thread with readers answers, about the readers of one run. */
export interface MemberApi {
  assign(run: number, assignment: Assignment): Promise<void>
  /** Stops after the current delivery, and runs the handler's `stop` if it is asked to. */
  revoke(run: number, member: number, epoch: number, stop: boolean): Promise<RevokeAnswer>
  pause(run: number): void
  resume(run: number): void
}

/** What a handler host is started with. */
export interface HandlerHostBoot {
  readonly memory: MemoryHandle
  readonly place: ClientPlace
  readonly shape: RunShape
  /** URL of the handler's module. */
  readonly handler: string
  readonly data: unknown
  /** The broker's control calls, for what the handler publishes. */
  readonly control: import('node:worker_threads').MessagePort
}

/** Calls that a handler host answers. */
export interface HandlerHostApi extends MemberApi {
  /** Topics have more partitions. */
  grown(topics: readonly GrownTopic[]): void
  /** These members, which it is given next, are to be handled alone at first. */
  careful(members: readonly number[]): void
  /** Loads the handler; resolves with whether it keeps snapshots, rejects with MILL_HANDLER. */
  load(): Promise<boolean>
  end(): void
}

/** How a group is opened; equal for all who join it. */
export interface GroupSpec {
  readonly topic: number
  readonly group: string
  readonly policy: RetryPolicy
  /** Name of the dead-letter topic, or null for none. */
  readonly deadLetter: string | null
  readonly from: 'earliest' | 'latest'
  readonly given: readonly string[]
}

export interface RunSpec extends GroupSpec {
  readonly handlerTimeoutMs: number
  readonly output: string | null
  readonly concurrency: number
  readonly batch: BatchShape | null
  /** Handler threads; null: the caller's thread is the only member. */
  readonly threads: {
    readonly count: number
    readonly handler: string
    readonly data: unknown
    readonly execArgv: readonly string[]
    readonly resourceLimits: Readonly<Record<string, number>> | null
    readonly restart: { readonly intensity: number; readonly periodMs: number }
  } | null
  /** Whether acks wait for the confirmation of what handlers published. */
  readonly confirms: boolean
}

/** What keeps a partition full. */
export interface Hold {
  readonly topic: string
  /** In words, for an error message. */
  readonly text: string
  readonly group: string | null
  readonly lagBytes: number
  /** The full topic that the group wants to write a dead letter to; null: it is not that. */
  readonly deadLetterTopic: string | null
}

/** The topic, and what a thread needs to publish to it. */
export interface ProducerPlaces {
  readonly topic: TopicShape
  readonly rings: readonly RingPlace[]
}

/** A topic that has more partitions than before, and what a thread that publishes to it needs for that. */
export interface GrownTopic {
  readonly topic: TopicShape
  /** Into the new partitions. `producer`: the number of a named one; null: the thread's own. */
  readonly rings: readonly { readonly producer: number | null; readonly place: RingPlace }[]
}

export interface GroupSummary {
  readonly topic: string
  readonly group: string
  readonly restarts: number
  readonly threads: number
  readonly reports: readonly GroupReport[]
}

/** What the control thread tells the main thread without being asked. */
export type BrokerNotice =
  | { readonly kind: 'ready'; readonly place: ClientPlace }
  | {
      readonly kind: 'event'
      readonly event: Exclude<keyof BrokerEvents, 'parked' | 'failed' | 'publishFailed' | 'windowFull'>
      readonly payload: unknown
    }
  | { readonly kind: 'runFailed'; readonly run: number; readonly error: ErrorWire }
  | { readonly kind: 'diskFailed'; readonly error: ErrorWire }
  | { readonly kind: 'brokerFailed'; readonly error: ErrorWire }

/** For tests that break things on purpose: what a handler thread should be doing when it is killed. */
export type SabotageAim = 'any' | Phase

export interface SabotageReport {
  readonly phase: Phase
  readonly executing: boolean
}

/** Calls that the control thread answers to threads of this broker. */
export interface ControlApi {
  /** Opens a topic; creates it when `create`. */
  openTopic(
    name: string,
    options: {
      readonly partitions: number
      readonly codec: 'json' | 'bytes' | 'string'
      readonly maxMessageBytes: number
      readonly windowBytes: number
      readonly onFull: 'wait' | 'reject'
      readonly groups: readonly string[]
      readonly durability: Durability | undefined
      readonly segmentBytes: number
      readonly retentionMs: number
      readonly retentionBytes: number
    },
    given: readonly string[],
  ): Promise<TopicShape>
  attachProducer(client: number, topic: number): Promise<ProducerPlaces>
  attachProducerByName(client: number, topic: string): Promise<ProducerPlaces>
  /** `bytes`: of a record that it could never take; 0: it is full; -1: nothing goes through it. The same ring: there is no better. */
  replaceRing(client: number, ring: number, bytes: number): Promise<RingPlace>
  describeHold(topic: number, partition: number): Promise<Hold>
  /** Keeps the state of a member's handler; false: its reader has been replaced. @throws MillraceError MILL_DISK */
  keepSnapshot(member: number, epoch: number, snapshot: HandlerSnapshot): Promise<boolean>
  /** A member's records cannot be read any more: the runs of its group fail. */
  unreadable(member: number, epoch: number, error: ErrorWire): Promise<void>
  topicStats(topic: number): Promise<readonly HostPartitionStats[]>
  /** `letters`: also the dead letters of a group that nobody has joined in this process. */
  groupStats(topic: number, group: string, letters: boolean): Promise<GroupSummary>
  groupIdle(topic: number, group: string): Promise<void>
  deleteGroup(topic: number, group: string): Promise<void>
  deleteTopic(topic: number): Promise<void>
  listTopics(): Promise<readonly TopicInfo[]>
  listGroups(topic: number): Promise<readonly GroupInfo[]>
  /** `partition` null: all. */
  seekGroup(topic: number, group: string, partition: number | null, place: ReadPlace): Promise<void>
  readRanges(topic: number, partition: number | null, place: ReadPlace): Promise<readonly ReadRange[]>
}

/** Calls that handlers' threads make. */
export type HandlerControlApi = Pick<
  ControlApi,
  'attachProducer' | 'attachProducerByName' | 'replaceRing' | 'describeHold' | 'keepSnapshot' | 'unreadable'
>

/** Calls that only the thread which created the broker makes. */
export interface OwnerControlApi extends ControlApi {
  /** Where the dead letters of the topic of this name are. @throws MillraceError MILL_INVALID_OPTION: no such topic */
  letterTopics(topic: string): Promise<LetterTopics>
  readLetters(topic: number, partition: number, cursor: LetterCursor): Promise<LetterPage>
  settleLetters(topic: number, partition: number, letters: readonly LetterMark[]): Promise<void>
  /** Opens a named producer of a topic. @throws MillraceError MILL_INVALID_OPTION, MILL_LOCKED, MILL_DISK */
  openProducer(client: number, topic: string, name: string): Promise<NamedPlaces>
  keepProducer(topic: number, name: string, state: ProducerState): Promise<void>
  /** So many partitions more; answers with all topics that got some. @throws MillraceError MILL_OUT_OF_RANGE, MILL_MEMORY, MILL_CONFIG_MISMATCH, MILL_TOPIC_DELETED, MILL_DISK */
  addPartitions(client: number, topic: number, count: number): Promise<readonly GrownTopic[]>
  closeProducer(topic: number, name: string, state: ProducerState): Promise<void>
  startRun(spec: RunSpec): Promise<{ readonly run: number; readonly shape: RunShape }>
  /** The caller's thread is ready to be a member of a run without threads. */
  joinRun(run: number): Promise<void>
  stopRun(run: number, timeoutMs: number): Promise<readonly unknown[]>
  pauseRun(run: number): Promise<void>
  resumeRun(run: number): Promise<void>
  close(timeoutMs: number): Promise<void>
  /** Tests only: kills a handler thread of a run, or a partition host, and says what it was doing. */
  killHandler(run: number, index: number, aim: SabotageAim): Promise<SabotageReport | null>
  killPartitionHost(host: number, point: number): Promise<boolean>
  /** Tests only: lets a partition host stand still when it comes to this point; false: it did not. */
  haltPartitionHost(host: number, point: number): Promise<boolean>
  /** Tests only: what is held, to compare with a baseline. */
  census(): Promise<{ readonly blocks: number; readonly usedBytes: number; readonly threads: number }>
}

/** What the control thread is started with. */
export interface ControlBoot {
  readonly memory: MemoryHandle
  readonly partitionThreads: number
  readonly restart: { readonly intensity: number; readonly periodMs: number }
  readonly deadLetterDepth: number
  /** Folder of what is on disk, locked by the caller; null: nothing is. */
  readonly dir: string | null
  /** Of what is made in it. */
  readonly modes: FileModes
  /** What to look at to know whether it still is; null: nothing. */
  readonly held: HeldFolder | null
  readonly journalBytes: number
  readonly tuning: MemoryTuning
}
