/** A topic as its producers know it: types, and how it is called. */
import type { Rate } from '../words/common-options.ts'
import type { Durability } from '../words/message.ts'
import type { QueueShape } from './queue-places.ts'

/** The part of a topic's shape that a producer needs. */
export interface ProducedTopic {
  readonly id: number
  readonly name: string
  readonly partitions: number
  readonly codec: 'json' | 'bytes' | 'string'
  readonly maxMessageBytes: number
  readonly onFull: 'wait' | 'reject'
  readonly durability: Durability
  /** Of a work queue, which has one partition. */
  readonly queue?: QueueShape
  /** Records that a frame may have, at most; left out: as many as fit in. */
  readonly frameRecords?: number
  /** Of each producer of this process; left out: there is no limit. The folder does not keep it. */
  readonly publishRate?: Rate | undefined
}

/** What it is to its users. */
export function kindOf({ queue }: Pick<ProducedTopic, 'queue'>): 'topic' | 'queue' {
  return queue === undefined ? 'topic' : 'queue'
}

/** Its name for people. */
export function titleOf(topic: Pick<ProducedTopic, 'queue' | 'name'>): string {
  return `${kindOf(topic)} ${topic.name}`
}
