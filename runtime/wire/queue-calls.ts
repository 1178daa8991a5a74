/** What threads ask of the control thread about work queues. Types, and the name of a queue's group. */
import type { Rate } from '../words/common-options.ts'
import type { Durability } from '../words/message.ts'
import type { QueueTerms } from './places.ts'
import type { QueueShape } from './queue-places.ts'
import type { QueueReport } from './reports.ts'

/** Name of the one group of a queue, whose members are the queue's consumers. */
export const QUEUE_GROUP = 'queue'

/** What a queue is to be. */
export interface QueueSettings extends QueueTerms {
  readonly codec: 'json' | 'bytes' | 'string'
  readonly maxMessageBytes: number
  readonly windowBytes: number
  readonly durability: Durability | undefined
  readonly sendRate: Rate | undefined
  readonly shape: QueueShape
}

export interface QueueSummary {
  readonly queue: string
  readonly restarts: number
  readonly report: QueueReport
}
