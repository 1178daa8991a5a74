/**
 * Checks every byte of a partition's folder, and reports on each file what it holds and where it is first damaged.
 *
 * Any thread; reads only, while nothing writes: a frame that is being appended is reported as damage. It trusts only
 * bytes that it has read: indexes are compared with the frames of their segments. It continues behind a damaged file,
 * so that one report has everything. Bound: a word or two for each frame of one segment, and the pieces of a scan.
 */
import type { Disk, DiskFile } from '../disk/disk.ts'
import { LogFileError } from '../disk/log-errors.ts'
import { FrameScan } from '../format/frame-scan.ts'
import { recordsFault } from '../format/records-fault.ts'
import {
  checkSegment,
  indexBases,
  indexPath,
  joinedBases,
  joinedPath,
  type LogIdentity,
  readSegmentHeader,
  SEGMENT_BYTES_MAX,
  segmentBases,
  segmentPath,
} from '../format/segment-format.ts'
import { type IndexSummary, readIndex, SegmentIndex } from '../format/segment-index.ts'

/** The first thing that is wrong with a file. */
export interface Damage {
  readonly position: number
  readonly why: string
  /** Offset in a segment below which everything is good. */
  readonly offset: number
  /** The bytes are those that were written, so that no opening takes them for a torn end. */
  readonly isSigned?: true
}

export interface FileReport {
  readonly file: string
  readonly kind: 'segment' | 'index'
  readonly bytes: number
  /** Whole ones, in front of any bytes that are none; of an index 0. */
  readonly frames: number
  readonly records: number
  readonly startOffset: number
  /** After the last good frame. */
  readonly endOffset: number
  readonly damage: Damage | null
}

export interface FolderReport {
  readonly files: readonly FileReport[]
  readonly startOffset: number
  readonly endOffset: number
  readonly frames: number
  readonly records: number
  readonly bytes: number
  /** Files with damage. */
  readonly damaged: number
}

/** The frames of a segment, for the comparison with its index. */
interface Walk {
  readonly report: FileReport
  readonly covers: IndexSummary
  /** Offset and largest earlier timestamp of each frame, by position. */
  readonly frames: ReadonlyMap<number, { readonly offset: number; readonly before: number }>
}

/** Throws `DiskError` only: whatever is wrong with a file is in the report. */
export function verifyFolder(disk: Disk, folder: string): FolderReport {
  const names = disk.list(folder)
  const files: FileReport[] = []
  let identity: LogIdentity | null = null
  let expected: number | null = null
  const indexes = new Set(indexBases(names))
  const joined = joinedBases(names)
  for (const baseOffset of segmentBases(names)) {
    // What was joined is there twice until the next opening (join-segments.ts).
    if (expected !== null && baseOffset < expected && joined.some(base => base < baseOffset)) {
      indexes.delete(baseOffset)
      continue
    }
    const file = disk.open(segmentPath(folder, baseOffset), 'read')
    try {
      identity ??= identityOf(file)
      const walk = walkSegment(file, identity, baseOffset, expected)
      files.push(walk.report)
      // The end of a damaged segment is unknown.
      expected = walk.report.damage === null ? walk.report.endOffset : null
      if (identity !== null && indexes.delete(baseOffset))
        files.push(checkIndex(disk, folder, identity, baseOffset, walk))
    } finally {
      file.close()
    }
  }
  for (const baseOffset of joined) files.push(...damagedJoined(disk, folder, identity, baseOffset))
  for (const baseOffset of indexes) files.push(orphan(disk, folder, baseOffset))
  const segments = files.filter(({ kind }) => kind === 'segment')
  const sum = (of: (report: FileReport) => number): number => segments.reduce((total, report) => total + of(report), 0)
  return {
    files,
    startOffset: segments[0]?.startOffset ?? 0,
    endOffset: segments.at(-1)?.endOffset ?? 0,
    frames: sum(({ frames }) => frames),
    records: sum(({ records }) => records),
    bytes: sum(({ bytes }) => bytes),
    damaged: files.filter(({ damage }) => damage !== null).length,
  }
}

/** What decides which segments were joined: nothing is said of it unless it is damaged. */
function damagedJoined(disk: Disk, folder: string, identity: LogIdentity | null, baseOffset: number): FileReport[] {
  const file = disk.open(joinedPath(folder, baseOffset), 'read')
  try {
    const { report } = walkSegment(file, identity, baseOffset, null)
    return report.damage === null ? [] : [{ ...report, bytes: 0, frames: 0, records: 0 }]
  } finally {
    file.close()
  }
}

