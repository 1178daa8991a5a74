/**
 * Finds out what a partition's log holds when it is opened, and cuts off what a power cut has torn.
 *
 * The writer's thread, before there is a writer. Everything below `syncedTo` was made durable once. Missing or changed
 * bytes there are damage: recovery throws it with file and byte and cuts nothing. Bytes at or above may never have been
 * acknowledged: there the log ends before the first wrong byte, and later files are removed. Files of another log, or
 * of a later version, are never cut or removed: they throw.
 *
 * Recovery reads header, size and the summary of the index of a segment wholly below `syncedTo`; the summary must fit
 * the next segment. From the last index entry at or below `syncedTo` on it reads every byte. Bytes above `syncedTo` are
 * made durable before they are reported, since their writer may have died before its sync. Where they may have been
 * promised they are written again for that (write-again.ts).
 */
import { wallMs } from '../../../actors/world.ts'
import type { CutTail } from '../../wire/folder.ts'
import type { Disk, DiskFile } from '../disk/disk.ts'
import { CorruptLogError } from '../disk/log-errors.ts'
import { FrameScan } from '../format/frame-scan.ts'
import {
  checkSegment,
  encodeSegmentHeader,
  indexPath,
  type LogSettings,
  SEGMENT_HEADER_BYTES,
  segmentPath,
} from '../format/segment-format.ts'
import {
  type IndexSummary,
  readIndex,
  readIndexSummary,
  SegmentIndex,
  type SegmentPlace,
  writeIndex,
} from '../format/segment-index.ts'
import { writeAgain } from './write-again.ts'

/** One segment as its writer knows it. */
export interface LogSegment extends IndexSummary {
  readonly baseOffset: number
  endOffset: number
  /** Size of the file. */
  bytes: number
  /** Largest timestamp of all its frames; -Infinity without any. */
  maxTimestamp: number
  /** When its file was made, by the wall clock of that moment; -Infinity: that is not known. */
  readonly createdMs: number
}

export interface RecoveredLog {
  /** Oldest first; the last is the active one. None: there never was one, and the log is to begin at offset 0. */
  readonly segments: LogSegment[]
  /** Index of the active segment. */
  readonly index: SegmentIndex | null
  readonly cuts: readonly CutTail[]
}

export function emptySegment(baseOffset: number, createdMs: number): LogSegment {
  const maxTimestamp = Number.NEGATIVE_INFINITY
  return { baseOffset, endOffset: baseOffset, bytes: SEGMENT_HEADER_BYTES, maxTimestamp, createdMs }
}

/** Knowledge about a log before it is read. */
export interface Synced {
  /** Everything below was made durable. */
  readonly syncedTo: number
  /** Whether what lies above may have been acknowledged as durable, because a journal had it. */
  readonly isPromised: boolean
}

/** Place where a log stops, and the good part before it. */
interface Trouble {
  readonly file: string
  readonly position: number
  readonly offset: number
  readonly why: string
}

interface Looked {
  readonly segment: LogSegment | null
  readonly index: SegmentIndex | null
  readonly trouble: Trouble | null
  /** Position of the first byte that was read. */
  readonly from: number
}

/** `bases` are those of the segments in the folder, ascending. */
export function recoverLog(
  disk: Disk,
  folder: string,
  settings: LogSettings,
  bases: readonly number[],
  { syncedTo, isPromised }: Synced,
): RecoveredLog {
  const segments: LogSegment[] = []
  let index: SegmentIndex | null = null
  let trouble: Trouble | null = null
  let endOffset = bases[0] ?? 0
  let looked = 0
  const lookedFrom = new Map<number, number>()
  for (; looked < bases.length && trouble === null; looked++) {
    const baseOffset = bases[looked] as number
    const previous = segments.at(-1)
    if (previous !== undefined && previous.endOffset !== baseOffset) {
      trouble = gap(folder, previous, baseOffset)
      break
    }
    const found = look(disk, folder, settings, baseOffset, bases[looked + 1], syncedTo)
    if (found.segment !== null) {
      segments.push(found.segment)
      lookedFrom.set(baseOffset, found.from)
      index = found.index
      endOffset = found.segment.endOffset
    }
    trouble = found.trouble
  }
  if (trouble !== null && trouble.offset < syncedTo)
    throw new CorruptLogError(trouble.file, trouble.position, trouble.why)
  if (endOffset < syncedTo) {
    const last = segments.at(-1)
    const why = `the log ends at offset ${endOffset}, and everything below ${syncedTo} was made durable`
    throw new CorruptLogError(segmentPath(folder, last?.baseOffset ?? 0), last?.bytes ?? 0, why)
  }
  const active = segments.at(-1)
  // A segment that was trusted is the active one after all, because those behind it go.
  if (active !== undefined) index ??= loadIndex(disk, folder, settings, active)
  const cuts = trouble === null ? [] : cut(disk, folder, settings, segments, bases, trouble)
  if (active === undefined && bases[0] !== undefined) {
    segments.push(emptySegment(bases[0], Number.NEGATIVE_INFINITY))
    index = new SegmentIndex(bases[0])
  }
  keep(disk, folder, segments, syncedTo, base => (isPromised ? lookedFrom.get(base) : undefined))
  return { segments, index, cuts }
}

