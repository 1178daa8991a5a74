/**
 * What a consumer took from its ring of deliveries at once (delivery-reader.ts), one message after the other.
 *
 * The consumer's thread. It is a copy of the ring's bytes, and moves over them: no message has an object of its own before somebody
 * asks for one. What was written for another incarnation of the consumer is passed over. Bound: the bytes that it was made of.
 */
import { align8 } from 'sharedarraybuffer-ring'
import { joinOffset } from '../log/format/frame.ts'
import {
  DELIVERY_ATTEMPT,
  DELIVERY_BYTES,
  DELIVERY_COHORT,
  DELIVERY_EPOCH,
  DELIVERY_FAILURES,
  DELIVERY_FLAG_BITS,
  DELIVERY_OFFSET,
  DELIVERY_RUN,
  DELIVERY_TAG,
  DELIVERY_TIMESTAMP,
  type DeliveryHead,
} from './delivery-writer.ts'

/** A message that was handed out to this consumer, to be begun under its tag. */
export interface TakenDelivery extends DeliveryHead {
  readonly tag: number
  /** Its record in the bytes of the fetch. */
  readonly start: number
  readonly end: number
}

const TAG = DELIVERY_TAG >> 2
const EPOCH = DELIVERY_EPOCH >> 2
const ATTEMPT = DELIVERY_ATTEMPT >> 2
const OFFSET = DELIVERY_OFFSET >> 2
const FAILURES = DELIVERY_FAILURES >> 2
const COHORT = DELIVERY_COHORT >> 2
const TIMESTAMP = DELIVERY_TIMESTAMP >> 2
const FLAGS_MASK = (1 << DELIVERY_FLAG_BITS) - 1
/** In the second word of a record (record.ts). */
const OFFSET_DELTA = 0xffff

export class DeliveryFetch implements TakenDelivery {
  /** Private to this thread. Each start is at a multiple of 8 in its memory. */
  readonly bytes: Buffer
  /** The same as words. */
  readonly words: Int32Array
  /** Messages that it has not come to. */
  left: number
  readonly #epoch: number
  /** Index of the next delivery. */
  #next = 0
  /** Messages of the run that it is in, behind the one that it is at; where the next is, and their frame's offset. */
  #runLeft = 0
  #runNext = 0
  #runOffset = 0
  /** As the words of `timestamp` are. */
  #timeLow = 0
  #timeHigh = 0

  // Of the message that it is at.
  tag = 0
  offset = 0
  deliveryAttempt = 0
  failedAttempts = 0
  flags = 0
  cohort = 0
  timestamp = 0
  start = 0
  end = 0

  /** `messages`: how many of this epoch are in the deliveries that `bytes` begins with. */
  constructor(bytes: Buffer, messages: number, epoch: number) {
    this.bytes = bytes
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
    this.left = messages
    this.#epoch = epoch
  }

  /** Moves to the next message; one is `left`. */
  advance(): void {
    this.left--
    if (this.#runLeft > 0) {
      this.#runLeft--
      this.tag++
      this.#enter(this.#runNext)
      return
    }
    const { words } = this
    let at = this.#next >> 2
    while (words[at + EPOCH] !== this.#epoch) at += align8(words[at] as number) >> 2
    this.#moveTo(at)
  }

  /** To the delivery of this epoch at these words. */
  #moveTo(at: number): void {
    const { words } = this
    const length = words[at] as number
    const start = 4 * at + DELIVERY_BYTES
    this.#next = 4 * at + align8(length)
    this.#time(words[at + TIMESTAMP] as number, words[at + TIMESTAMP + 1] as number, 4 * at)
    this.tag = words[at + TAG] as number
    this.deliveryAttempt = words[at + ATTEMPT] as number
    const offset = joinOffset(words[at + OFFSET] as number, words[at + OFFSET + 1] as number)
    const failures = words[at + FAILURES] as number
    this.failedAttempts = failures >>> DELIVERY_FLAG_BITS
    this.flags = failures & FLAGS_MASK
    if ((failures & DELIVERY_RUN) === 0) {
      this.offset = offset
      this.cohort = words[at + COHORT] as number
      this.start = start
      this.end = 4 * at + length
      return
    }
    this.flags = 0
    this.cohort = 0
    this.#runLeft = (words[at + COHORT] as number) - 1
    this.#runOffset = offset
    this.#enter(start)
  }

  /** To the message of a run whose record is here. */
  #enter(start: number): void {
    const { words } = this
    const length = words[start >> 2] as number
    this.offset = this.#runOffset + ((words[(start >> 2) + 1] as number) & OFFSET_DELTA)
    this.start = start
    this.end = start + length
    this.#runNext = start + align8(length)
  }

  #time(low: number, high: number, at: number): void {
    // Those behind it mostly have the same.
    if (low === this.#timeLow && high === this.#timeHigh) return
    this.#timeLow = low
    this.#timeHigh = high
    this.timestamp = this.bytes.readDoubleLE(at + DELIVERY_TIMESTAMP)
  }
}
