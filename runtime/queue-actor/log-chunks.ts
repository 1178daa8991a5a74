/**
 * Reads the log of a queue for messages that have left its window: ahead of who goes through it in order, and single frames for others.
 *
 * The partition host's thread. A chunk is a run of whole frames. Who asks for the offset behind a chunk goes on in order, and gets
 * a chunk that is twice as large. Anywhere else one frame is read. Several chunks are kept, as messages of different priorities are
 * read at different places.
 *
 * Bound: CHUNKS of CHUNK_BYTES_MAX, or one frame each; one open file. Nothing is kept once the queue rests (`close`).
 */
import {
  FRAME_BASE_OFFSET,
  FRAME_COUNT,
  FRAME_HEADER_BYTES,
  FRAME_LAST_OFFSET_DELTA,
  joinOffset,
} from '../log/format/frame.ts'
import type { LogReader } from '../log/read/log-reader.ts'
import type { Offset } from '../words/quantities.ts'

const CHUNKS = 4
const CHUNK_BYTES_MIN = 8_192
const CHUNK_BYTES_MAX = 262_144

/** A run of frames, and the record in it that was looked for last. */
export interface LogChunk {
  readonly bytes: Buffer
  readonly words: Int32Array
  readonly from: Offset
  readonly end: Offset
  /** Index of the frame that was looked into last, and the offset of its first record. */
  frame: number
  base: Offset
  /** Index of the record that was found. */
  record: number
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

  /** The chunk whose `record` is the one of this offset. @throws LogFileError, DiskError, OffsetGoneError */
  find(offset: Offset): LogChunk {
    const chunk = this.#chunkOf(offset)
    seek(chunk, offset)
    return chunk
  }

  #chunkOf(offset: Offset): LogChunk {
    const chunks = this.#chunks
    for (let index = 0; index < chunks.length; index++) {
      const chunk = chunks[index] as LogChunk
      if (offset < chunk.from || offset >= chunk.end) continue
      if (index > 0) chunks.unshift(...chunks.splice(index, 1))
      return chunk
    }
    const before = chunks.findIndex(({ end }) => end === offset)
    const isOnward = before !== -1
    const size = isOnward ? (chunks[before] as LogChunk).bytes.length : 0
    const read = this.#read(offset, isOnward ? Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, 2 * size)) : 0)
    if (isOnward) chunks.splice(before, 1)
    else if (chunks.length === CHUNKS) chunks.pop()
    chunks.unshift(read)
    return read
  }

  #read(offset: Offset, bytesMax: number): LogChunk {
    this.#reader ??= this.#open()
    const bytes = this.#reader.read(offset, this.#endOf(), bytesMax)
    if (bytes.length === 0) throw new Error(`broken invariant: message ${offset} of a queue is not in its log`)
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
    const from = baseOf(words, 0)
    let end = from
    for (let frame = 0; frame < bytes.length; frame += words[frame >> 2] as number) end = endOf(words, frame)
    return { bytes, words, from, end, frame: 0, base: from, record: FRAME_HEADER_BYTES }
  }

  /** Gives back what it has; the next call opens the log again. */
  close(): void {
    this.#reader?.close()
    this.#reader = null
    this.#chunks = []
  }
}

function baseOf(words: Int32Array, frame: number): Offset {
  const at = (frame + FRAME_BASE_OFFSET) >> 2
  return joinOffset(words[at] as number, words[at + 1] as number)
}

function endOf(words: Int32Array, frame: number): Offset {
  return baseOf(words, frame) + ((words[(frame + FRAME_LAST_OFFSET_DELTA) >> 2] as number) >>> 0) + 1
}

/** Moves to the record of an offset that is in the chunk: on from where it is, if that is before it. */
function seek(chunk: LogChunk, offset: Offset): void {
  const { words } = chunk
  if (offset < chunk.base) setFrame(chunk, 0)
  while (offset >= endOf(words, chunk.frame)) setFrame(chunk, chunk.frame + (words[chunk.frame >> 2] as number))
  const delta = offset - chunk.base
  if (deltaAt(words, chunk.record) > delta) chunk.record = chunk.frame + FRAME_HEADER_BYTES
  const end = chunk.frame + (words[chunk.frame >> 2] as number)
  while (chunk.record < end && deltaAt(words, chunk.record) < delta)
    chunk.record += ((words[chunk.record >> 2] as number) + 7) & ~7
  if (chunk.record < end && words[(chunk.frame + FRAME_COUNT) >> 2] !== 0 && deltaAt(words, chunk.record) === delta)
    return
  chunk.record = chunk.frame + FRAME_HEADER_BYTES
  throw new Error(`broken invariant: message ${offset} of a queue is not in its frame`)
}

function setFrame(chunk: LogChunk, frame: number): void {
  chunk.frame = frame
  chunk.base = baseOf(chunk.words, frame)
  chunk.record = frame + FRAME_HEADER_BYTES
}

function deltaAt(words: Int32Array, record: number): number {
  return (words[(record + 4) >> 2] as number) & 0xffff
}
