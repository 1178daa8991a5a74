/**
 * What a queue has handed out to one consumer: its claims and its ring of deliveries, as one.
 *
 * The partition host's thread. A message is on the table of the claims before its delivery is published, so that a successor knows
 * of all that the consumer may have. What was on the table and not published is the queue's again (`takeOver`).
 *
 * Bound: the entries of the claims, and the room in the ring. Beyond either nothing is handed out to this consumer.
 */
import {
  type ClaimEnds,
  ClaimSender,
  FULL,
  type HandedOut,
  type Memory,
  NO_ENTRY,
  type Standing,
} from 'sharedarraybuffer-ring'
import type { DeliveryPlace } from '../wire/delivery-places.ts'
import type { Epoch, Offset } from '../words/quantities.ts'
import { type DeliveryHead, DeliveryWriter } from './delivery-writer.ts'

/** Returned by `handOut` when this consumer can be handed nothing now. */
export const NOT_NOW = 0

export class DeliverySlot {
  readonly epoch: Epoch
  readonly #claims: ClaimSender
  readonly #ring: DeliveryWriter
  /** Address for the record that was handed out last. */
  address = 0

  /** A new slot, one whose last consumer has exited and left nothing, or one that a predecessor has opened. */
  constructor(memory: Memory, { epoch, claims, entries, ring }: DeliveryPlace) {
    this.epoch = epoch
    this.#claims = new ClaimSender(memory, claims, entries)
    this.#ring = new DeliveryWriter(memory, ring)
    if (this.#claims.epoch !== epoch) this.#claims.open(epoch)
  }

  /**
   * What a predecessor has handed out, for who goes on with an open slot. What it did not live to publish is not among it: that is handed
   * to `unsent`, and was never out.
   */
  takeOver(unsent: (offset: Offset) => void): HandedOut[] {
    for (const { tag, number } of this.#claims.unsent(this.#ring.tail, this.#ring.capacity)) {
      unsent(number)
      this.#claims.free(tag)
    }
    return this.#claims.all()
  }

  /** Messages handed out and not freed, of which some may be ended or recalled. */
  get used(): number {
    return this.#claims.used
  }

  /**
   * Hands a message out, visible after `publish`; returns its tag. The caller copies `bytes` bytes of its record to `address` before that,
   * at most `bytesMax`; those before were sent in pieces. `NOT_NOW`: there is no room.
   */
  handOut(head: DeliveryHead, bytes: number): number {
    const tag = this.#claims.nextTag()
    if (tag === NO_ENTRY) return NOT_NOW
    const address = this.#ring.write(tag, this.epoch, head, bytes)
    if (address === FULL) return NOT_NOW
    this.address = address
    return this.#claims.handOut(head.offset, head.deliveryAttempt, this.#ring.tail)
  }

  /** How many messages a run may have, at most `most`. */
  runMax(most: number): number {
    return this.#claims.freeTags(most)
  }

  /**
   * Hands the messages at `from` to below `to` of these offsets out, as of one frame, and never out before; returns the tag of the first.
   * They are no more than `runMax`. The caller copies their records, `bytes` in all, as for `handOut`.
   */
  handOutRun(offsets: ArrayLike<Offset>, from: number, to: number, base: Offset, time: number, bytes: number): number {
    const address = this.#ring.writeRun(this.#claims.nextTag(), this.epoch, base, to - from, time, bytes)
    if (address === FULL) return NOT_NOW
    this.address = address
    return this.#claims.handOutRun(offsets, from, to, this.#ring.tail)
  }

  /**
   * Sends a piece of a record, whose message will be handed out with its last one; whether there was room. The caller copies `bytes` bytes to
   * `address` before `publish`; `before`: bytes sent so far.
   */
  sendPiece(offset: Offset, before: number, bytes: number): boolean {
    const address = this.#ring.writePiece(this.epoch, offset, before, bytes)
    if (address !== FULL) this.address = address
    return address !== FULL
  }

  /** Bytes of a record that travel at once. */
  get bytesMax(): number {
    return this.#ring.bytesMax
  }

  /** Whether a message of any size can be handed out, or begun to be. */
  get hasRoom(): boolean {
    return !this.#claims.isFull && this.#ring.hasRoom
  }

  /** Makes what was handed out visible; whether the consumer is to be woken. */
  publish(): boolean {
    return this.#ring.publish()
  }

  /** Takes a message back unless it has begun (`ClaimSender.recall`). */
  recall(tag: number): Standing {
    return this.#claims.recall(tag)
  }

  standing(tag: number): Standing {
    return this.#claims.standing(tag)
  }

  /** Whether a message of this tag is handed out and not freed; false for each tag that a late settlement names. */
  has(tag: number): boolean {
    return this.#claims.has(tag)
  }

  /** Whether `ended` would find something. */
  hasEnded(): boolean {
    return this.#claims.hasEnded()
  }

  /** Hands over what the consumer has ended (`ClaimSender.ended`). */
  ended(ends: ClaimEnds): void {
    this.#claims.ended(ends)
  }

  /** The offset of a message that is handed out. */
  offsetOf(tag: number): Offset {
    return this.#claims.numberOf(tag)
  }

  /** Its end was acted upon (`ClaimSender.free`). */
  free(tag: number): void {
    this.#claims.free(tag)
  }

  /** The same of so many, from this tag on. */
  freeRun(first: number, count: number): void {
    this.#claims.freeRun(first, count)
  }

  /** All that is handed out: after the exit of the consumer's thread. */
  all(): HandedOut[] {
    return this.#claims.all()
  }
}
