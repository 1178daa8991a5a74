/**
 * Cuts a stream of bytes into lines, whatever the chunks: LF or CRLF, a last line without an end, UTF-8 cut in two.
 *
 * One instance per input, on the thread that reads. Lines are told by where they stand in their chunk, and nothing is copied but what
 * waits for the end of its line. Whether bytes are UTF-8 is asked once for all lines of a chunk, which end at a line feed.
 * Bound: at most `lineBytesMax` bytes wait for the end of their line; of a longer line only the first 64 KiB are kept.
 */
import { isUtf8 } from 'node:buffer'

/** Length of an unpublishable line in the dead-letter file, at most. */
export const RAW_BYTES_MAX = 65_536

/** A line that cannot be a record: longer than the limit, or not UTF-8. */
export interface UnreadableLine {
  readonly reason: 'decode' | 'too-large'
  readonly error: string
  /** Its beginning, with U+FFFD for bytes that are not UTF-8. */
  readonly raw: string
}

/** A line that is UTF-8: these bytes of its block, without its end. */
export interface LineBytes {
  readonly block: Buffer
  readonly start: number
  readonly end: number
}

export type Line = LineBytes | UnreadableLine

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const BYTE_ORDER_MARK: Buffer = Buffer.from('\ufeff')

export class LineSplitter {
  readonly #lineBytesMax: number
  /** The beginning of a line whose end has not been read yet. */
  #open: Uint8Array[] = []
  #openBytes = 0
  /** Bytes of the open line that were dropped because it is too long. */
  #droppedBytes = 0
  #atStart = true

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax
  }

  /** The lines that end in this chunk, without their ends. They stand in the chunk, which may be written to when they are not needed any more. */
  push(chunk: Uint8Array): Line[] {
    const lines: Line[] = []
    let from = 0
    if (this.#openBytes > 0) {
      const end = chunk.indexOf(LINE_FEED)
      this.#keep(end === -1 ? chunk : chunk.subarray(0, end))
      if (end === -1) return lines
      this.#closeLine(lines)
      from = end + 1
    }
    const end = chunk.lastIndexOf(LINE_FEED) + 1
    if (end > from) this.#splitBlock(chunk.subarray(from, end - 1), lines)
    this.#keep(chunk.subarray(Math.max(from, end)))
    return lines
  }

  /** The last line, if the input did not end with a line feed. */
  end(): Line[] {
    const lines: Line[] = []
    if (this.#openBytes > 0) this.#closeLine(lines)
    return lines
  }

  #keep(bytes: Uint8Array): void {
    const room = Math.max(0, this.#lineBytesMax + 1 - (this.#openBytes - this.#droppedBytes))
    // Copied: the caller's chunk may be part of a pool or read again.
    if (room > 0 && bytes.length > 0) this.#open.push(Uint8Array.prototype.slice.call(bytes, 0, room))
    this.#openBytes += bytes.length
    this.#droppedBytes += Math.max(0, bytes.length - room)
  }

  #closeLine(lines: Line[]): void {
    const bytes = this.#open.length === 1 && this.#open[0] !== undefined ? this.#open[0] : Buffer.concat(this.#open)
    if (this.#droppedBytes > 0) lines.push(tooLarge(bytes, this.#openBytes, this.#lineBytesMax))
    else this.#splitBlock(bytes, lines)
    this.#open = []
    this.#openBytes = 0
    this.#droppedBytes = 0
  }

  /** `block` holds one line or several, with line feeds between them. */
  #splitBlock(bytes: Uint8Array, lines: Line[]): void {
    const block = asBuffer(bytes)
    const isText = isUtf8(block)
    let from = 0
    if (this.#atStart && block.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK))
      from = BYTE_ORDER_MARK.length
    this.#atStart = false
    for (;;) {
      const next = block.indexOf(LINE_FEED, from)
      const end = next === -1 ? block.length : next
      // Only the lines that have them are unreadable where bytes are not UTF-8.
      if (isText || isUtf8(block.subarray(from, end))) lines.push(this.#checked(block, from, end))
      else lines.push({ reason: 'decode', error: 'not UTF-8', raw: head(block.subarray(from, end)) })
      if (next === -1) return
      from = next + 1
    }
  }

  /** A whole line can be too long too, when the chunk is larger than the limit. */
  #checked(block: Buffer, start: number, to: number): Line {
    const end = to > start && block[to - 1] === CARRIAGE_RETURN ? to - 1 : to
    if (end - start <= this.#lineBytesMax) return { block, start, end }
    return tooLarge(block.subarray(start, end), end - start, this.#lineBytesMax)
  }
}

function tooLarge(bytes: Uint8Array, length: number, lengthMax: number): UnreadableLine {
  return { reason: 'too-large', error: `${length} bytes, more than ${lengthMax}`, raw: head(bytes) }
}

/** The first 64 KiB as text, cut between characters. */
export function head(bytes: Uint8Array): string {
  if (bytes.length <= RAW_BYTES_MAX) return asBuffer(bytes).toString('utf8')
  let end = RAW_BYTES_MAX
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return asBuffer(bytes.subarray(0, end)).toString('utf8')
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
