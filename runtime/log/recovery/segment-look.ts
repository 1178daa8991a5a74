/**
 * Looks at one segment of a log as closely as it must, and says what of it is good and where it stops.
 *
 * The writer's thread, before there is a writer. It changes no segment; an index that does not fit is made again, or removed.
 */
import type { Disk, DiskFile } from '../disk/disk.ts'
import { CorruptLogError } from '../disk/log-errors.ts'
import { FrameScan } from '../format/frame-scan.ts'
import {
  checkSegment,
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
import type { LogSegment } from './log-segment.ts'

/** Place where a log stops, and the good part before it. */
export interface Trouble {
  readonly file: string
  readonly position: number
  readonly offset: number
  readonly why: string
}

export interface Looked {
  readonly segment: LogSegment | null
  readonly index: SegmentIndex | null
  readonly trouble: Trouble | null
  /** Position of the first byte that was read. */
  readonly from: number
}

/** Looks at one segment as closely as it must. `nextBase` is undefined for the last. */
export function look(
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
