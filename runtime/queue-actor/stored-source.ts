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
import type { RequestAddress } from '../link/answers.ts'
import { expiresAtAt, notBeforeAt } from '../log/format/queue-fields.ts'
import { HAS_KEY, HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES, RECORD_TIMESTAMP_DELTA } from '../log/format/record.ts'
import type { StoredRecord } from '../log/format/stored-record.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { PartitionDisk } from '../partition/partition-disk.ts'
import type { Offset } from '../words/quantities.ts'
import { FrameCursor, NO_RECORD } from './frame-cursor.ts'
import { type LogChunk, LogChunks } from './log-chunks.ts'
import { messageBytes } from './message-bytes.ts'
import type { MessageSource } from './message-source.ts'
import { keyHash, keyHashAt, keyHashOf } from './record-key.ts'
import { requestAt, StoredRequests } from './record-request.ts'
import { RecordRun } from './record-run.ts'
import { StoredTimes } from './stored-times.ts'
import type { StoredUpdates } from './stored-updates.ts'

export class StoredSource implements MessageSource {
  readonly #partition: PartitionActor
  readonly #disk: PartitionDisk
  readonly #isPlain: boolean
  readonly times: StoredTimes
  readonly requests: StoredRequests
  /** What counts before the records. */
  readonly #updates: Pick<StoredUpdates, 'of'>
  readonly #chunks: LogChunks
  /** At the frame of the window that was looked into last. */
  readonly #window: FrameCursor
  /** Where the message is that was looked for last: in this chunk; null: in the window. */
  #chunk: LogChunk | null = null
  #record = 0
  #sentMs = 0
  readonly run: RecordRun = new RecordRun()
  /** Where that is, as `#chunk`. */
  #runChunk: LogChunk | null = null

  /** `isPlain`: all messages have the priority 0. `at`: now. */
  constructor(
    partition: PartitionActor,
    disk: PartitionDisk,
    isPlain: boolean,
    at: Instant,
    updates: Pick<StoredUpdates, 'of'>,
  ) {
    this.#updates = updates
    this.times = new StoredTimes(partition.highWatermark, at)
    this.requests = new StoredRequests(partition.highWatermark, offset => this.#requestOf(offset))
    this.#partition = partition
    this.#disk = disk
    this.#isPlain = isPlain
    this.#window = new FrameCursor(partition.reader)
    this.#chunks = new LogChunks(
      () => disk.reader(),
      () => partition.highWatermark,
    )
  }

  lengthOf(offset: Offset): number {
    return this.#wordAt(this.#find(offset), this.#record)
  }

  bytesOf(offset: Offset): number {
    return messageBytes(this.lengthOf(offset))
  }