/** The log continues at another offset than the end of the segment before: records in between are missing, or there twice. */
function gap(folder: string, previous: LogSegment, baseOffset: number): Trouble {
  const why = `the segment ends at offset ${previous.endOffset}, and the next begins at ${baseOffset}`
  const offset = Math.min(previous.endOffset, baseOffset)
  return { file: segmentPath(folder, previous.baseOffset), position: previous.bytes, offset, why }
}

/** Looks at one segment as closely as it must. `nextBase` is undefined for the last. */
function look(
  disk: Disk,
  folder: string,
  settings: LogSettings,
  baseOffset: number,
  nextBase: number | undefined,
  syncedTo: number,
): Looked {
  const file = disk.open(segmentPath(folder, baseOffset), 'read')
  try {
    let createdMs: number
    try {
      createdMs = checkSegment(file, settings, baseOffset).createdMs
    } catch (error) {
      if (!(error instanceof CorruptLogError)) throw error
      const trouble = { file: file.path, position: error.position, offset: baseOffset, why: error.why }
      return { segment: null, index: null, trouble, from: 0 }
    }
    const bytes = file.size()
    const fits = (covers: IndexSummary): boolean => covers.bytes === bytes && covers.endOffset === nextBase
    if (nextBase !== undefined && nextBase <= syncedTo) {
      const covers = readIndexSummary(disk, folder, settings.logId, baseOffset)
      if (covers !== null && fits(covers)) {
        const { endOffset, maxTimestamp } = covers
        const segment = { baseOffset, endOffset, bytes, maxTimestamp, createdMs }
        return { segment, index: null, trouble: null, from: bytes }
      }
    }
    const known = readIndex(disk, folder, settings.logId, baseOffset)
    // The last segment may have grown since its index was written, when its log was closed.
    const isUsable = known !== null && (nextBase === undefined ? known.covers.bytes <= bytes : fits(known.covers))
    if (isUsable && syncedTo > baseOffset) {
      const found = scan(file, known.index, known.index.atOffset(syncedTo), bytes, createdMs, settings)
      // A fault of the frame to which the index led may be the index's own.
      if (found !== null) return found
    }
    const found = scanAll(file, baseOffset, bytes, createdMs, settings)
    // Without a segment after it this one grows, and an index that does not fit would be in the way.
    if (!isUsable && nextBase === undefined) disk.remove(indexPath(folder, baseOffset))
    else if (!isUsable && found.trouble === null && found.index !== null && found.segment !== null) {
      if (found.segment.endOffset === nextBase) writeIndex(disk, folder, settings.logId, found.index, found.segment)
    }
    return found
  } finally {
    file.close()
  }
}

/** The index of a segment that is known to be good: from its file, or made again. */
export function loadIndex(disk: Disk, folder: string, settings: LogSettings, segment: LogSegment): SegmentIndex {
  const { baseOffset, bytes, endOffset, createdMs } = segment
  const known = readIndex(disk, folder, settings.logId, baseOffset)
  if (known !== null && known.covers.bytes === bytes && known.covers.endOffset === endOffset) return known.index
  const file = disk.open(segmentPath(folder, baseOffset), 'read')
  try {
    const { index, trouble } = scanAll(file, baseOffset, bytes, createdMs, settings)
    if (trouble !== null) throw new CorruptLogError(trouble.file, trouble.position, trouble.why)
    return index as SegmentIndex
  } finally {
    file.close()
  }
}

function scanAll(file: DiskFile, baseOffset: number, bytes: number, createdMs: number, settings: LogSettings): Looked {
  const index = new SegmentIndex(baseOffset)
  return scan(file, index, index.atOffset(baseOffset), bytes, createdMs, settings) as Looked
}

