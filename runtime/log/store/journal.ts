/**
 * The journal of one partition host: makes a group commit over all its partitions durable with one write and one sync.
 *
 * Owned by the partition host, on its thread; read by journal-recovery.ts after a restart, with the bytes of
 * journal-format.ts. Segments are written without a sync of their own and are synced later in the background. The
 * journal holds the bytes that a loss of power would otherwise take from them.
 *
 * ```
 *  journal-a  | mark | commit | commit | commit | mark |        closed: full, its blocks perhaps not yet in segments
 *  journal-b  | commit | commit | 0 | ... what is left of the round before last ...
 * ```
 *
 * Two files of a fixed size, filled with zeroes once and then overwritten in turn, so that a sync has no metadata to
 * write. A file is overwritten only when a synced mark in the other one says that it is not needed. The change of files
 * therefore costs a second sync. Sequences rise by one per block over both files. At a start they continue above all
 * sequences in both files, so a stale block is never taken for a new one.
 *
 * Bounds: `journalBytes` a file; a group commit has at most `commitBytesMax` with its headers. At the bound `append`
 * returns `full`, and the owner syncs its segments and calls `release`. After a `DiskError` the journal stays broken.
 */
import { posix } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Disk, DiskFile } from '../disk/disk.ts'
import {
  BLOCK_END_BYTES,
  BLOCK_FRAMES,
  BLOCK_HEADER_BYTES,
  BLOCK_MARK,
  type BlockOwner,
  blockBytes,
  JOURNAL_BYTES_MIN,
  LOG_ID_BYTES,
  paddedBytes,
  writeBlockHeader,
} from '../format/journal-format.ts'
import { type JournalEnd, journalPaths } from '../recovery/journal-recovery.ts'

export const JOURNAL_BYTES: number = 32 * 1_024 * 1_024
const JOURNAL_BYTES_MAX = 1_024 * 1_024 * 1_024
const ZEROES_BYTES = 1_024 * 1_024
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

export interface JournalSettings {
  /** Size of each of the two files, a multiple of 8; default JOURNAL_BYTES. */
  readonly journalBytes?: number
  /** Result of `recoverJournal`; all blocks that it yielded are in synced segments now. */
  readonly after: JournalEnd
}

export class Journal {
  readonly #owner: BlockOwner
  readonly #bytes: number
  readonly #files: readonly DiskFile[]
  /** Index of the file that is being written. */
  #current: number
  #position = 0
  #sequence: number
  /** Sequence of the first block of that file. */
  #first: number
  /** The first sequence that may be in no synced segment. */
  #needed: number
  /** Bytes and last sequence of the file that is not being written; 0 bytes while it is free. */
  #otherBytes = 0
  #otherLast = 0
  #failure: unknown = null
  /** Headers of a group commit; grows to the largest one. */
  #headers: Buffer = Buffer.alloc(BLOCK_HEADER_BYTES * 16)

  private constructor(owner: BlockOwner, bytes: number, files: readonly DiskFile[], current: number, sequence: number) {
    this.#owner = owner
    this.#bytes = bytes
    this.#files = files
    this.#current = current
    this.#sequence = sequence
    this.#first = sequence
    this.#needed = sequence
  }

