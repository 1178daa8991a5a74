/**
 * Rival `postMessage` in cases of latency: one message a record, from main by a forwarding thread to a handler; or, in
 * case `request-latency`, from main to a handler that answers. Both are two hops.
 *
 * A message is a Uint8Array of key and value. Nothing is bounded: the pace is. Time is taken as for our own subjects.
 */
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  parentPort,
  type Worker,
  workerData,
} from 'node:worker_threads'
import { LatencySamples, monotonicUs, sinceStamp, stamped } from '../latency-samples.ts'
import { offer, type Pace, paceOf, warmUpPace } from '../pace.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Sample, Spec, Subject } from '../subject.ts'
import { startThread } from '../threads.ts'
import { keyBytes } from '../workload.ts'

interface ThreadData {
  readonly rival: 'postMessage-latency'
  readonly role: 'forward' | 'handle' | 'answer'
  readonly port?: MessagePort
  readonly samples?: SharedArrayBuffer
}

export const postMessageLatency: Subject = {
  name: 'postMessage',
  supports: () => true,
  start,
  total: (_spec, records) => records,
}

async function start({ caseName, workload }: Spec): Promise<Running> {
  const samples = LatencySamples.create()
  const isRequest = caseName === 'request-latency'
  const threads = isRequest ? [await startRole('answer')] : await startHops(samples.buffer)
  const first = threads[0] as Worker
  const waiting: { readonly sinceUs: number; readonly resolve: () => void }[] = []
  let handled = 0

  const send = (i: number): undefined => {
    const record = new Uint8Array(keyBytes + workload.payloadBytes)
    const { buffer } = record
    Buffer.from(buffer).write(workload.key(i), 'latin1')
    record.set(stamped(workload.bytes(i)), keyBytes)
    first.postMessage(record)
  }
  const ask = (i: number): Promise<void> => {
    const sinceUs = monotonicUs()
    send(i)
    return new Promise(resolve => waiting.push({ sinceUs, resolve }))
  }
  if (isRequest) {
    first.on('message', () => {
      const asked = waiting.shift()
      if (asked === undefined) return
      samples.add(monotonicUs() - asked.sinceUs)
      asked.resolve()
    })
  }
  const runAt = async (records: number, pace: Pace): Promise<Sample> => {
    const elapsed = startStopwatch()
    await offer(records, pace, isRequest ? ask : send)
    while (samples.count < records) await new Promise(resolve => setTimeout(resolve, 1))
    handled += records
    return { seconds: elapsed(), latenciesUs: samples.take() }
  }
  return {
    warmUp: records => runAt(records, warmUpPace),
    run: records => runAt(records, paceOf(caseName)),
    async stop() {
      await Promise.all(threads.map(thread => thread.terminate()))
      return handled
    },
  }
}

async function startHops(samples: SharedArrayBuffer): Promise<readonly Worker[]> {
  const { port1, port2 } = new MessageChannel()
  const handler = await startRole('handle', { port: port2, samples })
  const forwarder = await startRole('forward', { port: port1 })
  return [forwarder, handler]
}

function startRole(role: ThreadData['role'], data: Omit<ThreadData, 'rival' | 'role'> = {}): Promise<Worker> {
  const { port } = data
  const threadData: ThreadData = { rival: 'postMessage-latency', role, ...data }
  return startThread(import.meta.url, threadData, port === undefined ? [] : [port])
}

const data = isMainThread ? undefined : (workerData as ThreadData | undefined)
if (data?.rival === 'postMessage-latency') {
  const { role, port, samples } = data
  if (role === 'forward') parentPort?.on('message', record => port?.postMessage(record))
  else if (role === 'answer') parentPort?.on('message', (record: Uint8Array) => parentPort?.postMessage(record.length))
  else if (samples !== undefined) {
    const own = new LatencySamples(samples)
    port?.on('message', (record: Uint8Array) => own.add(sinceStamp(record, keyBytes)))
  }
  parentPort?.postMessage('ready')
}
