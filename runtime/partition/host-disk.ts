/** What a partition on disk needs of its host’s files. Types only. */

import type { SettledChange, SettledLetters } from '../dead-letters/settled-letters.ts'
import type { PartitionId } from '../words/quantities.ts'

export interface HostDisk {
  /** Code of the failure after which nothing is written any more; null: there was none. */
  readonly failure: number | null
  /** The same, for who is to be told. */
  readonly error: Error | null
  readonly letters: {
    of(topic: number, partition: PartitionId): SettledLetters
    write(topic: number, partition: PartitionId, change: SettledChange): void
  }
  /** Does it unless the disk has failed; false: it has, before or now. */
  attempt(act: () => void): boolean
}
