/**
 * Our own subject: a broker with default options, one topic, one group on handler threads.
 *
 * Main thread. Each case publishes as a user would: batches of 512, sixteen in flight, `tryPublish` that falls back
 * to `publish` when the partition is full, or windows of promises.
 */
import { createBroker, type Message } from 'millrace'
import { publishAwaited } from '../awaited.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { batchRecords, partitions, type Value } from '../workload.ts'

/** Batches that are not awaited yet: a producer that waits for each one pays a round trip per batch. */
const batchesInFlight = 16

export const millrace: Subject = {
  name: 'millrace',
  supports: () => true,
  start,
}

async function start({ caseName, workload }: Spec): Promise<Running> {
  const isJson = workload.check === 'json'
  const broker = await createBroker()
  const topic = await broker.topic<Value>('bench', { partitions, codec: isJson ? 'json' : 'bytes' })
  const handler = isJson ? './sum-orders-handler.js' : './sum-bytes-handler.js'
  const run = await topic.group('bench').run<number>({ handler: new URL(handler, import.meta.url) })
  const message = (i: number): Message<Value> => ({ key: workload.key(i), value: workload.value(i) })

  const publishEach = async (records: number): Promise<void> => {
    for (let i = 0; i < records; i++) {
      const next = message(i)
      if (!topic.tryPublish(next)) await topic.publish(next)
    }
  }
  const publishBatches = async (records: number): Promise<void> => {
    const inFlight: Promise<unknown>[] = []
    for (let first = 0; first < records; first += batchRecords) {
      const batch: Message<Value>[] = []
      for (let i = first; i < Math.min(first + batchRecords, records); i++) batch.push(message(i))
      inFlight.push(topic.publishBatch(batch))
      if (inFlight.length >= batchesInFlight) await inFlight.shift()
    }
    await Promise.all(inFlight)
  }
  return {
    async run(records) {
      const elapsed = startStopwatch()
      let latenciesUs: readonly number[] = []
      if (caseName === 'awaited') latenciesUs = await publishAwaited(records, i => topic.publish(message(i)))
      else if (caseName === 'eachBatch') await publishBatches(records)
      else await publishEach(records)
      await topic.flush()
      await run.idle()
      return { seconds: elapsed(), latenciesUs }
    },
    async stop() {
      try {
        const { results } = await run.stop()
        return results.reduce((a, b) => a + b, 0)
      } finally {
        await broker.close()
      }
    },
  }
}
