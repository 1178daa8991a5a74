/**
 * The consumer's end of a ring of deliveries (delivery-writer.ts). The consumer's thread.
 *
 * It takes all that there is, into private memory, so that the ring has room again however long a handler takes. What was written for
 * another incarnation of the consumer is passed over. Bound of what is taken: the ring's capacity at a time, and in all
 * the consumer's prefetch, which the host keeps.
 */
import { align8, CORRUPT, type Memory, RingConsumer } from 'sharedarraybuffer-ring'
import { joinOffset } from '../log/format/frame.ts'
import type { DeliveryPlace } from '../wire/delivery-places.ts'
import type { Epoch, Position } from '../words/quantities.ts'
import { DeliveryFetch } from './delivery-fetch.ts'
import {
  DELIVERY_ATTEMPT,
  DELIVERY_BYTES,
  DELIVERY_COHORT,
  DELIVERY_EPOCH,
  DELIVERY_FAILURES,
  DELIVERY_JOINED,
  DELIVERY_OFFSET,
  DELIVERY_RUN,
  DELIVERY_TAG,
  PIECE,
} from './delivery-writer.ts'

/** Bytes that are taken at a time, at most: who keeps a message keeps so many with it. */
const TAKEN_BYTES_MAX = 65_536
const BROKEN = 'broken invariant: a ring of deliveries holds bytes that are no delivery'

export class DeliveryReader {
  readonly #memory: Memory
  readonly #ring: RingConsumer
  readonly #epoch: Epoch
  /** Of a record that comes in pieces: its offset, and those that are here. */
  #joining = 0
  #parts: Buffer[] = []
  /** Where the ring's head was when the host was asked to look last. */
  #askedAt: Position

  /** Goes on behind what the last reader took. */
  constructor(memory: Memory, { ring, epoch }: Pick<DeliveryPlace, 'ring' | 'epoch'>) {
    this.#memory = memory
    this.#ring = new RingConsumer(memory, ring.address, ring.capacity)
    this.#epoch = epoch
    this.#askedAt = this.#ring.head
  }

  /** Whether `take` would find something. */
  ready(): boolean {
    return this.#ring.poll()
  }

  /**
   * What was handed out since the last time, in order; null: nothing. To be called until then: it is taken in parts, and a large record
   * comes by itself.
   */
  take(): DeliveryFetch | null {
    const ring = this.#ring
    if (!ring.poll()) return null
    const joined = this.#join()
    if (joined !== null) return joined
    let address = ring.next()
    if (address < 0) {
      this.#checkWhole(address)
      ring.release()
      return null
    }
    // Of a pool, as these bytes are handed to nobody (reader/fetched-bytes.ts): a buffer of its own would cost more than all the rest.
    const bytes = Buffer.allocUnsafe(Math.min(ring.ready, Math.max(TAKEN_BYTES_MAX, align8(this.#lengthAt(address)))))
    // Deliveries lie one behind the other, but where the ring wraps.
    let [spanStart, spanEnd, copied, messages] = [address, address, 0, 0]
    for (; address >= 0 && !this.#isPiece(address); address = ring.next()) {
      const length = this.#lengthAt(address)
      if (address !== spanEnd) {
        copied = this.#copy(bytes, copied, spanStart, spanEnd)
        spanStart = address
        spanEnd = address
      }
      const end = address + align8(length)
      if (copied + (end - spanStart) > bytes.length) break
      spanEnd = end
      if (this.#isOurs(address)) messages += this.#messagesAt(address)
      ring.advance(length)
    }
    this.#checkWhole(address)
    this.#copy(bytes, copied, spanStart, spanEnd)
    ring.release()
    return new DeliveryFetch(bytes, messages, this.#epoch)
  }

  /**
   * Whether the host may have found no room, and does not know that there is some: it is to be asked. A part of a record is here, or so
   * much was taken that the ring may have been full.
   */
  get mayHaveStopped(): boolean {
    return this.#parts.length > 0 || ((this.#ring.head - this.#askedAt) | 0) >= this.#ring.capacity / 2
  }

  /** The host is asked: it will look at the ring as it is now. */
  asked(): void {
    this.#askedAt = this.#ring.head
  }

  /** Takes pieces in; the record, once its last one is there. */
  #join(): DeliveryFetch | null {
    const ring = this.#ring
    for (let address = ring.next(); address >= 0 && this.#isPiece(address); address = ring.next()) {
      const words = this.#memory.i32
      const length = this.#lengthAt(address)
      const offset = this.#offsetAt(address)
      const isLast = words[(address + DELIVERY_TAG) >> 2] !== PIECE
      if (this.#isOurs(address)) {
        // What a host that died had sent is sent again from its beginning.
        if (!isLast && words[(address + DELIVERY_ATTEMPT) >> 2] === 0) this.#parts = []
        if (this.#parts.length > 0 && this.#joining !== offset) throw new Error(BROKEN)
        this.#joining = offset
        this.#parts.push(Buffer.from(this.#memory.u8.subarray(address + DELIVERY_BYTES, address + length)))
      }
      const head = isLast && this.#isOurs(address) ? this.#headAt(address) : null
      ring.advance(length)
      if (head === null) continue
      const bytes = Buffer.concat([head, ...this.#parts])
      bytes.writeInt32LE(bytes.length, 0)
      this.#parts = []
      ring.release()
      return new DeliveryFetch(bytes, 1, this.#epoch)
    }
    return null
  }

  /** Whether it is a piece of a record, or the last one. */
  #isPiece(address: number): boolean {
    const words = this.#memory.i32
    const flags = words[(address + DELIVERY_FAILURES) >> 2] as number
    return words[(address + DELIVERY_TAG) >> 2] === PIECE || (flags & DELIVERY_JOINED) !== 0
  }

  #isOurs(address: number): boolean {
    return this.#memory.i32[(address + DELIVERY_EPOCH) >> 2] === this.#epoch
  }

  #offsetAt(address: number): number {
    const at = (address + DELIVERY_OFFSET) >> 2
    return joinOffset(this.#memory.i32[at] as number, this.#memory.i32[at + 1] as number)
  }

  #lengthAt(address: number): number {
    const length = this.#memory.i32[address >> 2] as number
    if (length < DELIVERY_BYTES) throw new Error(BROKEN)
    return length
  }

  #checkWhole(address: number): void {
    if (address === CORRUPT) throw new Error(BROKEN)
  }

  #copy(bytes: Buffer, at: number, from: number, to: number): number {
    bytes.set(this.#memory.u8.subarray(from, to), at)
    return at + to - from
  }

  /** A copy of the head of a delivery. */
  #headAt(address: number): Buffer {
    return Buffer.from(this.#memory.u8.subarray(address, address + DELIVERY_BYTES))
  }

  #messagesAt(address: number): number {
    const words = this.#memory.i32
    const isRun = ((words[(address + DELIVERY_FAILURES) >> 2] as number) & DELIVERY_RUN) !== 0
    return isRun ? (words[(address + DELIVERY_COHORT) >> 2] as number) : 1
  }
}
