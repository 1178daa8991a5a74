/** A topic as those know it who publish to it. Types only. */
import type { Durability } from '../words/message.ts'

/** What a producer needs to know of its topic. */
export interface ProducedTopic {
  readonly id: number
  readonly name: string
  readonly partitions: number
  readonly codec: 'json' | 'bytes' | 'string'
  readonly maxMessageBytes: number
  readonly onFull: 'wait' | 'reject'
  readonly durability: Durability
}
