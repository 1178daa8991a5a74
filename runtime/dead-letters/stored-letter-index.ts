/**
 * The dead letters kept in one partition on disk: which are settled (replayed or purged), how many wait, and pages of them.
 *
 * The partition host's thread, which alone appends letters: a letter is a frame of one record that came by no ring. What is
 * settled is written down before it counts (letter-states.ts), so a successor in this process or the next finds it; how many
 * wait is counted anew from the log when the letter index is opened. Letters that all groups which read the topic have committed
 * are settled with that: the log keeps their bytes as long as it keeps any, and here they need not be kept.
 *
 * Bounds: reading holds one piece of the log at a time. Opening reads it from the first open letter on, and so does a count
 * after retention has taken letters away, because what those were can no longer be looked up. A page, and one count of what
 * groups have read, look at LOOK_BYTES; the rest comes with the next.
 */

import { FRAME_PRODUCER_ID, FRAME_RING, frameEnd, frameStart } from '../log/format/frame.ts'
import type { LetterCursor, LetterMark, LetterPage } from '../wire/letter-calls.ts'
import type { CursorId, Offset } from '../words/quantities.ts'
import type { LetterIndex } from './letter-index.ts'
import type { LetterLog, LetterSource } from './letter-log.ts'
import type { SettledChange, SettledLetters } from './settled-letters.ts'
import { WaitingLetters } from './waiting-letters.ts'

/** A page has at most as many bytes, or one letter. */
const PAGE_BYTES = 65_536
/** Bytes of the log read at a time by whoever is in no hurry: the thread has partitions to serve. */
const LOOK_BYTES = 4 * 1_024 * 1_024

export class StoredLetterIndex implements LetterIndex {
  readonly #log: LetterLog
  readonly #partition: LetterSource
  readonly #settled: SettledLetters
  readonly #waiting = new WaitingLetters()

  /** Takes over what the log keeps. @throws MillraceError MILL_DISK, MILL_CORRUPT */
  constructor(log: LetterLog, partition: LetterSource) {
    this.#log = log
    this.#partition = partition
    this.#settled = log.settledLetters()
    this.#countAnew()
  }

  get depth(): number {
    return this.#waiting.depth
  }

  readonly filled = 0

  depthOf(cursor: CursorId): number {
    return this.#waiting.of(cursor)
  }

  takeChanged(): boolean {
    return this.#waiting.takeChanged()
  }

  /** First offset that may be an open letter's. */
  get #from(): number {
    return Math.max(this.#settled.below, this.#log.startOffset)
  }

  #countAnew(): void {
    this.#waiting.clear()
    for (const frame of this.#frames(this.#from)) if (this.#isOpenLetter(frame)) this.#waiting.count(memberOf(frame), 1)
  }

  #isOpenLetter(frame: Buffer): boolean {
    return frame.readInt32LE(FRAME_RING) === 0 && !this.#settled.has(frameStart(frame))
  }

  /** Frames of the log that may be read, from the one that holds this offset on. */
  #frames(from: number): Iterable<Buffer> {
    return this.#log.frames(from, this.#partition.highWatermark)
  }

  /** Marks that are kept for offsets from here on are of letters that a loss of power took out of the log. */
  appending(offset: Offset): boolean {
    return this.#keep(this.#settled.cutting(offset))
  }

  appended(cursor: CursorId): void {
    this.#waiting.count(cursor, 1)
  }

  countRead(): void {
    const { startOffset } = this.#log
    if (startOffset > this.#settled.below) {
      if (!this.#keep(this.#settled.raising(startOffset))) return
      this.#countAnew()
    }
    const { groups, highWatermark } = this.#partition
    if (groups.size === 0) return
    let least = highWatermark
    for (const group of groups.values()) least = Math.min(least, group.committed())
    if (least > this.#settled.below) this.#readUpTo(least)
  }

  #readUpTo(to: number): void {
    // Where nobody has anything left to read, nothing need be looked up.
    if (to === this.#partition.highWatermark) {
      if (this.#keep(this.#settled.raising(to))) this.#waiting.clear()
      return
    }
    const passed: number[] = []
    let below = this.#from
    let looked = 0
    for (const frame of this.#frames(below)) {
      if (frameEnd(frame) > to) break
      if (this.#isOpenLetter(frame)) passed.push(memberOf(frame))
      below = frameEnd(frame)
      looked += frame.length
      // Not one frame more: behind what groups have read there may be damage that they will tell of.
      if (below === to || looked >= LOOK_BYTES) break
    }
    if (!this.#keep(this.#settled.raising(below))) return
    for (const cursor of passed) this.#waiting.count(cursor, -1)
  }

  settle(letters: readonly LetterMark[]): void {
    const { highWatermark } = this.#partition
    const cursors = new Map<number, number>()
    for (const { offset, cursor } of letters)
      if (offset < highWatermark && !this.#settled.has(offset)) cursors.set(offset, cursor)
    const change = this.#settled.adding(cursors.keys())
    if (!this.#keep(change)) throw this.#log.error
    for (const cursor of cursors.values()) this.#waiting.count(cursor, -1)
  }

  /** Written first: who dies in between has said nothing yet. False: the disk has failed, and nothing is changed. */
  #keep(change: SettledChange | null): boolean {
    if (change === null) return true
    if (!this.#log.keepSettled(change)) return false
    this.#settled.apply(change)
    return true
  }

  page(cursor: LetterCursor): LetterPage {
    const found: Buffer[] = []
    let bytes = 0
    let looked = 0
    let next = Math.max(cursor.offset, this.#from)
    for (const frame of this.#frames(next)) {
      const isWanted = frameStart(frame) >= cursor.offset && this.#isOpenLetter(frame)
      if (looked >= LOOK_BYTES || (isWanted && bytes > 0 && bytes + frame.length > PAGE_BYTES)) break
      next = frameEnd(frame)
      looked += frame.length
      if (!isWanted) continue
      found.push(frame)
      bytes += frame.length
    }
    const frames = new Uint8Array(bytes)
    let at = 0
    for (const frame of found) {
      frames.set(frame, at)
      at += frame.length
    }
    return { frames, next: next >= this.#partition.highWatermark ? null : { offset: next, position: 0 } }
  }
}

function memberOf(frame: Buffer): number {
  return frame.readDoubleLE(FRAME_PRODUCER_ID)
}
