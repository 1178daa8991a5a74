/**
 * The frames of a topic in memory: from its window, which is held back by this reader.
 *
 * The reader's thread. The pin of its slot stands at the oldest frame that holds an unsettled record; moving it frees the
 * window.
 */
import { type Memory, WindowReader } from 'sharedarraybuffer-ring'
import { SLOT_PIN } from '../layout.ts'
import { frameEndOffset } from '../log/frame.ts'
import type { Assignment } from '../places.ts'
import { FETCH_BYTES, type FrameSource } from './frame-source.ts'
import { copyFrames } from './window-frames.ts'

/** A frame that holds unsettled records. */
interface HeldFrame {
  readonly position: number
  readonly endOffset: number
}

export class WindowSource implements FrameSource {
  readonly #memory: Memory
  readonly #window: WindowReader
  readonly #assignment: Assignment
  readonly #pin: number
  /** Of the next frame to fetch. */
  #position: number
  readonly #held: HeldFrame[] = []

  constructor(memory: Memory, assignment: Assignment) {
    const { address, capacity } = assignment.place.window
    this.#memory = memory
    this.#window = new WindowReader(memory, address, capacity)
    this.#assignment = assignment
    this.#pin = assignment.slot + SLOT_PIN
    this.#position = assignment.pin
  }

  ready(): boolean {
    return this.#window.end() !== this.#position
  }

  fetch(): Buffer | null {
    const available = (this.#window.end() - this.#position) | 0
    if (available === 0) return null
    const frames = copyFrames(this.#window, this.#position, available, FETCH_BYTES, this.#assignment)
    for (let at = 0; at < frames.length; ) {
      const position = (this.#position + at) | 0
      this.#held.push({ position, endOffset: frameEndOffset(this.#window, position) })
      at += this.#window.word(position)
    }
    this.#position = (this.#position + frames.length) | 0
    return frames
  }

  release(offset: number): void {
    let passed = 0
    while (passed < this.#held.length && (this.#held[passed] as HeldFrame).endOffset <= offset) passed++
    if (passed > 0) this.#held.splice(0, passed)
    this.#memory.store(this.#pin, this.#held[0]?.position ?? this.#position)
  }

  close(): void {}
}
