/**
 * The consumer's end of a ring of deliveries (delivery-writer.ts). The consumer's thread.
 *
 * It takes all that there is at once, into private memory, so that the ring has room again however long a handler takes. What was
 * written for another incarnation of the consumer is passed over. Bound of what is taken: the ring's capacity at a time, and in all
 * the consumer's prefetch, which the host keeps.
 */
import { align8, CORRUPT, type Memory, RingConsumer, WindowReader } from 'sharedarraybuffer-ring'
import { joinOffset } from '../log/format/frame.ts'
import { DELIVERY_REFERENCE_BYTES, type DeliveryPlace } from '../wire/delivery-places.ts'
import type { RingAt } from '../wire/link-places.ts'
import type { Epoch } from '../words/quantities.ts'
import {
  DELIVERY_ATTEMPT,
  DELIVERY_BYTES,
  DELIVERY_COHORT,
  DELIVERY_EPOCH,
  DELIVERY_FAILURES,
  DELIVERY_FLAG_BITS,
  DELIVERY_OFFSET,
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
  /** Its record, if that is not in the fetch: too large to travel in the ring. */
  readonly large: Buffer | null
}

export interface DeliveryFetch {
  /** Private to this thread. Each start is at a multiple of 8 in its memory. */
  readonly bytes: Buffer
  readonly deliveries: readonly TakenDelivery[]
}

export class DeliveryReader {
  readonly #memory: Memory
  readonly #ring: RingConsumer
  readonly #window: WindowReader
  readonly #epoch: Epoch

  /** Goes on behind what the last reader took. `window`: of the queue. */
  constructor(memory: Memory, { ring, epoch }: Pick<DeliveryPlace, 'ring' | 'epoch'>, window: RingAt) {
    this.#memory = memory
    this.#ring = new RingConsumer(memory, ring.address, ring.capacity)
    this.#window = new WindowReader(memory, window.address, window.capacity)
    this.#epoch = epoch
  }

  /** Whether `take` would find something. */
  ready(): boolean {
    return this.#ring.poll()
  }

  /**
   * What was handed out since the last time, in order; null: nothing. To be called until then, because a large record comes by itself.
   */
  take(): DeliveryFetch | null {
    const ring = this.#ring
    if (!ring.poll()) return null
    const deliveries: TakenDelivery[] = []
    let address = ring.next()
    // Of a pool, as these bytes are handed to nobody (reader/fetched-bytes.ts): a buffer of its own would cost more than all the rest.
    const bytes = Buffer.allocUnsafe(address < 0 ? 0 : ring.ready)
    // Deliveries lie one behind the other, but where the ring wraps.
    let [spanStart, spanEnd, copied] = [address, address, 0]
    for (; address >= 0; address = ring.next()) {
      const length = this.#memory.i32[address >> 2] as number
      if (length < DELIVERY_BYTES) break
      if (address !== spanEnd) {
        copied = this.#copy(bytes, copied, spanStart, spanEnd)
        spanStart = address
      }
      spanEnd = address + align8(length)
      const start = copied + (address - spanStart) + DELIVERY_BYTES
      if (this.#memory.i32[(address + DELIVERY_EPOCH) >> 2] === this.#epoch)
        deliveries.push(this.#delivery(address, start, start + length - DELIVERY_BYTES))
      ring.advance(length)
    }
    if (address === CORRUPT || address >= 0)
      throw new Error('broken invariant: a ring of deliveries holds bytes that are no delivery')
    this.#copy(bytes, copied, spanStart, spanEnd)
    ring.release()
    return { bytes, deliveries }
  }

  #copy(bytes: Buffer, at: number, from: number, to: number): number {
    bytes.set(this.#memory.u8.subarray(from, to), at)
    return at + to - from
  }

  #delivery(address: number, start: number, end: number): TakenDelivery {
    const words = this.#memory.i32
    const word = (field: number): number => words[(address + field) >> 2] as number
    const failures = word(DELIVERY_FAILURES)
    const isReference = end - start === DELIVERY_REFERENCE_BYTES
    return {
      tag: word(DELIVERY_TAG),
      offset: joinOffset(word(DELIVERY_OFFSET), word(DELIVERY_OFFSET + 4)),
      deliveryAttempt: word(DELIVERY_ATTEMPT),
      failedAttempts: failures >>> DELIVERY_FLAG_BITS,
      flags: failures & ((1 << DELIVERY_FLAG_BITS) - 1),
      cohort: word(DELIVERY_COHORT),
      timestamp: this.#memory.f64[(address + DELIVERY_TIMESTAMP) >> 3] as number,
      start,
      end,
      large: isReference ? this.#stored(word(DELIVERY_BYTES), word(DELIVERY_BYTES + 4)) : null,
    }
  }

  /** A copy of what the host keeps in its window until the ring's head has passed. */
  #stored(position: number, bytes: number): Buffer {
    const record = Buffer.allocUnsafeSlow(bytes)
    this.#window.copyOut(position, bytes, record, 0)
    return record
  }
}
