/**
 * What a partition with a log on disk has taken from a ring, and not yet committed.
 *
 * The partition host's thread. Frames of one ring at a time, since a commit can say of one ring how far it was taken. They are in
 * the window, or, where that has no room for them, still in their ring, from where they go to the log (stored-window.ts).
 * They are committed, or failed, by the group commit that ends the pass (host-store.ts); their answers wait for it.
 * Bound: the quota of a ring for each pass.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { RECEIPT_APPENDED } from '../link/link.ts'
import {
  FRAME_LAST_OFFSET_DELTA,
  FRAME_LENGTH,
  FRAME_RING_END,
  maxTimestampOf,
  placeFrame,
  signBody,
} from '../log/format/frame.ts'
import type { Answer, IncomingRing } from './incoming-ring.ts'

export class StagedAppend {
  readonly ring: IncomingRing
  /** Window position of its first frame. */
  readonly from: number
  readonly baseOffset: number
  endOffset: number
  bytes = 0
  maxTimestamp: number = Number.NEGATIVE_INFINITY
  /** Pieces of the ring that have its frames; null: they are in the window. */
  readonly parts: Uint8Array[] | null
  /** The window had no room for more, which stays in the ring. */
  isCut = false
  /** What follows in the ring is no frame. */
  isCorrupt = false
  readonly #answers: Answer[] = []
  /** Address after the last piece. */
  #partEnd = 0

  constructor(ring: IncomingRing, from: number, baseOffset: number, isBeside: boolean) {
    this.ring = ring
    this.from = from
    this.baseOffset = baseOffset
    this.endOffset = baseOffset
    this.parts = isBeside ? [] : null
  }

  /** There is no room for what is in the ring. */
  static nothing(ring: IncomingRing, from: number, baseOffset: number): StagedAppend {
    const staged = new StagedAppend(ring, from, baseOffset, false)
    staged.isCut = true
    return staged
  }

  get isEmpty(): boolean {
    return this.bytes === 0
  }

  /** Signs a frame in its ring and gives it its place in the log, and keeps its answer. */
  take(memory: Memory, address: number): void {
    const words = memory.i32
    const length = words[(address + FRAME_LENGTH) >> 2] as number
    signBody(memory, address)
    placeFrame(memory, address, this.endOffset)
    this.maxTimestamp = Math.max(this.maxTimestamp, maxTimestampOf(memory, address))
    const ringEnd = words[(address + FRAME_RING_END) >> 2] as number
    this.#answers.push({ ringEnd, baseOffset: this.endOffset, status: RECEIPT_APPENDED })
    this.endOffset += ((words[(address + FRAME_LAST_OFFSET_DELTA) >> 2] as number) >>> 0) + 1
    this.bytes += length
    if (this.parts !== null) this.#addPart(this.parts, memory, address, length)
  }

  /** Frames lie one behind the other, but where the ring wraps. */
  #addPart(parts: Uint8Array[], memory: Memory, address: number, length: number): void {
    const last = address === this.#partEnd ? parts.pop() : undefined
    this.#partEnd = address + length
    const from = last === undefined ? address : address - last.length
    parts.push(memory.u8.subarray(from, this.#partEnd))
  }

  /** Answers; with another status, if what was to be appended was not. */
  answer(failure: number | null): void {
    const { link, id } = this.ring
    for (const { ringEnd, baseOffset, status } of this.#answers) {
      if (failure === null) link.receipt(id, ringEnd, baseOffset, status)
      else link.receipt(id, ringEnd, 0, failure)
    }
    link.publish()
  }
}
