/**
 * A reader of one partition for one group: fetches frames out of the window, walks their records, commits.
 *
 * The consumer's thread. It owns one slot (layout.ts) for one epoch: committed offset, pin, what is handed out. A fetch
 * copies whole frames, up to FETCH_BYTES or one frame, into private memory and allocates that anew, because
 * deliveries may be kept. The pin stands at the oldest frame that holds an unsettled record; moving it frees the window.
 *
 * What failed is known here as the group told it: by the assignment, then by verdicts.
 */
import { type Memory, WindowReader } from 'sharedarraybuffer-ring'
import { type Codec, codecOf } from '../codec.ts'
import type { FetchedFrame } from '../delivery/delivery.ts'
import { FAILURES_MAX, SLOT_ACTIVE, SLOT_COMMITTED, SLOT_HANDED, SLOT_PIN, SLOT_RETURNED } from '../layout.ts'
import { FRAME_BASE_TIMESTAMP, FRAME_HEADER_BYTES, joinOffset } from '../log/frame.ts'
import { RECORD_HEADER_BYTES } from '../log/record.ts'
import type { Assignment, OpenFailure } from '../protocol.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'

const FETCH_BYTES = 65_536

/** A frame that holds unsettled records. */
interface HeldFrame {
  readonly position: number
  readonly endOffset: number
}

export class PartitionReader {
  readonly assignment: Assignment
  readonly #thread: AttachedThread
  readonly #memory: Memory
  readonly #window: WindowReader
  readonly #codec: Codec
  readonly #slot: number
  /** Window position of the next frame to fetch. */
  #position: number
  #held: HeldFrame[] = []
  #words: Int32Array = new Int32Array(0)
  #buffer: Buffer = Buffer.alloc(0)
  /** Indexes into the buffer. */
  #cursor = 0
  #frameEnd = 0
  #bufferEnd = 0
  #baseOffset = 0
  #committed: number
  /** Committed before it is handled, at most once; -1: never. */
  #claimed = -1
  readonly #failures = new Map<number, OpenFailure>()
  /** The record that `next` moved to: its frame, its index in the frame's buffer, its offset. */
  frame: FetchedFrame
  at = 0
  offset = -1

  constructor(thread: AttachedThread, assignment: Assignment) {
    this.assignment = assignment
    this.#thread = thread
    this.#memory = thread.memory
    this.#window = new WindowReader(thread.memory, assignment.place.window.address, assignment.place.window.capacity)
    this.#codec = codecOf(assignment.topic.codec)
    this.#slot = assignment.slot
    this.#position = assignment.pin
    this.#committed = assignment.committed
    for (const failure of assignment.failures) this.#failures.set(failure.offset, failure)
    this.frame = this.#frameAt(0)
  }

