/**
 * The ring of deliveries from a queue's partition host to one consumer: its layout, and the host's end.
 *
 * ```
 * delivery  0 i32 length, these 40 bytes included
 *           4 i32 tag                  of the consumer's claims
 *           8 i32 epoch                of the consumer
 *          12 i32 deliveryAttempt
 *          16 offset low   20 high
 *          24 i32 bits 0-7 flags       8-31 failedAttempts
 *          28 i32 cohort               messages of different ones are not handled in one batch
 *          32 f64 timestamp            ms since the epoch
 *          40 the record (record.ts), or its last piece
 * run       as a delivery with DELIVERY_RUN; 4 i32 tag of the first of its messages, 12 i32 1, 16 offset of a frame that all of
 *           them say to be in, 28 i32 how many; from 40 on their records, each at a multiple of 8, which say their offsets themselves
 * piece     as a delivery of tag 0; 12 i32 how many bytes of the record were sent before; only epoch and offset besides
 * ```
 *
 * Messages of a run have tags one behind the other, and none of them was out before.
 *
 * A record that is too large for one delivery comes in pieces before it. Its message is on the table of the claims when the last
 * one is written. So what a host that died had sent of it is passed over.
 *
 * The partition host's thread. A consumer empties the ring whenever it looks. Bound: the ring's capacity. At the bound `claim` is
 * `FULL`, and nothing is handed out to that consumer before there is room.
 */
import { FULL, type Memory, RingProducer } from 'sharedarraybuffer-ring'
import { highOf } from '../log/format/frame.ts'
import type { RingAt } from '../wire/link-places.ts'
import type { Epoch, Offset, Position } from '../words/quantities.ts'

/** Tag of a piece: no delivery has it. */
export const PIECE = 0
export const DELIVERY_BYTES = 40
export const DELIVERY_TAG = 4
export const DELIVERY_EPOCH = 8
export const DELIVERY_ATTEMPT = 12
export const DELIVERY_OFFSET = 16
export const DELIVERY_FAILURES = 24
export const DELIVERY_COHORT = 28
export const DELIVERY_TIMESTAMP = 32

/** Its thread died while it and others were in hand: it goes alone. */
export const DELIVERY_SUSPECT = 1
/** Pieces of its record came before. */
export const DELIVERY_JOINED = 2
/** It is several messages. */
export const DELIVERY_RUN = 4
export const DELIVERY_FLAG_BITS = 8

/** What a consumer is told of a message besides its record. */
export interface DeliveryHead {
  readonly offset: Offset
  readonly deliveryAttempt: number
  readonly failedAttempts: number
  readonly flags: number
  /** Messages of different cohorts are not handled in one batch; one that failed before is a batch of its own. */
  readonly cohort: number
  readonly timestamp: number
}

export class DeliveryWriter {
  readonly #memory: Memory
  readonly #ring: RingProducer
  #unpublished = false
  /** Bytes of the ring that are free for sure: as the reader had it when that was last looked at. */
  #free = 0

  /** Goes on behind what was published in the ring. */
  constructor(memory: Memory, { address, capacity }: RingAt) {
    this.#memory = memory
    this.#ring = new RingProducer(memory, address, capacity)
  }

  /** Position after the last delivery written. */
  get tail(): Position {
    return this.#ring.tail
  }

  get capacity(): number {
    return this.#ring.capacity
  }

  /**
   * Writes a delivery, and returns the address where the caller copies `bytes` bytes of the record before `publish`. `FULL`: there is
   * no room.
   */
  write(tag: number, epoch: Epoch, head: DeliveryHead, bytes: number): number {
    const length = DELIVERY_BYTES + bytes
    const before = this.#ring.tail
    const address = this.#ring.claim(length)
    if (address === FULL) return FULL
    const words = this.#memory.i32
    const at = address >> 2
    words[at] = length
    words[at + (DELIVERY_TAG >> 2)] = tag
    words[at + (DELIVERY_EPOCH >> 2)] = epoch
    words[at + (DELIVERY_ATTEMPT >> 2)] = head.deliveryAttempt
    words[at + (DELIVERY_OFFSET >> 2)] = head.offset | 0
    words[at + (DELIVERY_OFFSET >> 2) + 1] = highOf(head.offset)
    words[at + (DELIVERY_FAILURES >> 2)] = head.flags | (head.failedAttempts << DELIVERY_FLAG_BITS)
    words[at + (DELIVERY_COHORT >> 2)] = head.cohort
    this.#memory.f64[(address + DELIVERY_TIMESTAMP) >> 3] = head.timestamp
    this.#ring.advance(length)
    this.#free -= (this.#ring.tail - before) | 0
    this.#unpublished = true
    return address + DELIVERY_BYTES
  }

  /** The same for a run of so many messages, whose frame has this offset. */
  writeRun(firstTag: number, epoch: Epoch, base: Offset, count: number, timestamp: number, bytes: number): number {
    const run = { offset: base, deliveryAttempt: 1, failedAttempts: 0, flags: DELIVERY_RUN, cohort: count, timestamp }
    return this.write(firstTag, epoch, run, bytes)
  }

  /** The same for a piece of a record, of which `before` bytes were sent. */
  writePiece(epoch: Epoch, offset: Offset, before: number, bytes: number): number {
    const piece = { offset, deliveryAttempt: before, failedAttempts: 0, flags: 0, cohort: 0, timestamp: 0 }
    return this.write(PIECE, epoch, piece, bytes)
  }

  /** Bytes of a record that one delivery or piece takes. */
  get bytesMax(): number {
    return this.#ring.capacity / 8 - DELIVERY_BYTES
  }

  /** Whether any delivery has room. */
  get hasRoom(): boolean {
    // One that does not fit before the end takes that room as well.
    const most = this.#ring.capacity / 4
    if (this.#free >= most) return true
    this.#free = this.#ring.capacity - this.#ring.used()
    return this.#free >= most
  }

  /** Makes what was written visible; whether there was anything. */
  publish(): boolean {
    if (!this.#unpublished) return false
    this.#unpublished = false
    this.#ring.publish()
    return true
  }
}
