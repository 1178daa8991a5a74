/**
 * The messages that a queue's consumer has taken and not begun, one after the other, and the one that it is at.
 *
 * The consumer's thread. A message has no object of its own here: what it is, is read from the fetch when its turn has come. Bound: the
 * consumer's prefetch, which the queue keeps.
 */
import type { DeliveryFetch } from '../link/delivery-fetch.ts'
import { areOfRequest } from '../log/format/queue-fields.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { TopicShape } from '../wire/places.ts'
import type { Codec } from '../words/codec.ts'
import type { PartitionId } from '../words/quantities.ts'
import { FetchedBytes } from './fetched-bytes.ts'
import { readerCodecOf } from './learning-json.ts'
import { goesAlone, type QueueFrame, type QueueMessageRef } from './queue-delivery.ts'

/** In the second word of a record, and the first word of its queue fields (record.ts). */
const FIELDS_BIT = HAS_QUEUE_FIELDS << 16
const FIELDS_WORD = RECORD_HEADER_BYTES >> 2

/** A fetch of which some messages have not begun. */
interface Portion {
  readonly fetch: DeliveryFetch
  /** Of the message that it is at. */
  frame: QueueFrame
  /** Whether it is at a message that `pass` has not come to. */
  isAhead: boolean
}

export class TakenMessages implements QueueMessageRef {
  readonly #topic: Pick<TopicShape, 'id' | 'name'>
  readonly #partition: PartitionId
  readonly #codec: Codec
  readonly #portions: Portion[] = []
  /** How many there are, without the one that it is at. */
  waiting = 0

  // The message that `pass` or `peek` moved to.
  tag = 0
  offset = 0
  deliveryAttempt = 0
  failedAttempts = 0
  goesAlone = false
  isRequest = false
  /** Messages of different ones are not handled in one batch. */
  cohort = 0
  frame: QueueFrame
  at = 0

  constructor(topic: Pick<TopicShape, 'id' | 'name' | 'codec'>, partition: PartitionId) {
    this.#topic = topic
    this.#partition = partition
    this.#codec = readerCodecOf(topic.codec)
    const nothing = Buffer.alloc(0)
    this.frame = this.#frameOf({ bytes: nothing, words: new Int32Array(0) }, new FetchedBytes(nothing), 0)
  }

  /** Each with the same fields in the same order, which V8 finds by one look at it. */
  #frameOf(
    { bytes: buffer, words }: Pick<DeliveryFetch, 'bytes' | 'words'>,
    bytes: FetchedBytes,
    baseTimestamp: number,
  ): QueueFrame {
    const { id: queueId, name: topic } = this.#topic
    return { buffer, bytes, words, codec: this.#codec, topic, partition: this.#partition, queueId, baseTimestamp }
  }

  /** They come behind those that there are. */
  keep(fetch: DeliveryFetch): void {
    if (fetch.left === 0) return
    this.waiting += fetch.left
    this.#portions.push({ fetch, frame: this.#frameOf(fetch, new FetchedBytes(fetch.bytes), 0), isAhead: false })
  }

  /** Moves to the next message, which stays the next one; false: there is none. */
  peek(): boolean {
    const portion = this.#portions[0]
    if (portion === undefined) return false
    if (!portion.isAhead) this.#moveIn(portion)
    portion.isAhead = true
    return true
  }

  /** Moves to the next message; false: there is none. */
  pass(): boolean {
    const portion = this.#portions[0]
    if (portion === undefined) return false
    if (!portion.isAhead) this.#moveIn(portion)
    portion.isAhead = false
    this.waiting--
    if (portion.fetch.left === 0) this.#portions.shift()
    return true
  }

  #moveIn(portion: Portion): void {
    const { fetch } = portion
    fetch.advance()
    this.tag = fetch.tag
    this.offset = fetch.offset
    this.deliveryAttempt = fetch.deliveryAttempt
    this.failedAttempts = fetch.failedAttempts
    this.goesAlone = goesAlone(fetch.failedAttempts, fetch.flags)
    this.cohort = fetch.cohort
    this.at = fetch.start
    const record = fetch.start >> 2
    this.isRequest =
      ((fetch.words[record + 1] as number) & FIELDS_BIT) !== 0 &&
      areOfRequest(fetch.words[record + FIELDS_WORD] as number)
    // Those behind it mostly have the same.
    if (portion.frame.baseTimestamp !== fetch.timestamp)
      portion.frame = this.#frameOf(fetch, portion.frame.bytes, fetch.timestamp)
    this.frame = portion.frame
  }

  clear(): void {
    this.#portions.length = 0
    this.waiting = 0
  }
}
