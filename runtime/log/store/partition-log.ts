/**
 * The writer's side of one partition's log: segments in a folder, of which the last, the active one, grows at its end.
 *
 * The partition host's thread owns it, and is the only writer in the folder. Everything but `syncLater` is synchronous.
 * Offsets have no gaps from `startOffset` to `endOffset`. An append is whole frames, lies in one segment, and is one
 * write. Appended frames survive a loss of power once a sync that began later has ended (log-syncs.ts).
 *
 * Order, for a loss of power between any two steps: a segment is closed by its index, then the next is created with its
 * header. Files are removed one at a time from one end, each with a sync of the folder, so that none is missing in
 * between. A file is removed only once the name of the last one is durable, so that one file always shows the offsets.
 *
 * After a failed file operation, or damage, the content of the files is unknown. The log is then poisoned: every call
 * throws that same error, until another is opened in its place.
 *
 * Bounds: `segmentBytes` for a segment, unless a single append is larger; one index in memory, the active segment's; a
 * few words for each segment; `retain` bounds their number. An open file for each segment closed since the last sync.
 */

import { dirname } from 'node:path'
import { wallMs } from '../../../actors/world.ts'
import type { CutTail } from '../../wire/folder.ts'
import { type Disk, DiskError, type DiskFile } from '../disk/disk.ts'
import { CorruptLogError, LogFileError } from '../disk/log-errors.ts'
import { FrameScan } from '../format/frame-scan.ts'
import {
  encodeSegmentHeader,
  indexBases,
  indexPath,
  LOG_ID_BYTES,
  type LogSettings,
  SEGMENT_BYTES_MAX,
  SEGMENT_HEADER_BYTES,
  segmentBases,
  segmentPath,
} from '../format/segment-format.ts'
import { SegmentIndex, writeIndex } from '../format/segment-index.ts'
import { emptySegment, type LogSegment, loadIndex, recoverLog } from '../recovery/log-recovery.ts'
import { LogSyncs } from './log-syncs.ts'

/** Offsets in a segment are kept in 32 bits. */
const SEGMENT_OFFSETS_MAX = 2 ** 32

/** Description of whole frames that are appended, all together. */
export interface AppendedFrames {
  /** Offset of the first record; the log's `endOffset`. */
  readonly baseOffset: number
  /** After the last. */
  readonly endOffset: number
  readonly maxTimestamp: number
}

/** Limits of retention; a closed segment is removed if either says so. */
export interface Retention {
  /**
   * Time in ms since the epoch: segments whose records are all older are removed. A record's age is that of its
   * timestamp, or of its append.
   */
  readonly beforeMs?: number
  /** The oldest segments, while the files are larger than this in all. */
  readonly bytesMax?: number
}

/** Parts of a recovered log. */
interface OpenedLog {
  readonly segments: LogSegment[]
  readonly file: DiskFile
  readonly index: SegmentIndex
  readonly cuts: readonly CutTail[]
}

export class PartitionLog {
  readonly folder: string
  /** Ends that were cut off at the opening. */
  readonly cuts: readonly CutTail[]
  readonly #disk: Disk
  readonly #settings: LogSettings
  readonly #syncs: LogSyncs
  /** Oldest first, the active one last; never empty. */
  readonly #segments: LogSegment[]
  #bytes = 0
  #file: DiskFile
  #index: SegmentIndex
  #poison: Error | null = null

