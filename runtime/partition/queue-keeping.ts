/**
 * Keeps the partition of a work queue in the memory of its window: the queue decides what is taken, and what may go.
 *
 * The partition host's thread. A frame is taken whole or not at all. A window that gets full is cleaned by the queue, between two
 * appends. Before the queue is there, nothing is taken.
 */
import type { WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import type { LetterIndex } from '../dead-letters/letter-index.ts'
import { type FrameMemory, placeFrame } from '../log/format/frame.ts'
import type { Offset } from '../words/quantities.ts'
import type { Keeping } from './keeping.ts'
import type { PartitionEnd } from './partition-end.ts'
import type { PendingAppend } from './pending-append.ts'
import { WindowRecords } from './window-records.ts'

/** The queue behind a partition. */
export interface QueueGate {
  /** Whether it can say of a frame that it has no room. Until then frames wait. */
  readonly isOpen: boolean
  /** Nothing is pending: makes room for a frame of so many bytes; whether there is. */
  makeRoom(bytes: number): boolean
  /** Bytes of frames that surely have room. */
  roomBytes(): number
  /** Offset of the message that is there already under the id of this frame's; -1, or left out: there is none. */
  duplicateOf?(memory: FrameMemory, address: number): Offset
  /** So many frames were answered with that, once and for all. */
  knewAlready?(count: number): void
  /** Whether the messages of this frame are taken, the first of which has this offset. */
  admit(memory: FrameMemory, address: number, offset: Offset): boolean
  /** The frame that was admitted last is not taken. */
  withdraw(): void
  /** What was admitted is in the window, or on disk, up to this offset. */
  committed(endOffset: Offset): void
  /** Whether something may be admitted that was not before. */
  mayHaveRoom(): boolean
}

/** Bytes after which it is the next ring's turn. */
const APPEND_BYTES = 65_536

export class QueueKeeping implements Keeping {
  readonly records: WindowRecords
  readonly isOnDisk = false
  readonly failure = null
  readonly whenFull = 'full'
  readonly isReady = true
  gate: QueueGate | null = null
  readonly #window: WindowWriter

  constructor([window, reader]: readonly [WindowWriter, WindowReader], end: PartitionEnd) {
    this.records = new WindowRecords(window, reader, end)
    this.#window = window
  }

  /** While something is pending no room can be made: an append takes what has room for sure, and one frame at least. */
  get appendBytes(): number {
    return Math.max(1, Math.min(APPEND_BYTES, this.gate?.roomBytes() ?? 0))
  }

  take({ batch, endOffset, walked }: PendingAppend, address: number, length: number): boolean {
    const { gate } = this
    if (gate === null) return false
    if (walked === 0 && !gate.makeRoom(length)) return false
    if (this.#window.free() < length || !gate.admit(batch.memory, address, endOffset)) return false
    placeFrame(batch.memory, address, endOffset)
    batch.copyTo(this.#window, address, length)
    return true
  }

  withdraw(): void {
    this.gate?.withdraw()
  }

  duplicateOf(memory: FrameMemory, address: number): Offset {
    return this.gate?.duplicateOf?.(memory, address) ?? -1
  }

  knewAlready(count: number): void {
    this.gate?.knewAlready?.(count)
  }

  mayHaveRoom(): boolean {
    return this.gate?.mayHaveRoom() ?? false
  }

  entry(): null {
    return null
  }

  write(): true {
    return true
  }

  committed(endOffset: Offset): void {
    this.gate?.committed(endOffset)
  }

  answered(): void {}

  takeLetters(): LetterIndex {
    throw new Error('broken invariant: a queue takes no dead letters')
  }
}
