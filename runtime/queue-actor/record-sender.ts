/**
 * Copies records of a queue's messages into the ring of one consumer: whole, piece by piece, or several at a time.
 *
 * The partition host's thread. Records of a run that lie one behind the other are copied at once. Bound: the room in the
 * ring, and RUN_MAX records of a run.
 */
import { type DeliverySlot, NOT_NOW } from '../link/delivery-slot.ts'
import { DELIVERY_JOINED, DELIVERY_SUSPECT } from '../link/delivery-writer.ts'
import type { HandOut } from '../queue/queue-words.ts'
import type { MessageSource } from './message-source.ts'

export class RecordSender {
  readonly #source: MessageSource
  readonly #slot: DeliverySlot
  /** Bytes of its record that the last `send` has sent before the end of it. */
  sent = 0

  constructor(source: MessageSource, slot: DeliverySlot) {
    this.#source = source
    this.#slot = slot
  }

  /** Sends a message, of whose record `sent` bytes were sent; its tag. `NOT_NOW`: there was no room for all of it. */
  send(handOut: HandOut, sent: number): number {
    const { offset } = handOut
    const length = this.#source.lengthOf(offset)
    const most = this.#slot.bytesMax
    this.sent = sent
    for (; length - this.sent > most; this.sent += most) {
      if (!this.#slot.sendPiece(offset, this.sent, most)) return NOT_NOW
      this.#source.copy(offset, this.sent, most, this.#slot.address)
    }
    return this.#sendEnd(handOut, length - this.sent)
  }

  /** Sends the end of a record, or all of it, and with it its message. */
  #sendEnd(handOut: HandOut, bytes: number): number {
    const { offset, deliveryAttempt, failedAttempts, cohort, suspect } = handOut
    const flags = (suspect ? DELIVERY_SUSPECT : 0) | (this.sent > 0 ? DELIVERY_JOINED : 0)
    const timestamp = this.#source.timestampOf(offset)
    const tag = this.#slot.handOut({ offset, deliveryAttempt, failedAttempts, flags, cohort, timestamp }, bytes)
    if (tag !== NOT_NOW) this.#source.copy(offset, this.sent, bytes, this.#slot.address)
    return tag
  }

  /** Up to which of these messages, from `from` on, one run goes (record-run.ts): as many as the claims have tags for. */
  runEnd(offsets: Float64Array, from: number, count: number): number {
    return this.#source.runEnd(offsets, from, from + this.#slot.runMax(count - from))
  }

  /** Sends the messages that `runEnd` looked at last; the tag of the first. `NOT_NOW`: there was no room. */
  sendRun(offsets: Float64Array, from: number, end: number): number {
    const { base, timestamp, bytes } = this.#source.run
    const first = this.#slot.handOutRun(offsets, from, end, base, timestamp, bytes)
    if (first !== NOT_NOW) this.#source.copyRun(this.#slot.address)
    return first
  }
}
