/**
 * Where the messages of a queue lie in its window, by offset, with their sizes and priorities.
 *
 * The partition host's thread; private memory, made again by a successor from the window. Messages lie in the frames by which they
 * came, in order; some were moved, each into a frame of its own behind others (window-cleaner.ts).
 *
 * Bound: 12 bytes for each message that the window may have, made as needed; an entry of a map for each one that was moved.
 */
import { align8, type WindowReader, type WindowWriter } from 'sharedarraybuffer-ring'
import {
  FRAME_ATTRIBUTES,
  FRAME_BASE_TIMESTAMP,
  FRAME_COUNT,
  FRAME_HAS_QUEUE_FIELDS,
  FRAME_HEADER_BYTES,
  FRAME_RESERVED,
  FRAME_RING,
  frameBaseOffset,
} from '../log/format/frame.ts'
import { areTimed } from '../log/format/queue-fields.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES, RECORD_TIMESTAMP_DELTA } from '../log/format/record.ts'
import { findRecord, type StoredRecord } from '../log/format/stored-record.ts'
import type { AppendedFields } from '../queue/queue-words.ts'
import type { Offset, Position } from '../words/quantities.ts'
import { messageBytes } from './message-bytes.ts'
import { FieldsOfFrame } from './message-fields.ts'
import type { MessageSource } from './message-source.ts'
import { MOVED, SETTLED, stateIn } from './message-word.ts'
import type { QueueBlock } from './queue-block.ts'
import { keyHashAt } from './record-key.ts'
import { RequestsInWindow } from './record-request.ts'
import { RecordRun } from './record-run.ts'
import { TimesInWindow } from './times-in-window.ts'
import { NOWHERE } from './update-block.ts'
import type { FellDue } from './window-times.ts'

const FIRST_ENTRIES = 256

/** Whether the frame at a position holds a message that was moved: no producer's ring has the number 0. */
export function isMovedFrame(window: WindowReader, position: Position): boolean {
  return window.word(position + FRAME_RING) === 0
}

/** What a frame has that was added. */
export interface AddedFrame {
  readonly count: number
  readonly bytes: number
  readonly fields: AppendedFields | null
}

export class MessageIndex implements MessageSource {
  readonly #window: WindowWriter
  readonly #reader: WindowReader
  readonly #block: QueueBlock
  /** By offset modulo their number. */
  #records: Int32Array = new Int32Array(0)
  #frames: Int32Array = new Int32Array(0)
  #lengths: Int32Array = new Int32Array(0)
  /** Messages from here on have not been moved away with their frame. */
  #first: Offset
  #end: Offset
  readonly #moved = new Map<Offset, Position>()
  readonly times: TimesInWindow
  readonly requests: RequestsInWindow
  readonly run: RecordRun = new RecordRun()

  /** Empty; its first message will have the offset `start`. */
  constructor(window: WindowWriter, reader: WindowReader, block: QueueBlock, start: Offset) {
    this.#window = window
    this.#reader = reader
    this.times = new TimesInWindow(reader, block.updates)
    this.requests = new RequestsInWindow(reader, offset => this.recordOf(offset))
    this.#block = block
    this.#first = start
    this.#end = start
  }

  /** The first offset that lies where it came. */
  get first(): Offset {
    return this.#first
  }

  /** The next offset. */
  get end(): Offset {
    return this.#end
  }

  /** Messages that there is room for, beside those that lie where they came. */
  get room(): number {
    return this.#block.messages - (this.#end - this.#first)
  }

  /** The frame with these messages has left the window, or they are all elsewhere. */
  passed(offset: Offset): void {
    this.#first = offset
  }