  readonly priorityOf = (offset: Offset): number => {
    if (this.#isPlain) return 0
    const updated = this.#updates.of(offset)?.priority ?? null
    if (updated !== null) return updated
    const chunk = this.#find(offset)
    const at = this.#record
    if (((this.#wordAt(chunk, (at + 4) | 0) >>> 16) & HAS_QUEUE_FIELDS) === 0) return 0
    return this.#wordAt(chunk, (at + RECORD_HEADER_BYTES) | 0) & 0xff
  }

  keyOf(offset: Offset): number {
    const chunk = this.#find(offset)
    const record = this.#record
    if (chunk === null) return keyHashAt(this.#partition.reader, record)
    const attributes = this.#wordAt(chunk, record + 4) >>> 16
    if ((attributes & HAS_KEY) === 0) return 0
    const from = record + RECORD_HEADER_BYTES
    if ((attributes & HAS_QUEUE_FIELDS) !== 0) return keyHash(this.#wordAt(chunk, from + 4))
    return keyHashOf(chunk.bytes.subarray(from, from + this.#wordAt(chunk, record + 12)))
  }

  /** In `nowMs`; 0: at once. One that fell due had a time as well. */
  dueMsOf(offset: Offset): number {
    return this.#updates.of(offset)?.dueMs ?? this.#timeOf(offset, notBeforeAt)
  }

  expiresMsOf(offset: Offset): number {
    return this.#updates.of(offset)?.expiresMs ?? (this.#timeOf(offset, expiresAtAt) || Number.POSITIVE_INFINITY)
  }

  #requestOf(offset: Offset): RequestAddress | null {
    const chunk = this.#find(offset)
    const words = { word: (at: number) => this.#wordAt(chunk, at), double: (at: number) => this.#doubleAt(chunk, at) }
    return requestAt(words, this.#record)
  }

  endsQuietly(offset: Offset): boolean {
    return this.requests.of(offset) !== null
  }

  /** Whether its record has a time. */
  isTimed(offset: Offset): boolean {
    return this.dueMsOf(offset) !== 0 || this.expiresMsOf(offset) !== Number.POSITIVE_INFINITY
  }

  /** How long it had been due when the log was opened; -1: it was not, or was due at once. */
  dueSinceMs(offset: Offset): number {
    const updated = this.#updates.of(offset)
    if (updated !== null && updated.dueMs !== null) return updated.dueSinceMs
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
    const record = this.#record
    if (((this.#wordAt(chunk, (record + 4) | 0) >>> 16) & HAS_QUEUE_FIELDS) === 0) return 0
    const part = partAt(this.#wordAt(chunk, (record + RECORD_HEADER_BYTES) | 0))
    if (part === 0) return 0
    this.#sentMs = this.timestampOf(offset) + this.#wordAt(chunk, (record + RECORD_TIMESTAMP_DELTA) | 0)
    return this.#doubleAt(chunk, record + RECORD_HEADER_BYTES + part)
  }

  #doubleAt(chunk: LogChunk | null, at: number): number {
    if (chunk !== null) return chunk.bytes.readDoubleLE(at)
    const { reader } = this.#partition
    return reader.memory.f64[reader.addressOf(at | 0) >> 3] as number
  }

  #wordAt(chunk: LogChunk | null, at: number): number {
    return chunk === null ? this.#partition.reader.word(at) : chunk.word(at)
  }

  #cursorOf(chunk: LogChunk | null): FrameCursor {
    return chunk === null ? this.#window : chunk.cursor
  }

  timestampOf(offset: Offset): number {
    const chunk = this.#find(offset)
    return this.#doubleAt(chunk, this.#cursorOf(chunk).timestampAt)
  }

  copy(offset: Offset, from: number, bytes: number, address: number): void {
    const chunk = this.#find(offset)
    this.#copy(chunk, (this.#record + from) | 0, bytes, address)
  }

  runEnd(offsets: Float64Array, from: number, end: number): number {
    const { run } = this
    const timestamp = this.timestampOf(offsets[from] as Offset)
    const chunk = this.#chunk
    const cursor = this.#cursorOf(chunk)
    run.begin(cursor.base, timestamp)
    this.#runChunk = chunk
    let at = from
    for (; at < end; at++) {
      const offset = offsets[at] as Offset
      const record = cursor.has(offset) ? cursor.record(offset) : NO_RECORD
      if (record === NO_RECORD) break
      run.add(record, align8(this.#wordAt(chunk, record)))
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
    // Positions wrap: after long enough this could not be told any more.
    if (!this.#isInWindow()) this.#window.leave()
  }

  /** Gives back what it has read. */
  rest(): void {
    this.#chunks.close()
    this.#chunk = null
  }

  /** The chunk that has the message; null: the window has it. There it is at `#record`, in the frame of the cursor. */
  #find(offset: Offset): LogChunk | null {
    const chunk = this.#chunk
    if (chunk?.has(offset)) {
      this.#record = chunk.record(offset)
      return chunk
    }
    // What it was in may be gone with what is read.
    this.#chunk = null
    if (this.#findInWindow(offset)) return null
    const found = this.#chunks.find(offset)
    this.#record = found.record(offset)
    this.#chunk = found
    return found
  }

  /** Whether the frame that was looked into last is still there: a window that moves elsewhere is empty then, and begins behind it. */
  #isInWindow(): boolean {
    return ((this.#window.frame - this.#partition.window.start) | 0) >= 0
  }

  #findInWindow(offset: Offset): boolean {
    const cursor = this.#window
    if (!this.#isInWindow() || !cursor.has(offset)) {
      const { start, committedEnd } = this.#partition.window
      // While an append goes past it, it ends before it begins.
      if (((committedEnd - start) | 0) <= 0) return false
      if (!this.#isInWindow() || offset < cursor.base || cursor.end === 0) cursor.enter(start)
      while (offset >= cursor.end) {
        const { next } = cursor
        if (next === committedEnd) return false
        cursor.enter(next)
      }
      if (offset < cursor.base) return false
    }
    this.#record = cursor.record(offset)
    if (this.#record === NO_RECORD)
      throw new Error(`broken invariant: message ${offset} of a queue is not in its window`)
    return true
  }
}
