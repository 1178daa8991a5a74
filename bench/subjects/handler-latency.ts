/**
 * Our own subjects for the time from the call that sends a message to its handler, at a steady pace: a queue and a stream. And for that from the
 * call of a request to its answer.
 *
 * Main thread. Each message's value begins with the time of its call. Both have the same handler and as many threads.
 */
import { type Broker, createBroker, type QueueRun, type Run } from 'millrace'
import { startStopwatch } from '../stopwatch.ts'
import type { CaseName, Running, Spec, Subject } from '../subject.ts'
import { partitions } from '../workload.ts'
import { LatencySamples, monotonicUs } from './latency-samples.ts'
import { consumerThreads } from './millrace-queue.ts'

/** Messages a second; at the pace of requests each finds all threads asleep. */
const paceOf = (caseName: CaseName): number => (caseName === 'request-latency' ? 1_000 : 10_000)
const paceStepMs = 1
/** Messages that are not answered yet, at most: below what a thread lets wait. */
const unansweredMax = 8_000

/** Samples kept of a run, at most; a run has fewer. */
const samplesMax = 1_000_000

const handler = new URL('./latency-handler.js', import.meta.url)

/** What queues and streams have in common here. */
interface Way {
  send(message: { readonly key: string; readonly value: Uint8Array }): Promise<unknown>
  readonly run: Run<number> | QueueRun<number>
}

/** Its answer ends the time. */
export const requestLatency: Subject = subject('request', async (broker, data) => {
  const queue = await broker.queue<Uint8Array>('bench', { codec: 'bytes' })
  const own = LatencySamples.of(samplesMax)
  const samples = new LatencySamples(data)
  const run = await queue.run<number>({ handler, threads: consumerThreads, data: own.buffer })
  const send = async (message: { readonly key: string; readonly value: Uint8Array }): Promise<void> => {
    const since = monotonicUs()
    await queue.request(message)
    samples.add(monotonicUs() - since)
  }
  return { send, run }
})

export const streamLatency: Subject = subject('stream', async (broker, data) => {
  const topic = await broker.topic<Uint8Array>('bench', { partitions, codec: 'bytes' })
  const run = await topic.group('bench').run<number>({ handler, threads: consumerThreads, data })
  return { send: message => topic.publish(message), run }
})

export const queueLatency: Subject = subject('queue', async (broker, data) => {
  const queue = await broker.queue<Uint8Array>('bench', { codec: 'bytes' })
  const run = await queue.run<number>({ handler, threads: consumerThreads, data })
  return { send: message => queue.send(message), run }
})

function subject(name: string, open: (broker: Broker, data: SharedArrayBuffer) => Promise<Way>): Subject {
  return {
    name,
    supports: () => true,
    start: spec => start(spec, open),
    total: (_spec, records) => records,
  }
}

async function start(
  { workload, caseName }: Spec,
  open: (broker: Broker, data: SharedArrayBuffer) => Promise<Way>,
): Promise<Running> {
  const broker = await createBroker()
  const samples = LatencySamples.of(samplesMax)
  const { send, run } = await open(broker, samples.buffer)
  const sendNow = (i: number): Promise<unknown> => {
    const value = workload.bytes(i).slice()
    new DataView(value.buffer).setFloat64(0, monotonicUs())
    return send({ key: workload.key(i), value })
  }
  return {
    async run(records) {
      const elapsed = startStopwatch()
      const messagesPerSecond = paceOf(caseName)
      const receipts: Promise<unknown>[] = []
      let unanswered = 0
      while (receipts.length < records) {
        const due = Math.min(records, Math.floor(elapsed() * messagesPerSecond))
        for (; receipts.length < due && unanswered < unansweredMax; unanswered++)
          receipts.push(sendNow(receipts.length).then(() => unanswered--))
        await new Promise(resolve => setTimeout(resolve, paceStepMs))
      }
      await Promise.all(receipts)
      await run.idle()
      return { seconds: elapsed(), latenciesUs: samples.take() }
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
