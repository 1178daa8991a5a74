/**
 * The limit: records copied into shared memory one after another by one thread, with no protocol and no other thread.
 *
 * A thread of its own in every round, as our ring's sides are: code that has seen one memory only is the fastest. What a ring cannot beat on its producer's side, whatever it does. Copies as our ring's subject does: up
 * to 256 bytes as doubles, longer ones by `set`. The memory goes round and is checked against the pool at the end.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Sample, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { createWorkload, type PayloadName, poolSize } from '../workload.ts'
import { writeDoubles } from '../write-doubles.ts'

const memoryBytes = 1 << 20
const doublesBytesMax = 256
const recordHeaderBytes = 8

export const memoryCopy: Subject = {
  name: 'memory-copy',
  supports: () => true,
  start,
  total: (_spec, records) => records,
}

interface ThreadData {
  readonly rival: 'memory-copy'
  readonly payload: PayloadName
}

async function start({ workload }: Spec): Promise<Running> {
  const data: ThreadData = { rival: 'memory-copy', payload: workload.payload }
  const thread = await startThread(import.meta.url, data)
  let copied = 0
  return {
    async run(records) {
      const sample = nextMessage<Sample>(thread)
      thread.postMessage(records)
      copied += records
      return sample
    },
    async stop() {
      await thread.terminate()
      return copied
    },
  }
}

/** Returns what copies so many records and checks the last of them. */
function copying({ payload }: ThreadData): (records: number) => Sample {
  const workload = createWorkload(payload, 'ends')
  const bytes = recordHeaderBytes + workload.payloadBytes
  // Each place is always the same record's, so that the end shows whether every copy was right.
  const places = Math.floor(memoryBytes / bytes / poolSize) * poolSize
  const buffer = new SharedArrayBuffer(places * bytes)
  const [u8, i32, f64] = [new Uint8Array(buffer), new Int32Array(buffer), new Float64Array(buffer)]
  const values = Array.from({ length: poolSize }, (_, i) => workload.bytes(i))
  const doubles = values.map(value => new Float64Array(value.buffer, value.byteOffset, value.length >> 3))
  const isSmall = workload.payloadBytes <= doublesBytesMax

  const copy = (place: number, i: number): void => {
    const at = place * bytes
    i32[at >> 2] = bytes
    if (!isSmall) {
      u8.set(values[i % poolSize] as Uint8Array, at + recordHeaderBytes)
      return
    }
    writeDoubles(f64, (at + recordHeaderBytes) >> 3, doubles[i % poolSize] as Float64Array)
  }
  const copyAll = (records: number): void => {
    let place = 0
    for (let i = 0; i < records; i++) {
      copy(place, i)
      if (++place === places) place = 0
    }
  }
  const check = (records: number): void => {
    for (let i = 0; i < Math.min(places, records); i++) {
      const copied = u8.subarray(i * bytes + recordHeaderBytes, (i + 1) * bytes)
      if (Buffer.compare(copied, values[i % poolSize] as Uint8Array) !== 0) throw new Error(`copy ${i} differs`)
    }
  }
  return records => {
    const elapsed = startStopwatch()
    copyAll(records)
    const sample = { seconds: elapsed() }
    check(records)
    return sample
  }
}

const data = isMainThread ? undefined : (workerData as ThreadData | undefined)
if (data?.rival === 'memory-copy') {
  const copy = copying(data)
  parentPort?.on('message', (records: number) => parentPort?.postMessage(copy(records)))
  parentPort?.postMessage('ready')
}
