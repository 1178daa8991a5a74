/**
 * Checkpoints of a log store: segments are synced, then the marks say so, and then the journal's room is free.
 *
 * The partition host's thread owns it. At most one checkpoint runs in the background, and covers bytes appended before
 * its begin. A checkpoint that is made at once covers everything, and replaces the other. The journal is notified only
 * when the marks are durable, because bytes that it overwrites must be found without it. A checkpoint that is given up,
 * because a log is about to be cut or the store has failed, marks nothing when its syncs end.
 */
import { DiskError } from '../disk/disk.ts'
import type { FaultPoint } from './fault-point.ts'
import type { Journal } from './journal.ts'
import type { StoredPartition } from './stored-partition.ts'
import type { SyncMarks } from './sync-marks.ts'

interface Checkpoint {
  /** Sequence of the journal at its begin. */
  readonly sequence: number
  /** The ends of all logs that were dirty then. */
  readonly ends: ReadonlyMap<StoredPartition, number>
  waiting: number
}

/** The ends of those that the marks do not cover. */
export function dirtyEnds(partitions: Iterable<StoredPartition>): Map<StoredPartition, number> {
  const ends = new Map<StoredPartition, number>()
  for (const partition of partitions) if (partition.isDirty) ends.set(partition, partition.endOffset)
  return ends
}

/** Makes everything in these logs durable. */
export function syncLogs(partitions: Iterable<StoredPartition>): void {
  for (const { log } of partitions) log.sync()
}

/** Marks that logs are durable up to these ends. */
export function writeMarks(marks: SyncMarks, ends: ReadonlyMap<StoredPartition, number>): void {
  marks.write(
    [...ends].map(([{ topic, partition, startOffset }, syncedTo]) => {
      return { topic: topic.topic, partition, syncedTo, startOffset }
    }),
  )
  for (const [partition, syncedTo] of ends) partition.syncedTo = syncedTo
}

export class Checkpoints {
  readonly #marks: SyncMarks
  readonly #journal: Journal
  readonly #fault: (point: FaultPoint) => void
  readonly #failed: (error: unknown) => void
  #underWay: Checkpoint | null = null
  #isClosed = false

  /** `failed` receives an error of the background; the store can then not continue. */
  constructor(
    marks: SyncMarks,
    journal: Journal,
    fault: (point: FaultPoint) => void,
    failed: (error: unknown) => void,
  ) {
    this.#marks = marks
    this.#journal = journal
    this.#fault = fault
    this.#failed = failed
  }

  get isUnderWay(): boolean {
    return this.#underWay !== null
  }

  /** Begins one in the background, in place of one that is under way. */
  begin(partitions: Iterable<StoredPartition>): void {
    const ends = dirtyEnds(partitions)
    const checkpoint: Checkpoint = { sequence: this.#journal.sequence, ends, waiting: ends.size }
    this.#underWay = checkpoint
    for (const { log } of ends.keys()) log.syncLater(error => this.#synced(checkpoint, error))
    if (ends.size === 0) this.#end(checkpoint)
  }

  /** Makes one before it returns. */
  now(partitions: Iterable<StoredPartition>): void {
    const { sequence } = this.#journal
    const ends = dirtyEnds(partitions)
    syncLogs(ends.keys())
    this.#end({ sequence, ends })
  }

  /** Gives the running checkpoint up: it marks nothing. */
  giveUp(): void {
    this.#underWay = null
  }

  /** Nothing that ends later matters any more, not even if it failed. */
  close(): void {
    this.#underWay = null
    this.#isClosed = true
  }

  #synced(checkpoint: Checkpoint, error: DiskError | null): void {
    if (this.#isClosed) return
    // Also for a checkpoint that was given up: its files may have lost their bytes.
    if (error !== null) this.#failed(error)
    checkpoint.waiting--
    if (this.#underWay !== checkpoint || checkpoint.waiting > 0) return
    try {
      this.#end(checkpoint)
    } catch (failure) {
      this.#failed(failure)
      // No caller can catch it; the next call meets it.
      if (!(failure instanceof DiskError)) throw failure
    }
  }

  /** Segments are synced up to these ends. */
  #end({ sequence, ends }: Pick<Checkpoint, 'sequence' | 'ends'>): void {
    this.#underWay = null
    this.#fault('checkpointSynced')
    const { bytes } = this.#marks
    writeMarks(this.#marks, ends)
    this.#fault(this.#marks.bytes < bytes ? 'compaction' : 'marksWritten')
    this.#journal.release(sequence)
  }
}
