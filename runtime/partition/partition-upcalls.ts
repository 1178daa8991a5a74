/** What a partition is given by its host. Types only. */
import type { PartitionDisk } from './partition-disk.ts'
import type { RingUpcalls } from './ring-intake.ts'
import type { WindowTold } from './stored-window.ts'

/** What the partition needs of its host. */
export interface PartitionUpcalls extends RingUpcalls {
  /** Stops here for ever if a test has armed this point. */
  fault(point: number): void
  /** Its log on disk; null: the topic is in memory only. */
  readonly log: PartitionDisk | null
  /** Of a partition on disk: who lends it a larger window. */
  readonly windows: WindowTold
}
