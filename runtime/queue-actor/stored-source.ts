/**
 * Where the messages of a queue on disk are: in its window, as long as they are in there, and else in its log.
 *
 * The partition host's thread. The window has a copy of the end of the log, where consumers that keep up find all their messages. Both
 * are gone through in order as a rule, so that finding the next message costs a step. Nothing is kept for each message.
 *
 * Bound: that of the chunks (log-chunks.ts).
 */
import { align8 } from 'sharedarraybuffer-ring'
import type { Instant } from '../base/clock.ts'
import {
  FRAME_BASE_TIMESTAMP,
  FRAME_HEADER_BYTES,
  FRAME_LAST_OFFSET_DELTA,
  frameBaseOffset,
} from '../log/format/frame.ts'
import { expiresAtAt, notBeforeAt } from '../log/format/queue-fields.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES, RECORD_TIMESTAMP_DELTA } from '../log/format/record.ts'
import type { StoredRecord } from '../log/format/stored-record.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { PartitionDisk } from '../partition/partition-disk.ts'
import type { Offset, Position } from '../words/quantities.ts'
import { type LogChunk, LogChunks } from './log-chunks.ts'
import { messageBytes } from './message-index.ts'
import type { MessageSource } from './message-source.ts'
import { RecordRun } from './record-run.ts'
import { StoredTimes } from './stored-times.ts'

const NOWHERE = -1

export class StoredSource implements MessageSource {
  readonly #partition: PartitionActor
  readonly #disk: PartitionDisk
  readonly #isPlain: boolean
  readonly times: StoredTimes
  readonly #chunks: LogChunks
  /** The message that was looked for last; NOWHERE: it may have left the window. */
  #offset: Offset = NOWHERE
  /** Its chunk; null: it is in the window. */
  #chunk: LogChunk | null = null
  /** The frame of the window that was looked into last, with the offset of its first record; NOWHERE: none. */
  #base: Offset = NOWHERE
  #frame: Position = 0
  #record: Position = 0
  #sentMs = 0
  readonly run: RecordRun = new RecordRun()
  /** Where that is, as `#chunk`. */
  #runChunk: LogChunk | null = null

