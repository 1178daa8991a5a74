/**
 * Reads one producer's messages one after the other: encodes values, checks the rest, chooses partitions.
 *
 * The producer's thread. All code of the caller's (accessors, `toJSON`, a partitioner) has run before the message is here, because that
 * code may publish as well. What is here is the message that was read last, until the next is read: a message that goes at once costs no
 * object. Whoever keeps one takes a copy. Bound: one message.
 */
import type { QueueFields } from '../log/format/queue-fields.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import type { Codec } from '../words/codec.ts'
import type { Headers, Key, Message } from '../words/message.ts'
import { asMessage, asQueueMessage, checkedKey, checkTimestamp, type ReadQueueMessage } from './checked-message.ts'
import { copyHeaders } from './given-headers.ts'
import { type GivenTimes, messageFields, type SendOptions } from './message-fields.ts'
import type { PartitionChoice } from './partition-choice.ts'
import type { EncodedMessage } from './record-writer.ts'
import { RUN_RECORDS } from './sticky-route.ts'

const NO_TIMES: GivenTimes = Object.freeze({})

export class MessageEncoder implements EncodedMessage {
  partition = 0
  key: Key | null = null
  value: string | Uint8Array | null = null
  headers: Headers | null = null
  timestamp: number | undefined = undefined
  fields: QueueFields | null = null
  readonly extraBytes = 0
  readonly #codec: Codec
  readonly #choice: PartitionChoice

  constructor(codec: Codec, choice: PartitionChoice) {
    this.#codec = codec
    this.#choice = choice
  }

  /** @throws MillraceError MILL_UNSERIALISABLE, and as checked-message.ts and `choice` throw */
  read(message: Message, topic: ProducedTopic, options?: SendOptions): void {
    const isQueue = topic.queue !== undefined
    const given = isQueue ? asQueueMessage(message, topic, 0, options) : asMessage(message)
    const { key: givenKey, value: givenValue, headers: givenHeaders, partition: wanted, timestamp } = given
    const value = this.#codec.encode(givenValue)
    const headers = givenHeaders === undefined ? null : copyHeaders(givenHeaders)
    const key = checkedKey(givenKey)
    if (timestamp !== undefined) checkTimestamp(timestamp)
    this.partition = this.#choice.of(wanted, key, value, message, RUN_RECORDS)
    this.key = key
    this.value = value
    this.headers = headers
    this.timestamp = timestamp
    this.fields = isQueue ? (given as ReadQueueMessage).fields : null
  }

  /** The same of a message that an exchange has routed here, which has a key and a value and no more; `header`: that of its routing key. */
  readRouted(message: Message, topic: ProducedTopic, header: Headers): void {
    const value = this.#codec.encode(message.value)
    const key = checkedKey(message.key)
    this.partition = this.#choice.of(undefined, key, value, message, RUN_RECORDS)
    this.key = key
    this.value = value
    this.headers = header
    this.timestamp = undefined
    this.fields = topic.queue === undefined ? null : messageFields(0, NO_TIMES, topic.queue)
  }

  /** The message that was read last, to be kept. */
  copy(): EncodedMessage {
    const { partition, key, value, headers, timestamp, fields, extraBytes } = this
    return { partition, key, value, headers, timestamp, fields, extraBytes }
  }
}

/** A message that stays as it is when the next one is read. */
export function copyOf(message: EncodedMessage): EncodedMessage {
  return message instanceof MessageEncoder ? message.copy() : message
}
