/**
 * Group commits of a log store: the order in which the frames of a pass are written, and what makes them durable.
 *
 * The partition host's thread. All frames are written to their segments, without a sync. Then those of topics that must survive a loss
 * of power go into the journal with one write and one sync.
 *
 * Frames that belong together are in all of their logs, or in none, after the end of the process. Those that are journalled are so
 * after a loss of power as well:
 *
 * 1. a note (pass-note.ts) says which logs the pass appends to, where one of them is in no journal;
 * 2. frames that are not journalled are written;
 * 3. the journal takes the others as one group commit, which counts whole or not at all;
 * 4. then those are written to their segments.
 *
 * The opener brings the journal's frames into their logs, and ends a pass that is not whole (half-done.ts). Where the journal has no
 * room, the note is made durable instead, and a checkpoint covers the pass. Bounds: those of journal and note.
 */
import type { CheckpointNeed } from './checkpoint-need.ts'
import type { FaultPoint } from './fault-point.ts'
import { Journal } from './journal.ts'
import type { JournalEntry } from './journal-blocks.ts'
import { journalEntry, journalGroups } from './journal-groups.ts'
import type { StoreEntry } from './log-store-types.ts'
import { endOf, isUnjournalled } from './open-store.ts'
import type { PassLog, PassNote } from './pass-note.ts'
import type { StoredPartition } from './stored-partition.ts'
import type { WrittenEnds } from './written-ends.ts'

/** What it needs of its store. */
export interface CommitParts {
  readonly journal: Journal
  readonly written: WrittenEnds
  readonly note: PassNote
  readonly need: CheckpointNeed
  readonly fault: (point: FaultPoint) => void
  /** Makes all that was written durable. */
  readonly checkpoint: () => void
}

export class GroupCommit {
  readonly #parts: CommitParts

  constructor(parts: CommitParts) {
    this.#parts = parts
  }

  /** Returns when each entry is as durable as its topic requires; `together`: those of them that belong together. @throws DiskError */
  append(entries: readonly StoreEntry[], together: readonly StoreEntry[]): void {
    const logs = jointLogs(entries, together)
    const isJoint = ({ log }: StoreEntry): boolean => logs.has(log)
    const joint = logs.size === 0 ? [] : entries.filter(isJoint)
    const isTaken = joint.length === 0 || this.#writeTogether(joint, [...logs.values()])
    const others = logs.size === 0 ? entries : entries.filter(entry => !isJoint(entry))
    this.#write(others)
    this.#parts.fault('segmentWritten')
    this.#parts.written.note(
      entries
        .map(({ log }) => log)
        .filter(isUnjournalled)
        .map(endOf),
    )
    if (isTaken) this.#journalAll(others.filter(isJournalled))
    else this.#parts.checkpoint()
  }

  /** False: what should be in the journal is not, and a checkpoint has to cover it. */
  #writeTogether(entries: readonly StoreEntry[], logs: readonly PassLog[]): boolean {
    const { note, fault, journal } = this.#parts
    const journalled = entries.filter(isJournalled)
    const unjournalled = entries.filter(entry => !isJournalled(entry))
    if (unjournalled.length > 0) note.write(logs)
    fault('jointNoted')
    this.#write(unjournalled)
    const blocks = journalled.map(journalEntry)
    const isTaken = Journal.bytesOf(blocks) <= journal.commitBytesMax && this.journal(blocks)
    if (!isTaken) {
      note.write(logs)
      note.sync()
    }
    fault('jointJournalled')
    this.#write(journalled)
    if (isTaken) for (const { log, endOffset } of journalled) log.journaledTo = endOffset
    return isTaken
  }

  #write(entries: readonly StoreEntry[]): void {
    const { need, fault } = this.#parts
    for (const entry of entries) {
      const { log } = entry.log
      const { segments } = log
      log.append(entry.parts, entry, entry.bytes)
      need.appended(entry.bytes, isJournalled(entry))
      if (log.segments === segments) continue
      need.rolled()
      fault('roll')
    }
  }

  /** Makes these entries durable, which are in their segments already. */
  #journalAll(entries: readonly StoreEntry[]): void {
    for (const group of journalGroups(entries, this.#parts.journal.commitBytesMax)) {
      if (group === null || !this.journal(group.blocks)) {
        // Frames that do not fit, alone or now, become durable with all segments.
        this.#parts.checkpoint()
        return
      }
      for (const { log, endOffset } of group.entries) log.journaledTo = endOffset
    }
  }

  /** One group commit of the journal; returns whether there was room. @throws DiskError */
  journal(group: readonly JournalEntry[]): boolean {
    const { journal, fault } = this.#parts
    const { mustCheckpoint } = journal
    if (journal.append(group) === 'full') return false
    fault('journalWritten')
    if (!mustCheckpoint && journal.mustCheckpoint) fault('journalReuse')
    return true
  }
}

function isJournalled({ log }: StoreEntry): boolean {
  return !isUnjournalled(log)
}

/** The logs with frames that belong together, and where all that they take begins and ends; none, where it is one log. */
function jointLogs(
  entries: readonly StoreEntry[],
  together: readonly StoreEntry[],
): ReadonlyMap<StoredPartition, PassLog> {
  const logs = new Map<StoredPartition, PassLog>()
  const joint = new Set(together.map(({ log }) => log))
  if (joint.size < 2) return logs
  for (const { log, baseOffset, endOffset } of entries) {
    if (!joint.has(log)) continue
    const { topic, partition } = log
    const before = logs.get(log)?.before ?? baseOffset
    logs.set(log, { topic: topic.topic, partition, before, after: endOffset })
  }
  return logs
}
