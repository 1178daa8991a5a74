/**
 * How a queue keeps its messages: in memory only, or in a log on disk as well.
 *
 * Types only; the partition host's thread. Chosen once, when the queue's actor is made.
 */
import type { QueueGate } from '../partition/queue-keeping.ts'
import type { QueueCore } from '../queue/queue-core.ts'
import type { MessageFacts } from './message-facts.ts'
import type { MessageSource } from './message-source.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import type { QueueParts } from './queue-parts.ts'

export interface KeptMessages {
  readonly source: MessageSource
  readonly facts: MessageFacts
  /** The core as a predecessor left it; `consumers`: all that it had, in the order in which they came. */
  core(consumers: readonly QueueConsumer[]): QueueCore
  /** The way in. */
  intake(parts: QueueParts): QueueGate
  /** Some were settled: what they took may be used again. */
  someSettled(): void
  close(): void
}
