/** What a partition on disk needs of its host’s files. Types only. */

import type { SettledChange as LetterChange, SettledLetters } from '../dead-letters/settled-letters.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import type { Staged } from '../resident/resident.ts'
import type { Offset, PartitionId } from '../words/quantities.ts'

/** The ends of a log that is open. */
export interface OpenLog {
  readonly startOffset: Offset
  readonly endOffset: Offset
}

export interface HostDisk {
  /** Bytes of its log that a queue goes through in a step while it opens; undefined: as many as it likes. */
  readonly queueScanBytes?: number | undefined
  /** Code of the failure after which nothing is written any more; null: there was none. */
  readonly failure: number | null
  /** The same, for who is to be told. */
  readonly error: Error | null
  readonly letters: {
    of(topic: number, partition: PartitionId): SettledLetters
    write(topic: number, partition: PartitionId, change: LetterChange): void
  }
  /** What has become of the messages of a queue whose log is opened, and has these ends. It is live. @throws MillraceError */
  settledOf(topic: number, partition: PartitionId, ends: OpenLog): SettledState
  /** Makes what was staged durable, and says so to who staged it. */
  commit(staged: readonly Staged[]): void
  /** Makes what has become of messages survive a loss of power; false: the disk has failed, before or now. */
  syncSettled(): boolean
  /** Does it unless the disk has failed; false: it has, before or now. */
  attempt(act: () => void): boolean
}
