/**
 * Where the records of a frame are, by their offset, in frames that lie one behind the other: in a window, or in bytes that were read.
 *
 * Leaf, the partition host's thread. One frame at a time, and each of its records is walked past once, whoever asks for it how often. A
 * frame may have fewer records than offsets.
 *
 * Bound: a place for each offset of a frame that was asked for, 65,536 at most.
 */
import {
  FRAME_BASE_OFFSET,
  FRAME_BASE_TIMESTAMP,
  FRAME_HEADER_BYTES,
  FRAME_LAST_OFFSET_DELTA,
  joinOffset,
} from '../log/format/frame.ts'
import type { Offset } from '../words/quantities.ts'

/** The frame has no record of this offset. */
export const NO_RECORD = -1

const FIRST_PLACES = 256

/** What frames lie in: places may wrap. */
export interface FrameWords {
  /** The aligned word at a place. */
  word(at: number): number
}

export class FrameCursor {
  readonly #words: FrameWords
  /** Place of the frame, its first offset and the one behind its last. Before `enter` it has none. */
  frame = 0
  base: Offset = 0
  end: Offset = 0
  /** By offset less `base`; those below `#known` were walked past. */
  #records: Int32Array = new Int32Array(FIRST_PLACES)
  #known = 0
  #next = 0

  constructor(words: FrameWords) {
    this.#words = words
  }

  /** Goes to the frame at this place. */
  enter(frame: number): void {
    const words = this.#words
    const at = (frame + FRAME_BASE_OFFSET) | 0
    this.frame = frame
    this.base = joinOffset(words.word(at), words.word((at + 4) | 0))
    this.end = this.base + (words.word((frame + FRAME_LAST_OFFSET_DELTA) | 0) >>> 0) + 1
    this.#known = 0
    this.#next = (frame + FRAME_HEADER_BYTES) | 0
  }

  /** It has no frame any more. */
  leave(): void {
    this.base = 0
    this.end = 0
  }

  /** Place behind the frame. */
  get next(): number {
    return (this.frame + this.#words.word(this.frame)) | 0
  }

  /** Whether the frame has this offset. */
  has(offset: Offset): boolean {
    return offset >= this.base && offset < this.end
  }

  /** Place of the record of an offset that the frame `has`; NO_RECORD: it is not there any more. */
  record(offset: Offset): number {
    const delta = offset - this.base
    return delta < this.#known ? (this.#records[delta] as number) : this.#walk(delta)
  }

  #walk(delta: number): number {
    const words = this.#words
    const end = this.next
    let known = this.#known
    let next = this.#next
    while (known <= delta && ((end - next) | 0) > 0) {
      const place = words.word((next + 4) | 0) & 0xffff
      if (place >= this.#records.length) this.#grow(place)
      if (place > known) this.#records.fill(NO_RECORD, known, place)
      this.#records[place] = next
      known = place + 1
      next = (next + ((words.word(next) + 7) & ~7)) | 0
    }
    this.#known = known
    this.#next = next
    return delta < known ? (this.#records[delta] as number) : NO_RECORD
  }

  #grow(place: number): void {
    const records = new Int32Array(2 ** Math.ceil(Math.log2(place + 1)))
    records.set(this.#records)
    this.#records = records
  }

  /** Where its base timestamp is. */
  get timestampAt(): number {
    return (this.frame + FRAME_BASE_TIMESTAMP) | 0
  }
}
