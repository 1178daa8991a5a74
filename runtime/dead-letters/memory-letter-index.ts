/**
 * The dead letters kept in one partition in memory: which are settled (replayed or purged), how many wait, and pages of them.
 *
 * The partition host's thread, which alone appends letters: a letter is a frame of one record that came by no ring. One
 * bit for each offset, in shared memory, so that a successor finds what is settled; counts are taken anew from the
 * frames kept. A page is a private copy, so whoever looks at letters pins nothing and may stop at any time.
 *
 * A letter is open until it is settled. Where groups read the topic, a letter that all of them have settled as they do any
 * record is settled with that, as on disk; its bytes stay until their place is needed.
 *
 * ```
 * +0  bits   offset modulo their number; 1: settled. The host writes, its successor reads.
 * ```
 *
 * Bound: as many bits as the window has room for records of 16 bytes, so two offsets that are kept never share one. A
 * letter's bit is cleared before it is appended; until then it may be that of an offset long gone.
 */
import type { Memory, WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import { FRAME_PRODUCER_ID, FRAME_RING, frameBaseOffset, frameEndOffset, frameIsValid } from '../log/format/frame.ts'
import { RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { LetterCursor, LetterMark, LetterPage } from '../wire/letter-calls.ts'
import type { LetterIndex } from './letter-index.ts'
import { WaitingLetters } from './waiting-letters.ts'

/** Shared bytes that the letter index of a window takes. */
export function letterIndexBytes(windowBytes: number): number {
  return windowBytes / RECORD_HEADER_BYTES / 8
}

/** A page ends with the letter that goes over this. */
const PAGE_BYTES = 65_536
/** Frames looked at for one page: the thread has partitions to serve. */
const PAGE_FRAMES = 16_384

export class MemoryLetterIndex implements LetterIndex {
  readonly address: number
  readonly #memory: Memory
  readonly #reader: WindowReader
  readonly #window: WindowWriter
  readonly #mask: number
  readonly #waiting = new WaitingLetters()
  /** Before this position the groups that read the topic have settled everything. */
  #readTo: number
  /** No frame before this position keeps its place. */
  #keptFrom: number

  /** Takes over what the window keeps. */
  constructor(memory: Memory, address: number, reader: WindowReader, window: WindowWriter) {
    const { start, end } = window
    this.address = address
    this.#memory = memory
    this.#reader = reader
    this.#window = window
    this.#mask = reader.capacity / RECORD_HEADER_BYTES - 1
    this.#readTo = start
    this.#keptFrom = start
    for (const position of this.#frames(start, end))
      if (this.#isOpenLetter(position)) this.#waiting.count(this.#memberAt(position), 1)
  }

  get depth(): number {
    return this.#waiting.depth
  }

  get filled(): number {
    const { gates, start, end } = this.#window
    if (((this.#keptFrom - start) | 0) < 0) this.#keptFrom = start
    // With groups that read it, nothing goes before they have read it; without, what is settled goes, up to the first open one.
    if (gates.length > 0) return ((end - this.#readTo) | 0) / this.#reader.capacity
    while (this.#keptFrom !== end && this.mayGo(this.#keptFrom))
      this.#keptFrom = (this.#keptFrom + this.#reader.word(this.#keptFrom)) | 0
    return ((end - this.#keptFrom) | 0) / this.#reader.capacity
  }

  depthOf(cursor: number): number {
    return this.#waiting.of(cursor)
  }

  takeChanged(): boolean {
    this.countRead()
    return this.#waiting.takeChanged()
  }

  #word(offset: number): number {
    return (this.address >> 2) + ((offset & this.#mask) >>> 5)
  }

  #isSettled(offset: number): boolean {
    return (((this.#memory.i32[this.#word(offset)] as number) >>> (offset & 31)) & 1) === 1
  }

  #isOpenLetter(position: number): boolean {
    return this.#reader.word(position + FRAME_RING) === 0 && !this.#isSettled(frameBaseOffset(this.#reader, position))
  }

  #memberAt(position: number): number {
    const bytes = new Uint8Array(8)
    this.#reader.copyOut(position + FRAME_PRODUCER_ID, 8, bytes, 0)
    return new Float64Array(bytes.buffer)[0] as number
  }

  /** Positions of the frames in between. */
  *#frames(from: number, to: number): Generator<number, void, void> {
    for (let position = from; position !== to; position = (position + this.#reader.word(position)) | 0) yield position
  }

  #mark(offset: number): void {
    const word = this.#word(offset)
    this.#memory.i32[word] = (this.#memory.i32[word] as number) | (1 << (offset & 31))
  }

  appending(offset: number): boolean {
    const word = this.#word(offset)
    this.#memory.i32[word] = (this.#memory.i32[word] as number) & ~(1 << (offset & 31))
    return true
  }

  appended(cursor: number): void {
    this.#waiting.count(cursor, 1)
  }

  countRead(): void {
    const { gates, start, end } = this.#window
    if (gates.length === 0) return
    let least = (end - start) | 0
    for (const gate of gates) least = Math.min(least, (this.#memory.load(gate) - start) | 0)
    if (least > 0) this.#readUpTo((start + least) | 0)
  }

  #readUpTo(to: number): void {
    if (((to - this.#readTo) | 0) <= 0) return
    for (const position of this.#frames(this.#readTo, to)) {
      if (!this.#isOpenLetter(position)) continue
      this.#mark(frameBaseOffset(this.#reader, position))
      this.#waiting.count(this.#memberAt(position), -1)
    }
    this.#readTo = to
  }

  /** Whether the frame at the window's start may go to make room: no letter, a settled one, or one that was read. */
  mayGo(start: number): boolean {
    return ((start - this.#readTo) | 0) < 0 || !this.#isOpenLetter(start)
  }

  /** The window starts here now. */
  gone(start: number): void {
    if (((start - this.#readTo) | 0) > 0) this.#readTo = start
  }

  isLetter(position: number): boolean {
    return this.#reader.word(position + FRAME_RING) === 0
  }

  settle(letters: readonly LetterMark[]): void {
    const { start, end } = this.#window
    if (start === end) return
    const logStartOffset = frameBaseOffset(this.#reader, start)
    for (const { offset, cursor } of letters) {
      if (offset < logStartOffset || this.#isSettled(offset)) continue
      this.#mark(offset)
      this.#waiting.count(cursor, -1)
    }
  }

  page(cursor: LetterCursor): LetterPage {
    this.countRead()
    const { start, end } = this.#window
    const reader = this.#reader
    const positions: number[] = []
    let position = this.#resume(cursor, start, end)
    let bytes = 0
    for (let frames = 0; position !== end && bytes < PAGE_BYTES && frames < PAGE_FRAMES; frames++) {
      const length = reader.word(position)
      if (frameEndOffset(reader, position) > cursor.offset && this.#isOpenLetter(position)) {
        positions.push(position)
        bytes += length
      }
      position = (position + length) | 0
    }
    const frames = new Uint8Array(bytes)
    let at = 0
    for (const from of positions) {
      const length = reader.word(from)
      reader.copyOut(from, length, frames, at)
      at += length
    }
    return { frames, next: position === end ? null : { offset: frameBaseOffset(reader, position), position } }
  }

  /** Where the cursor's frame still stands, or the oldest frame: a hint from another thread is checked. */
  #resume({ offset, position }: LetterCursor, start: number, end: number): number {
    const inside = ((position - start) | 0) >= 0 && ((end - position) | 0) > 0 && (position & 7) === 0
    if (!inside || !frameIsValid(this.#reader, position, (end - position) | 0)) return start
    return frameBaseOffset(this.#reader, position) === offset ? position : start
  }
}