  /** `isPlain`: all messages have the priority 0. `at`: now. */
  constructor(partition: PartitionActor, disk: PartitionDisk, isPlain: boolean, at: Instant) {
    this.times = new StoredTimes(partition.highWatermark, at)
    this.#partition = partition
    this.#disk = disk
    this.#isPlain = isPlain
    this.#chunks = new LogChunks(
      () => disk.reader(),
      () => partition.highWatermark,
    )
  }

  lengthOf(offset: Offset): number {
    const chunk = this.#find(offset)
    return chunk === null ? this.#partition.reader.word(this.#record) : (chunk.words[chunk.record >> 2] as number)
  }

  bytesOf(offset: Offset): number {
    return messageBytes(this.lengthOf(offset))
  }

  readonly priorityOf = (offset: Offset): number => {
    if (this.#isPlain) return 0
    const chunk = this.#find(offset)
    const at = chunk?.record ?? this.#record
    if (((this.#wordAt(chunk, at + 4) >>> 16) & HAS_QUEUE_FIELDS) === 0) return 0
    return this.#wordAt(chunk, at + RECORD_HEADER_BYTES) & 0xff
  }

  /** No queue limits keys yet. */
  keyOf(_offset: Offset): number {
    return 0
  }

  /** In `nowMs`; 0: at once. One that fell due had a time as well. */
  dueMsOf(offset: Offset): number {
    return this.#timeOf(offset, notBeforeAt)
  }

  expiresMsOf(offset: Offset): number {
    return this.#timeOf(offset, expiresAtAt) || Number.POSITIVE_INFINITY
  }

  /** Whether its record has a time. */
  isTimed(offset: Offset): boolean {
    return this.dueMsOf(offset) !== 0 || this.#timeOf(offset, expiresAtAt) !== 0
  }

  /** How long it had been due when the log was opened; -1: it was not, or was due at once. */
  dueSinceMs(offset: Offset): number {
    const at = this.#momentOf(offset, notBeforeAt)
    return at === 0 ? -1 : this.times.sinceMs(at, this.#sentMs)
  }

  /** One of its times in `nowMs`; 0: it has none. */
  #timeOf(offset: Offset, partAt: (word: number) => number): number {
    const at = this.#momentOf(offset, partAt)
    return at === 0 ? 0 : this.times.msOf(offset, at, this.#sentMs)
  }

  /** The same as its record has it; when it was sent is in `#sentMs` then. */
  #momentOf(offset: Offset, partAt: (word: number) => number): number {
    const chunk = this.#find(offset)
    const record = chunk?.record ?? this.#record
    if (((this.#wordAt(chunk, record + 4) >>> 16) & HAS_QUEUE_FIELDS) === 0) return 0
    const part = partAt(this.#wordAt(chunk, record + RECORD_HEADER_BYTES))
    if (part === 0) return 0
    this.#sentMs = this.timestampOf(offset) + this.#wordAt(chunk, record + RECORD_TIMESTAMP_DELTA)
    return this.#doubleAt(chunk, record + RECORD_HEADER_BYTES + part)
  }

  #doubleAt(chunk: LogChunk | null, at: number): number {
    if (chunk !== null) return chunk.bytes.readDoubleLE(at)
    const { reader } = this.#partition
    return reader.memory.f64[reader.addressOf(at | 0) >> 3] as number
  }

  #wordAt(chunk: LogChunk | null, at: number): number {
    return chunk === null ? this.#partition.reader.word(at | 0) : (chunk.words[at >> 2] as number)
  }

  timestampOf(offset: Offset): number {
    const chunk = this.#find(offset)
    return this.#doubleAt(chunk, (chunk?.frame ?? this.#frame) + FRAME_BASE_TIMESTAMP)
  }

  copy(offset: Offset, from: number, bytes: number, address: number): void {
    const chunk = this.#find(offset)
    this.#copy(chunk, ((chunk?.record ?? this.#record) + from) | 0, bytes, address)
  }

  runEnd(offsets: Float64Array, from: number, end: number): number {
    const { run } = this
    const first = offsets[from] as Offset
    const timestamp = this.timestampOf(first)
    const chunk = this.#find(first)
    const frame = chunk?.frame ?? this.#frame
    run.begin(chunk?.base ?? this.#base, timestamp)
    this.#runChunk = chunk
    let at = from
    for (; at < end; at++) {
      const found = this.#find(offsets[at] as Offset)
      if (found !== chunk || (found?.frame ?? this.#frame) !== frame) break
      const record = found?.record ?? this.#record
      run.add(record, align8(this.#wordAt(found, record)))
    }
    return at
  }

  copyRun(address: number): void {
    this.run.copy(address, this.#copyPiece)
  }

  readonly #copyPiece = (from: number, bytes: number, address: number): void =>
    this.#copy(this.#runChunk, from, bytes, address)

  #copy(chunk: LogChunk | null, position: number, bytes: number, address: number): void {
    const { reader } = this.#partition
    const { memory } = reader
    if (chunk !== null) {
      memory.u8.set(chunk.bytes.subarray(position, position + bytes), address)
      return
    }
    const first = Math.min(bytes, reader.untilWrap(position))
    memory.copy(address, reader.addressOf(position), first)
    if (first < bytes) memory.copy(address + first, reader.addressOf((position + first) | 0), bytes - first)
  }

  record(offset: Offset): StoredRecord | null {
    return this.#disk.record(offset, this.#partition.highWatermark)
  }

  /** The window has other frames now, or is elsewhere. */
  windowMoved(): void {
    if (this.#isInWindow) return
    // Positions wrap: after long enough this could not be told any more.
    this.#base = NOWHERE
    if (this.#chunk === null) this.#offset = NOWHERE
  }

  /** Gives back what it has read. */
  rest(): void {
    this.#chunks.close()
    if (this.#chunk !== null) this.#offset = NOWHERE
    this.#chunk = null
  }

  /** The chunk that has the message; null: the window has it, at `#record` of `#frame`. */
  #find(offset: Offset): LogChunk | null {
    if (offset === this.#offset && (this.#chunk !== null || this.#isInWindow)) return this.#chunk
    this.#offset = NOWHERE
    this.#chunk = this.#findInWindow(offset) ? null : this.#chunks.find(offset)
    this.#offset = offset
    return this.#chunk
  }

  /** Whether the frame that was looked into last is still there: a window that moves elsewhere is empty then, and begins behind it. */
  get #isInWindow(): boolean {
    return ((this.#frame - this.#partition.window.start) | 0) >= 0
  }

  #findInWindow(offset: Offset): boolean {
    const { window, reader } = this.#partition
    const { start, committedEnd } = window
    // While an append goes past it, it ends before it begins.
    if (((committedEnd - start) | 0) <= 0) return false
    if (this.#base === NOWHERE || offset < this.#base || ((this.#frame - start) | 0) < 0) this.#enter(start)
    if (offset < this.#base) return false
    for (;;) {
      const end = this.#base + (reader.word(this.#frame + FRAME_LAST_OFFSET_DELTA) >>> 0) + 1
      if (offset < end) break
      const next = (this.#frame + reader.word(this.#frame)) | 0
      if (next === committedEnd) return false
      this.#enter(next)
    }
    if (offset < this.#base) return false
    const delta = offset - this.#base
    if (this.#deltaAt(this.#record) > delta) this.#record = (this.#frame + FRAME_HEADER_BYTES) | 0
    while (this.#deltaAt(this.#record) !== delta)
      this.#record = (this.#record + ((reader.word(this.#record) + 7) & ~7)) | 0
    return true
  }

  #enter(frame: Position): void {
    this.#frame = frame
    this.#base = frameBaseOffset(this.#partition.reader, frame)
    this.#record = (frame + FRAME_HEADER_BYTES) | 0
  }

  #deltaAt(record: Position): number {
    return this.#partition.reader.word((record + 4) | 0) & 0xffff
  }
}
