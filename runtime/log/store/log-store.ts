/**
 * The durable partitions of one partition host: a log in segments for each; one journal and one file of marks for all.
 *
 * The partition host's thread owns it, and is the only writer of these files. Everything but background syncs is
 * synchronous. A group commit (group-commit.ts) writes the frames of all its partitions to their segments, without a sync. Then the
 * frames of topics that must survive a loss of power go into the journal (journal.ts) with one write and one sync.
 *
 * ```
 *  <folder>/topics/7-3/                segments of topic 7, partition 3 (partition-log.ts)
 *  <folder>/host-0.journal-a, -b       what a loss of power would take from segments
 *  <folder>/marks, host-0.marks        how far each log is durable by itself (sync-marks.ts)
 *  <folder>/host-0.ends                how far logs were written that are in no journal (written-ends.ts)
 *  <folder>/host-0.joint               which logs the last pass appended to whose frames belong together (pass-note.ts)
 * ```
 *
 * Checkpoints (checkpoints.ts) free the journal's room, in the background once it has changed files. One is made at
 * once if the journal is full before that, or if a commit does not fit it; it then covers the commit. Before a log is cut, the journal is notified and the mark is lowered. Otherwise the cut frames
 * would come back, or count as damage.
 *
 * After an error the content of the files is unknown. The store is then poisoned: every call throws that same error,
 * until it is opened anew. Bounds: those of its parts; what checkpoint-need.ts says waits for a checkpoint, closed
 * segments with their open files, and as much more while it runs.
 */
import type { CutTail } from '../../wire/folder.ts'
import type { Disk } from '../disk/disk.ts'
import type { LogSegment } from '../recovery/log-segment.ts'
import { CheckpointNeed } from './checkpoint-need.ts'
import { Checkpoints, writeMarks } from './checkpoints.ts'
import type { FaultPoint } from './fault-point.ts'
import { GroupCommit } from './group-commit.ts'
import type { Journal } from './journal.ts'
import type { LogStoreOptions, StoreEntry } from './log-store-types.ts'
import { closeAll, endOf, isUnjournalled, knownOf, openStore, type StoreParts } from './open-store.ts'
import type { PassNote } from './pass-note.ts'
import { type Retention, retentionOf, startAfter } from './retention.ts'
import type { WrittenSegment } from './segment-writer.ts'
import { StoredPartition } from './stored-partition.ts'
import type { StoredTopic } from './stored-topic.ts'
import { markKey, type SyncMarks } from './sync-marks.ts'
import type { WrittenEnds } from './written-ends.ts'

/** At most, retention looks as often. */
const RETAIN_EVERY_MS = 1_000

export class LogStore {
  /** Ends that were cut off the host's files at their opening; each partition has its own. */
  readonly cuts: readonly CutTail[]
  readonly #disk: Disk
  readonly #folder: string
  readonly #logId: Uint8Array
  readonly #marks: SyncMarks
  readonly #written: WrittenEnds
  readonly #journal: Journal
  readonly #partitions: Map<string, StoredPartition>
  readonly #checkpoints: Checkpoints
  readonly #need: CheckpointNeed
  readonly #note: PassNote
  readonly #commits: GroupCommit
  readonly #fault: (point: FaultPoint) => void
  #retainedMs = Number.NEGATIVE_INFINITY
  #poison: unknown = null
  #isClosed = false

  /**
   * Opens the partitions of a host, all that it may have journalled (open-store.ts).
   *
   * @throws CorruptLogError where something acknowledged is missing; ForeignFileError, NewerFormatError, DiskError
   */
  static open(
    disk: Disk,
    folder: string,
    host: number,
    logId: Uint8Array,
    partitions: readonly { readonly topic: StoredTopic; readonly partition: number }[],
    options: LogStoreOptions = {},
  ): LogStore {
    return new LogStore(openStore(disk, folder, host, logId, partitions, options))
  }

  private constructor(parts: StoreParts) {
    this.cuts = parts.cuts
    this.#disk = parts.disk
    this.#folder = parts.folder
    this.#logId = parts.logId
    this.#marks = parts.marks
    this.#written = parts.written
    this.#journal = parts.journal
    this.#partitions = parts.partitions
    this.#need = new CheckpointNeed(parts.checkpointBytes)
    this.#note = parts.note
    this.#fault = parts.fault
    const checkpoint = (): void => this.#checkpointNow()
    this.#commits = new GroupCommit({ ...parts, need: this.#need, checkpoint })
    this.#checkpoints = new Checkpoints(parts.marks, parts.journal, parts.fault, error => this.#fail(error))
  }

