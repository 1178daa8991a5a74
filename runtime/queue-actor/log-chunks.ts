/**
 * Reads the log of a queue for messages that have left its window: ahead of who goes through it in order, and single frames for others.
 *
 * The partition host's thread. A chunk is a run of whole frames. Who asks for the offset behind a chunk goes on in order, and gets
 * a chunk that is twice as large. Anywhere else one frame is read. Several chunks are kept, as messages of different priorities are
 * read at different places. A chunk that is read takes the memory of the one that goes for it.
 *
 * Bound: CHUNKS of CHUNK_BYTES_MAX, or one frame each; one open file. Nothing is kept once the queue rests (`close`).
 */
import type { LogReader } from '../log/read/log-reader.ts'
import type { Offset } from '../words/quantities.ts'
import { FrameCursor, type FrameWords, NO_RECORD } from './frame-cursor.ts'

const CHUNKS = 4
const CHUNK_BYTES_MIN = 8_192
const CHUNK_BYTES_MAX = 262_144

/** A run of frames. */
export class LogChunk implements FrameWords {
  readonly bytes: Buffer
  /** First offset, and the one behind the last. */
  readonly from: Offset
  readonly end: Offset
  /** At the frame that was looked into last. */
  readonly cursor: FrameCursor
  readonly #words: Int32Array

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
    const cursor = new FrameCursor(this)
    cursor.enter(0)
    this.from = cursor.base
    while (cursor.next < bytes.length) cursor.enter(cursor.next)
    this.end = cursor.end
    this.cursor = cursor
  }

  word(at: number): number {
    return this.#words[at >> 2] as number
  }

  has(offset: Offset): boolean {
    return offset >= this.from && offset < this.end
  }

  /** Where the record of an offset is that the chunk `has`: in the frame at which its cursor is then. */
  record(offset: Offset): number {
    const { cursor } = this
    if (offset < cursor.base) cursor.enter(0)
    while (offset >= cursor.end) cursor.enter(cursor.next)
    const record = cursor.record(offset)
    if (record === NO_RECORD) throw new Error(`broken invariant: message ${offset} of a queue is not in its frame`)
    return record
  }
}

export class LogChunks {
  readonly #open: () => LogReader
  readonly #endOf: () => Offset
  #reader: LogReader | null = null
  /** The one that was used last comes first. */
  #chunks: LogChunk[] = []

  /** `endOf`: how far the log may be read. */
  constructor(open: () => LogReader, endOf: () => Offset) {
    this.#open = open
    this.#endOf = endOf
  }

  /** The chunk that has this offset. One that was found before may be gone then. @throws LogFileError, DiskError, OffsetGoneError */
  find(offset: Offset): LogChunk {
    const chunks = this.#chunks
    const index = chunks.findIndex(chunk => chunk.has(offset))
    if (index !== -1) {
      if (index > 0) chunks.unshift(...chunks.splice(index, 1))
      return chunks[0] as LogChunk
    }
    const before = chunks.findIndex(({ end }) => end === offset)
    const gone = before !== -1 ? chunks.splice(before, 1)[0] : chunks.length === CHUNKS ? chunks.pop() : undefined
    const size = before !== -1 ? (gone as LogChunk).bytes.length : 0
    const onward = Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, 2 * size))
    const read = this.#read(offset, before !== -1 ? onward : 0, gone)
    chunks.unshift(read)
    return read
  }

  #read(offset: Offset, bytesMax: number, gone: LogChunk | undefined): LogChunk {
    this.#reader ??= this.#open()
    const memory = gone?.bytes.buffer
    // That of a single large message is not kept for small ones.
    const spare = memory instanceof ArrayBuffer && memory.byteLength <= CHUNK_BYTES_MAX ? memory : undefined
    const bytes = this.#reader.read(offset, this.#endOf(), bytesMax, spare)
    if (bytes.length === 0) throw new Error(`broken invariant: message ${offset} of a queue is not in its log`)
    return new LogChunk(bytes)
  }

  /** Gives back what it has; the next call opens the log again. */
  close(): void {
    this.#reader?.close()
    this.#reader = null
    this.#chunks = []
  }
}
