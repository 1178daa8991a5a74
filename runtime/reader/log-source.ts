/**
 * The frames of a topic on disk: out of its window while that has them, else out of the files of its log.
 *
 * The reader's thread. The window is never held back by a reader for longer than one copy: it pins where it is, looks
 * whether the window still begins before that, copies, and takes the pin away. Fallen out of it, it reads the log up to the high
 * watermark, and looks before each read whether the window has what comes next: then it goes on there, without a gap or a
 * repeat, because frames are the same bytes in both.
 *
 * ```
 * log      [ ... frames ... ]                high watermark
 * window            [ ... frames ... ]       the newest of them
 *             ^ behind: read the log    ^ joined: copy from the window
 * ```
 *
 * Bound: one fetch, and one open file while it is behind.
 */

import { type Memory, ReaderPin, WindowReader } from 'sharedarraybuffer-ring'
import type { Disk } from '../log/disk/disk.ts'
import { OffsetGoneError } from '../log/disk/log-errors.ts'
import { openDisk } from '../log/disk/world-disk.ts'
import { frameBaseOffset, frameEnd, frameEndOffset } from '../log/format/frame.ts'
import { LogReader } from '../log/read/log-reader.ts'
import { loadHighWatermark } from '../log/store/high-watermark.ts'
import { storeError } from '../log/store/store-errors.ts'
import { SLOT_PIN } from '../wire/layout.ts'
import type { Assignment, PartitionLogPlace } from '../wire/places.ts'
import { MillraceError } from '../words/errors.ts'
import type { Offset, Position } from '../words/quantities.ts'
import type { FetchRoom } from './fetch-room.ts'
import { FETCH_BYTES, type FrameSource } from './frame-source.ts'
import { copyFrames } from './window-frames.ts'

export class LogSource implements FrameSource {
  readonly #memory: Memory
  readonly #window: WindowReader
  readonly #assignment: Assignment
  readonly #pin: ReaderPin
  readonly #log: LogReader
  /** Address of the words that say how far the log may be read. */
  readonly #words: number
  /** Of the next record that is wanted. */
  #offset: Offset
  /** Of the frame that holds it, in the window; null: it was not there when last looked for. */
  #position: Position | null = null

  readonly #room: FetchRoom | null

  constructor(
    memory: Memory,
    assignment: Assignment,
    place: PartitionLogPlace,
    room: FetchRoom | null,
    disk: Disk = openDisk(),
  ) {
    const { address, capacity } = assignment.place.window
    this.#memory = memory
    this.#window = new WindowReader(memory, address, capacity)
    this.#assignment = assignment
    const { folder, logId, topic, partition, segmentBytes, frameBytesMax } = place
    this.#log = new LogReader(disk, folder, { logId, topic, partition, segmentBytes, frameBytesMax })
    this.#words = place.words
    this.#pin = new ReaderPin(memory, address, assignment.slot + SLOT_PIN)
    this.#offset = assignment.committed
    this.#room = room
  }

  ready(): boolean {
    // The end is at the position also when it has gone on by all positions there are: then the offsets know.
    if (this.#position !== null && this.#window.end() !== this.#position) return true
    return this.#offset < this.#readTo()
  }

  /** How far the log may be read. What came out of the window may be beyond: its end moves first. */
  #readTo(): number {
    return loadHighWatermark(this.#memory, this.#words)
  }

  fetch(): Buffer | null {
    if (this.#position === null) {
      this.#position = this.#join()
      // Retention may want to remove what is open.
      if (this.#position !== null) this.#log.close()
    }
    let frames = this.#position === null ? null : this.#fetchJoined(this.#position)
    // Also if it has just fallen out.
    if (this.#position === null) frames = this.#fetchBehind()
    if (frames !== null) this.#offset = endOffsetOf(frames)
    return frames
  }

  /** Out of the window; null if there is nothing new in it, or it has gone on without this reader. */
  #fetchJoined(position: Position): Buffer | null {
    if (!this.#pin.enter(position)) {
      this.#position = null
      return null
    }
    try {
      const available = (this.#window.end() - position) | 0
      if (available === 0) return null
      this.#window.follow()
      const frames = copyFrames(this.#window, position, available, FETCH_BYTES, this.#assignment, this.#room)
      this.#position = (position + frames.length) | 0
      return frames
    } finally {
      this.#pin.leave()
    }
  }

  /** Where the window has the wanted offset; null if it does not. */
  #join(): number | null {
    const window = this.#window
    const start = this.#pin.enterOldest()
    if (start === null) return null
    try {
      const end = window.end()
      // Its writer is about to leave something out of the window, and has told where that goes on.
      if (((end - start) | 0) < 0) return null
      window.follow()
      let behind = -1
      for (let position = start; position !== end; position = (position + window.word(position)) | 0) {
        if (frameBaseOffset(window, position) > this.#offset) return null
        behind = frameEndOffset(window, position)
        if (behind > this.#offset) return position
      }
      // Behind the last frame. An empty window does not say which offset its end has: what was left out of it may come before that,
      // and the high watermark may not have heard of it yet.
      return behind === this.#offset ? end : null
    } finally {
      this.#pin.leave()
    }
  }

  #fetchBehind(): Buffer | null {
    const readTo = this.#readTo()
    if (this.#offset >= readTo) return null
    try {
      const frames = this.#log.read(this.#offset, readTo, FETCH_BYTES)
      return frames.length === 0 ? null : frames
    } catch (error) {
      throw this.#readError(error)
    }
  }

  #readError(error: unknown): Error {
    if (!(error instanceof OffsetGoneError)) return storeError(error)
    const { topic, group, place } = this.#assignment
    return new MillraceError(
      'MILL_OFFSET_GONE',
      `group ${group} is at offset ${error.offset} of topic ${topic.name} partition ${place.partition}, and retention has removed what lies below ${error.earliest}: nothing is skipped unasked. Move it with group.seek('earliest'), and keep records for longer (retentionMs, retentionBytes)`,
      { cause: error },
    )
  }

  /** Nothing is held back: all of it is in the log. */
  release(): void {}

  crowdsWindow(): boolean {
    return false
  }

  close(): void {
    this.#log.close()
  }
}

/** Offset after the last of whole frames. */
function endOffsetOf(frames: Buffer): number {
  let last = 0
  for (let at = 0; at < frames.length; at += frames.readInt32LE(at)) last = at
  return frameEnd(frames.subarray(last))
}
