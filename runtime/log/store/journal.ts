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
 * Two files, filled with zeroes once and then overwritten in turn, so that a sync has no metadata to write. A file is
 * overwritten only when a synced mark in the other one says that it is not needed. The change of files therefore costs
 * a second sync. Sequences rise by one per block over both files. At a start they continue above all sequences in both
 * files, so a stale block is never taken for a new one.
 *
 * Files begin small. A larger file replaces the free one (journal-file.ts) when a commit does not fit it, or when the
 * journal changes files soon after the last change. No block in the free file is needed then. A disk without room for
 * the larger file leaves the journal with the smaller one.
 *
 * Bounds: `journalBytes` a file; a group commit has at most `commitBytesMax` with its headers. At the bound `append`
 * returns `full`, and the owner syncs its segments and calls `release`. After a `DiskError` the journal stays broken.
 */

import { nowMs } from '../../../actors/world.ts'
import type { Disk, DiskFile } from '../disk/disk.ts'
import {
  BLOCK_END_BYTES,
  BLOCK_HEADER_BYTES,
  type BlockOwner,
  blockBytes,
  JOURNAL_BYTES_MIN,
  LOG_ID_BYTES,
} from '../format/journal-format.ts'
import { type JournalEnd, journalPaths } from '../recovery/journal-recovery.ts'
import { CommitBlocks, checkEntry, type JournalEntry, writeMark } from './journal-blocks.ts'
import { enlarged, openOrMake } from './journal-file.ts'

export const JOURNAL_BYTES: number = 32 * 1_024 * 1_024
/** Size of a file that is made. A folder has two for each partition host, and most folders are small. */
export const JOURNAL_FIRST_BYTES = 16_384
const JOURNAL_BYTES_MAX = 1_024 * 1_024 * 1_024
/** A file that is filled sooner than this is too small: each change costs a sync, and a checkpoint. */
const SOON_MS = 10_000
/** Factor of a larger file over the file before, or over the commit that did not fit. */
const GROWTH = 4
const _END = new Uint8Array(BLOCK_END_BYTES)

export interface JournalSettings {
  /** Size that each of the two files may have, a multiple of 8; default JOURNAL_BYTES. */
  readonly journalBytes?: number
  /** Size of a file that is made, at most `journalBytes`; default JOURNAL_FIRST_BYTES. */
  readonly firstBytes?: number | undefined
  /** Clock that measures the time of the journal in a file; default: the clock of this process. */
  readonly now?: (() => number) | undefined
  /** Result of `recoverJournal`; all blocks that it yielded are in synced segments now. */
  readonly after: JournalEnd
}

interface JournalParts {
  readonly disk: Disk
  readonly now: () => number
  readonly folder: string
  readonly owner: BlockOwner
  readonly bytesMax: number
  readonly files: DiskFile[]
  readonly current: number
  readonly sequence: number
}

export class Journal {
  readonly #disk: Disk
  readonly #now: () => number
  readonly #folder: string
  readonly #owner: BlockOwner
  /** Largest size of a file. */
  readonly #bytesMax: number
  readonly #files: DiskFile[]
  /** Size of each file. */
  readonly #bytes: number[]
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
  readonly #blocks: CommitBlocks

  /** When the journal last changed files, in `nowMs`. */
  #changedMs = Number.NEGATIVE_INFINITY

  private constructor(parts: JournalParts) {
    this.#disk = parts.disk
    this.#now = parts.now
    this.#folder = parts.folder
    this.#owner = parts.owner
    this.#blocks = new CommitBlocks(parts.owner)
    this.#bytesMax = parts.bytesMax
    this.#files = parts.files
    this.#bytes = parts.files.map(file => file.size())
    this.#current = parts.current
    this.#sequence = parts.sequence
    this.#first = parts.sequence
    this.#needed = parts.sequence
    this.#position = BLOCK_HEADER_BYTES
  }