  /**
   * Begins anew after recovery: makes the files if they are missing or have another size, and gives up what they hold.
   *
   * The power may fail anywhere. If the older file is needed, the newer file is made durable first and says that no
   * block is needed any more. Only then the older one is overwritten, and the newer one last.
   */
  static start(disk: Disk, folder: string, host: number, logId: Uint8Array, settings: JournalSettings): Journal {
    const { journalBytes = JOURNAL_BYTES, after } = settings
    if (logId.length !== LOG_ID_BYTES) throw new RangeError(`a log id has ${LOG_ID_BYTES} bytes, not ${logId.length}`)
    if (journalBytes % 8 !== 0 || !(journalBytes >= JOURNAL_BYTES_MIN && journalBytes <= JOURNAL_BYTES_MAX))
      throw new RangeError(`${journalBytes} bytes are no size of a journal`)
    const owner: BlockOwner = { logId: Uint8Array.from(logId), host }
    const paths = journalPaths(folder, host)
    let sequence = after.highest + 1
    if (after.newer !== -1) {
      const newer = disk.open(paths[after.newer] as string, 'write')
      // Its writer may have died before its last sync. Blocks that were read must be durable before they have an
      // effect, and bytes behind a block prove that the block was synced.
      newer.sync()
      if (after.needsOther) {
        // It continues the chain, or it would not be read. Torn bytes behind it have no place in a chain any more.
        writeMark(newer, newer.size(), owner, after.newerEnd, after.sequence, after.sequence)
        sequence = Math.max(sequence, after.sequence + 1)
      }
      newer.close()
    }
    const current = after.newer === -1 ? 0 : 1 - after.newer
    disk.makeFolder(folder)
    // Names that are there already may be those of a writer that died before it had made them durable.
    disk.syncDirectory(folder)
    const files: DiskFile[] = []
    files[current] = prepare(disk, folder, paths[current] as string, journalBytes)
    writeMark(files[current] as DiskFile, journalBytes, owner, 0, sequence, sequence)
    files[1 - current] = prepare(disk, folder, paths[1 - current] as string, journalBytes)
    const journal = new Journal(owner, journalBytes, files, current, sequence + 1)
    journal.#position = BLOCK_HEADER_BYTES
    return journal
  }

  /** Sequence of the next block. Taken before segments are synced, it is the argument of `release` afterwards. */
  get sequence(): number {
    return this.#sequence
  }

  /** Bytes written since they were last known to be in synced segments, both files together. */
  get bytesUsed(): number {
    return this.#position + this.#otherBytes
  }

  /** Whether the other file is not free: segments must be synced before this one is full. */
  get mustCheckpoint(): boolean {
    return this.#otherBytes > 0
  }

  /** The largest group commit, headers and padding included. */
  get commitBytesMax(): number {
    return this.#bytes - 2 * BLOCK_HEADER_BYTES
  }

  /** Bytes that a group commit takes. */
  static bytesOf(entries: readonly JournalEntry[]): number {
    let bytes = 0
    for (const entry of entries) bytes += blockBytes(entry.bytes)
    return bytes
  }