/** Everything from a place on; null if the very frame that an index led to is wrong. */
function scan(
  file: DiskFile,
  index: SegmentIndex,
  from: SegmentPlace,
  bytes: number,
  createdMs: number,
  settings: LogSettings,
): Looked | null {
  const frames = new FrameScan(file, from, bytes, settings.frameBytesMax)
  // Entries behind the place are added again, since the file may end before them now.
  index.cut(from.position + 1)
  let maxTimestamp = from.maxTimestampBefore
  for (let frame = frames.next(); frame !== null; frame = frames.next()) {
    index.note(frame.baseOffset, frame.position, maxTimestamp)
    maxTimestamp = Math.max(maxTimestamp, frame.maxTimestamp)
  }
  const { why, position, offset } = frames
  if (position === from.position && position > SEGMENT_HEADER_BYTES) return null
  const segment = { baseOffset: index.baseOffset, endOffset: offset, bytes: position, maxTimestamp, createdMs }
  const trouble = why === null ? null : { file: file.path, position, offset, why }
  return { segment, index, trouble, from: from.position > SEGMENT_HEADER_BYTES ? from.position : 0 }
}

/**
 * Ends the log before the trouble: newest files first, each one's name for good, so that no gap can come of it. The first
 * is never removed but begun again, since its name alone says which offsets were used before.
 */
function cut(
  disk: Disk,
  folder: string,
  settings: LogSettings,
  segments: readonly LogSegment[],
  bases: readonly number[],
  trouble: Trouble,
): CutTail[] {
  const cuts: CutTail[] = []
  const wrong = bases.slice(segments.length)
  for (const baseOffset of wrong) refuseForeign(disk, folder, settings, baseOffset)
  const gone = wrong.slice(segments.length === 0 ? 1 : 0).reverse()
  for (const baseOffset of gone) {
    const path = segmentPath(folder, baseOffset)
    const isTroubled = path === trouble.file
    cuts.unshift({
      file: path,
      position: 0,
      bytes: sizeOf(disk, path),
      why: isTroubled ? trouble.why : 'follows a cut',
    })
    disk.remove(indexPath(folder, baseOffset))
    disk.remove(path)
    disk.syncDirectory(folder)
  }
  const active = segments.at(-1)
  if (active === undefined) {
    cuts.unshift(beginAgain(disk, folder, settings, bases[0] as number, trouble.why))
    return cuts
  }
  // It ends elsewhere, or is the active segment again: either way its index is over.
  disk.remove(indexPath(folder, active.baseOffset))
  disk.syncDirectory(folder)
  const file = disk.open(segmentPath(folder, active.baseOffset), 'write')
  try {
    const bytes = file.size() - active.bytes
    if (bytes > 0) {
      file.truncate(active.bytes)
      file.sync()
      cuts.unshift({ file: file.path, position: active.bytes, bytes, why: trouble.why })
    }
  } finally {
    file.close()
  }
  return cuts
}

/** Makes an empty segment of one without a good header. */
function beginAgain(disk: Disk, folder: string, settings: LogSettings, baseOffset: number, why: string): CutTail {
  disk.remove(indexPath(folder, baseOffset))
  disk.syncDirectory(folder)
  const file = disk.open(segmentPath(folder, baseOffset), 'write')
  try {
    const bytes = file.size()
    file.truncate(0)
    file.write([encodeSegmentHeader(settings, baseOffset, wallMs())], 0)
    file.sync()
    return { file: file.path, position: 0, bytes, why }
  } finally {
    file.close()
  }
}

function refuseForeign(disk: Disk, folder: string, settings: LogSettings, baseOffset: number): void {
  const file = disk.open(segmentPath(folder, baseOffset), 'read')
  try {
    checkSegment(file, settings, baseOffset)
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error
  } finally {
    file.close()
  }
}

function sizeOf(disk: Disk, path: string): number {
  const file = disk.open(path, 'read')
  try {
    return file.size()
  } finally {
    file.close()
  }
}

/**
 * Makes bytes above `syncedTo` and the removal of files durable, where the log ends. A writer that died between a
 * removal and its sync has left names. A loss of power would bring them back beside those of its successor. `from` is
 * the byte from which a segment is written again, if any.
 */
function keep(
  disk: Disk,
  folder: string,
  segments: readonly LogSegment[],
  syncedTo: number,
  from: (baseOffset: number) => number | undefined,
): void {
  if (segments.length === 0) return
  const isUnsure = ({ endOffset, baseOffset }: LogSegment): boolean => endOffset > syncedTo || baseOffset >= syncedTo
  const unsure = segments.filter(isUnsure)
  // It may have been cut by a writer that died before the sync of that, and so be longer on the disk.
  const active = segments.at(-1) as LogSegment
  if (!unsure.includes(active)) unsure.push(active)
  for (const segment of unsure) {
    const { baseOffset, bytes } = segment
    const file = disk.open(segmentPath(folder, baseOffset), 'write')
    try {
      if (isUnsure(segment)) writeAgain(file, from(baseOffset) ?? bytes, bytes)
      file.sync()
    } finally {
      file.close()
    }
  }
  disk.syncDirectory(folder)
}
