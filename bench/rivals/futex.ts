/**
 * The bare round trip: two words, one thread waiting on each, nothing else.
 *
 * `ring-round-trip`: two threads, both in `Atomics.wait`. `ring-round-trip-async`: main in `Atomics.waitAsync`, the
 * other in `Atomics.wait`. Each adds one to its own word and notifies; no payload, so the total is the number of trips.
 */
import { isMainThread, parentPort, type Worker, workerData } from 'node:worker_threads'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Sample, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'

const there = 0
const back = 32
const waitMaxMs = 100

interface ThreadData {
  readonly rival: 'futex'
  readonly role: 'asks' | 'answers'
  readonly buffer: SharedArrayBuffer
}

export const futex: Subject = {
  name: 'futex',
  supports: () => true,
  start,
  total: (_spec, records) => records,
}

async function start({ caseName }: Spec): Promise<Running> {
  const buffer = new SharedArrayBuffer(256)
  const words = new Int32Array(buffer)
  const startRole = (role: ThreadData['role']): Promise<Worker> =>
    startThread(import.meta.url, { rival: 'futex', role, buffer } satisfies ThreadData)
  const answering = await startRole('answers')
  const asking = caseName === 'ring-round-trip' ? await startRole('asks') : null
  return {
    async run(records) {
      if (asking === null) return askAsync(words, records)
      const sample = nextMessage<Sample>(asking)
      asking.postMessage(records)
      return sample
    },
    async stop() {
      const trips = words[back] as number
      await Promise.all([answering.terminate(), asking?.terminate()])
      return trips
    },
  }
}

async function askAsync(words: Int32Array, records: number): Promise<Sample> {
  const latenciesUs = new Float64Array(records)
  const elapsed = startStopwatch()
  for (let i = 0; i < records; i++) {
    const since = performance.now()
    const trip = Atomics.add(words, there, 1) + 1
    Atomics.notify(words, there)
    while (Atomics.load(words, back) !== trip) {
      const woken = Atomics.waitAsync(words, back, trip - 1, waitMaxMs)
      if (woken.async) await woken.value
    }
    latenciesUs[i] = (performance.now() - since) * 1e3
  }
  return { seconds: elapsed(), latenciesUs }
}

function ask(words: Int32Array, records: number): Sample {
  const latenciesUs = new Float64Array(records)
  const elapsed = startStopwatch()
  for (let i = 0; i < records; i++) {
    const since = performance.now()
    const trip = Atomics.add(words, there, 1) + 1
    Atomics.notify(words, there)
    while (Atomics.load(words, back) !== trip) Atomics.wait(words, back, trip - 1, waitMaxMs)
    latenciesUs[i] = (performance.now() - since) * 1e3
  }
  return { seconds: elapsed(), latenciesUs }
}

function answer(words: Int32Array): never {
  for (let trip = 0; ; ) {
    while (Atomics.load(words, there) === trip) Atomics.wait(words, there, trip, waitMaxMs)
    trip++
    Atomics.store(words, back, trip)
    Atomics.notify(words, back)
  }
}

const data = isMainThread ? undefined : (workerData as ThreadData | undefined)
if (data?.rival === 'futex') {
  const words = new Int32Array(data.buffer)
  parentPort?.postMessage('ready')
  if (data.role === 'answers') answer(words)
  parentPort?.on('message', (records: number) => parentPort?.postMessage(ask(words, records)))
}
