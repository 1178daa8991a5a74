/** From where to read, and what is read again. Types only. */
import type { PartitionLogPlace } from './places.ts'

/** From where to read. */
export type StartPosition = 'earliest' | 'latest' | { readonly offset: number } | { readonly timeMs: number }

/** What is read again of a partition on disk. */
export interface ReadRange {
  readonly partition: number
  readonly place: PartitionLogPlace
  readonly from: number
  /** Before this offset. */
  readonly to: number
}
