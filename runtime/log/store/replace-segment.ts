/**
 * Puts a segment that was written anew (segment-writer.ts) in the place of the one with its name.
 *
 * The partition host's thread. The new file is durable. The index of the old one goes first, for good: it would lead to
 * other bytes of the new one. The name is durable before anything relies on it, and only then the new index is made. Readers that
 * have the old file open read it to its end.
 */
import { type Disk, DiskError } from '../disk/disk.ts'
import {
  indexBases,
  indexPath,
  type LogSettings,
  newSegmentBases,
  newSegmentPath,
  segmentPath,
} from '../format/segment-format.ts'
import { writeIndex } from '../format/segment-index.ts'
import type { FaultPoint } from './fault-point.ts'
import type { WrittenSegment } from './segment-writer.ts'

/** What Windows says of a rename over a file that a reader has open. */
const IN_USE: readonly string[] = ['EPERM', 'EACCES', 'EBUSY']

/** Removes what a writer that died has left in a folder with these names and segments. */
export function removeLeftovers(disk: Disk, folder: string, names: readonly string[], bases: readonly number[]): void {
  // An index without its segment would be taken for that of the next segment of the same name.
  const known = new Set(bases)
  for (const base of indexBases(names)) if (!known.has(base)) disk.remove(indexPath(folder, base))
  for (const base of newSegmentBases(names)) disk.remove(newSegmentPath(folder, base))
}

/** Removes the index of a segment, for good. */
export function dropIndex(disk: Disk, folder: string, baseOffset: number): void {
  disk.remove(indexPath(folder, baseOffset))
  disk.syncDirectory(folder)
}

/** Removes a segment and its index, for good. */
export function removeSegment(disk: Disk, folder: string, baseOffset: number): void {
  disk.remove(indexPath(folder, baseOffset))
  disk.remove(segmentPath(folder, baseOffset))
  disk.syncDirectory(folder)
}

/** False: the system does not let it take that name, and all is as before. @throws DiskError */
export function replaceSegment(
  disk: Disk,
  folder: string,
  { logId }: LogSettings,
  { index, ...covers }: WrittenSegment,
  fault: (point: FaultPoint) => void,
): boolean {
  const { baseOffset } = covers
  fault('segmentRewritten')
  dropIndex(disk, folder, baseOffset)
  try {
    disk.rename(newSegmentPath(folder, baseOffset), segmentPath(folder, baseOffset))
  } catch (error) {
    if (!(error instanceof DiskError) || !IN_USE.includes(error.errno)) throw error
    disk.remove(newSegmentPath(folder, baseOffset))
    return false
  }
  fault('segmentReplaced')
  disk.syncDirectory(folder)
  writeIndex(disk, folder, logId, index, covers)
  return true
}
