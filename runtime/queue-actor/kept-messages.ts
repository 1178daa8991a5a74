/**
 * How a queue keeps its messages: in memory only, or in a log on disk as well.
 *
 * Types only; the partition host's thread. Chosen once, when the queue's actor is made.
 */
import type { SettledChange } from '../log/format/settled-change.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { QueueGate } from '../partition/queue-keeping.ts'
import type { QueueCore } from '../queue/queue-core.ts'
import type { QueueFailure, QueueLetter, QueuePolicy } from '../queue/queue-words.ts'
import type { MessageUpdate } from '../queue/updating.ts'
import type { Offset } from '../words/quantities.ts'
import type { KnownIds } from './id-gate.ts'
import type { MessageFacts } from './message-facts.ts'
import type { MessageSource } from './message-source.ts'
import type { QueueConsumer } from './queue-consumer.ts'

/** What the way in needs of its queue. */
export interface TakingQueue {
  readonly core: QueueCore
  /** Whether it is made already. */
  readonly isOpen: boolean
  readonly policy: QueuePolicy
  readonly partition: PartitionActor
  readonly upcalls: { woken(): void }
  /** These are to make room; how many of the first of them are gone. */
  drop(chosen: readonly QueueLetter[]): number
}

/** What was updated of messages, for as long as they are not settled. */
export interface KeptUpdates {
  /** Messages that may be updated at a time. */
  readonly most: number
  hasRoomFor(offset: Offset): boolean
  /** What is not null is different from now on. There is room for it. */
  put(offset: Offset, update: MessageUpdate): void
}

export interface KeptMessages {
  /** Whether what a step decides counts only once it is written down: no claim is freed, and nothing is visible, before that. */
  readonly defers: boolean
  readonly source: MessageSource
  readonly facts: MessageFacts
  readonly updates: KeptUpdates
  /** Ids of its messages; null: they have none, or the core is not made yet. */
  readonly ids: KnownIds | null
  /** Whether the core can be made at once. */
  readonly isPrepared: boolean
  /** One bounded step towards that. @throws LogFileError, DiskError */
  prepare(): void
  /** The core as a predecessor left it; `consumers`: all that it had, in the order in which they came. */
  core(consumers: readonly QueueConsumer[]): QueueCore
  /** The core is made: messages that were charged meanwhile, with the death of the process before. */
  opened(): readonly QueueFailure[]
  /** The way in. */
  intake(queue: TakingQueue): QueueGate
  /** Some were settled: what they took may be used again. */
  someSettled(): void
  /** Whether there is something to be written down. */
  readonly isDirty: boolean
  /** What is to be written down, once; null: nothing. */
  takeChange(): SettledChange | null
  /** Writes a change down by itself; false: the disk has failed. */
  write(change: SettledChange): boolean
  /** What was written down is as durable as the queue; false: the disk has failed. */
  sync(): boolean
  /** Does a step, unless the disk has failed; false: it has, before or now. */
  attempt(act: () => void): boolean
  /** That failure, for who is to be told. */
  readonly error: Error | null
  /** It did nothing for a while: what it holds only to be faster goes. */
  rest(): void
  close(): void
}
