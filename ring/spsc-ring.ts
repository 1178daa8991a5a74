/**
 * A byte ring between exactly one producer thread and one consumer thread.
 *
 * The producer claims contiguous room, for a record or for several in a row, writes plainly, and publishes any number of
 * claims with one store of the tail.
 * The consumer loads the tail once, walks whole records in place, and releases them with one store of the head. A
 * producer that dies between claim and publish leaves nothing visible. Layout and positions: layout.ts.
 *
 * Bounds: `capacity` bytes; a full ring makes `claim` return `FULL`, never wait. A record takes at most half the
 * capacity, because the padding in front of it may take nearly as much again.
 *
 * Source: the free-running positions, padding at the wrap and cached opposite cursor follow Agrona's ring buffers.
 */
import { align8, RING_CLOSED, RING_DATA, RING_HEAD, RING_TAIL, RING_WANTS } from './layout.ts'
import type { Memory } from './memory.ts'

/** Returned by `claim` when the ring has no room now. */
export const FULL = -1
/** Returned by `next` when nothing more is published. */
export const EMPTY = -1
/** Returned by `next` when the bytes at the head cannot be a record, or the tail is none; the head stays where it is. */
export const CORRUPT = -2

/** The producer's side; one thread only. */
export class RingProducer {
  readonly memory: Memory
  readonly address: number
  readonly capacity: number
  readonly #data: number
  readonly #mask: number
  /** Position after the last claim that was advanced over; published by `publish`. */
  tail: number
  #head: number
  #wants: boolean

  /** Takes over a ring where its last producer left it. `capacity` is a power of two, at least 64. */
  constructor(memory: Memory, address: number, capacity: number) {
    this.memory = memory
    this.address = address
    this.capacity = capacity
    this.#data = address + RING_DATA
    this.#mask = capacity - 1
    this.tail = memory.load(address + RING_TAIL)
    this.#head = memory.load(address + RING_HEAD)
    this.#wants = memory.load(address + RING_WANTS) === 1
  }

  /**
   * Address of `bytes` contiguous bytes at the tail, or `FULL`. Writes padding in front when the end is too near; a
   * record of more than half the capacity may therefore find even an empty ring full.
   */
  claim(bytes: number): number {
    const need = align8(bytes)
    const at = this.tail & this.#mask
    const toEnd = this.capacity - at
    const total = need <= toEnd ? need : need + toEnd
    if (((this.tail + total - this.#head) | 0) > this.capacity) {
      this.#head = this.memory.load(this.address + RING_HEAD)
      if (((this.tail + total - this.#head) | 0) > this.capacity) return FULL
    }
    if (need <= toEnd) return this.#data + at
    this.memory.i32[(this.#data + at) >> 2] = -toEnd
    this.tail = (this.tail + toEnd) | 0
    return this.#data
  }

  /** Contiguous bytes at the tail, at least `wanted` where a fresh look at the head can give that. */
  room(wanted: number): number {
    const toEnd = this.capacity - (this.tail & this.#mask)
    let free = this.capacity - ((this.tail - this.#head) | 0)
    if (free < wanted) {
      this.#head = this.memory.load(this.address + RING_HEAD)
      free = this.capacity - ((this.tail - this.#head) | 0)
    }
    return free < toEnd ? free : toEnd
  }

  /** Moves the private tail over a written claim. */
  advance(bytes: number): void {
    this.tail = (this.tail + align8(bytes)) | 0
  }

  /** Makes everything advanced over visible to the consumer. */
  publish(): void {
    this.memory.store(this.address + RING_TAIL, this.tail)
  }

  /** Forgets everything advanced over since the last `publish`: a batch that came to nothing. */
  abort(): void {
    this.tail = this.memory.load(this.address + RING_TAIL)
  }

  /** Bytes published or advanced over and not released, after a fresh look at the head. */
  used(): number {
    this.#head = this.memory.load(this.address + RING_HEAD)
    return (this.tail - this.#head) | 0
  }

  /**
   * Says whether this producer may wait for room, and is to be woken after a release. Having said so it looks at the head once more before
   * it waits, with `claim` or `used`: what was released before that look may not have woken it.
   */
  wants(room: boolean): void {
    if (room === this.#wants) return
    this.#wants = room
    this.memory.store(this.address + RING_WANTS, room ? 1 : 0)
  }

  /** Declares that nothing will follow; call after the last `publish`. */
  close(): void {
    this.memory.store(this.address + RING_CLOSED, 1)
  }
}

/** The consumer's side; one thread only. */
export class RingConsumer {
  readonly memory: Memory
  readonly address: number
  readonly capacity: number
  readonly #data: number
  readonly #mask: number
  /** Position after the last record walked over; released by `release`. */
  head: number
  #tail: number
  #released: number

  /** Takes over a ring where its last consumer left it. */
  constructor(memory: Memory, address: number, capacity: number) {
    this.memory = memory
    this.address = address
    this.capacity = capacity
    this.#data = address + RING_DATA
    this.#mask = capacity - 1
    this.head = memory.load(address + RING_HEAD)
    this.#released = this.head
    this.#tail = this.head
  }

  /** Looks at the tail; whether records are ready, or something that cannot be, of which `next` then says so. */
  poll(): boolean {
    const tail = this.memory.load(this.address + RING_TAIL)
    const ready = (tail - this.head) | 0
    // Behind a tail that is less than nothing away no length is possible, so that `next` needs no check of its own.
    const impossible = ready < 0 || ready > this.capacity || ((tail | this.head) & 7) !== 0
    this.#tail = impossible ? (this.head - 1) | 0 : tail
    return this.#tail !== this.head
  }

  /** Address of the record at the head, or `EMPTY` or `CORRUPT`. Does not look at the tail: `poll` first. */
  next(): number {
    for (;;) {
      const ready = (this.#tail - this.head) | 0
      if (ready === 0) return EMPTY
      const at = this.head & this.#mask
      const length = this.memory.i32[(this.#data + at) >> 2] as number
      if (length > 0) {
        const bytes = align8(length)
        return length >= 8 && length <= ready && bytes <= ready && at + bytes <= this.capacity
          ? this.#data + at
          : CORRUPT
      }
      if (length === 0 || -length > ready || at - length !== this.capacity) return CORRUPT
      this.head = (this.head - length) | 0
    }
  }

  /** Walks over a record of `bytes`, which stays valid until `release`. */
  advance(bytes: number): void {
    this.head = (this.head + align8(bytes)) | 0
  }

  /** Bytes of records and padding that the last look found and that were not walked over. */
  get ready(): number {
    return (this.#tail - this.head) | 0
  }

  /** Goes back to its last release: bytes walked over since are walked over again. */
  rewind(): void {
    this.head = this.#released
  }

  /** Hands all walked-over bytes back to the producer; whether there were any. */
  release(): boolean {
    if (this.head === this.#released) return false
    this.#released = this.head
    this.memory.store(this.address + RING_HEAD, this.head)
    return true
  }

  /** Whether the producer may wait for room: asked after `release`, so that one of the two sees the other. */
  get isWanted(): boolean {
    return this.memory.load(this.address + RING_WANTS) === 1
  }

  /** Whether the producer closed the ring and everything was walked over. */
  get drained(): boolean {
    if (this.memory.load(this.address + RING_CLOSED) !== 1) return false
    return !this.poll()
  }
}
