/**
 * Keeps a partition in a log on disk, with the end of it in the window: what is placed is committed when the log has it.
 *
 * The partition host's thread. The window's oldest frames are overwritten, whoever has not read them here. That waits for as long as a reader
 * copies, and for a moment where a group would fall out (near-readers.ts). What has no room in it goes past it, to the log from where it is: a frame larger than the window,
 * and, while the window is small (stored-window.ts), what is in a ring beyond it, so that a commit is no smaller for that.
 */

import type { Memory, WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import { nowMs } from '../../actors/world.ts'
import type { LetterIndex } from '../dead-letters/letter-index.ts'
import type { LetterSource } from '../dead-letters/letter-log.ts'
import { StoredLetterIndex } from '../dead-letters/stored-letter-index.ts'
import { frameBaseOffset, maxTimestampOf, placeFrame, signBody } from '../log/format/frame.ts'
import { storeHighWatermark } from '../log/store/high-watermark.ts'
import type { StoreEntry } from '../log/store/log-store-types.ts'
import type { Offset, Position } from '../words/quantities.ts'
import type { Keeping } from './keeping.ts'
import type { NearReaders } from './near-readers.ts'
import type { PartitionDisk } from './partition-disk.ts'
import type { PartitionEnd } from './partition-end.ts'
import type { PendingAppend } from './pending-append.ts'
import type { StoredWindow } from './stored-window.ts'

export class DiskKeeping implements Keeping {
  readonly records: PartitionDisk
  readonly isOnDisk = true
  /** A pass takes one batch, and each pass is a commit: the more it takes the less that costs. */
  readonly appendBytes = 262_144
  /** In the way is only who is copying at that moment, or near: neither lasts. */
  readonly whenFull = 'later'
  readonly isReady = true
  readonly #memory: Memory
  readonly #window: WindowWriter
  readonly #reader: WindowReader
  readonly #lent: StoredWindow
  readonly #source: LetterSource
  readonly #end: PartitionEnd
  readonly #near: NearReaders

  /** The window and the log agree on the end: a new window begins there, and a predecessor's has the last word. */
  constructor(
    memory: Memory,
    [window, reader]: readonly [WindowWriter, WindowReader],
    disk: PartitionDisk,
    end: PartitionEnd,
    lent: StoredWindow,
    source: LetterSource,
    near: NearReaders,
  ) {
    this.records = disk
    this.#memory = memory
    this.#window = window
    this.#reader = reader
    this.#lent = lent
    this.#source = source
    this.#end = end
    this.#near = near
    if (end.last.opened) disk.truncateTo(end.offset)
    else end.begin(disk.endOffset)
    this.committed(end.offset)
  }

  get failure(): number | null {
    return this.records.failure
  }

  take(pending: PendingAppend, address: number, length: number): boolean {
    const { memory, ready } = pending.batch
    const window = this.#window
    if (pending.bytes === 0) {
      if (this.#lent.leavesOut(length, ready)) pending.parts = []
      else if (this.#goesOn()) pending.from = window.end
      else return false
    }
    const { parts } = pending
    const hasRoom =
      parts === null ? window.free() >= length || this.#overtake(length, pending.mayWait) : window.skip(length)
    if (!hasRoom) return false
    signBody(memory, address)
    placeFrame(memory, address, pending.endOffset)
    pending.maxTimestamp = Math.max(pending.maxTimestamp, maxTimestampOf(memory, address))
    if (parts === null) pending.batch.copyTo(window, address, length)
    else pending.addPart(parts, address, length)
    return true
  }

  /** Where readers were told that something is left out, and it was not, the window ends elsewhere: that comes before anything else. */
  #goesOn(): boolean {
    return !this.#window.isPassed || this.#window.overtake(0)
  }

  /** Gives up the oldest frames, which are on disk, until so many bytes are free; false: a reader is copying one of them, or a group is near. */
  #overtake(bytes: number, mayWait: boolean): boolean {
    let given = 0
    const free = this.#window.free()
    const { start, committedEnd } = this.#window
    // Not into what this very append has copied in: that is on disk when it is committed, and not before.
    while (free + given < bytes && ((start + given) | 0) !== committedEnd)
      given += this.#reader.word((start + given) | 0)
    if (free + given < bytes || (mayWait && this.#holds(start, (start + given) | 0))) return false
    if (!this.#window.overtake(given)) return false
    this.#near.passed(given)
    return true
  }

  /** Whether the frames between two positions are not given up yet, for a reader that is there. */
  #holds(from: Position, to: Position): boolean {
    const reader = this.#reader
    const { committedEnd, capacity } = this.#window
    const end = this.#end.offset
    const below = to === committedEnd ? end : frameBaseOffset(reader, to)
    return this.#near.hold(frameBaseOffset(reader, from), below, end, capacity, nowMs())
  }

  withdraw(): void {}

  mayHaveRoom(): boolean {
    return !this.#near.isWaiting(nowMs())
  }

  entry({ parts, bytes, baseOffset, endOffset, maxTimestamp, from }: PendingAppend): StoreEntry {
    const frames = { baseOffset, endOffset, maxTimestamp }
    if (parts !== null) return { log: this.records.stored, ...frames, parts, bytes }
    return this.records.entry(this.#reader, from, this.#window.end, frames)
  }

  write(entry: StoreEntry): boolean {
    return this.records.append(entry)
  }

  committed(endOffset: Offset): void {
    storeHighWatermark(this.#memory, this.records.words, endOffset)
  }

  answered(bytes: number): void {
    this.#lent.took(bytes)
  }

  takeLetters(): LetterIndex {
    return new StoredLetterIndex(this.records, this.#source)
  }
}
