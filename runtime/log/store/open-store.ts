/**
 * Opens what a partition host has on disk: brings what its journal holds into the logs, ends a pass that is not whole, makes that
 * durable, marks it, and begins an empty journal.
 *
 * The partition host's thread, when it starts. The folder's own name must be durable already.
 */

import type { CutTail } from '../../wire/folder.ts'
import type { Disk } from '../disk/disk.ts'
import { dirtyEnds, syncLogs, writeMarks } from './checkpoints.ts'
import type { FaultPoint } from './fault-point.ts'
import { halfDone } from './half-done.ts'
import { JOURNAL_BYTES, Journal } from './journal.ts'
import { planJournal, replayJournal } from './journal-replay.ts'
import { partitionsFolder } from './log-place.ts'
import type { LogStoreOptions } from './log-store-types.ts'
import { clearNote, type PassLog, PassNote, readNote } from './pass-note.ts'
import { type KnownLog, StoredPartition } from './stored-partition.ts'
import type { StoredTopic } from './stored-topic.ts'
import { markKey, SyncMarks } from './sync-marks.ts'
import { type WrittenEnd, WrittenEnds } from './written-ends.ts'

/** What a store is made of once it is opened. */
export interface StoreParts {
  readonly disk: Disk
  readonly folder: string
  readonly logId: Uint8Array
  readonly marks: SyncMarks
  readonly written: WrittenEnds
  readonly note: PassNote
  readonly journal: Journal
  readonly partitions: Map<string, StoredPartition>
  readonly cuts: readonly CutTail[]
  readonly checkpointBytes: number
  readonly fault: (point: FaultPoint) => void
}

/** @throws CorruptLogError where something acknowledged is missing; ForeignFileError, NewerFormatError, DiskError */
export function openStore(
  disk: Disk,
  folder: string,
  host: number,
  logId: Uint8Array,
  partitions: readonly { readonly topic: StoredTopic; readonly partition: number }[],
  options: LogStoreOptions = {},
): StoreParts {
  const { journalBytes = JOURNAL_BYTES, fault = () => undefined } = options
  disk.makeFolder(partitionsFolder(folder))
  const plan = planJournal(disk, folder, host, logId)
  const marks = SyncMarks.open(disk, folder, host, logId)
  let written: WrittenEnds | null = null
  const opened = new Map<string, StoredPartition>()
  try {
    written = WrittenEnds.open(disk, folder, host, logId)
    for (const { topic, partition } of partitions) {
      const known = knownOf(marks, written, topic, partition)
      const stored = StoredPartition.open(disk, folder, logId, topic, partition, known)
      opened.set(markKey(topic.topic, partition), stored)
    }
    fault('recovery')
    replayJournal(disk, folder, logId, plan, (topic, partition) => opened.get(markKey(topic, partition)))
    const find = ({ topic, partition }: PassLog): StoredPartition | undefined => opened.get(markKey(topic, partition))
    for (const { log, before } of halfDone(readNote(disk, folder, host, logId), find)) log.cutPass(before)
    const ends = dirtyEnds(opened.values())
    syncLogs(ends.keys())
    fault('checkpointSynced')
    writeMarks(marks, ends)
    fault('marksWritten')
    const journal = Journal.start(disk, folder, host, logId, { journalBytes, after: plan.end })
    clearNote(disk, folder, host)
    const { state, file, position, why } = plan.end
    const cuts: CutTail[] = marks.torn === null ? [] : [marks.torn]
    if (state === 'torn') cuts.push({ file: file as string, position, bytes: 0, why })
    written.note([...opened.values()].filter(isUnjournalled).map(endOf))
    const note = new PassNote(disk, folder, host, logId)
    const parts = { disk, folder, logId, marks, written, note, journal, partitions: opened, cuts, fault }
    return { ...parts, checkpointBytes: journalBytes }
  } catch (error) {
    closeAll([...[...opened.values()].map(({ log }) => log), marks, ...(written === null ? [] : [written])])
    throw error
  }
}

export function isUnjournalled({ isJournalled }: StoredPartition): boolean {
  return !isJournalled
}

export function endOf({ topic, partition, endOffset }: StoredPartition): WrittenEnd {
  return { topic: topic.topic, partition, endOffset }
}

export function knownOf(
  marks: SyncMarks,
  written: WrittenEnds,
  { topic, durability }: StoredTopic,
  partition: number,
): KnownLog {
  // The journal has what a log that is journalled has lost.
  const writtenTo = durability === 'fsync' ? 0 : written.of(topic, partition)
  return { syncedTo: marks.of(topic, partition), startOffset: marks.startOf(topic, partition), writtenTo }
}

/** Closes files that an error has left open, when no other use is possible; further errors change nothing. */
export function closeAll(opened: readonly { close(): void }[]): void {
  for (const one of opened) {
    try {
      one.close()
    } catch {
      // Its bytes were durable before, or are not acknowledged.
    }
  }
}