  /**
   * Opens the log in a folder, and makes the folder if there is none. Everything below the offset `syncedTo` was once
   * made durable. Whole frames at or above it are made durable now, and written again for that if they may have been
   * promised (`isPromised`). No record from the offset `startOffset` on was removed, where that is known. The folder
   * above must be durable already. Throws a `LogFileError` where the log is damaged below that, or foreign;
   * `DiskError`; `RangeError` for impossible settings.
   */
  static open(
    disk: Disk,
    folder: string,
    settings: LogSettings,
    syncedTo: number,
    {
      isPromised = false,
      startOffset = null,
    }: { readonly isPromised?: boolean; readonly startOffset?: number | null } = {},
  ): PartitionLog {
    checkSettings(settings)
    const names = disk.list(folder)
    const bases = segmentBases(names)
    const [first] = bases
    if (first !== undefined && startOffset !== null && first > startOffset) {
      const why = `the log begins here, and nothing was removed from offset ${startOffset} on`
      throw new CorruptLogError(segmentPath(folder, first), 0, why)
    }
    const { segments, index, cuts } = recoverLog(disk, folder, settings, bases, { syncedTo, isPromised })
    if (names.length === 0) {
      disk.makeFolder(folder)
      disk.syncDirectory(dirname(folder))
    }
    // An index without its segment would be taken for that of the next segment of the same name.
    const known = new Set(bases)
    for (const base of indexBases(names)) if (!known.has(base)) disk.remove(indexPath(folder, base))
    const active = segments.at(-1)
    if (active !== undefined && index !== null) {
      const file = disk.open(segmentPath(folder, active.baseOffset), 'write')
      return new PartitionLog(disk, folder, settings, { segments, file, index, cuts })
    }
    const createdMs = wallMs()
    const file = createSegment(disk, folder, settings, 0, createdMs)
    const opened = { segments: [emptySegment(0, createdMs)], file, index: new SegmentIndex(0), cuts }
    const log = new PartitionLog(disk, folder, settings, opened)
    log.#syncs.mark(file)
    log.#syncs.markNames()
    try {
      log.sync()
    } catch (error) {
      file.close()
      throw error
    }
    return log
  }

  private constructor(disk: Disk, folder: string, settings: LogSettings, opened: OpenedLog) {
    this.folder = folder
    this.cuts = opened.cuts
    this.#disk = disk
    this.#settings = settings
    this.#syncs = new LogSyncs(disk, folder)
    this.#segments = opened.segments
    this.#file = opened.file
    this.#index = opened.index
    for (const { bytes } of this.#segments) this.#bytes += bytes
  }

  get #active(): LogSegment {
    return this.#segments[this.#segments.length - 1] as LogSegment
  }

  get startOffset(): number {
    return (this.#segments[0] as LogSegment).baseOffset
  }

  /** Offset of the next record. */
  get endOffset(): number {
    return this.#active.endOffset
  }

  /** The segment that grows. */
  get activePath(): string {
    return segmentPath(this.folder, this.#active.baseOffset)
  }

  get activeBytes(): number {
    return this.#active.bytes
  }

  /** Size of all segment files, without their indexes. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many segments there are. */
  get segments(): number {
    return this.#segments.length
  }

  /**
   * Adds whole frames, signed and placed at `endOffset`, as one write. The parts are `bytes` long in all; their content
   * is not checked. They may be views of shared memory, and are not kept.
   */
  append(parts: readonly Uint8Array[], frames: AppendedFrames, bytes: number): void {
    this.#guard(() => {
      const { baseOffset, endOffset, maxTimestamp } = frames
      if (baseOffset !== this.endOffset || endOffset <= baseOffset)
        throw new Error(
          `broken invariant: offsets ${baseOffset} to ${endOffset} do not follow ${this.endOffset} in ${this.folder}`,
        )
      let given = 0
      for (const part of parts) given += part.length
      if (given !== bytes || bytes <= 0 || bytes % 8 !== 0 || bytes > SEGMENT_BYTES_MAX - SEGMENT_HEADER_BYTES)
        throw new Error(`broken invariant: parts of ${given} bytes are not ${bytes} bytes of whole frames`)
      if (!this.#fits(endOffset, bytes)) this.#roll()
      const active = this.#active
      this.#syncs.mark(this.#file)
      this.#file.write(parts, active.bytes)
      this.#index.note(baseOffset, active.bytes, active.maxTimestamp)
      active.bytes += bytes
      active.endOffset = endOffset
      active.maxTimestamp = Math.max(active.maxTimestamp, maxTimestamp)
      this.#bytes += bytes
    })
  }

  #fits(endOffset: number, bytes: number): boolean {
    const active = this.#active
    if (active.bytes === SEGMENT_HEADER_BYTES) return true
    return active.bytes + bytes <= this.#settings.segmentBytes && endOffset - active.baseOffset <= SEGMENT_OFFSETS_MAX
  }

