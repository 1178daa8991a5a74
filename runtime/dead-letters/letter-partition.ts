/**
 * Which partition of a dead-letter topic takes the letters of a partition: that of the same number, or, where it has fewer, that of
 * what is left of the number. It never changes for a partition (control/partition-growth.ts), for a group looks there for letters
 * that it may have written. Leaf, any thread.
 */
export function letterPartition(partition: number, letters: number): number {
  return partition % letters
}
