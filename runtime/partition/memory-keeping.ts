/**
 * Keeps a partition in the memory of its window: what is placed there is kept, and is committed at once.
 *
 * The partition host's thread. When the window is full, frames wait in their batches; without any group a topic drops its
 * oldest whole frames instead (counted), and never a dead letter that is not settled.
 */
import type { Memory, WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import type { News } from '../base/news.ts'
import type { LetterIndex } from '../dead-letters/letter-index.ts'
import { MemoryLetterIndex } from '../dead-letters/memory-letter-index.ts'
import { FRAME_COUNT, placeFrame } from '../log/format/frame.ts'
import type { Position } from '../words/quantities.ts'
import type { Keeping } from './keeping.ts'
import type { PartitionEnd } from './partition-end.ts'
import type { PendingAppend } from './pending-append.ts'
import { WindowRecords } from './window-records.ts'

export class MemoryKeeping implements Keeping {
  readonly records: WindowRecords
  readonly isOnDisk = false
  /** Then it is the next ring's turn. */
  readonly appendBytes = 65_536
  readonly failure = null
  readonly whenFull = 'full'
  readonly isReady = true
  readonly #memory: Memory
  readonly #window: WindowWriter
  readonly #reader: WindowReader
  readonly #end: PartitionEnd
  readonly #drops: News
  /** Where the window began when there was no room last. */
  #fullStart: Position
  /** Of a partition that takes dead letters: what may leave the window is its question too. */
  #letters: MemoryLetterIndex | null = null

  /** `drops` is told of records dropped. */
  constructor(memory: Memory, [window, reader]: readonly [WindowWriter, WindowReader], end: PartitionEnd, drops: News) {
    this.records = new WindowRecords(window, reader, end)
    this.#memory = memory
    this.#window = window
    this.#reader = reader
    this.#end = end
    this.#drops = drops
    this.#fullStart = window.start
  }

  take({ batch, endOffset }: PendingAppend, address: number, length: number): boolean {
    const window = this.#window
    if (window.free() < length && !this.#makeRoom(length)) {
      this.#fullStart = window.start
      return false
    }
    placeFrame(batch.memory, address, endOffset)
    batch.copyTo(window, address, length)
    return true
  }

  withdraw(): void {}

  /** Not whether this call has made any: a host asks several times before it sleeps. */
  mayHaveRoom(): boolean {
    this.#reclaim()
    return this.#window.start !== this.#fullStart
  }

  entry(): null {
    return null
  }

  write(): true {
    return true
  }

  committed(): void {}

  answered(): void {}

  takeLetters(address: number): LetterIndex {
    this.#letters = new MemoryLetterIndex(this.#memory, address, this.#reader, this.#window)
    return this.#letters
  }

  /** Moves the start up to the slowest group; dead letters that all groups have settled go with the rest. */
  #reclaim(): number {
    this.#letters?.countRead()
    return this.#window.reclaim()
  }

  #makeRoom(bytes: number): boolean {
    const window = this.#window
    if (window.gates.length > 0) return this.#reclaim() >= bytes
    const letters = this.#letters
    // Not into what this very append has copied in: that is committed first.
    while (window.free() < bytes && window.start !== window.committedEnd) {
      const { start } = window
      if (letters !== null && !letters.mayGo(start)) break
      if (letters === null || !letters.isLetter(start)) this.#drop(this.#reader.word(start + FRAME_COUNT))
      window.drop(this.#reader.word(start))
    }
    letters?.gone(window.start)
    return window.free() >= bytes
  }

  #drop(records: number): void {
    this.#end.last.dropped += records
    this.#drops.add(records)
  }
}
