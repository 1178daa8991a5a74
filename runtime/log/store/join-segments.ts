/**
 * Makes one segment of several that follow each other, in which nothing is needed any more: it is a gap over all their offsets.
 *
 * The partition host's thread; at an opening, whoever opens the log. There is a moment in which files are there of which the
 * offsets overlap, because the offsets of a log must never have a hole. So the joined segment first gets a name of its own,
 * `<base>.joined`. From then on the others count no more, and the joining is finished by the next opening, if need be:
 *
 * ```
 * <base>.log.new   synced, renamed to <base>.joined      now it is decided
 * <base>.log.new   the same again, synced, renamed to <base>.log
 * the other segments and their indexes are removed, and then <base>.joined
 * ```
 *
 * Each line is durable before the next one. Readers find every offset in between. Bound: some gap frames.
 */
import type { Disk } from '../disk/disk.ts'
import { CorruptLogError } from '../disk/log-errors.ts'
import { FrameScan } from '../format/frame-scan.ts'
import {
  checkSegment,
  indexPath,
  joinedBases,
  joinedPath,
  type LogSettings,
  newSegmentPath,
  SEGMENT_HEADER_BYTES,
  segmentBases,
  segmentPath,
} from '../format/segment-format.ts'
import type { LogSegment } from '../recovery/log-segment.ts'
import type { FaultPoint } from './fault-point.ts'
import { dropIndex } from './replace-segment.ts'
import { SegmentWriter, type WrittenSegment } from './segment-writer.ts'

/** Offsets and time of a segment that is a gap. */
interface Joined {
  readonly baseOffset: number
  readonly endOffset: number
  readonly createdMs: number
}

/** Joins these segments; none of them grows. @throws DiskError */
export function joinSegments(
  disk: Disk,
  folder: string,
  settings: LogSettings,
  segments: readonly LogSegment[],
  fault: (point: FaultPoint) => void,
): LogSegment {
  const { baseOffset } = segments[0] as LogSegment
  const { endOffset, createdMs } = segments.at(-1) as LogSegment
  const joined = { baseOffset, endOffset, createdMs }
  writeNew(disk, folder, settings, joined)
  disk.rename(newSegmentPath(folder, baseOffset), joinedPath(folder, baseOffset))
  fault('segmentsJoined')
  const { bytes, maxTimestamp } = finish(disk, folder, settings, joined)
  return { ...joined, bytes, maxTimestamp }
}

/** Finishes what a writer that died had decided. @throws CorruptLogError, ForeignFileError, DiskError */
export function finishJoining(disk: Disk, folder: string, settings: LogSettings): void {
  for (const baseOffset of joinedBases(disk.list(folder)))
    finish(disk, folder, settings, readJoined(disk, folder, settings, baseOffset))
}

/** Offsets of a file that has taken the places of several segments. @throws LogFileError, DiskError */
function readJoined(disk: Disk, folder: string, settings: LogSettings, baseOffset: number): Joined {
  const file = disk.open(joinedPath(folder, baseOffset), 'read')
  try {
    const { createdMs } = checkSegment(file, settings, baseOffset)
    const from = { position: SEGMENT_HEADER_BYTES, offset: baseOffset }
    const scan = new FrameScan(file, from, file.size(), settings.frameBytesMax)
    for (let frame = scan.next(); frame !== null; frame = scan.next())
      if (frame.records > 0) throw new CorruptLogError(file.path, frame.position, 'it has records, and should be a gap')
    if (scan.why !== null) throw new CorruptLogError(file.path, scan.position, scan.why)
    return { baseOffset, endOffset: scan.offset, createdMs }
  } finally {
    file.close()
  }
}

function writeNew(disk: Disk, folder: string, settings: LogSettings, joined: Joined): WrittenSegment {
  return new SegmentWriter(disk, folder, settings, joined.baseOffset, joined.createdMs).finish(joined.endOffset)
}

function finish(disk: Disk, folder: string, settings: LogSettings, joined: Joined): WrittenSegment {
  const { baseOffset, endOffset } = joined
  const written = writeNew(disk, folder, settings, joined)
  // With it the name `<base>.joined` becomes durable.
  dropIndex(disk, folder, baseOffset)
  disk.rename(newSegmentPath(folder, baseOffset), segmentPath(folder, baseOffset))
  disk.syncDirectory(folder)
  for (const base of segmentBases(disk.list(folder))) {
    if (base <= baseOffset || base >= endOffset) continue
    disk.remove(indexPath(folder, base))
    disk.remove(segmentPath(folder, base))
  }
  disk.syncDirectory(folder)
  disk.remove(joinedPath(folder, baseOffset))
  disk.syncDirectory(folder)
  return written
}
