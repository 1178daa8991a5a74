/** What a partition is given by its host. Types only. */
import type { IncomingRing } from './incoming-ring.ts'
import type { PartitionStore } from './partition-store.ts'
import type { WindowTold } from './stored-window.ts'

/** What the partition needs of its host. */
export interface PartitionUpcalls {
  /** Stops here for ever if a test has armed this point. */
  fault(point: number): void
  /** A ring is closed or orphaned, and drained: its memory can be freed. */
  ringDrained(ring: IncomingRing): void
  /** So many bytes were taken from its rings. */
  took(bytes: number): void
  /** It dropped records, of which it is to be told (`drops`). */
  dropped(): void
  /** Its log on disk; null: the topic is in memory only. */
  readonly log: PartitionStore | null
  /** Of a partition on disk: who lends it a larger window. */
  readonly windows: WindowTold
}
