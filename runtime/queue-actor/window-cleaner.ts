/**
 * Keeps room in the window of a queue: its start passes what is settled, and what is not is moved to its end.
 *
 * The partition host's thread. A window is a ring, and its oldest message may be out, or wait for a retry, or behind a higher priority,
 * for long. Such a message is copied into a frame of its own behind all others, with its offset and its word, and its old copy does not count any
 * more. What a queue holds is at most half of its window, so that there always is room again.
 *
 * A successor finds either the old copy only, or both: then the later one counts.
 *
 * Source: The Design and Implementation of a Log-Structured File System, Rosenblum and Ousterhout, 1992
 */
import type { WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import {
  FRAME_BASE_TIMESTAMP,
  FRAME_COUNT,
  FRAME_HEADER_BYTES,
  FRAME_LAST_OFFSET_DELTA,
  FRAME_RESERVED,
  type FrameMemory,
  frameBaseOffset,
  placeFrame,
} from '../log/format/frame.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { Offset, Position } from '../words/quantities.ts'
import { isMovedFrame, type MessageIndex } from './message-index.ts'
import { MOVED, SETTLED, stateIn } from './message-word.ts'
import type { QueueBlock } from './queue-block.ts'

export class WindowCleaner {
  readonly #window: WindowWriter
  readonly #reader: WindowReader
  readonly #block: QueueBlock
  readonly #index: MessageIndex
  readonly #fault: (point: number) => void
  /** The oldest frame that may have a message which is not settled, and the first such record in it. */
  #frame: Position
  #record: Position
  #bytes: Buffer = Buffer.alloc(0)
  /** Messages moved so far. */
  moves = 0

  /** `fault` stops here for ever if a test has armed this point. */
  constructor(
    [window, reader]: readonly [WindowWriter, WindowReader],
    block: QueueBlock,
    index: MessageIndex,
    fault: (point: number) => void,
  ) {
    this.#fault = fault
    this.#window = window
    this.#reader = reader
    this.#block = block
    this.#index = index
    this.#frame = window.start
    this.#record = this.#frame + FRAME_HEADER_BYTES
  }

  /** Lets the window begin behind what is settled. */
  advance(): void {
    const before = this.#frame
    while (this.#frame !== this.#window.committedEnd && this.#passFrame());
    if (this.#frame === before) return
    this.#block.gate = this.#frame
    this.#window.reclaim()
  }

  /**
   * Makes so many bytes free, with room for so many messages more, if it can. Nothing may be copied in and not committed.
   */
  makeRoom(bytes: number, messages: number): void {
    this.advance()
    // Once round: what is moved would only be moved again.
    const last = this.#window.committedEnd
    while (this.#window.free() < bytes || this.#index.room < messages) {
      if (((this.#frame - last) | 0) >= 0 || !this.#moveFirst()) return
      this.advance()
    }
  }

  /** Whether the oldest frame is behind it now. */
  #passFrame(): boolean {
    const reader = this.#reader
    const frame = this.#frame
    const end = (frame + reader.word(frame)) | 0
    const base = frameBaseOffset(reader, frame)
    if (isMovedFrame(reader, frame)) {
      if (this.#index.isMovedTo(base, frame)) return false
    } else {
      for (; this.#record !== end; this.#record = (this.#record + ((reader.word(this.#record) + 7) & ~7)) | 0)
        if (!isGone(this.#block.wordOf(this.#offsetAt(base)))) return false
      this.#index.passed(base + reader.word(frame + FRAME_COUNT))
    }
    this.#frame = end
    this.#record = (end + FRAME_HEADER_BYTES) | 0
    return true
  }

  #offsetAt(base: Offset): Offset {
    return base + (this.#reader.word(this.#record + 4) & 0xffff)
  }

  /** Moves the oldest message that is not settled to the end; false: there is no room for it. */
  #moveFirst(): boolean {
    const reader = this.#reader
    const window = this.#window
    const record = this.#record
    const length = reader.word(record)
    const size = FRAME_HEADER_BYTES + ((length + 7) & ~7)
    if (window.free() < size) return false
    const offset = this.#offsetAt(frameBaseOffset(reader, this.#frame))
    const wasMoved = isMovedFrame(reader, this.#frame)
    const made = this.#made(size)
    reader.copyOut(this.#frame, FRAME_BASE_TIMESTAMP, made.u8, 0)
    made.i32.fill(0, FRAME_BASE_TIMESTAMP >> 2, FRAME_HEADER_BYTES >> 2)
    reader.copyOut((this.#frame + FRAME_BASE_TIMESTAMP) | 0, 8, made.u8, FRAME_BASE_TIMESTAMP)
    reader.copyOut(record, size - FRAME_HEADER_BYTES, made.u8, FRAME_HEADER_BYTES)
    made.i32[0] = size
    made.i32[FRAME_LAST_OFFSET_DELTA >> 2] = 0
    made.i32[FRAME_COUNT >> 2] = 1
    // Its offset is the frame's.
    const second = (FRAME_HEADER_BYTES + 4) >> 2
    made.i32[second] = (made.i32[second] as number) & ~0xffff
    made.i32[FRAME_RESERVED >> 2] = this.#index.wordOf(offset)
    placeFrame(made, 0, offset)
    const position = window.end
    window.writeIn(made.u8)
    window.commit()
    this.#fault(FAULT_POINT.betweenMoveAndMark)
    this.#index.moved(offset, position)
    if (!wasMoved) this.#block.setWord(offset, MOVED)
    this.moves++
    return true
  }

  #made(size: number): FrameMemory & { readonly u8: Uint8Array } {
    if (this.#bytes.length < size) this.#bytes = Buffer.alloc(2 * size)
    const { buffer, byteOffset } = this.#bytes
    const bytes = new Uint8Array(buffer, byteOffset, size)
    return {
      u8: bytes,
      i32: new Int32Array(buffer, byteOffset, size >> 2),
      f64: new Float64Array(buffer, byteOffset, size >> 3),
    }
  }
}

function isGone(word: number): boolean {
  const state = stateIn(word)
  return state === SETTLED || state === MOVED
}