  /**
   * Begins anew after recovery: makes the files if they are missing or too large, and gives up what they hold.
   *
   * The power may fail anywhere. If the older file is needed, the newer file is made durable first and says that no
   * block is needed any more. Only then the older one is overwritten, and the newer one last.
   */
  static start(disk: Disk, folder: string, host: number, logId: Uint8Array, settings: JournalSettings): Journal {
    const { journalBytes = JOURNAL_BYTES, firstBytes = JOURNAL_FIRST_BYTES, now = nowMs, after } = settings
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
    const sizes = { first: Math.min(firstBytes, journalBytes), most: journalBytes }
    const files: DiskFile[] = []
    const older = openOrMake(disk, folder, paths[current] as string, sizes)
    files[current] = older
    writeMark(older, older.size(), owner, 0, sequence, sequence)
    files[1 - current] = openOrMake(disk, folder, paths[1 - current] as string, sizes)
    return new Journal({ disk, now, folder, owner, bytesMax: journalBytes, files, current, sequence: sequence + 1 })
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
    return this.#bytesMax - 2 * BLOCK_HEADER_BYTES
  }

  /** Bytes that a group commit takes. */
  static bytesOf(entries: readonly JournalEntry[]): number {
    let bytes = 0
    for (const entry of entries) bytes += blockBytes(entry.bytes)
    return bytes
  }

  /**
   * Writes a group commit and syncs it. `full`: nothing was written, because neither file has room; sync the segments,
   * `release`, and append again. A commit that still does not fit is larger than any file for which the disk has room.
   *
   * @throws RangeError if it is larger than `commitBytesMax` or the parts of an entry are not what it says;
   *   `DiskError`, for ever, once a write or a sync failed.
   */
  append(entries: readonly JournalEntry[]): 'durable' | 'full' {
    if (this.#failure !== null) throw this.#failure
    if (entries.length === 0) return 'durable'
    const bytes = Journal.bytesOf(entries)
    if (bytes > this.commitBytesMax)
      throw new RangeError(`a group commit of ${bytes} bytes does not fit a journal of ${this.#bytesMax}`)
    for (const entry of entries) checkEntry(entry)
    try {
      if (!this.#fits(bytes)) {
        if (this.#otherBytes > 0) return 'full'
        this.#change(bytes)
        if (!this.#fits(bytes)) return 'full'
      }
      const file = this.#file()
      const place = { position: this.#position, sequence: this.#sequence, fileBytes: this.#size() }
      file.write(this.#blocks.partsOf(entries, place), place.position)
      file.sync()
    } catch (error) {
      this.#failure = error
      throw error
    }
    this.#position += bytes
    this.#sequence += entries.length
    return 'durable'
  }

  /** The last header's room in each file is left to the mark that closes it. */
  #fits(bytes: number): boolean {
    return this.#position + bytes <= this.#size() - BLOCK_HEADER_BYTES
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
    writeMark(this.#file(), this.#size(), this.#owner, this.#position, this.#sequence, this.#sequence)
  }

  close(): void {
    for (const file of this.#files) file.close()
  }

  #file(): DiskFile {
    return this.#files[this.#current] as DiskFile
  }

  #size(): number {
    return this.#bytes[this.#current] as number
  }

  /** Closes the current file and continues at the start of the other, which is free, and large enough for `bytes` if possible. */
  #change(bytes: number): void {
    // The other file is free, so no block before this one is needed, even without a `release` since the last change.
    this.#needed = Math.max(this.#needed, this.#first)
    writeMark(this.#file(), this.#size(), this.#owner, this.#position, this.#sequence, this.#needed)
    this.#otherBytes = this.#position + BLOCK_HEADER_BYTES
    this.#otherLast = this.#sequence - 1
    this.#sequence++
    this.#first = this.#sequence
    this.#grow(bytes)
    this.#current = 1 - this.#current
    this.#position = 0
    if (this.#otherLast < this.#needed) this.#otherBytes = 0
  }

  /** The file that is next becomes larger if it should; the mark that nothing in it is needed is durable. */
  #grow(bytes: number): void {
    const next = 1 - this.#current
    const has = this.#bytes[next] as number
    const now = this.#now()
    const isSoon = now - this.#changedMs < SOON_MS
    this.#changedMs = now
    let wanted = isSoon ? Math.max(has, this.#size() * GROWTH) : has
    while (wanted - 2 * BLOCK_HEADER_BYTES < bytes) wanted *= GROWTH
    wanted = Math.min(wanted, this.#bytesMax)
    if (wanted <= has) return
    const file = enlarged(this.#disk, this.#folder, this.#files[next] as DiskFile, wanted)
    this.#files[next] = file
    this.#bytes[next] = file.size()
  }
}
