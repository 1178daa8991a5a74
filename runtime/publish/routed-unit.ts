/** What a message that an exchange routes is to its thread: one unit for each host, or target. Types only. */
import type { EncodedMessage } from './record-writer.ts'
import type { TopicProducer } from './topic-producer.ts'

/** What goes to several targets of one host, or to one target. */
export interface RoutedUnit {
  /** A target of it may refuse the message, so that other units are to wait for its answer. */
  readonly mayRefuse: boolean
  /** All its targets may. */
  readonly onlyRefuses: boolean
  /** When it is overdue while it waits to be sent, in `nowMs`; Infinity: others look at that. */
  readonly sentBy: number
  /** It is going to wait: the message is encoded anew, of bytes that are its own. */
  own(message: (producer: TopicProducer) => EncodedMessage): void
  /** False: it has to wait, and is to be sent again. */
  send(): boolean
  /** It is not sent. */
  refuse(error: Error): void
  /** There is no ring for what is to go to this partition: it is not sent, if that is one of its several. */
  failIn(producer: TopicProducer, partition: number, error: Error): void
  /** Its time is over, and it was not sent. */
  expire(): void
}
