/**
 * Arguments of a partition host's log store: topics, and entries to append.
 *
 * Leaf, any thread. Nothing here is checked: options are, before they get here.
 */
import type { FaultPoint } from './fault-point.ts'
import type { StoredPartition } from './stored-partition.ts'

/** Whole frames that are appended to one partition. */
export interface StoreEntry {
  readonly log: StoredPartition
  /** The partition's `endOffset`, after the entries before this one. */
  readonly baseOffset: number
  readonly endOffset: number
  readonly maxTimestamp: number
  /** Views of any memory, which must not change until `append` returns. */
  readonly parts: readonly Uint8Array[]
  /** The length of all parts. */
  readonly bytes: number
}

export interface LogStoreOptions {
  /** Size of each of the two files of the journal; default JOURNAL_BYTES. */
  readonly journalBytes?: number
  /** Called at each of these points; by default nothing is. */
  readonly fault?: (point: FaultPoint) => void
}
