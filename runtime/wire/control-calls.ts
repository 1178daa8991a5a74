/**
 * Calls to the control thread, its start values, and its notices to the main thread.
 *
 * Types only. The control thread holds the truth about what exists: topics, threads, groups, members. Records never
 * travel here.
 */

import type { MemoryHandle } from 'sharedarraybuffer-ring'
import type { BrokerEvents } from '../words/broker-events.ts'
import type { Rate } from '../words/common-options.ts'
import type { ErrorWire } from '../words/errors.ts'
import type { ExchangeType } from '../words/exchange.ts'
import type { GroupInfo, QueueInfo, TopicInfo } from '../words/listing.ts'
import type { Durability } from '../words/message.ts'
import type { Offset } from '../words/quantities.ts'
import type { CancelOutcome } from '../words/queue-cancel.ts'
import type { FileModes, HeldFolder } from './folder.ts'
import type { Phase } from './layout.ts'
import type { LetterCursor, LetterMark, LetterPage, LetterTopics } from './letter-calls.ts'
import type { ThreadPlace } from './link-places.ts'
import type { BatchShape, RunShape } from './member-calls.ts'
import type { MemoryTuning } from './memory-tuning.ts'
import type { HandlerSnapshot, RetryPolicy, TopicShape } from './places.ts'
import type { GrownTopic, NamedPlaces, ProducerPlaces, ProducerState, RingPlace } from './producer-places.ts'
import type { AskQueue } from './queue-asks.ts'
import type { QueueSettings, QueueSummary } from './queue-calls.ts'
import type { GroupSummary, HostPartitionStats } from './reports.ts'
import type {
  BindingPage,
  BoundBy,
  BoundTarget,
  ExchangeListing,
  ExchangeShape,
  RoutePage,
  TablePosition,
} from './route-changes.ts'
import type { ReadRange, StartPosition } from './start-position.ts'

/** A schedule as the folder has it: two texts, which the control thread does not read. */
export interface KeptSchedule {
  readonly name: string
  readonly definition: string
  readonly progress: string
}

/** Options of a group; equal for all members. */
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
  /** Whether acks wait for the confirmation of the handler's publishes. */
  readonly confirms: boolean
  /** Of a queue's consumers, as in RunShape; left out: it reads a topic. */
  readonly prefetch?: number | null
  readonly consumerPriority?: number
}

/** A run of a queue's consumers: all of it that is not the queue's own. */
export interface QueueRunSpec
  extends Pick<RunSpec, 'topic' | 'handlerTimeoutMs' | 'output' | 'concurrency' | 'batch' | 'threads' | 'confirms'> {
  readonly atMostOnce: boolean
  readonly prefetch: number | null
  readonly consumerPriority: number
}

/** The reason why a partition is full. */
export interface Hold {
  readonly topic: string
  /** Text for an error message. */
  readonly text: string
  readonly group: string | null
  /** It is this queue; missing: a stream. */
  readonly queue?: string
  readonly lagBytes: number
  /** The full topic that the group wants to write a dead letter to; null: it is not that. */
  readonly deadLetterTopic: string | null
}

/** Notices of the control thread to the thread that opened the broker, and from `attached` on to attached threads. */
export type BrokerNotice =
  | { readonly kind: 'ready'; readonly place: ThreadPlace; readonly schedules: readonly KeptSchedule[] }
  | {
      readonly kind: 'event'
      readonly event: Exclude<keyof BrokerEvents, 'parked' | 'failed' | 'publishFailed' | 'windowFull'>
      readonly payload: unknown
    }
  | { readonly kind: 'runFailed'; readonly run: number; readonly error: ErrorWire }
  | { readonly kind: 'diskFailed'; readonly error: ErrorWire }
  | { readonly kind: 'brokerFailed'; readonly error: ErrorWire }
  /** Another thread has given topics more partitions. */
  | { readonly kind: 'grown'; readonly topics: readonly GrownTopic[] }
  /** The thread is attached. */
  | { readonly kind: 'attached'; readonly place: ThreadPlace; readonly memory: MemoryHandle }
  /** The broker closes: an attached thread lets go within this time. */
  | { readonly kind: 'closing'; readonly timeoutMs: number }

