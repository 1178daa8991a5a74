/**
 * Our own subjects: a broker with default options, in memory or on disk, one topic, one group on handler threads.
 *
 * Main thread. Each case publishes as a user would: batches of 512, sixteen in flight, `tryPublish` that falls back
 * to `publish` when the partition is full, or windows of promises.
 */
import { type BrokerOptions, createBroker, type TopicOptions } from 'millrace'
import { publishAwaited, publishOneByOne, publishPaced } from '../awaited.ts'
import type { Check } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { CaseName, Running, Spec, Subject } from '../subject.ts'
import { partitions, type Value } from '../workload.ts'
import { inFolder } from './in-folder.ts'
import { messageOf, publishBatches, publishEach } from './stream-publishing.ts'

const batched: ReadonlySet<CaseName> = new Set(['eachBatch', 'reads-byte', 'works-1us', 'partitions', 'durable'])

const handlers: Readonly<Record<Check, string>> = {
  bytes: './sum-bytes-handler.js',
  ends: './sum-bytes-handler.js',
  first: './first-byte-handler.js',
  work: './work-handler.js',
  json: './sum-orders-handler.js',
}

export const millrace: Subject = {
  name: 'millrace',
  supports: () => true,
  start: spec => startStream(spec),
}

/** The same on disk, in a new folder for each round. */
export const millraceOs: Subject = onDisk('os')
export const millraceFsync: Subject = onDisk('fsync')

/** In memory, with another number of partitions. */
export function withPartitions(partitions: number): Subject {
  return {
    name: `${partitions} partition${partitions === 1 ? '' : 's'}`,
    supports: () => true,
    start: spec => startStream(spec, {}, {}, { partitions }),
  }
}

function onDisk(durability: 'os' | 'fsync'): Subject {
  return {
    name: `millrace-${durability}`,
    supports: () => true,
    start: spec => inFolder(dir => startStream(spec, {}, { dir }, { durability })),
  }
}

export async function startStream(
  { caseName, workload }: Spec,
  runOptions: { readonly threads?: number } = {},
  brokerOptions: BrokerOptions = {},
  topicOptions: TopicOptions = {},
): Promise<Running> {
  const isJson = workload.check === 'json'
  const broker = await createBroker(brokerOptions)
  const codec = isJson ? 'json' : 'bytes'
  const topic = await broker.topic<Value>('bench', { partitions, codec, ...topicOptions })
  const handler = new URL(handlers[workload.check], import.meta.url)
  const run = await topic.group('bench').run<number>({ handler, ...runOptions })
  const publish = (i: number): Promise<unknown> => topic.publish(messageOf(workload, i))
  return {
    async run(records) {
      const elapsed = startStopwatch()
      let latenciesUs: ArrayLike<number> = []
      if (caseName === 'awaited') latenciesUs = await publishAwaited(records, publish)
      else if (caseName === 'one-by-one') latenciesUs = await publishOneByOne(records, publish)
      else if (caseName === 'durable-paced') latenciesUs = await publishPaced(records, publish)
      else if (batched.has(caseName)) await publishBatches(topic, workload, records)
      else await publishEach(topic, workload, records)
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
