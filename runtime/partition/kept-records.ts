/**
 * What may be asked of the records that a partition keeps. Asked seldom: readers of groups look for themselves.
 *
 * The partition host's thread. In memory the answers are in the window (window-records.ts), on disk in the log (partition-disk.ts).
 */
import type { StoredRecord } from '../log/format/stored-record.ts'
import type { Answer } from './incoming-ring.ts'

export interface KeptRecords {
  /** The first offset kept. */
  readonly startOffset: number
  /** Of its files. */
  readonly bytes: number
  /** A record below `endOffset` that is not in the window; null: it is not kept. */
  record(offset: number, endOffset: number): StoredRecord | null
  /** Sequences of what this producer appended on this thread, from an offset on: what is done already, after a restart. */
  sequencesOf(producerId: number, from: number, endOffset: number): Set<number>
  /** What the frames of a ring are to be answered with, from an offset on, where they went past the window. */
  answersOf(ring: number, from: number, endOffset: number): Answer[]
  /** The first offset below `endOffset` that is not older; `endOffset` if there is none. @throws MillraceError */
  offsetAt(timeMs: number, endOffset: number): number
  /** The low word of the number of a named producer's last record, from an offset on; null: it has none there. */
  lastSequence(producerId: number, from: number, endOffset: number): number | null
}
