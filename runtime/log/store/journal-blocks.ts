/**
 * Group commits and marks as the bytes of journal-format.ts, written in one piece each.
 *
 * The partition host's thread, and the control thread before hosts start.
 */
import { crc32 } from 'node:zlib'
import type { DiskFile } from '../disk/disk.ts'
import {
  BLOCK_END_BYTES,
  BLOCK_FRAMES,
  BLOCK_HEADER_BYTES,
  BLOCK_MARK,
  type BlockOwner,
  blockBytes,
  paddedBytes,
  writeBlockHeader,
} from '../format/journal-format.ts'

const END = new Uint8Array(BLOCK_END_BYTES)

/** Frames of one partition in a group commit; none, and no offsets, where the partition is cut to `baseOffset`. */
export interface JournalEntry {
  /** Id of the topic. */
  readonly topic: number
  readonly partition: number
  readonly baseOffset: number
  readonly endOffset: number
  /** Whole frames when joined; views of any memory, shared or not, which must not change until `append` returns. */
  readonly parts: readonly Uint8Array[]
  /** The length of all parts. */
  readonly bytes: number
}

/** Place of a group commit: position and sequence of its first block, and the size of the file. */
export interface CommitPlace {
  readonly position: number
  readonly sequence: number
  readonly fileBytes: number
}

export class CommitBlocks {
  readonly #owner: BlockOwner
  /** Headers of a group commit; grows to the largest one. */
  #headers: Buffer = Buffer.alloc(BLOCK_HEADER_BYTES * 16)

  constructor(owner: BlockOwner) {
    this.#owner = owner
  }

  /** Headers, frames, padding and the end, as one write takes them; valid until the next call. */
  partsOf(entries: readonly JournalEntry[], at: CommitPlace): Uint8Array[] {
    if (this.#headers.length < entries.length * BLOCK_HEADER_BYTES)
      this.#headers = Buffer.alloc(entries.length * BLOCK_HEADER_BYTES * 2)
    const parts: Uint8Array[] = []
    let { position } = at
    for (const [index, entry] of entries.entries()) {
      const { topic, partition, baseOffset, endOffset, bytes: bodyBytes } = entry
      const header = index * BLOCK_HEADER_BYTES
      parts.push(this.#headers.subarray(header, header + BLOCK_HEADER_BYTES))
      let bodyCrc = 0
      for (const part of entry.parts) {
        bodyCrc = crc32(part, bodyCrc)
        parts.push(part)
      }
      const padding = END.subarray(0, paddedBytes(bodyBytes) - bodyBytes)
      if (padding.length > 0) {
        bodyCrc = crc32(padding, bodyCrc)
        parts.push(padding)
      }
      const place = { position, sequence: at.sequence + index, index, bodyBytes, bodyCrc, fileBytes: at.fileBytes }
      const groupBlocks = entries.length
      const block = { kind: BLOCK_FRAMES, topic, partition, baseOffset, endOffset, groupBlocks, ...place }
      writeBlockHeader(this.#headers, header, this.#owner, block)
      position += blockBytes(bodyBytes)
    }
    parts.push(END)
    return parts
  }
}

/** @throws RangeError */
export function checkEntry({ parts, bytes, baseOffset, endOffset }: JournalEntry): void {
  let length = 0
  for (const part of parts) length += part.length
  if (length !== bytes || (bytes === 0) !== (endOffset === baseOffset))
    throw new RangeError(`an entry of ${length} bytes says that it has ${bytes}`)
}

/** Writes and syncs a mark: blocks below `needed` are not needed. */
export function writeMark(
  file: DiskFile,
  size: number,
  owner: BlockOwner,
  position: number,
  sequence: number,
  needed: number,
): void {
  const header = Buffer.alloc(BLOCK_HEADER_BYTES)
  const place = { position, sequence, index: 0, bodyBytes: 0, bodyCrc: 0, fileBytes: size, groupBlocks: 1 }
  const mark = { kind: BLOCK_MARK, topic: 0, partition: 0, baseOffset: needed, endOffset: 0, ...place }
  writeBlockHeader(header, 0, owner, mark)
  file.write(position + BLOCK_HEADER_BYTES + END.length <= size ? [header, END] : [header], position)
  file.sync()
}