/** Owner of this log, by the first segment with a good header. */
function identityOf(file: DiskFile): LogIdentity | null {
  try {
    return readSegmentHeader(file)
  } catch (error) {
    if (error instanceof LogFileError) return null
    throw error
  }
}

function headerDamage(file: DiskFile, identity: LogIdentity | null, baseOffset: number): Damage | null {
  try {
    if (identity === null) readSegmentHeader(file)
    else checkSegment(file, identity, baseOffset)
    return null
  } catch (error) {
    if (!(error instanceof LogFileError)) throw error
    return { position: error.position, why: error.why, offset: baseOffset }
  }
}

function walkSegment(file: DiskFile, identity: LogIdentity | null, baseOffset: number, expected: number | null): Walk {
  const bytes = file.size()
  const index = new SegmentIndex(baseOffset)
  const scan = new FrameScan(file, index.atOffset(baseOffset), bytes, SEGMENT_BYTES_MAX)
  const frames = new Map<number, { readonly offset: number; readonly before: number }>()
  let maxTimestamp = Number.NEGATIVE_INFINITY
  let records = 0
  let damage = headerDamage(file, identity, baseOffset)
  if (damage === null) {
    for (let frame = scan.next(); frame !== null; frame = scan.next()) {
      const why = recordsFault(frame.bytes)
      if (why !== null) damage ??= { position: frame.position, why, offset: frame.baseOffset, isSigned: true }
      frames.set(frame.position, { offset: frame.baseOffset, before: maxTimestamp })
      maxTimestamp = Math.max(maxTimestamp, frame.maxTimestamp)
      records += frame.records
    }
    if (scan.why !== null) damage ??= { position: scan.position, why: scan.why, offset: scan.offset }
  }
  if (damage === null && expected !== null && expected !== baseOffset)
    damage = {
      position: 0,
      why: `the segment begins at offset ${baseOffset}, and the one before ends at ${expected}`,
      offset: Math.min(baseOffset, expected),
    }
  const endOffset = scan.offset
  const report: FileReport = {
    file: file.path,
    kind: 'segment',
    bytes,
    frames: frames.size,
    records,
    startOffset: baseOffset,
    endOffset,
    damage,
  }
  return { report, covers: { endOffset, bytes: scan.position, maxTimestamp }, frames }
}

function checkIndex(disk: Disk, folder: string, identity: LogIdentity, baseOffset: number, walk: Walk): FileReport {
  const known = readIndex(disk, folder, identity.logId, baseOffset)
  const damage =
    known === null ? { position: 0, why: 'the index is damaged', offset: baseOffset } : compare(known, walk)
  return indexReport(disk, folder, baseOffset, known?.covers.endOffset ?? baseOffset, damage)
}

/** An index may cover less than its segment holds: that was the active one when its log was closed, and has grown. */
function compare(known: { readonly index: SegmentIndex; readonly covers: IndexSummary }, walk: Walk): Damage | null {
  const { startOffset } = walk.report
  const { bytes, endOffset, maxTimestamp } = known.covers
  const behind = walk.frames.get(bytes)
  const end = behind === undefined ? walk.covers : { endOffset: behind.offset, bytes, maxTimestamp: behind.before }
  if (end.bytes !== bytes || end.endOffset !== endOffset || end.maxTimestamp !== maxTimestamp)
    return { position: 0, why: 'the index is not that of the segment', offset: startOffset }
  for (const { position, offset, maxTimestampBefore } of known.index.places()) {
    const frame = walk.frames.get(position)
    if (frame?.offset !== offset || frame.before !== maxTimestampBefore)
      return { position: 0, why: `an entry says offset ${offset} at byte ${position}`, offset: startOffset }
  }
  return null
}

function orphan(disk: Disk, folder: string, baseOffset: number): FileReport {
  return indexReport(disk, folder, baseOffset, baseOffset, {
    position: 0,
    why: 'the index has no segment',
    offset: baseOffset,
  })
}

function indexReport(
  disk: Disk,
  folder: string,
  baseOffset: number,
  endOffset: number,
  damage: Damage | null,
): FileReport {
  const file = disk.open(indexPath(folder, baseOffset), 'read')
  try {
    const { path } = file
    const bytes = file.size()
    return { file: path, kind: 'index', bytes, frames: 0, records: 0, startOffset: baseOffset, endOffset, damage }
  } finally {
    file.close()
  }
}
