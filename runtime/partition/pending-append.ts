/**
 * What a partition has taken of one batch of frames, and not yet committed.
 *
 * The partition host's thread. Frames of one batch at a time, since a commit can say of one ring how far it was taken. They are in
 * the window, or, where that has no room for them, still in their batch, from where they go to the log (disk-keeping.ts).
 */
import type { Offset, Position } from '../words/quantities.ts'
import type { FrameBatch } from './frame-batch.ts'

interface Mark {
  /** Of the window. */
  readonly end: Position
  readonly endOffset: Offset
  readonly bytes: number
  readonly walked: number
  readonly duplicates: number
  readonly maxTimestamp: number
  readonly from: Position
  readonly parts: Uint8Array[] | null
  readonly pieces: number
  readonly last: Uint8Array | undefined
  readonly partEnd: number
}

export class PendingAppend {
  readonly batch: FrameBatch
  /** Window position of its first frame, once that is taken. */
  from: Position
  readonly baseOffset: Offset
  /** After its last record. */
  endOffset: Offset
  /** Of the frames taken. */
  bytes = 0
  /** Of the frames walked over, taken or refused. */
  walked = 0
  /** Whether the batch may wait for readers (near-readers.ts): whoever tries again looks when that is over. */
  mayWait = false
  /** Of the frames walked over, those whose message is there already under its id. */
  duplicates = 0
  /** Known on disk only. */
  maxTimestamp: number = Number.NEGATIVE_INFINITY
  /** Pieces of the batch that have its frames; null: they are in the window. */
  parts: Uint8Array[] | null = null
  /** Address after the last piece. */
  #partEnd = 0

  /** As it was before the frame that was taken last. */
  #before: Mark | null = null

  constructor(batch: FrameBatch, from: Position, baseOffset: Offset) {
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

  /** What comes next may be taken back, one frame of it. `end`: that of the window. */
  mark(end: Position): void {
    const { endOffset, bytes, walked, duplicates, maxTimestamp, from, parts } = this
    const pieces = parts?.length ?? 0
    const partEnd = this.#partEnd
    const last = parts?.at(-1)
    this.#before = { end, endOffset, bytes, walked, duplicates, maxTimestamp, from, parts, pieces, last, partEnd }
  }

  /** It is as it was marked. Returns the end that the window had then; null: that goes on from where it is. */
  back(): Position | null {
    const before = this.#before
    if (before === null) throw new Error('broken invariant: a frame is taken back that was not taken')
    this.#before = null
    const isInWindow = this.parts === null && before.bytes > 0
    const { endOffset, bytes, walked, duplicates, maxTimestamp, from, parts, last, pieces, partEnd } = before
    Object.assign(this, { endOffset, bytes, walked, duplicates, maxTimestamp, from, parts })
    this.#partEnd = partEnd
    if (parts !== null) {
      parts.length = pieces
      if (last !== undefined) parts[pieces - 1] = last
    }
    return isInWindow ? before.end : null
  }
}
