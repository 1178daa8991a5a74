/** What threads ask of the control thread about work queues. Types only. */
import type { Rate } from '../words/common-options.ts'
import type { Durability } from '../words/message.ts'
import type { RunSpec } from './control-calls.ts'
import type { RetryPolicy } from './places.ts'
import type { QueueShape } from './queue-places.ts'
import type { QueueReport } from './reports.ts'

/** Name of the one group of a queue, whose members are the queue's consumers. */
export const QUEUE_GROUP = 'queue'

/** What a queue is to be. */
export interface QueueSettings {
  readonly codec: 'json' | 'bytes' | 'string'
  readonly maxMessageBytes: number
  readonly windowBytes: number
  readonly durability: Durability | undefined
  readonly sendRate: Rate | undefined
  readonly shape: QueueShape
  readonly policy: RetryPolicy
  /** Name of the dead-letter topic, or null for none. */
  readonly deadLetter: string | null
}

/** A run of a queue's consumers: all of it that is not the queue's own. */
export interface QueueRunSpec
  extends Pick<RunSpec, 'topic' | 'handlerTimeoutMs' | 'output' | 'concurrency' | 'batch' | 'threads' | 'confirms'> {
  readonly atMostOnce: boolean
  readonly prefetch: number | null
  readonly consumerPriority: number
}

export interface QueueSummary {
  readonly queue: string
  readonly restarts: number
  readonly report: QueueReport
}