  /** Adds the messages of the frame at a position, which follow the last ones. */
  add(position: Position): AddedFrame {
    const reader = this.#reader
    const base = frameBaseOffset(reader, position)
    const count = reader.word(position + FRAME_COUNT)
    if (this.#end === this.#first) this.#first = base
    this.#end = base + count
    if (this.#end - this.#first > this.#records.length) this.#grow()
    const mask = this.#records.length - 1
    const hasFields = ((reader.word(position + FRAME_ATTRIBUTES - 2) >>> 16) & FRAME_HAS_QUEUE_FIELDS) !== 0
    const fields = hasFields ? new FieldsOfFrame(count) : null
    let bytes = 0
    let at = position + FRAME_HEADER_BYTES
    for (let index = 0; index < count; index++) {
      const length = reader.word(at)
      const entry = (base + index) & mask
      this.#records[entry] = at
      this.#frames[entry] = position
      this.#lengths[entry] = length
      bytes += messageBytes(length)
      if (fields !== null) this.#addFields(fields, base, index, at)
      at += (length + 7) & ~7
    }
    return { count, bytes, fields }
  }

  #addFields(fields: FieldsOfFrame, base: Offset, index: number, record: Position): void {
    const { times } = this
    const reader = this.#reader
    if (((reader.word(record + 4) >>> 16) & HAS_QUEUE_FIELDS) === 0) return
    const word = reader.word(record + RECORD_HEADER_BYTES)
    const offset = base + index
    this.requests.came(record)
    if (areTimed(word))
      fields.set(index, word & 0xff, times.dueMsOf(offset, record, this.#end), times.expiresMsOf(offset, record))
    else fields.set(index, word & 0xff, 0, 0)
  }

  /** The message at `offset` lies in the frame at this position from now on, alone. */
  moved(offset: Offset, position: Position): void {
    this.#moved.set(offset, position)
    this.requests.came(position + FRAME_HEADER_BYTES)
  }

  /** Whether that frame is where this message lies. */
  isMovedTo(offset: Offset, position: Position): boolean {
    return this.#moved.get(offset) === position
  }

  /** Position of the record of a message that is not settled. */
  recordOf(offset: Offset): Position {
    if (this.#liesInPlace(offset)) return this.#records[offset & (this.#records.length - 1)] as number
    return this.#movedTo(offset) + FRAME_HEADER_BYTES
  }

  /** Position of its frame. */
  frameOf(offset: Offset): Position {
    if (this.#liesInPlace(offset)) return this.#frames[offset & (this.#records.length - 1)] as number
    return this.#movedTo(offset)
  }

  #liesInPlace(offset: Offset): boolean {
    return offset >= this.#first && (this.#moved.size === 0 || this.#block.wordOf(offset) !== MOVED)
  }

  #movedTo(offset: Offset): Position {
    const position = this.#moved.get(offset)
    if (position === undefined) throw new Error(`broken invariant: message ${offset} is not in the window of its queue`)
    return position
  }

  lengthOf(offset: Offset): number {
    return this.#reader.word(this.recordOf(offset))
  }

  bytesOf(offset: Offset): number {
    return messageBytes(this.lengthOf(offset))
  }

  timestampOf(offset: Offset): number {
    return this.#timestampAt(this.frameOf(offset))
  }

  #timestampAt(frame: Position): number {
    const address = this.#reader.addressOf((frame + FRAME_BASE_TIMESTAMP) | 0)
    return this.#reader.memory.f64[address >> 3] as number
  }

  copy(offset: Offset, from: number, bytes: number, address: number): void {
    this.#copy((this.recordOf(offset) + from) | 0, bytes, address)
  }

  runEnd(offsets: Float64Array, from: number, end: number): number {
    const { run } = this
    const reader = this.#reader
    const first = this.frameOf(offsets[from] as Offset)
    run.begin(frameBaseOffset(reader, first), this.#timestampAt(first))
    let frame = first
    let at = from
    for (; at < end; at++) {
      const offset = offsets[at] as Offset
      const next = this.frameOf(offset)
      if (next !== frame) run.enter(frameBaseOffset(reader, next), this.#timestampAt(next))
      frame = next
      const record = this.recordOf(offset)
      if (frame !== first && !run.fits(offset, reader.word(record + RECORD_TIMESTAMP_DELTA))) break
      run.add(record, align8(reader.word(record)))
    }
    return at
  }

  copyRun(address: number): void {
    this.run.copy(address, this.#copyPiece)
    this.run.mend(address, this.#reader.memory.i32)
  }

  readonly #copyPiece = (position: Position, bytes: number, address: number): void =>
    this.#copy(position, bytes, address)

  /** Within the broker's memory, where two views of it would cost more than the copy. */
  #copy(position: Position, bytes: number, address: number): void {
    const reader = this.#reader
    const first = Math.min(bytes, reader.untilWrap(position))
    reader.memory.copy(address, reader.addressOf(position), first)
    if (first < bytes) reader.memory.copy(address + first, reader.addressOf((position + first) | 0), bytes - first)
  }

  record(offset: Offset): StoredRecord | null {
    return findRecord(this.#reader, this.frameOf(offset), this.#window.committedEnd, offset)
  }

  readonly priorityOf = (offset: Offset): number => {
    const updated = this.#block.updates.priorityOf(offset)
    return updated === NOWHERE ? this.#priorityAt(this.recordOf(offset)) : updated
  }

  #priorityAt(record: Position): number {
    const reader = this.#reader
    if (((reader.word(record + 4) >>> 16) & HAS_QUEUE_FIELDS) === 0) return 0
    return reader.word(record + RECORD_HEADER_BYTES) & 0xff
  }

  readonly keyOf = (offset: Offset): number => keyHashAt(this.#reader, this.recordOf(offset))

  dueMsOf(offset: Offset): number {
    return this.times.dueMsOf(offset, this.recordOf(offset), this.#end)
  }

  expiresMsOf(offset: Offset): number {
    return this.times.expiresMsOf(offset, this.recordOf(offset)) || Number.POSITIVE_INFINITY
  }

  readonly endsQuietly = (offset: Offset): boolean => this.requests.of(offset) !== null

  readonly isTimed = (offset: Offset): boolean => this.times.areOf(offset, this.recordOf(offset))

  /** It falls due, which a successor knows when this returns. */
  fellDue(offset: Offset, fall: FellDue): void {
    this.times.fellDue(offset, this.recordOf(offset), fall)
  }

  /** What its word says (message-word.ts). One that is nowhere is settled. */
  wordOf(offset: Offset): number {
    if (offset >= this.#first) {
      const word = this.#block.wordOf(offset)
      if (word !== MOVED) return word
    }
    const position = this.#moved.get(offset)
    return position === undefined ? SETTLED : this.#reader.word(position + FRAME_RESERVED)
  }

  setWord(offset: Offset, word: number): void {
    if (this.#liesInPlace(offset)) {
      this.#block.setWord(offset, word)
      return
    }
    const reader = this.#reader
    const position = this.#movedTo(offset)
    reader.memory.i32[reader.addressOf(position + FRAME_RESERVED) >> 2] = word
    if (stateIn(word) === SETTLED) this.#moved.delete(offset)
  }

  /** Offsets of those that were moved. */
  movedOffsets(): Iterable<Offset> {
    return this.#moved.keys()
  }

  #grow(): void {
    let entries = Math.max(FIRST_ENTRIES, this.#records.length)
    while (entries < this.#end - this.#first) entries *= 2
    const [records, frames, lengths] = [new Int32Array(entries), new Int32Array(entries), new Int32Array(entries)]
    const before = this.#records.length - 1
    for (let offset = this.#first; offset < this.#end && before >= 0; offset++) {
      records[offset & (entries - 1)] = this.#records[offset & before] as number
      frames[offset & (entries - 1)] = this.#frames[offset & before] as number
      lengths[offset & (entries - 1)] = this.#lengths[offset & before] as number
    }
    this.#records = records
    this.#frames = frames
    this.#lengths = lengths
  }
}
