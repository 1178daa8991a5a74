/**
 * Which partition of a dead-letter topic takes the letters of a partition: that of the same number, or, where it has fewer, that of
 * what is left of the number. It never changes for a partition (control/partition-growth.ts), for a group looks there for letters
 * that it may have written. Leaf, any thread.
 */
import type { PartitionId } from '../words/quantities.ts'

export function letterPartition(partition: PartitionId, letters: number): number {
  return partition % letters
}
