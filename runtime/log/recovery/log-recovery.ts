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

import type { CutTail } from '../../wire/folder.ts'
import type { Disk } from '../disk/disk.ts'
import { CorruptLogError } from '../disk/log-errors.ts'
import { type LogSettings, segmentPath } from '../format/segment-format.ts'
import { SegmentIndex } from '../format/segment-index.ts'
import { cut } from './cut-log.ts'
import { emptySegment, type LogSegment } from './log-segment.ts'
import { loadIndex, look, type Trouble } from './segment-look.ts'
import { writeAgain } from './write-again.ts'

export interface RecoveredLog {
  /** Oldest first; the last is the active one. None: there never was one, and the log is to begin at offset 0. */
  readonly segments: LogSegment[]
  /** Index of the active segment. */
  readonly index: SegmentIndex | null
  readonly cuts: readonly CutTail[]
}

/** Knowledge about a log before it is read. */
export interface Synced {
  /** Everything below was made durable. */
  readonly syncedTo: number
  /** Whether what lies above may have been acknowledged as durable, because a journal had it. */
  readonly isPromised: boolean
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
