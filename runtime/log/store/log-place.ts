/** Places of logs in a broker's folder, and settings of a topic's log. Leaf, any thread. */
import { join } from 'node:path'
import type { TopicLogShape, TopicShape } from '../../wire/places.ts'
import type { StoredTopic } from './stored-topic.ts'

/** A frame is sealed at 16 KiB, or has one record, with the headers that a replay adds. */
const FRAME_EXTRA_BYTES = 65_536

/** The folder that holds a folder for each partition. */
export function partitionsFolder(dir: string): string {
  return join(dir, 'topics')
}

export function partitionFolder(dir: string, topic: number, partition: number): string {
  return join(partitionsFolder(dir), `${topic}-${partition}`)
}

export function frameBytesMax(maxMessageBytes: number): number {
  return maxMessageBytes + FRAME_EXTRA_BYTES
}

export function storedTopic(topic: TopicShape, log: TopicLogShape): StoredTopic {
  const orNull = (value: number): number | null => (value === Number.POSITIVE_INFINITY ? null : value)
  return {
    topic: topic.id,
    durability: topic.durability === 'os' ? 'os' : 'fsync',
    segmentBytes: log.segmentBytes,
    frameBytesMax: frameBytesMax(topic.maxMessageBytes),
    // What a queue keeps is what is not settled.
    retention:
      topic.queue !== undefined
        ? { bytesMax: null, ageMaxMs: null }
        : { bytesMax: orNull(log.retentionBytes), ageMaxMs: orNull(log.retentionMs) },
  }
}
