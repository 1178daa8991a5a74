/** A target of a message that goes to several of one host. Types only; the producer's thread. */
import type { EncodedMessage } from './record-writer.ts'
import type { TopicProducer } from './topic-producer.ts'

/** One of the targets: its place among those of the message, its producer, and what it gets. */
export interface JointTarget {
  readonly at: number
  readonly producer: TopicProducer
  message: EncodedMessage
}
