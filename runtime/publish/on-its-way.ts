/** What one thread's publishes to one topic still have on their way, seen from outside. Pure; the producer's thread. */
import type { Waiter } from './overdue.ts'
import type { PartitionWriter } from './partition-writer.ts'
import { PendingBatch } from './pending-batch.ts'

/** Records in frames that have no receipt, and messages that wait; not those of publishes that were answered without one. */
export function unansweredOf(writers: readonly PartitionWriter[], waiters: readonly Waiter[]): number {
  let count = 0
  for (const writer of writers) count += writer.unanswered
  for (const waiter of waiters) {
    if (!waiter.done) count += waiter instanceof PendingBatch ? waiter.messages.length - waiter.next : 1
  }
  return count
}

/** The partition with most in its ring. */
export function fullestOf(writers: readonly PartitionWriter[]): number {
  let fullest = writers[0] as PartitionWriter
  for (const writer of writers) if (writer.backlogBytes() > fullest.backlogBytes()) fullest = writer
  return fullest.partition
}
