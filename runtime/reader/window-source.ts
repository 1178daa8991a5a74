/**
 * The frames of a topic in memory: from its window, which is held back by this reader.
 *
 * The reader's thread. The pin of its slot stands at the oldest frame that holds an unsettled record; moving it frees the
 * window.
 */

import { type Memory, WindowReader } from 'sharedarraybuffer-ring'
import { frameEndOffset } from '../log/format/frame.ts'
import { SLOT_PIN } from '../wire/layout.ts'
import type { Assignment } from '../wire/places.ts'
import type { Offset, Position } from '../words/quantities.ts'
import type { FetchRoom } from './fetch-room.ts'
import { FETCH_BYTES, type FrameSource } from './frame-source.ts'
import { copyBytes, frameLength } from './window-frames.ts'

/** A frame that holds unsettled records. */
interface HeldFrame {
  readonly position: Position
  readonly endOffset: Offset
}

export class WindowSource implements FrameSource {
  readonly #memory: Memory
  readonly #window: WindowReader
  readonly #assignment: Assignment
  readonly #pin: Position
  /** Of the next frame to fetch. */
  #position: Position
  readonly #held: HeldFrame[] = []
  readonly #room: FetchRoom | null

  constructor(memory: Memory, assignment: Assignment, room: FetchRoom | null) {
    const { address, capacity } = assignment.place.window
    this.#memory = memory
    this.#window = new WindowReader(memory, address, capacity)
    this.#assignment = assignment
    this.#pin = assignment.slot + SLOT_PIN
    this.#position = assignment.pin
    this.#room = room
  }

  ready(): boolean {
    return this.#window.end() !== this.#position
  }

  fetch(): Buffer | null {
    const window = this.#window
    const from = this.#position
    const available = (window.end() - from) | 0
    if (available === 0) return null
    // One walk for both, how much to copy and what to hold: where frames are small, it is what a fetch costs.
    let bytes = 0
    while (bytes < available) {
      const position = (from + bytes) | 0
      const length = frameLength(window, position, available - bytes, this.#assignment)
      if (bytes > 0 && bytes + length > FETCH_BYTES) break
      this.#held.push({ position, endOffset: frameEndOffset(window, position) })
      bytes += length
    }
    this.#position = (from + bytes) | 0
    return copyBytes(window, from, bytes, this.#room)
  }

  release(offset: Offset): void {
    let passed = 0
    while (passed < this.#held.length && (this.#held[passed] as HeldFrame).endOffset <= offset) passed++
    if (passed > 0) this.#held.splice(0, passed)
    const oldest = this.#held.length === 0 ? this.#position : (this.#held[0] as HeldFrame).position
    this.#memory.store(this.#pin, oldest)
  }

  crowdsWindow(): boolean {
    const oldest = this.#held[0]
    return (
      oldest !== undefined && ((this.#position - oldest.position) | 0) >= this.#assignment.place.window.capacity >> 2
    )
  }

  close(): void {}
}