  /**
   * Writes a group commit and syncs it. `full`: nothing was written, because neither file has room; sync the segments,
   * `release`, and append again.
   *
   * @throws RangeError if it is larger than `commitBytesMax` or the parts of an entry are not what it says; `DiskError`,
   * for ever, once a write or a sync failed.
   */
  append(entries: readonly JournalEntry[]): 'durable' | 'full' {
    if (this.#failure !== null) throw this.#failure
    if (entries.length === 0) return 'durable'
    const bytes = Journal.bytesOf(entries)
    if (bytes > this.commitBytesMax)
      throw new RangeError(`a group commit of ${bytes} bytes does not fit a journal of ${this.#bytes}`)
    // The last header's room in each file is left to the mark that closes it.
    const fits = this.#position + bytes <= this.#bytes - BLOCK_HEADER_BYTES
    if (!fits && this.#otherBytes > 0) return 'full'
    const parts = this.#partsOf(entries, fits ? this.#position : 0, fits ? this.#sequence : this.#sequence + 1)
    try {
      if (!fits) this.#change()
      const file = this.#file()
      file.write(parts, this.#position)
      file.sync()
    } catch (error) {
      this.#failure = error
      throw error
    }
    this.#position += bytes
    this.#sequence += entries.length
    return 'durable'
  }

  /** Declares that all blocks below this sequence are in synced segments. */
  release(below: number): void {
    this.#needed = Math.max(this.#needed, Math.min(below, this.#sequence))
    if (this.#otherLast < this.#needed) this.#otherBytes = 0
  }

  /** Declares durably that no block is needed, when all are in synced segments. Nothing can be appended any more. */
  finish(): void {
    if (this.#failure !== null) throw this.#failure
    this.#failure = new Error('the journal is finished')
    writeMark(this.#file(), this.#bytes, this.#owner, this.#position, this.#sequence, this.#sequence)
  }

  close(): void {
    for (const file of this.#files) file.close()
  }

  #file(): DiskFile {
    return this.#files[this.#current] as DiskFile
  }

  /** Headers, frames, padding and the end, as one write takes them. */
  #partsOf(entries: readonly JournalEntry[], position: number, sequence: number): Uint8Array[] {
    if (this.#headers.length < entries.length * BLOCK_HEADER_BYTES)
      this.#headers = Buffer.alloc(entries.length * BLOCK_HEADER_BYTES * 2)
    const parts: Uint8Array[] = []
    for (const [index, entry] of entries.entries()) {
      const { topic, partition, baseOffset, endOffset, bytes: bodyBytes } = entry
      const at = index * BLOCK_HEADER_BYTES
      parts.push(this.#headers.subarray(at, at + BLOCK_HEADER_BYTES))
      let bodyCrc = 0
      let length = 0
      for (const part of entry.parts) {
        bodyCrc = crc32(part, bodyCrc)
        length += part.length
        parts.push(part)
      }
      if (length !== bodyBytes || (bodyBytes === 0) !== (endOffset === baseOffset))
        throw new RangeError(`an entry of ${length} bytes says that it has ${bodyBytes}`)
      const padding = END.subarray(0, paddedBytes(bodyBytes) - bodyBytes)
      if (padding.length > 0) {
        bodyCrc = crc32(padding, bodyCrc)
        parts.push(padding)
      }
      const place = { position, sequence: sequence + index, index, bodyBytes, bodyCrc, fileBytes: this.#bytes }
      const header = { kind: BLOCK_FRAMES, topic, partition, baseOffset, endOffset, ...place }
      writeBlockHeader(this.#headers, at, this.#owner, header)
      position += blockBytes(bodyBytes)
    }
    parts.push(END)
    return parts
  }

  /** Closes the current file and continues at the start of the other, which is free. */
  #change(): void {
    // The other file is free, so no block before this one is needed, even without a `release` since the last change.
    this.#needed = Math.max(this.#needed, this.#first)
    writeMark(this.#file(), this.#bytes, this.#owner, this.#position, this.#sequence, this.#needed)
    this.#otherBytes = this.#position + BLOCK_HEADER_BYTES
    this.#otherLast = this.#sequence - 1
    this.#sequence++
    this.#first = this.#sequence
    this.#current = 1 - this.#current
    this.#position = 0
    if (this.#otherLast < this.#needed) this.#otherBytes = 0
  }
}

/** Writes and syncs a mark: blocks below `needed` are not needed. */
function writeMark(
  file: DiskFile,
  size: number,
  owner: BlockOwner,
  position: number,
  sequence: number,
  needed: number,
): void {
  const header = Buffer.alloc(BLOCK_HEADER_BYTES)
  const place = { position, sequence, index: 0, bodyBytes: 0, bodyCrc: 0, fileBytes: size }
  const mark = { kind: BLOCK_MARK, topic: 0, partition: 0, baseOffset: needed, endOffset: 0, ...place }
  writeBlockHeader(header, 0, owner, mark)
  file.write(position + BLOCK_HEADER_BYTES + END.length <= size ? [header, END] : [header], position)
  file.sync()
}

/** Opens a file of this size; one that is missing or has another is made under another name, whole, and then renamed. */
function prepare(disk: Disk, folder: string, path: string, bytes: number): DiskFile {
  if (disk.list(folder).includes(posix.basename(path))) {
    const file = disk.open(path, 'write')
    if (file.size() === bytes) return file
    file.close()
  }
  const fresh = `${path}.new`
  disk.remove(fresh)
  try {
    const file = disk.open(fresh, 'create')
    try {
      const zeroes = new Uint8Array(Math.min(ZEROES_BYTES, bytes))
      for (let at = 0; at < bytes; at += zeroes.length) file.write([zeroes.subarray(0, bytes - at)], at)
      file.sync()
    } finally {
      file.close()
    }
  } catch (error) {
    removeQuietly(disk, fresh)
    throw error
  }
  disk.rename(fresh, path)
  disk.syncDirectory(folder)
  return disk.open(path, 'write')
}

/** A full disk must not stay full because of an incomplete file. */
function removeQuietly(disk: Disk, path: string): void {
  try {
    disk.remove(path)
  } catch {
    // The next opening of the folder removes it.
  }
}
