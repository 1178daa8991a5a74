/**
 * Rival `ringbuf.js`: main -> thread -> thread through two byte rings of that package.
 *
 * The package moves bytes and cannot wait, so framing and parking are ours: every thread, main too, parks in
 * `Atomics.wait`, which a broker must not do to its caller and which favours this rival. Batches are framed in private
 * memory and pushed together; each-message cases push every frame alone. The ring is the bound: a full one blocks.
 * Sizes tried: rings of 256 KiB, 1 MiB and 4 MiB; pops of 16, 64 and 256 KiB.
 *
 *     0         4            16 (4 with one hop)
 *     | length  | key 12     | value: length bytes | next frame ...
 */
import { isMainThread, parentPort, type Worker, workerData } from 'node:worker_threads'
import { RingBuffer } from 'ringbuf.js'
import { type Check, checkOf, parseOrder } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { batchRecords, keyBytes } from '../workload.ts'
import { createBell, park, wake } from './bell.ts'

const ringBytes = 1 << 22
const popBytes = 1 << 16
const lengthBytes = 4

/** One ring with the bells of the thread that waits for bytes and the thread that waits for space. */
interface Pipe {
  readonly ring: SharedArrayBuffer
  readonly bytesBell: SharedArrayBuffer
  readonly spaceBell: SharedArrayBuffer
}

interface ThreadData {
  readonly rival: 'ringbuf.js'
  readonly from: Pipe
  /** Absent in the handler. */
  readonly to: Pipe | null
  /** One Int32: how many records the handler has to handle before it reports. */
  readonly goal: SharedArrayBuffer
  readonly check: Check
  readonly keyBytes: number
}

interface Report {
  readonly handled: number
  readonly sum: number
}

export const ringbuf: Subject = {
  name: 'ringbuf.js',
  supports: spec => spec.caseName !== 'awaited',
  start,
}

function createPipe(): Pipe {
  return {
    ring: RingBuffer.getStorageForCapacity(ringBytes, Uint8Array),
    bytesBell: createBell(),
    spaceBell: createBell(),
  }
}

async function start(spec: Spec): Promise<Running> {
  const { workload } = spec
  const prefixBytes = lengthBytes + (spec.hops === 2 ? keyBytes : 0)
  const goal = new Int32Array(new SharedArrayBuffer(4))
  const pipe = createPipe()
  const shared = {
    rival: 'ringbuf.js',
    goal: goal.buffer,
    check: workload.check,
    keyBytes: prefixBytes - lengthBytes,
  } as const
  const threads: Worker[] = []
  let last = pipe
  if (spec.hops === 2) {
    last = createPipe()
    threads.push(await startThread(import.meta.url, { ...shared, from: pipe, to: last } satisfies ThreadData))
  }
  const handler = await startThread(import.meta.url, { ...shared, from: last, to: null } satisfies ThreadData)
  threads.push(handler)

  const batch = spec.caseName === 'ring-batch32' ? 32 : spec.caseName === 'eachBatch' ? batchRecords : 1
  const staging = Buffer.alloc(batch * (prefixBytes + 2 * workload.payloadBytes))
  const writer = new PipeWriter(pipe)
  let end = 0
  const frame = (i: number): void => {
    if (prefixBytes > lengthBytes) staging.write(workload.key(i), end + lengthBytes, 'latin1')
    let length: number
    if (workload.check === 'json') {
      length = staging.write(JSON.stringify(workload.value(i)), end + prefixBytes, 'latin1')
    } else {
      const value = workload.bytes(i)
      staging.set(value, end + prefixBytes)
      length = value.length
    }
    staging.writeInt32LE(length, end)
    end += prefixBytes + length
  }
  let sum = 0
  return {
    async run(records) {
      const report = nextMessage<Report>(handler)
      const elapsed = startStopwatch()
      Atomics.add(goal, 0, records)
      for (let i = 0; i < records; i++) {
        frame(i)
        if ((i + 1) % batch === 0 || i === records - 1) {
          writer.write(staging, end)
          end = 0
        }
      }
      const { handled, sum: total } = await report
      if (handled !== Atomics.load(goal, 0)) throw new Error(`ringbuf.js handled ${handled} records`)
      sum = total
      return { seconds: elapsed() }
    },
    async stop() {
      await Promise.all(threads.map(thread => thread.terminate()))
      return sum
    },
  }
}

