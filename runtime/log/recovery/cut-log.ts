/**
 * Ends a log before the first byte that is wrong.
 *
 * The writer's thread, before there is a writer; recovery has checked that no removed frame was acknowledged.
 */
import { wallMs } from '../../../actors/world.ts'
import type { CutTail } from '../../wire/folder.ts'
import type { Disk } from '../disk/disk.ts'
import { CorruptLogError } from '../disk/log-errors.ts'
import {
  checkSegment,
  encodeSegmentHeader,
  indexPath,
  type LogSettings,
  segmentPath,
} from '../format/segment-format.ts'
import type { LogSegment } from './log-segment.ts'
import type { Trouble } from './segment-look.ts'

/**
 * Ends the log before the trouble: newest files first, each one's name for good, so that no gap can come of it. The first
 * is never removed but begun again, since its name alone says which offsets were used before.
 */
export function cut(
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
