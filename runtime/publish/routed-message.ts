/**
 * A message that an exchange routes: read once, and encoded once for each codec, however many targets it has.
 *
 * The producer's thread. Each property is read at the call of `publish`. A message that is to wait for tables or for a producer is made its own before
 * (`own`): the caller may change what it gave. Fields that only queues know do not concern a topic; a queue takes of them what it knows.
 */
import { types } from 'node:util'
import { ownedHeaders, ROUTING_KEY_HEADER } from '../log/format/headers.ts'
import { PRIORITIES_MAX, type QueueFields } from '../log/format/queue-fields.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { bytesOf, codecOf } from '../words/codec.ts'
import { MillraceError } from '../words/errors.ts'
import type { CodecName, Headers, Key } from '../words/message.ts'
import { show } from '../words/names.ts'
import type { QueueMessage } from '../words/queue-message.ts'
import { asRoutedMessage, checkedKey, isRecord } from './checked-message.ts'
import { copyHeaders } from './given-headers.ts'
import { expiringBy, type GivenTimes, messageFields, ownDate } from './message-fields.ts'
import { checkedId } from './message-id.ts'
import { type EncodedMessage, encodedSize } from './record-writer.ts'
import { RUN_RECORDS } from './sticky-route.ts'
import type { TopicProducer } from './topic-producer.ts'

/** A queue that has no limits of its own: what no such one takes, none does. */
const ANY_QUEUE = { messageTtlMs: Number.POSITIVE_INFINITY, keyConcurrency: Number.POSITIVE_INFINITY } as const

/** What only queues know of a message. */
interface QueuePart {
  readonly priority: number
  readonly times: GivenTimes
  readonly id: QueueFields['id']
}

export class RoutedMessage {
  readonly original: QueueMessage
  /** As the caller gave them, for bindings that look at headers. */
  given: Headers | null = null
  #key: Key | null
  #value: unknown
  /** With the routing key; null: there is nothing else. */
  #headers: Headers | null = null
  /** Null: it has nothing that a topic would not take. */
  readonly #part: QueuePart | null
  /** When it is not worth its work any more, in `nowMs`; undefined: never. */
  readonly #untilMs: number | undefined
  /** By which the value was encoded last, and what came of it. */
  #codec: CodecName | null = null
  #encoded: string | Uint8Array | null = null
  /** What the target before gets: most get the same. */
  #last: EncodedMessage | null = null

  /** @throws MillraceError MILL_INVALID_OPTION, MILL_UNKNOWN_OPTION, MILL_OUT_OF_RANGE, MILL_UNSERIALISABLE */
  constructor(message: QueueMessage, routingKey: string, untilMs?: number) {
    const { key, value, headers, priority, delayMs, deliverAt, ttlMs, id } = asRoutedMessage(message)
    this.original = message
    this.#untilMs = untilMs
    this.#key = checkedKey(key)
    this.#value = value
    if (headers !== undefined) {
      this.given = copyHeaders(headers)
      this.#headers = Object.assign(Object.create(null), this.given, { [ROUTING_KEY_HEADER]: routingKey })
    }
    const isPlain =
      (priority === undefined || priority === 0) &&
      delayMs === undefined &&
      deliverAt === undefined &&
      ttlMs === undefined &&
      id === undefined
    this.#part = isPlain ? null : partOf(message, { delayMs, deliverAt: ownDate(deliverAt), ttlMs }, priority ?? 0, id)
  }

  /** The message as this target keeps it; `header`: that of its routing key alone. @throws MillraceError MILL_UNSERIALISABLE, MILL_OUT_OF_RANGE */
  encodeFor({ topic, choice }: Pick<TopicProducer, 'topic' | 'choice'>, header: Headers): EncodedMessage {
    const value = this.#encode(topic.codec)
    const key = this.#key
    const partition = choice.of(undefined, key, value, this.original, RUN_RECORDS)
    const fields = topic.queue === undefined ? null : this.#fieldsFor(topic.queue)
    const headers = this.#headers ?? header
    const last = this.#last
    if (
      last !== null &&
      fields === null &&
      last.fields === null &&
      last.value === value &&
      last.partition === partition
    )
      return last
    this.#last = { partition, key, value, headers, timestamp: undefined, fields, extraBytes: 0 }
    return this.#last
  }

  /** It is going to wait, and what the caller gave may change meanwhile. Returns about how many bytes it takes. */
  own(): number {
    this.#last = null
    const value = this.#value
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) this.#value = new Uint8Array(bytesOf(value))
    // Of anything else but text only JSON can be made, and its text is a value of no other codec.
    else if (typeof value !== 'string') this.#encode('json')
    if (this.#key instanceof Uint8Array) this.#key = new Uint8Array(this.#key)
    if (this.#headers !== null) this.#headers = ownedHeaders(this.#headers)
    if (this.given !== null) this.given = ownedHeaders(this.given)
    const text = this.#codec === null ? (this.#value as string | Uint8Array) : this.#encoded
    return encodedSize(this.#key, text, this.#headers)
  }

  /** Targets of one codec mostly follow each other. */
  #encode(codec: CodecName): string | Uint8Array | null {
    if (this.#codec === codec) return this.#encoded
    const encoded = codecOf(codec).encode(this.#value)
    this.#codec = codec
    this.#encoded = encoded
    return encoded
  }

  #fieldsFor(queue: NonNullable<ProducedTopic['queue']>): QueueFields | null {
    const { priority: wanted, times, id } = this.#part ?? PLAIN
    const priority = Math.min(wanted, queue.priorities - 1)
    const fields = messageFields(priority, times, queue, queue.dedupeMs === 0 ? null : id)
    return this.#untilMs === undefined ? fields : expiringBy(fields, this.#untilMs, priority)
  }
}

const PLAIN: QueuePart = { priority: 0, times: Object.freeze({}), id: null }

/** Checked for any queue. */
function partOf(message: QueueMessage, times: GivenTimes, priority: number, id: string | undefined): QueuePart {
  if (!Number.isInteger(priority) || priority < 0 || priority >= PRIORITIES_MAX)
    throw new MillraceError(
      'MILL_OUT_OF_RANGE',
      `\`priority\` must be an integer from 0 to ${PRIORITIES_MAX - 1}, not ${show(priority)}`,
    )
  messageFields(0, times, ANY_QUEUE)
  // That of a delivery is the name of what it was: published again, it is another message.
  return { priority, times, id: id === undefined || isRecord(message) ? null : checkedId(id, '', { dedupeMs: 1 }) }
}
