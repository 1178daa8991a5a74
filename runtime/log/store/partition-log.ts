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
import { type Disk, DiskError } from '../disk/disk.ts'
import { CorruptLogError, LogFileError } from '../disk/log-errors.ts'
import { type LogSettings, SEGMENT_HEADER_BYTES, segmentBases, segmentPath } from '../format/segment-format.ts'
import { recoverLog } from '../recovery/log-recovery.ts'
import type { LogSegment } from '../recovery/log-segment.ts'
import { ActiveSegment, type AppendedFrames, checkParts, checkSettings } from './active-segment.ts'
import type { FaultPoint } from './fault-point.ts'
import { finishJoining, joinSegments } from './join-segments.ts'
import { LogSyncs } from './log-syncs.ts'
import { dropIndex, removeLeftovers, removeSegment, replaceSegment } from './replace-segment.ts'
import { type Retention, startAfter } from './retention.ts'
import type { WrittenSegment } from './segment-writer.ts'

/** Parts of a recovered log. */
interface OpenedLog {
  readonly segments: LogSegment[]
  readonly active: ActiveSegment
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
  #active: ActiveSegment
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
    finishJoining(disk, folder, settings)
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
    removeLeftovers(disk, folder, names, bases)
    const last = segments.at(-1)
    if (last !== undefined && index !== null) {
      const active = ActiveSegment.recovered(disk, folder, last, index)
      return new PartitionLog(disk, folder, settings, { segments, active, cuts })
    }
    const active = ActiveSegment.create(disk, folder, settings, 0, wallMs())
    const log = new PartitionLog(disk, folder, settings, { segments: [active.entry], active, cuts })
    log.#syncs.mark(active.file)
    log.#syncs.markNames()
    try {
      log.sync()
    } catch (error) {
      active.file.close()
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
    this.#active = opened.active
    for (const { bytes } of this.#segments) this.#bytes += bytes
  }

  get startOffset(): number {
    return (this.#segments[0] as LogSegment).baseOffset
  }

  /** Offset of the next record. */
  get endOffset(): number {
    return this.#active.entry.endOffset
  }

  /** The segment that grows. */
  get activePath(): string {
    return segmentPath(this.folder, this.#active.entry.baseOffset)
  }

  get activeBytes(): number {
    return this.#active.entry.bytes
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
      const { baseOffset, endOffset } = frames
      if (baseOffset !== this.endOffset || endOffset <= baseOffset)
        throw new Error(
          `broken invariant: offsets ${baseOffset} to ${endOffset} do not follow ${this.endOffset} in ${this.folder}`,
        )
      checkParts(parts, bytes)
      if (!this.#active.fits(endOffset, bytes, this.#settings.segmentBytes)) this.#roll()
      this.#syncs.mark(this.#active.file)
      this.#active.append(parts, frames, bytes)
      this.#bytes += bytes
    })
  }

  /** Closes the active segment and begins the next. */
  #roll(): void {
    this.#active.writeIndex(this.#disk, this.folder, this.#settings)
    const next = ActiveSegment.create(this.#disk, this.folder, this.#settings, this.endOffset, wallMs())
    this.#syncs.retire(this.#active.file)
    this.#syncs.mark(next.file)
    this.#syncs.markNames()
    this.#active = next
    this.#segments.push(next.entry)
    this.#bytes += SEGMENT_HEADER_BYTES
  }

  /** Makes everything appended durable before it returns. */
  sync(): void {
    this.#guard(() => this.#syncs.sync())
  }

  /** The same in the background, for frames appended before this call; `done` is called later on this thread. */
  syncLater(done: (error: DiskError | null) => void): void {
    this.#guard(() =>
      this.#syncs.syncLater(this.#active.file, error => {
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
      while (this.#segments.length > 1 && this.#active.entry.baseOffset >= endOffset) this.#dropActive()
      if (this.endOffset > endOffset) this.#cutActive(endOffset)
      return this.endOffset
    })
  }

  #dropActive(): void {
    const { file, entry } = this.#active
    this.#syncs.forget(file)
    this.#removeFiles(entry)
    this.#segments.pop()
    const last = this.#segments.at(-1) as LogSegment
    this.#active = ActiveSegment.reopen(this.#disk, this.folder, this.#settings, last)
    // It grows again, or is cut: its index is outdated.
    dropIndex(this.#disk, this.folder, last.baseOffset)
  }

  #removeFiles({ baseOffset, bytes }: LogSegment): void {
    removeSegment(this.#disk, this.folder, baseOffset)
    this.#bytes -= bytes
  }

  #cutActive(endOffset: number): void {
    const cut = this.#active.cutAt(endOffset, this.#settings.frameBytesMax)
    // An index from the last closing of the log.
    dropIndex(this.#disk, this.folder, this.#active.entry.baseOffset)
    this.#bytes -= this.#active.cut(cut)
  }

  /** Removes whole closed segments, oldest first; returns the new start of the log. */
  retain(retention: Retention): number {
    const start = startAfter(this.#segments, retention)
    return this.#guard(() => {
      for (let oldest = this.#segments[0]; this.#segments.length > 1; oldest = this.#segments[0]) {
        const segment = oldest as LogSegment
        if (segment.baseOffset >= start) break
        // The log must never be without a segment, since its offsets would begin again at 0.
        this.#syncs.syncNames()
        this.#removeFiles(segment)
        this.#segments.shift()
      }
      return this.startOffset
    })
  }

  /** Its segments, oldest first; the last one grows. */
  get all(): readonly LogSegment[] {
    return this.#segments
  }

  /** Puts a segment that was written anew, with the same offsets, in the place of a closed one (replace-segment.ts). */
  replace(segment: LogSegment, written: WrittenSegment, fault: (point: FaultPoint) => void): void {
    this.#guard(() => {
      if (!replaceSegment(this.#disk, this.folder, this.#settings, written, fault)) return
      this.#bytes += written.bytes - segment.bytes
      segment.bytes = written.bytes
      segment.maxTimestamp = written.maxTimestamp
    })
  }

  /** Makes one of so many closed segments, from this one on, in which nothing is needed (join-segments.ts). */
  join(first: LogSegment, count: number, fault: (point: FaultPoint) => void): void {
    this.#guard(() => {
      const at = this.#segments.indexOf(first)
      const gone = this.#segments.slice(at, at + count)
      const joined = joinSegments(this.#disk, this.folder, this.#settings, gone, fault)
      this.#segments.splice(at, count, joined)
      this.#bytes += joined.bytes - gone.reduce((sum, { bytes }) => sum + bytes, 0)
    })
  }

  /**
   * Closes the files, without a sync. An index of the active segment is left behind, so that the next to open the log need
   * not read all of it.
   */
  close(): void {
    if (this.#poison === null) {
      this.#guard(() => this.#active.writeIndex(this.#disk, this.folder, this.#settings))
      this.#poison = new Error(`the log in ${this.folder} is closed`)
    }
    this.#syncs.forget(this.#active.file)
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
