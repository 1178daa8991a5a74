/**
 * Writes a segment that is to take the place of others: `<base>.log.new`, which nobody reads and the next opening removes.
 *
 * The partition host's thread. Offsets that no frame has become gaps (gap-frame.ts). Its index is made along with it.
 * Bound: PENDING_BYTES in memory, or one frame.
 */
import type { Disk, DiskFile } from '../disk/disk.ts'
import { frameEnd, frameStart } from '../format/frame.ts'
import { frameAt } from '../format/frame-scan.ts'
import { GAP_OFFSETS_MAX, gapFrame } from '../format/gap-frame.ts'
import {
  encodeSegmentHeader,
  type LogSettings,
  newSegmentPath,
  SEGMENT_HEADER_BYTES,
} from '../format/segment-format.ts'
import { type IndexSummary, SegmentIndex } from '../format/segment-index.ts'

const PENDING_BYTES = 256 * 1_024

/** A segment that was written whole, and is durable. */
export interface WrittenSegment extends IndexSummary {
  readonly baseOffset: number
  readonly index: SegmentIndex
}

export class SegmentWriter {
  readonly #disk: Disk
  readonly #file: DiskFile
  readonly #index: SegmentIndex
  #pending: Buffer[]
  #pendingBytes = SEGMENT_HEADER_BYTES
  #writtenBytes = 0
  /** Behind the last frame. */
  #offset: number
  #maxTimestamp: number = Number.NEGATIVE_INFINITY

  constructor(disk: Disk, folder: string, settings: LogSettings, baseOffset: number, createdMs: number) {
    const path = newSegmentPath(folder, baseOffset)
    // Left behind by one that was given up.
    disk.remove(path)
    this.#disk = disk
    this.#file = disk.open(path, 'create')
    this.#index = new SegmentIndex(baseOffset)
    this.#offset = baseOffset
    this.#pending = [encodeSegmentHeader(settings, baseOffset, createdMs)]
  }

  /** So far, without a gap that is still open. */
  get bytes(): number {
    return this.#writtenBytes + this.#pendingBytes
  }

  /** Adds a frame, which is copied, at or behind the end of the one before. */
  add(frame: Buffer): void {
    this.#gapTo(frameStart(frame))
    this.#put(Buffer.from(frame))
  }

  #gapTo(offset: number): void {
    while (this.#offset < offset) this.#put(gapFrame(this.#offset, Math.min(offset - this.#offset, GAP_OFFSETS_MAX)))
  }

  #put(frame: Buffer): void {
    this.#index.note(this.#offset, this.bytes, this.#maxTimestamp)
    this.#maxTimestamp = Math.max(this.#maxTimestamp, frameAt(frame, 0, 0).maxTimestamp)
    this.#offset = frameEnd(frame)
    this.#pending.push(frame)
    this.#pendingBytes += frame.length
    if (this.#pendingBytes >= PENDING_BYTES) this.#flush()
  }

  #flush(): void {
    if (this.#pending.length === 0) return
    this.#file.write(this.#pending, this.#writtenBytes)
    this.#writtenBytes += this.#pendingBytes
    this.#pending = []
    this.#pendingBytes = 0
  }

  /** The segment ends at this offset: it is written, synced and closed. */
  finish(endOffset: number): WrittenSegment {
    this.#gapTo(endOffset)
    this.#flush()
    this.#file.sync()
    this.#file.close()
    const { baseOffset } = this.#index
    return { baseOffset, index: this.#index, endOffset, bytes: this.#writtenBytes, maxTimestamp: this.#maxTimestamp }
  }

  /** Nothing comes of it. */
  giveUp(): void {
    this.#file.close()
    this.#disk.remove(this.#file.path)
  }
}
