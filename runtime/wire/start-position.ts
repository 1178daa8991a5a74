/** The position to read from, and ranges to read again. Types only. */
import type { PartitionLogPlace } from './places.ts'

/** Position to read from. */
export type StartPosition = 'earliest' | 'latest' | { readonly offset: number } | { readonly timeMs: number }

/** Range of a partition on disk to read again. */
export interface ReadRange {
  readonly partition: number
  readonly place: PartitionLogPlace
  readonly from: number
  /** Before this offset. */
  readonly to: number
}
