/**
 * Our own subjects for the time from the call that sends a message to its handler, at a pace: a queue and a stream. And for that from the
 * call of a request to its answer.
 *
 * Main thread. Each message's value begins with the time of its call. All have the same handler.
 */
import { type Broker, createBroker, type QueueRun, type Run } from 'millrace'
import { LatencySamples, monotonicUs, stamped } from '../latency-samples.ts'
import { offer, type Pace, paceOf, warmUpPace } from '../pace.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Sample, Spec, Subject } from '../subject.ts'
import { partitions } from '../workload.ts'
import { consumerThreads } from './millrace-queue.ts'

const handler = new URL('./latency-handler.js', import.meta.url)

/** What queues and streams have in common here. */
interface Way {
  send(message: { readonly key: string; readonly value: Uint8Array }): Promise<unknown>
  readonly run: Run<number> | QueueRun<number>
}

/** Its answer ends the time. */
export const requestLatency: Subject = subject('request', async (broker, samples) => {
  const queue = await broker.queue<Uint8Array>('bench', { codec: 'bytes' })
  const run = await queue.run<number>({ handler, threads: consumerThreads, data: LatencySamples.create().buffer })
  const send = async (message: { readonly key: string; readonly value: Uint8Array }): Promise<void> => {
    const since = monotonicUs()
    await queue.request(message)
    samples.add(monotonicUs() - since)
  }
  return { send, run }
})

/** With as many handler threads as by default. */
export const millraceLatency: Subject = subject('millrace', (broker, samples) => openStream(broker, samples))

/** With as many handler threads as the queues have. */
export const streamLatency: Subject = subject('stream', (broker, samples) =>
  openStream(broker, samples, { threads: consumerThreads }),
)

export const queueLatency: Subject = subject('queue', async (broker, { buffer: data }) => {
  const queue = await broker.queue<Uint8Array>('bench', { codec: 'bytes' })
  const run = await queue.run<number>({ handler, threads: consumerThreads, data })
  return { send: message => queue.send(message), run }
})

async function openStream(
  broker: Broker,
  { buffer: data }: LatencySamples,
  runOptions: { readonly threads?: number } = {},
): Promise<Way> {
  const topic = await broker.topic<Uint8Array>('bench', { partitions, codec: 'bytes' })
  const run = await topic.group('bench').run<number>({ handler, data, ...runOptions })
  return { send: message => topic.publish(message), run }
}

function subject(name: string, open: (broker: Broker, samples: LatencySamples) => Promise<Way>): Subject {
  return {
    name,
    supports: () => true,
    start: spec => start(spec, open),
    total: (_spec, records) => records,
  }
}

async function start(
  { workload, caseName }: Spec,
  open: (broker: Broker, samples: LatencySamples) => Promise<Way>,
): Promise<Running> {
  const broker = await createBroker()
  const samples = LatencySamples.create()
  const { send, run } = await open(broker, samples)
  const runAt = async (records: number, pace: Pace): Promise<Sample> => {
    const elapsed = startStopwatch()
    await offer(records, pace, i => send({ key: workload.key(i), value: stamped(workload.bytes(i)) }))
    await run.idle()
    return { seconds: elapsed(), latenciesUs: samples.take() }
  }
  return {
    warmUp: records => runAt(records, warmUpPace),
    run: records => runAt(records, paceOf(caseName)),
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
