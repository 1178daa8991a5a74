/**
 * What the messages of a batch are once all of them are known to be good: encoded, with their partitions, where those do not depend on how the rest of it is written.
 *
 * The producer's thread. The whole batch is looked at before any of it is appended, so that a wrong message costs none of
 * the others; each message is read once. By columns, because an object for each message costs more than the rest of this.
 * Bytes are the caller's until `own` is called: a batch that is appended at once is not copied.
 */

import { headersSize, ownedHeaders } from '../log/format/headers.ts'
import type { QueueFields } from '../log/format/queue-fields.ts'
import { type ProducedTopic, titleOf } from '../wire/produced-topic.ts'
import { type Codec, isWellFormed } from '../words/codec.ts'
import { toWire, UnpublishedError } from '../words/errors.ts'
import type { Headers, Key, Message } from '../words/message.ts'
import { beginKeys, keepKey } from './batch-keys.ts'
import {
  asMessage,
  asQueueMessage,
  checkedKey,
  checkTimestamp,
  halfKey,
  type ReadQueueMessage,
} from './checked-message.ts'
import { copyHeaders } from './given-headers.ts'
import { type FreePieces, PackedCopies } from './packed-copies.ts'
import type { PartitionChoice } from './partition-choice.ts'
import { checkRecord } from './record-writer.ts'

/** The batch, or why none of it is published: one of its messages cannot be. */
export function prepareBatch(
  messages: readonly Message[],
  codec: Codec,
  topic: Pick<ProducedTopic, 'name' | 'queue' | 'maxMessageBytes'>,
  choice: Pick<PartitionChoice, 'ahead'>,
): PreparedBatch | UnpublishedError {
  const prepared = new PreparedBatch(messages.length, beginKeys())
  const isQueue = topic.queue !== undefined
  let index = 0
  try {
    for (; index < messages.length; index++) {
      const message = messages[index] as Message
      const read = isQueue ? asQueueMessage(message, topic) : asMessage(message)
      const { key: givenKey, value: given, headers, partition, timestamp } = read
      const value = codec.encode(given)
      const copied = headers === undefined ? null : copyHeaders(headers)
      const key = checkedKey(givenKey)
      checkTimestamp(timestamp)
      if (partition !== undefined && typeof key === 'string' && !isWellFormed(key)) throw halfKey()
      checkRecord(key, value, copied, topic.maxMessageBytes)
      const chosen = choice.ahead(partition, key, message)
      if (prepared.keptKeys === index && typeof key === 'string' && keepKey(key)) prepared.keptKeys++
      prepared.add(key, value, chosen, copied, timestamp)
      if (isQueue) prepared.setFields(index, (read as ReadQueueMessage).fields)
    }
    return prepared
  } catch (cause) {
    const { message } = toWire(cause) // a getter, a `toJSON` or a partitioner may have thrown anything
    const why = `none of ${messages.length} messages was ${isQueue ? 'sent' : 'published'} to ${titleOf(topic)}: the one at index ${index} cannot be: ${message}`
    return new UnpublishedError(why, [...messages], [], cause)
  }
}

export class PreparedBatch {
  readonly keys: (Key | null)[]
  readonly values: (string | Uint8Array | null)[]
  /** LATER: not chosen yet. Of messages that a partition has taken, which one. */
  readonly partitions: number[]
  /** Of its keys (batch-keys.ts). */
  readonly keysNumber: number
  /** So many of its first messages have keys that are kept. */
  keptKeys = 0
  #count = 0
  /** Of batches in which a message has any. */
  #headers: (Headers | null)[] | null = null
  #timestamps: (number | undefined)[] | null = null
  /** Of a queue's messages, where one has any. */
  #fields: (QueueFields | null)[] | null = null
  #copies: PackedCopies | null = null

  constructor(count: number, keysNumber: number) {
    this.keysNumber = keysNumber
    this.keys = new Array(count)
    this.values = new Array(count)
    this.partitions = new Array(count)
  }

  add(
    key: Key | null,
    value: string | Uint8Array | null,
    partition: number,
    headers: Headers | null,
    timestamp: number | undefined,
  ): void {
    const index = this.#count++
    this.keys[index] = key
    this.values[index] = value
    this.partitions[index] = partition
    if (headers !== null) {
      this.#headers ??= new Array<Headers | null>(this.keys.length).fill(null)
      this.#headers[index] = headers
    }
    if (timestamp !== undefined) {
      this.#timestamps ??= new Array<number | undefined>(this.keys.length).fill(undefined)
      this.#timestamps[index] = timestamp
    }
  }

  /** Whether no message has anything but a key and a value. */
  get isPlain(): boolean {
    return this.#headers === null && this.#timestamps === null && this.#fields === null
  }

  headersOf(index: number): Headers | null {
    return this.#headers === null ? null : (this.#headers[index] as Headers | null)
  }

  timestampOf(index: number): number | undefined {
    return this.#timestamps === null ? undefined : this.#timestamps[index]
  }

  setFields(index: number, fields: QueueFields | null): void {
    if (fields === null) return
    this.#fields ??= new Array<QueueFields | null>(this.keys.length).fill(null)
    this.#fields[index] = fields
  }

  fieldsOf(index: number): QueueFields | null {
    return this.#fields === null ? null : (this.#fields[index] as QueueFields | null)
  }

  /** What is kept of those from `first` on while they wait, a character of text for a byte. */
  bytesFrom(first: number): number {
    let bytes = 0
    for (let index = first; index < this.keys.length; index++) {
      const headers = this.headersOf(index)
      bytes += (this.keys[index]?.length ?? 0) + (this.values[index]?.length ?? 0)
      if (headers !== null) bytes += headersSize(headers)
    }
    return bytes
  }

  /** The caller may change its bytes from now on: those from `first` on become copies. */
  own(first: number, pieces: FreePieces): void {
    let bytes = 0
    for (let index = first; index < this.keys.length; index++) {
      const key = this.keys[index]
      const value = this.values[index]
      if (key instanceof Uint8Array) bytes += key.length
      if (value instanceof Uint8Array) bytes += value.length
    }
    this.#copies = new PackedCopies(2 * (this.keys.length - first), bytes, pieces)
    this.#copy(first, this.#copies)
    if (this.#headers !== null) this.#headers = this.#headers.map(each => (each === null ? null : ownedHeaders(each)))
  }

  /** Nothing of it is written any more: what was copied gives its memory back. */
  release(): void {
    this.#copies?.release()
    this.#copies = null
  }

  #copy(first: number, copies: PackedCopies): void {
    for (let index = first; index < this.keys.length; index++) {
      const key = this.keys[index] as Key | null
      if (key instanceof Uint8Array) this.keys[index] = copies.of(key, 0)
      const value = this.values[index]
      if (value instanceof Uint8Array) this.values[index] = copies.of(value, key === null ? 0 : key.length)
    }
  }
}
