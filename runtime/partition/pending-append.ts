/**
 * What a partition has taken of one batch of frames, and not yet committed.
 *
 * The partition host's thread. Frames of one batch at a time, since a commit can say of one ring how far it was taken. They are in
 * the window, or, where that has no room for them, still in their batch, from where they go to the log (disk-keeping.ts).
 */
import type { FrameBatch } from './frame-batch.ts'

export class PendingAppend {
  readonly batch: FrameBatch
  /** Window position of its first frame, once that is taken. */
  from: number
  readonly baseOffset: number
  /** After its last record. */
  endOffset: number
  /** Of the frames taken. */
  bytes = 0
  /** Of the frames walked over, taken or refused. */
  walked = 0
  /** Known on disk only. */
  maxTimestamp: number = Number.NEGATIVE_INFINITY
  /** Pieces of the batch that have its frames; null: they are in the window. */
  parts: Uint8Array[] | null = null
  /** Address after the last piece. */
  #partEnd = 0

  constructor(batch: FrameBatch, from: number, baseOffset: number) {
    this.batch = batch
    this.from = from
    this.baseOffset = baseOffset
    this.endOffset = baseOffset
  }

  /** Adds a frame that goes past the window. They lie one behind the other, but where a ring wraps. */
  addPart(parts: Uint8Array[], address: number, length: number): void {
    const last = address === this.#partEnd ? parts.pop() : undefined
    this.#partEnd = address + length
    const from = last === undefined ? address : address - last.length
    parts.push(this.batch.memory.u8.subarray(from, this.#partEnd))
  }
}