  /** Closes the active segment and begins the next. */
  #roll(): void {
    const { endOffset } = this
    writeIndex(this.#disk, this.folder, this.#settings.logId, this.#index, this.#active)
    const createdMs = wallMs()
    const file = createSegment(this.#disk, this.folder, this.#settings, endOffset, createdMs)
    this.#syncs.retire(this.#file)
    this.#syncs.mark(file)
    this.#syncs.markNames()
    this.#file = file
    this.#index = new SegmentIndex(endOffset)
    this.#segments.push(emptySegment(endOffset, createdMs))
    this.#bytes += SEGMENT_HEADER_BYTES
  }

  /** Makes everything appended durable before it returns. */
  sync(): void {
    this.#guard(() => this.#syncs.sync())
  }

  /** The same in the background, for frames appended before this call; `done` is called later on this thread. */
  syncLater(done: (error: DiskError | null) => void): void {
    this.#guard(() =>
      this.#syncs.syncLater(this.#file, error => {
        if (error !== null) this.#poison ??= error
        done(error)
      }),
    )
  }

  /**
   * Drops the frames that hold an offset at or above this one, for good, and returns the new end. No reader may have
   * seen an end above it. A `RangeError` if that lies before the start.
   */
  truncateTo(endOffset: number): number {
    if (endOffset < this.startOffset)
      throw new RangeError(
        `give an offset from ${this.startOffset} on, where the log starts; ${endOffset} is before it`,
      )
    return this.#guard(() => {
      while (this.#segments.length > 1 && this.#active.baseOffset >= endOffset) this.#dropActive()
      if (this.endOffset > endOffset) this.#cutActive(endOffset)
      return this.endOffset
    })
  }

  #dropActive(): void {
    const { baseOffset, bytes } = this.#active
    this.#syncs.forget(this.#file)
    this.#disk.remove(indexPath(this.folder, baseOffset))
    this.#disk.remove(segmentPath(this.folder, baseOffset))
    this.#disk.syncDirectory(this.folder)
    this.#segments.pop()
    this.#bytes -= bytes
    const active = this.#active
    this.#index = loadIndex(this.#disk, this.folder, this.#settings, active)
    this.#file = this.#disk.open(segmentPath(this.folder, active.baseOffset), 'write')
    // It grows again, or is cut: its index is outdated.
    this.#dropIndex(active.baseOffset)
  }

  #dropIndex(baseOffset: number): void {
    this.#disk.remove(indexPath(this.folder, baseOffset))
    this.#disk.syncDirectory(this.folder)
  }

  #cutActive(endOffset: number): void {
    const active = this.#active
    const from = this.#index.atOffset(endOffset)
    const scan = new FrameScan(this.#file, from, active.bytes, this.#settings.frameBytesMax)
    let { position, offset, maxTimestampBefore: maxTimestamp } = from
    for (let frame = scan.next(); frame !== null && frame.endOffset <= endOffset; frame = scan.next()) {
      position = frame.position + frame.length
      offset = frame.endOffset
      maxTimestamp = Math.max(maxTimestamp, frame.maxTimestamp)
    }
    if (scan.why !== null) throw new CorruptLogError(this.#file.path, scan.position, scan.why)
    // An index from the last closing of the log.
    this.#dropIndex(active.baseOffset)
    this.#file.truncate(position)
    this.#file.sync()
    this.#index.cut(position)
    this.#bytes -= active.bytes - position
    active.bytes = position
    active.endOffset = offset
    active.maxTimestamp = maxTimestamp
  }

  /** Begin of the log after the removals that this allows. */
  startAfter(retention: Retention): number {
    const { beforeMs = Number.NEGATIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY } = retention
    let left = this.#bytes
    for (const [at, { baseOffset, bytes }] of this.#segments.slice(0, -1).entries()) {
      if (left <= bytesMax && this.#newestMs(at) >= beforeMs) return baseOffset
      left -= bytes
    }
    return this.#active.baseOffset
  }

  /**
   * Age of the newest record of a closed segment. A publisher's timestamp may lie in the future, and would keep the
   * segment until then. But no record in it was appended after the next segment was made. Where the clock was set back
   * in between, the segment's own begin counts, so that a wrong clock removes nothing.
   */
  #newestMs(at: number): number {
    const { maxTimestamp, createdMs } = this.#segments[at] as LogSegment
    const next = this.#segments[at + 1] as LogSegment
    return Math.min(maxTimestamp, Math.max(createdMs, next.createdMs))
  }

  /** Removes whole closed segments, oldest first; returns the new start of the log. */
  retain(retention: Retention): number {
    const start = this.startAfter(retention)
    return this.#guard(() => {
      for (let oldest = this.#segments[0]; this.#segments.length > 1; oldest = this.#segments[0]) {
        const { baseOffset, bytes } = oldest as LogSegment
        if (baseOffset >= start) break
        // The log must never be without a segment, since its offsets would begin again at 0.
        this.#syncs.syncNames()
        this.#disk.remove(indexPath(this.folder, baseOffset))
        this.#disk.remove(segmentPath(this.folder, baseOffset))
        this.#disk.syncDirectory(this.folder)
        this.#segments.shift()
        this.#bytes -= bytes
      }
      return this.startOffset
    })
  }

  /**
   * Closes the files, without a sync. An index of the active segment is left behind, so that the next to open the log need
   * not read all of it.
   */
  close(): void {
    if (this.#poison === null) {
      this.#guard(() => writeIndex(this.#disk, this.folder, this.#settings.logId, this.#index, this.#active))
      this.#poison = new Error(`the log in ${this.folder} is closed`)
    }
    this.#syncs.forget(this.#file)
    this.#syncs.forgetAll()
  }

  #guard<T>(act: () => T): T {
    if (this.#poison !== null) throw this.#poison
    try {
      return act()
    } catch (error) {
      if (error instanceof DiskError || error instanceof LogFileError) this.#poison = error
      throw error
    }
  }
}

function checkSettings({ logId, segmentBytes, frameBytesMax }: LogSettings): void {
  if (logId.length !== LOG_ID_BYTES) throw new RangeError(`give a log id of ${LOG_ID_BYTES} bytes, not ${logId.length}`)
  if (!(segmentBytes > SEGMENT_HEADER_BYTES && segmentBytes <= SEGMENT_BYTES_MAX))
    throw new RangeError(`give segmentBytes up to ${SEGMENT_BYTES_MAX}, not ${segmentBytes}`)
  if (!(frameBytesMax > 0 && frameBytesMax <= SEGMENT_BYTES_MAX - SEGMENT_HEADER_BYTES))
    throw new RangeError(`give frameBytesMax up to ${SEGMENT_BYTES_MAX - SEGMENT_HEADER_BYTES}, not ${frameBytesMax}`)
}

function createSegment(
  disk: Disk,
  folder: string,
  settings: LogSettings,
  baseOffset: number,
  createdMs: number,
): DiskFile {
  const file = disk.open(segmentPath(folder, baseOffset), 'create')
  try {
    file.write([encodeSegmentHeader(settings, baseOffset, createdMs)], 0)
    return file
  } catch (error) {
    file.close()
    throw error
  }
}
