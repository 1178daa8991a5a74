/**
 * Brings what a journal holds into the logs of its partitions, before anything is appended to them.
 *
 * The thread that owns the logs, synchronous; it writes logs without a sync. It walks the journal twice. The first walk
 * finds the part of each block that still counts. A later block replaces an earlier one of its partition from its
 * offset on, and a block without frames says that the log was cut there. The second walk compares frames with the log.
 *
 * Bytes below a partition's mark are never touched. From there on a log may hold less than the journal, the same, or
 * other frames that were never acknowledged. It is cut before the first different frame and gets the journal's frames.
 * Repeating this, after a crash anywhere, gives the same log. A block that lies behind the end of its log proves that
 * the log has lost acknowledged frames.
 *
 * The last group commit may not be durable, if the process ended before its sync. So it is made so before the first log has any of
 * it: a loss of power amid all this would otherwise leave its frames in some of their logs, and take them from the journal.
 *
 * Bounds: a number in memory for each block of a journal; the frames of one block, and as much of a log.
 */

import type { Disk } from '../disk/disk.ts'
import { CorruptLogError } from '../disk/log-errors.ts'
import { describeFrame, type ScannedFrame } from '../format/frame-scan.ts'
import { LogReader } from '../read/log-reader.ts'
import { type JournalEnd, journalPaths, type RecoveredBlock, recoverJournal } from '../recovery/journal-recovery.ts'
import { writeAgain } from '../recovery/write-again.ts'
import type { StoredPartition } from './stored-partition.ts'
import { markKey } from './sync-marks.ts'

/** Marks a block that a later one has replaced. */
const OVER = -1

/** The part of a journal that still counts. */
export interface JournalPlan {
  readonly host: number
  readonly end: JournalEnd
  /** Offset up to which each block counts, in order. */
  readonly ends: readonly number[]
  /** Where each log ends by the journal, by partition. */
  readonly tips: ReadonlyMap<string, number>
}

interface PlannedBlock {
  readonly index: number
  readonly baseOffset: number
}

/**
 * Looks a journal through.
 *
 * @throws CorruptLogError where acknowledged blocks cannot be read; ForeignFileError, NewerFormatError, DiskError
 */
export function planJournal(disk: Disk, folder: string, host: number, logId: Uint8Array): JournalPlan {
  const ends: number[] = []
  const tips = new Map<string, number>()
  const partitions = new Map<string, PlannedBlock[]>()
  const blocks = recoverJournal(disk, folder, host, logId)
  for (let step = blocks.next(); ; step = blocks.next()) {
    if (step.done === true) {
      const { state, file, position, why } = step.value
      if (state === 'damaged') throw new CorruptLogError(file ?? folder, position, why)
      return { host, end: step.value, ends, tips }
    }
    const { topic, partition, baseOffset, endOffset } = step.value
    const key = markKey(topic, partition)
    const planned = partitions.get(key) ?? []
    partitions.set(key, planned)
    for (let last = planned.at(-1); last !== undefined; last = planned.at(-1)) {
      if (last.baseOffset < baseOffset) {
        ends[last.index] = Math.min(ends[last.index] as number, baseOffset)
        break
      }
      ends[last.index] = OVER
      planned.pop()
    }
    planned.push({ index: ends.length, baseOffset })
    ends.push(endOffset)
    tips.set(key, endOffset)
  }
}

/**
 * Brings the blocks that count into their logs; those of partitions that `find` does not know are skipped.
 *
 * @throws CorruptLogError where a log has lost frames before those of the journal
 */
export function replayJournal(
  disk: Disk,
  folder: string,
  logId: Uint8Array,
  plan: JournalPlan,
  find: (topic: number, partition: number) => StoredPartition | undefined,
): void {
  // Journals are large, and those of a broker that was closed hold nothing that counts.
  if (plan.ends.every(end => end === OVER)) return
  keepLastGroup(disk, folder, plan)
  const readers = new Map<StoredPartition, LogReader>()
  try {
    let index = 0
    for (const block of recoverJournal(disk, folder, plan.host, logId)) {
      const endOffset = plan.ends[index++] as number
      if (endOffset === OVER) continue
      const partition = find(block.topic, block.partition)
      if (partition === undefined) continue
      const reader = readers.get(partition) ?? new LogReader(disk, partition.folder, partition.settings)
      readers.set(partition, reader)
      replayBlock(block, endOffset, partition, reader)
    }
  } finally {
    for (const reader of readers.values()) reader.close()
  }
}

/** Makes the last group commit durable that the journal has. @throws DiskError */
function keepLastGroup(disk: Disk, folder: string, { host, end }: JournalPlan): void {
  const path = journalPaths(folder, host)[end.newer]
  if (path === undefined) return
  const file = disk.open(path, 'write')
  try {
    writeAgain(file, end.newerLast, end.newerEnd)
    file.sync()
  } finally {
    file.close()
  }
}

function replayBlock(block: RecoveredBlock, endOffset: number, partition: StoredPartition, reader: LogReader): void {
  const { file, position, baseOffset, frames } = block
  const { log, syncedTo } = partition
  // Retention has removed it since; or it says that the log was cut, which it was by the time that anything followed.
  if (endOffset < log.startOffset || frames.length === 0) return
  if (baseOffset > log.endOffset) {
    const why = `the journal goes on at offset ${baseOffset}, but the log in ${partition.folder} ends at ${log.endOffset}`
    throw new CorruptLogError(file, position, why)
  }
  const least = Math.max(syncedTo, log.startOffset)
  const there = framesOf(reader, Math.max(baseOffset, least), log.endOffset, frames.length)
  for (let at = 0; at < frames.length; ) {
    const frame = describeFrame(frames, at, at)
    if (frame.endOffset > endOffset) return
    if (frame.endOffset > least) {
      const known = there.next().value
      if (known === undefined || !known.equals(frame.bytes)) {
        if (frame.baseOffset < least)
          throw new CorruptLogError(
            file,
            position + at,
            `the log in ${partition.folder} holds other bytes, made durable`,
          )
        appendFrom(frames.subarray(at), endOffset, partition)
        return
      }
    }
    at += frame.length
  }
}

/** The log's own frames from the one that holds an offset. */
function* framesOf(
  reader: LogReader,
  offset: number,
  endOffset: number,
  bytesMax: number,
): Generator<Buffer, undefined, void> {
  for (let next = offset; next < endOffset; ) {
    const bytes = reader.read(next, endOffset, bytesMax)
    for (let at = 0; at < bytes.length; ) {
      const frame = describeFrame(bytes, at, at)
      yield frame.bytes
      at += frame.length
      next = frame.endOffset
    }
    if (bytes.length === 0) return
  }
}

/** Ends the log where these frames begin, and adds them as far as they count. */
function appendFrom(frames: Buffer, endOffset: number, { log }: StoredPartition): void {
  const { baseOffset } = describeFrame(frames, 0, 0)
  let bytes = 0
  let end = baseOffset
  let maxTimestamp = Number.NEGATIVE_INFINITY
  while (bytes < frames.length) {
    const frame: ScannedFrame = describeFrame(frames, bytes, bytes)
    if (frame.endOffset > endOffset) break
    bytes += frame.length
    end = frame.endOffset
    maxTimestamp = Math.max(maxTimestamp, frame.maxTimestamp)
  }
  if (log.endOffset > baseOffset) log.truncateTo(baseOffset)
  log.append([frames.subarray(0, bytes)], { baseOffset, endOffset: end, maxTimestamp }, bytes)
}
