/**
 * Cuts a stream of bytes into lines, whatever the chunks: LF or CRLF, a last line without an end, UTF-8 cut in two.
 *
 * One instance per input, on the thread that reads. Whole blocks of lines are decoded at once and then sliced, which is
 * several times faster than decoding line by line. A block ends at a line feed, so it never ends within a character.
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

export type Line = string | UnreadableLine

const LINE_FEED = 0x0a
const BYTE_ORDER_MARK = '\ufeff'
const REPLACEMENT = '\ufffd'

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

  /** The lines that end in this chunk, without their ends. The chunk may be reused afterwards. */
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
    if (end > from) this.#decodeBlock(chunk.subarray(from, end - 1), lines)
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
    else this.#decodeBlock(bytes, lines)
    this.#open = []
    this.#openBytes = 0
    this.#droppedBytes = 0
  }

  /** `block` holds one line or several, with line feeds between them. */
  #decodeBlock(block: Uint8Array, lines: Line[]): void {
    let text = asBuffer(block).toString('utf8')
    if (text.includes(REPLACEMENT) && !isUtf8(block)) {
      this.#decodeLineByLine(block, lines)
      return
    }
    if (this.#atStart && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1)
    this.#atStart = false
    let from = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      lines.push(this.#checked(withoutReturn(text, from, end)))
      from = end + 1
    }
    lines.push(this.#checked(withoutReturn(text, from, text.length)))
  }

  /** The slow path, for blocks with invalid UTF-8: only the lines that have it are unreadable. */
  #decodeLineByLine(block: Uint8Array, lines: Line[]): void {
    for (let from = 0; from <= block.length; ) {
      const next = block.indexOf(LINE_FEED, from)
      const bytes = block.subarray(from, next === -1 ? block.length : next)
      if (isUtf8(bytes)) this.#decodeBlock(bytes, lines)
      else lines.push({ reason: 'decode', error: 'not UTF-8', raw: head(bytes) })
      from += bytes.length + 1
    }
    this.#atStart = false
  }

  /** A whole line can be too long too, when the chunk is larger than the limit. */
  #checked(line: string): Line {
    // UTF-8 needs one to three bytes for a UTF-16 unit, so most lines need no second look.
    if (line.length * 3 <= this.#lineBytesMax) return line
    const bytes = Buffer.from(line)
    return bytes.length <= this.#lineBytesMax ? line : tooLarge(bytes, bytes.length, this.#lineBytesMax)
  }
}

function withoutReturn(text: string, from: number, end: number): string {
  return text.slice(from, end > from && text.charCodeAt(end - 1) === 0x0d ? end - 1 : end)
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