  /** A partition that was opened, or is now, because its topic was made later. Damage of its log concerns no other. */
  partition(topic: StoredTopic, partition: number): StoredPartition {
    if (this.#poison !== null) throw this.#poison
    const key = markKey(topic.topic, partition)
    const there = this.#partitions.get(key)
    if (there !== undefined) return there
    const known = knownOf(this.#marks, this.#written, topic, partition)
    const opened = StoredPartition.open(this.#disk, this.#folder, this.#logId, topic, partition, known)
    this.#partitions.set(key, opened)
    if (isUnjournalled(opened)) this.#guard(() => this.#written.note([endOf(opened)]))
    return opened
  }

  /** Closes a partition without producers and readers; it can be opened again. */
  drop(topic: number, partition: number): void {
    const dropped = this.find(topic, partition)
    if (dropped === undefined) return
    // A running checkpoint may wait for its files.
    this.#checkpoints.giveUp()
    this.#partitions.delete(markKey(topic, partition))
    closeAll([dropped.log])
  }

  /** These partitions are no more: they are closed, and nothing is kept of them here. Their files are another's to remove. */
  forget(topic: number, partitions: readonly number[]): void {
    for (const partition of partitions) this.drop(topic, partition)
    this.#guard(() => {
      this.#marks.forget(topic, partitions)
      this.#written.forget(topic, partitions)
    })
  }

  /**
   * One group commit: returns when each entry is as durable as its topic requires. Entries of one partition follow each
   * other. Those of them in `together` are in all of their logs, or in none.
   *
   * @throws DiskError, from then on for ever
   */
  append(entries: readonly StoreEntry[], together: readonly StoreEntry[] = []): void {
    this.#guard(() => this.#commits.append(entries, together))
  }

  /**
   * Does the work of the background, to be called often: retention, and checkpoints. Returns whether a checkpoint is
   * under way; its syncs end on this thread.
   *
   * @throws DiskError, also one that befell what was under way
   */
  tend(nowMs: number): boolean {
    return this.#guard(() => {
      // Also when the clock was set back.
      if (Math.abs(nowMs - this.#retainedMs) >= RETAIN_EVERY_MS) {
        this.#retainedMs = nowMs
        for (const partition of this.#partitions.values()) this.#retain(partition, nowMs)
      }
      if ((this.#need.isDue || this.#journal.mustCheckpoint) && !this.#checkpoints.isUnderWay) {
        this.#need.forget()
        this.#checkpoints.begin(this.#partitions.values())
      }
      return this.#checkpoints.isUnderWay
    })
  }

  /** Removes old segments. The new begin of the log is durable before: a log that begins later was damaged. */
  #retain(stored: StoredPartition, nowMs: number): void {
    const retention = retentionOf(stored.topic, nowMs)
    if (retention !== null) this.#remove(stored, retention)
  }

  /** Removes segments in which nothing is needed, because all below this offset is settled, for good. */
  removeBelow(stored: StoredPartition, offset: number): void {
    this.#guard(() => this.#remove(stored, { below: offset }))
  }

  #remove({ topic, partition, log, syncedTo }: StoredPartition, retention: Retention): void {
    const startOffset = startAfter(log.all, retention)
    if (startOffset === log.startOffset) return
    this.#marks.write([{ topic: topic.topic, partition, syncedTo, startOffset }])
    this.#fault('segmentsUnneeded')
    log.retain(retention)
  }

  /** Puts a segment that was written anew in the place of its original; nothing that it lacks is needed. */
  replace({ log }: StoredPartition, segment: LogSegment, written: WrittenSegment): void {
    this.#guard(() => log.replace(segment, written, this.#fault))
  }

  /** Makes one of so many closed segments, from this one on; nothing that was in them is needed. */
  join({ log }: StoredPartition, first: LogSegment, count: number): void {
    this.#guard(() => log.join(first, count, this.#fault))
  }

  /** The next `tend` begins a checkpoint; `isLate`: it is made before this returns. */
  wantCheckpoint(isLate = false): void {
    if (isLate) this.#guard(() => this.#checkpointNow())
    else this.#need.want()
  }

  /** A partition that is open here. */
  find(topic: number, partition: number): StoredPartition | undefined {
    return this.#partitions.get(markKey(topic, partition))
  }

  #checkpointNow(): void {
    this.#need.forget()
    this.#checkpoints.now(this.#partitions.values())
  }

  /**
   * Cuts a log back to this offset, or to the begin of the frame that holds it. The frames behind it were never
   * committed, by a host whose thread died. Returns the new end. A RangeError if that lies before the start.
   */
  truncateTo(partition: StoredPartition, endOffset: number): number {
    if (endOffset < partition.startOffset)
      throw new RangeError(`give an offset from ${partition.startOffset} on, not ${endOffset}`)
    if (endOffset >= partition.endOffset) return partition.endOffset
    return this.#guard(() => {
      const end = partition.frameStart(this.#disk, endOffset)
      this.#note.clear()
      if (partition.journaledTo > end) this.#journalCut(partition, end)
      // A running checkpoint would mark the frames that are cut.
      this.#checkpoints.giveUp()
      if (isUnjournalled(partition)) this.#written.note([{ ...endOf(partition), endOffset: end }])
      if (partition.syncedTo > end) writeMarks(this.#marks, new Map([[partition, end]]))
      this.#fault('truncation')
      return partition.log.truncateTo(end)
    })
  }

  /** Keeps what the journal has of this partition above an offset from being brought back. */
  #journalCut(partition: StoredPartition, end: number): void {
    const { topic } = partition.topic
    const cut = { topic, partition: partition.partition, baseOffset: end, endOffset: end, parts: [], bytes: 0 }
    while (!this.#commits.journal([cut])) this.#checkpointNow()
    partition.journaledTo = end
  }

  /** Makes everything durable, empties the journal and closes the files: the next to open them has nothing to bring back. */
  close(): void {
    if (this.#isClosed) return
    try {
      if (this.#poison !== null) return
      this.#guard(() => {
        this.#checkpointNow()
        this.#journal.finish()
      })
    } finally {
      this.#isClosed = true
      this.#checkpoints.close()
      closeAll([
        ...[...this.#partitions.values()].map(({ log }) => log),
        this.#journal,
        this.#marks,
        this.#written,
        this.#note,
      ])
      this.#poison ??= new Error(`the log store in ${this.#folder} is closed`)
    }
  }

  #guard<T>(act: () => T): T {
    if (this.#poison !== null) throw this.#poison
    try {
      return act()
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }

  #fail(error: unknown): void {
    this.#poison ??= error
    this.#checkpoints.giveUp()
  }
}