  #frameAt(baseTimestamp: number): FetchedFrame {
    const { topic, place } = this.assignment
    return {
      buffer: this.#buffer,
      store: this.#buffer.buffer as ArrayBuffer,
      words: this.#words,
      codec: this.#codec,
      topic: topic.name,
      partition: place.partition,
      baseTimestamp,
    }
  }

  /** Whether `next` would find a record without waiting. May be wrong once, when only skipped records are left. */
  ready(): boolean {
    return this.#cursor < this.#bufferEnd || this.#window.end() !== this.#position
  }

  /** Moves to the next record; false when nothing more is readable now. */
  next(): boolean {
    for (;;) {
      while (this.#cursor < this.#frameEnd) {
        const at = this.#cursor
        const index = at >> 2
        const length = this.#words[index] as number
        if (length < RECORD_HEADER_BYTES || at + length > this.#frameEnd)
          throw this.#broken(`a record of length ${length} at byte ${at} of a fetch`)
        this.#cursor = at + ((length + 7) & ~7)
        const offset = this.#baseOffset + ((this.#words[index + 1] as number) & 0xffff)
        if (offset < this.#committed) continue
        this.at = at
        this.offset = offset
        return true
      }
      if (this.#frameEnd < this.#bufferEnd) this.#openFrame(this.#frameEnd)
      else if (!this.#fetch()) return false
    }
  }

  /** Whether the buffer is used up: a good moment to commit. */
  get exhausted(): boolean {
    return this.#cursor >= this.#bufferEnd
  }

  #openFrame(at: number): void {
    const index = at >> 2
    this.#baseOffset = joinOffset(this.#words[index + 2] as number, this.#words[index + 3] as number)
    this.#cursor = at + FRAME_HEADER_BYTES
    this.#frameEnd = at + (this.#words[index] as number)
    this.frame = this.#frameAt(this.#buffer.readDoubleLE(at + FRAME_BASE_TIMESTAMP))
  }

  #fetch(): boolean {
    const window = this.#window
    const available = (window.end() - this.#position) | 0
    if (available === 0) return false
    let bytes = 0
    while (bytes < available) {
      const position = (this.#position + bytes) | 0
      const length = window.word(position)
      if (length < FRAME_HEADER_BYTES || (length & 7) !== 0 || length > available - bytes) {
        throw this.#broken(`a frame of length ${length} at position ${position}`)
      }
      if (bytes > 0 && bytes + length > FETCH_BYTES) break
      const last =
        joinOffset(window.word(position + 8), window.word(position + 12)) + (window.word(position + 16) >>> 0)
      this.#held.push({ position, endOffset: last + 1 })
      bytes += length
    }
    this.#buffer = Buffer.allocUnsafeSlow(bytes)
    this.#words = new Int32Array(this.#buffer.buffer, 0, bytes >> 2)
    window.copyOut(this.#position, bytes, this.#buffer, 0)
    this.#position = (this.#position + bytes) | 0
    this.#bufferEnd = bytes
    this.#openFrame(0)
    return true
  }

  #broken(what: string): Error {
    const { topic, place } = this.assignment
    return new Error(
      `broken invariant: topic ${topic.name} partition ${place.partition} has ${what}, after offset ${this.offset}`,
    )
  }

  get committed(): number {
    return this.#committed
  }

  /** Everything below `offset` is settled for good: says so, and frees the window up to there. */
  commit(offset: number): void {
    if (offset <= this.#committed) return
    this.#committed = offset
    let passed = 0
    while (passed < this.#held.length && (this.#held[passed] as HeldFrame).endOffset <= offset) passed++
    if (passed > 0) this.#held.splice(0, passed)
    if (this.#failures.size > 0)
      for (const failed of this.#failures.keys()) if (failed < offset) this.#failures.delete(failed)
    this.#memory.i32[(this.#slot + SLOT_RETURNED) >> 2] = offset | 0
    this.#memory.store(this.#slot + SLOT_COMMITTED, Math.max(offset, this.#claimed) | 0)
    this.#memory.store(this.#slot + SLOT_PIN, this.#held[0]?.position ?? this.#position)
    this.#thread.committed(this.assignment.place.host)
  }

  /** The record at `offset` is about to be handed out. */
  handOut(offset: number): void {
    this.#memory.i32[(this.#slot + SLOT_HANDED) >> 2] = (offset + 1) | 0
  }

  /** Every record below `offset` is committed now, handled or not; the window is freed by `commit`, when they are. */
  claim(offset: number): void {
    this.#claimed = offset
    this.#memory.store(this.#slot + SLOT_COMMITTED, offset | 0)
  }

  /** The record handed out last is about to be reported as failed: its thread's death is not to be charged as well. */
  failed(offset: number): void {
    this.#memory.i32[(this.#slot + SLOT_HANDED) >> 2] = offset | 0
  }

  /** Every record below `offset` has been handled. Not yet a commit: outputs may still be on their way. */
  returned(offset: number): void {
    this.#memory.i32[(this.#slot + SLOT_RETURNED) >> 2] = offset | 0
  }

  /** A handler's promise is pending, or not any more. */
  active(pending: boolean): void {
    this.#memory.i32[(this.#slot + SLOT_ACTIVE) >> 2] = pending ? 1 : 0
  }

  failureOf(offset: number): OpenFailure | undefined {
    return this.#failures.size === 0 ? undefined : this.#failures.get(offset)
  }

  /** A record that failed before is settled now: nothing waits for it any more. */
  forgetFailure(offset: number): void {
    if (this.#failures.size > 0) this.#failures.delete(offset)
  }

  /** Whether the group keeps so much account of records of this fetch that a commit should not wait for its end. */
  get crowded(): boolean {
    return this.#failures.size >= FAILURES_MAX / 2
  }

  keepFailure(failure: OpenFailure): void {
    this.#failures.set(failure.offset, failure)
  }

  /** The first record that failed and is not settled, behind which later ones wait; Infinity: there is none. */
  oldestUnresolved(): number {
    let oldest = Number.POSITIVE_INFINITY
    if (this.#failures.size === 0) return oldest
    for (const { offset, dead } of this.#failures.values()) if (!dead && offset < oldest) oldest = offset
    return oldest
  }
}
