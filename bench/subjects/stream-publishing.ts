/** How our own subjects publish to a topic, as a user would: sixteen batches of 512 in flight, or each record by itself. Any attached thread. */
import type { Message, Topic } from 'millrace'
import { batchRecords, type Value, type Workload } from '../workload.ts'

/** Batches that are not awaited yet: a producer that waits for each one pays a round trip per batch. */
const batchesInFlight = 16

export function messageOf(workload: Workload, i: number): Message<Value> {
  return { key: workload.key(i), value: workload.value(i) }
}

export async function publishBatches(topic: Topic<Value>, workload: Workload, records: number): Promise<void> {
  const inFlight: Promise<unknown>[] = []
  for (let first = 0; first < records; first += batchRecords) {
    const batch: Message<Value>[] = []
    for (let i = first; i < Math.min(first + batchRecords, records); i++) batch.push(messageOf(workload, i))
    inFlight.push(topic.publishBatch(batch))
    if (inFlight.length >= batchesInFlight) await inFlight.shift()
  }
  await Promise.all(inFlight)
}

/** With a promise only where the partition is full. */
export async function publishEach(topic: Topic<Value>, workload: Workload, records: number): Promise<void> {
  for (let i = 0; i < records; i++) {
    const message = messageOf(workload, i)
    if (!topic.tryPublish(message)) await topic.publish(message)
  }
}