class PipeWriter {
  readonly #ring: RingBuffer
  readonly #bytesBell: Int32Array
  readonly #spaceBell: Int32Array
  readonly #hasSpace = (): boolean => this.#ring.available_write() > 0

  constructor(pipe: Pipe) {
    this.#ring = new RingBuffer(pipe.ring, Uint8Array)
    this.#bytesBell = new Int32Array(pipe.bytesBell)
    this.#spaceBell = new Int32Array(pipe.spaceBell)
  }

  write(bytes: Uint8Array, length: number): void {
    let written = this.#ring.push(bytes, length)
    wake(this.#bytesBell)
    while (written < length) {
      park(this.#spaceBell, this.#hasSpace)
      written += this.#ring.push(bytes, length - written, written)
      wake(this.#bytesBell)
    }
  }
}

class PipeReader {
  readonly #ring: RingBuffer
  readonly #bytesBell: Int32Array
  readonly #spaceBell: Int32Array
  readonly #hasBytes = (): boolean => this.#ring.available_read() > 0

  constructor(pipe: Pipe) {
    this.#ring = new RingBuffer(pipe.ring, Uint8Array)
    this.#bytesBell = new Int32Array(pipe.bytesBell)
    this.#spaceBell = new Int32Array(pipe.spaceBell)
  }

  /** Waits for bytes and takes what there is, up to the end of `into`; returns how many, 0 after a bounded wait. */
  read(into: Uint8Array, at: number): number {
    if (!this.#hasBytes()) park(this.#bytesBell, this.#hasBytes)
    const read = this.#ring.pop(into, into.length - at, at)
    wake(this.#spaceBell)
    return read
  }
}

function forward(from: Pipe, to: Pipe): void {
  const reader = new PipeReader(from)
  const writer = new PipeWriter(to)
  const bytes = new Uint8Array(popBytes)
  for (;;) {
    const read = reader.read(bytes, 0)
    if (read > 0) writer.write(bytes, read)
  }
}

function handle({ from, check, keyBytes: keyLength, goal: goalBuffer }: ThreadData): void {
  const reader = new PipeReader(from)
  const goal = new Int32Array(goalBuffer)
  const bytes = Buffer.alloc(popBytes)
  const prefixBytes = lengthBytes + keyLength
  const checkBytes = check === 'json' ? undefined : checkOf(check)
  let kept = 0
  let sum = 0
  let handled = 0
  let reported = 0
  for (;;) {
    const end = kept + reader.read(bytes, kept)
    let at = 0
    while (end - at >= prefixBytes) {
      const valueStart = at + prefixBytes
      const valueEnd = valueStart + bytes.readInt32LE(at)
      if (valueEnd > end) break
      if (checkBytes !== undefined) sum += checkBytes(bytes, valueStart, valueEnd)
      else sum += parseOrder(bytes.toString('latin1', valueStart, valueEnd)).amount
      handled++
      at = valueEnd
    }
    // The cut frame at the end goes to the front; its rest comes with the next read.
    if (at > 0) bytes.copyWithin(0, at, end)
    kept = end - at
    if (handled !== reported && handled === Atomics.load(goal, 0)) {
      reported = handled
      parentPort?.postMessage({ handled, sum } satisfies Report)
    }
  }
}

const data = isMainThread ? undefined : (workerData as ThreadData | undefined)
if (data?.rival === 'ringbuf.js') {
  parentPort?.postMessage('ready')
  if (data.to === null) handle(data)
  else forward(data.from, data.to)
}