/** For tests that kill threads: the phase in which a handler thread is killed. */
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
      readonly publishRate: Rate | undefined
      readonly groups: readonly string[]
      readonly durability: Durability | undefined
      readonly segmentBytes: number
      readonly retentionMs: number
      readonly retentionBytes: number
    },
    given: readonly string[],
  ): Promise<TopicShape>
  /** Opens a queue; creates it when there is none. */
  openQueue(name: string, settings: QueueSettings, given: readonly string[]): Promise<TopicShape>
  attachProducer(thread: number, topic: number): Promise<ProducerPlaces>
  attachProducerByName(thread: number, topic: string): Promise<ProducerPlaces>
  /** `bytes`: of a record that it could never take; 0: it is full; -1: nothing goes through it. The same ring: there is no better. */
  replaceRing(thread: number, ring: number, bytes: number): Promise<RingPlace>
  describeHold(topic: number, partition: number): Promise<Hold>
  /** Keeps the state of a member's handler; false: its reader has been replaced. @throws MillraceError MILL_DISK */
  keepSnapshot(cursor: number, epoch: number, snapshot: HandlerSnapshot): Promise<boolean>
  /** A member's records cannot be read any more: the runs of its group fail. */
  failRun(cursor: number, epoch: number, error: ErrorWire): Promise<void>
  /** What a consumer has told its queue is as durable as the queue from then on. @throws MillraceError MILL_DISK, MILL_TOPIC_DELETED */
  confirmQueue(queue: number, cursor: number): Promise<void>
  /** What a thread's table of exchanges lacks, or the first part of it. */
  routeChanges(position: TablePosition): Promise<RoutePage>
  topicStats(topic: number): Promise<readonly HostPartitionStats[]>
  /** `letters`: also the dead letters of a group without a member in this process. */
  groupStats(topic: number, group: string, letters: boolean): Promise<GroupSummary>
  /** `wait`: its number, to leave it. `butLater`: as `idle` of PartitionHostApi. */
  groupIdle(topic: number, group: string, butLater: boolean, wait: number): Promise<void>
  /** Nobody waits any more. Resolves the wait, if it is not over. */
  leaveIdle(wait: number): Promise<void>
  deleteGroup(topic: number, group: string): Promise<void>
  /** Of a topic or a queue. */
  deleteTopic(topic: number): Promise<void>
  queueStats(queue: number): Promise<QueueSummary>
  /** Asks a queue about its messages. @throws MillraceError MILL_TOPIC_DELETED, MILL_DISK */
  askQueue: AskQueue
  /** Cancels a message of a queue, whose handler has so long to end; null: its signal is aborted, and no more. @throws MillraceError MILL_TOPIC_DELETED, MILL_DISK */
  cancelMessage(queue: number, offset: Offset, graceMs: number | null): Promise<CancelOutcome>
  listTopics(): Promise<readonly TopicInfo[]>
  listQueues(): Promise<readonly QueueInfo[]>
  listGroups(topic: number): Promise<readonly GroupInfo[]>
  /** `partition` null: all. */
  seekGroup(topic: number, group: string, partition: number | null, place: StartPosition): Promise<void>
  readRanges(topic: number, partition: number | null, place: StartPosition): Promise<readonly ReadRange[]>
}

/** Calls that handlers' threads make. */
export type HandlerControlApi = Pick<
  ControlApi,
  | 'attachProducer'
  | 'attachProducerByName'
  | 'replaceRing'
  | 'describeHold'
  | 'keepSnapshot'
  | 'failRun'
  | 'confirmQueue'
  | 'cancelMessage'
  | 'routeChanges'
>

/** Calls that only the thread which created the broker makes. */
export interface OwnerControlApi extends ControlApi {
  /**
   * The exchange of this name, made if `type` says which. `alternate` undefined: whatever it has. @throws MillraceError
   * MILL_INVALID_OPTION, MILL_CONFIG_MISMATCH, MILL_MEMORY, MILL_DISK
   */
  declareExchange(name: string, type: ExchangeType | null, alternate: string | null | undefined): Promise<ExchangeShape>
  /** Once it has resolved, each publish that begins goes by it, on every thread. @throws MillraceError MILL_TOPIC_DELETED, MILL_MEMORY, MILL_DISK */
  bindExchange(exchange: number, target: BoundTarget, by: BoundBy): Promise<void>
  unbindExchange(exchange: number, target: BoundTarget, by: BoundBy): Promise<void>
  /** With its bindings and those to it; nothing happens if it is gone. @throws MillraceError MILL_DISK */
  deleteExchange(exchange: number): Promise<void>
  listExchanges(): Promise<readonly ExchangeListing[]>
  /** A part of its bindings, behind the last one of the part before, which is 0 at first. @throws MillraceError MILL_TOPIC_DELETED */
  listBindings(exchange: number, after: number): Promise<BindingPage>
  /** The dead letters of the topic of this name. @throws MillraceError MILL_INVALID_OPTION: no such topic */
  letterTopics(topic: string): Promise<LetterTopics>
  readLetters(topic: number, partition: number, cursor: LetterCursor): Promise<LetterPage>
  settleLetters(topic: number, partition: number, letters: readonly LetterMark[]): Promise<void>
  /** Opens a named producer of a topic. @throws MillraceError MILL_INVALID_OPTION, MILL_LOCKED, MILL_DISK */
  openProducer(thread: number, topic: string, name: string): Promise<NamedPlaces>
  keepProducer(topic: number, name: string, state: ProducerState): Promise<void>
  /**
   * Adds partitions, and answers with all topics that got some. @throws MillraceError MILL_OUT_OF_RANGE, MILL_MEMORY,
   * MILL_CONFIG_MISMATCH, MILL_TOPIC_DELETED, MILL_DISK
   */
  addPartitions(thread: number, topic: number, count: number): Promise<readonly GrownTopic[]>
  closeProducer(topic: number, name: string, state: ProducerState): Promise<void>
  /** Each is durable when it is answered; without a folder it does nothing. @throws MillraceError MILL_DISK */
  keepSchedule(schedule: KeptSchedule): Promise<void>
  keepProgress(schedule: string, progress: string): Promise<void>
  forgetSchedule(schedule: string): Promise<void>
  startRun(spec: RunSpec | QueueRunSpec): Promise<{ readonly run: number; readonly shape: RunShape }>
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
  /** Tests only: memory and threads in use, to compare with a baseline. */
  census(): Promise<{ readonly blocks: number; readonly usedBytes: number; readonly threads: number }>
}

/** Start values of the control thread. */
export interface ControlBoot {
  readonly memory: MemoryHandle
  readonly partitionThreads: number
  readonly restart: { readonly intensity: number; readonly periodMs: number }
  readonly deadLetterDepth: number
  /** Folder of the topics on disk, locked by the caller; null: none. */
  readonly dir: string | null
  /** Permission bits of new files and folders. */
  readonly modes: FileModes
  /** Lock to check while the folder is used; null: none. */
  readonly held: HeldFolder | null
  readonly journalBytes: number
  /** Size of a segment of a queue on disk. */
  readonly queueSegmentBytes: number
  readonly settledCompactBytes: number | undefined
  readonly queueScanBytes: number | undefined
  readonly tuning: MemoryTuning
}
