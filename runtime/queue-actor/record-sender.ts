/**
 * Copies records from a queue's window into the ring of one consumer: whole, piece by piece, or several at a time.
 *
 * The partition host's thread. A run is of one frame. What lies in the window one behind the other is copied at once. Bound: the room in
 * the ring, and RUN_MAX records of a run.
 */
import { align8, type Memory, type WindowReader } from 'sharedarraybuffer-ring'
import { type DeliverySlot, NOT_NOW } from '../link/delivery-slot.ts'
import { DELIVERY_JOINED, DELIVERY_SUSPECT } from '../link/delivery-writer.ts'
import { FRAME_BASE_TIMESTAMP, frameBaseOffset } from '../log/format/frame.ts'
import type { HandOut } from '../queue/queue-words.ts'
import { RUN_MAX } from '../queue/runs.ts'
import type { Offset, Position } from '../words/quantities.ts'
import type { MessageIndex } from './message-index.ts'

export class RecordSender {
  readonly #memory: Memory
  readonly #reader: WindowReader
  readonly #index: MessageIndex
  readonly #slot: DeliverySlot
  /** Bytes of its record that the last `send` has sent before the end of it. */
  sent = 0
  /** Of the run that `runEnd` looked at: where its frame is, and where its records are. */
  #frame: Position = 0
  readonly #records: Int32Array = new Int32Array(RUN_MAX)
  readonly #lengths: Int32Array = new Int32Array(RUN_MAX)

  constructor([memory, reader]: readonly [Memory, WindowReader], index: MessageIndex, slot: DeliverySlot) {
    this.#memory = memory
    this.#reader = reader
    this.#index = index
    this.#slot = slot
  }

  /** Sends a message, of whose record `sent` bytes were sent; its tag. `NOT_NOW`: there was no room for all of it. */
  send(handOut: HandOut, sent: number): number {
    const record = this.#index.recordOf(handOut.offset)
    const length = this.#reader.word(record)
    const most = this.#slot.bytesMax
    this.sent = sent
    for (; length - this.sent > most; this.sent += most) {
      if (!this.#slot.sendPiece(handOut.offset, this.sent, most)) return NOT_NOW
      this.#copy((record + this.sent) | 0, most, this.#slot.address)
    }
    return this.#sendEnd(handOut, record, length - this.sent)
  }

  /** Sends the end of a record, or all of it, and with it its message. */
  #sendEnd(handOut: HandOut, record: Position, bytes: number): number {
    const { offset, deliveryAttempt, failedAttempts, cohort, suspect } = handOut
    const flags = (suspect ? DELIVERY_SUSPECT : 0) | (this.sent > 0 ? DELIVERY_JOINED : 0)
    const timestamp = this.#timestampOf(this.#index.frameOf(offset))
    const tag = this.#slot.handOut({ offset, deliveryAttempt, failedAttempts, flags, cohort, timestamp }, bytes)
    if (tag !== NOT_NOW) this.#copy((record + this.sent) | 0, bytes, this.#slot.address)
    return tag
  }

  /** Up to which of these messages, from `from` on, one run goes: those of one frame, as many as the claims have tags for. */
  runEnd(offsets: Float64Array, from: number, count: number): number {
    const index = this.#index
    const frame = index.frameOf(offsets[from] as Offset)
    const end = from + this.#slot.runMax(count - from)
    let at = from
    for (; at < end; at++) {
      const offset = offsets[at] as Offset
      if (index.frameOf(offset) !== frame) break
      this.#records[at - from] = index.recordOf(offset)
      this.#lengths[at - from] = align8(index.lengthOf(offset))
    }
    this.#frame = frame
    return at
  }

  /** Sends the messages that `runEnd` looked at last; the tag of the first. `NOT_NOW`: there was no room. */
  sendRun(offsets: Float64Array, from: number, end: number): number {
    const records = this.#records
    const lengths = this.#lengths
    const count = end - from
    let bytes = 0
    for (let at = 0; at < count; at++) bytes += lengths[at] as number
    const base = frameBaseOffset(this.#reader, this.#frame)
    const first = this.#slot.handOutRun(offsets, from, end, base, this.#timestampOf(this.#frame), bytes)
    if (first === NOT_NOW) return NOT_NOW
    let target = this.#slot.address
    for (let at = 0; at < count; ) {
      const start = records[at] as Position
      let length = 0
      do length += lengths[at++] as number
      while (at < count && records[at] === ((start + length) | 0))
      this.#copy(start, length, target)
      target += length
    }
    return first
  }

  /** Within the broker's memory, where two views of it would cost more than the copy. */
  #copy(position: Position, bytes: number, target: number): void {
    const reader = this.#reader
    const first = Math.min(bytes, reader.untilWrap(position))
    this.#memory.copy(target, reader.addressOf(position), first)
    if (first < bytes) this.#memory.copy(target + first, reader.addressOf((position + first) | 0), bytes - first)
  }

  #timestampOf(frame: Position): number {
    const address = this.#reader.addressOf((frame + FRAME_BASE_TIMESTAMP) | 0)
    return this.#memory.f64[address >> 3] as number
  }
}
