/**
 * Our own subject for one hop: records through one ring, main -> consumer thread.
 *
 * Main waits for room without blocking, as the ring asks of it; the consumer spins briefly and then sleeps on its bell.
 * `ring-batch32` publishes and rings once per 32 records, `ring-each` once per record. The ring is the bound: 1 MiB.
 * Values up to 256 bytes are copied as doubles, longer ones by `set`: each is the faster there. Measured with WebAssembly's
 * atomics and with JavaScript's.
 *
 *     | i32 length of all | unused: 4 bytes | value |
 */
import { isMainThread, parentPort, type Worker, workerData } from 'node:worker_threads'
import {
  BELL_BYTES,
  Doorbell,
  FULL,
  Memory,
  type MemoryHandle,
  type MemoryKind,
  RingConsumer,
  RingProducer,
  ringBytes,
} from 'sharedarraybuffer-ring'
import { sumEnds } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { poolSize } from '../workload.ts'

const capacity = 1 << 20
const recordHeaderBytes = 8
const doublesBytesMax = 256
const batchRecords = 32
const spins = 300
const waitMaxMs = 100
/** Records after which the consumer hands room back, so that the producer need not wait for a whole ring. */
const releaseRecords = 256

const goalAddress = 0
const spaceBellAddress = 128
const recordsBellAddress: number = spaceBellAddress + BELL_BYTES
const ringAddress: number = recordsBellAddress + BELL_BYTES

interface ThreadData {
  readonly subject: 'ring'
  readonly memory: MemoryHandle
}

interface Report {
  readonly handled: number
  readonly sum: number
}

function subject(name: string, kind: MemoryKind): Subject {
  return { name, supports: () => true, start: spec => start(spec, kind) }
}

export const ring: Subject = subject('sharedarraybuffer-ring', 'wasm')
export const ringJs: Subject = subject('sharedarraybuffer-ring, js', 'js')

async function start({ caseName, workload }: Spec, kind: MemoryKind): Promise<Running> {
  const memory = Memory.allocate(ringAddress + ringBytes(capacity), kind)
  if (memory.kind !== kind) throw new Error(`this process has no ${kind} memory`)
  const consumer: Worker = await startThread(import.meta.url, {
    subject: 'ring',
    memory: memory.handle,
  } satisfies ThreadData)
  const producer = new RingProducer(memory, ringAddress, capacity)
  const spaceBell = new Doorbell(memory, spaceBellAddress)
  const recordsBell = new Doorbell(memory, recordsBellAddress)
  const batch = caseName === 'ring-batch32' ? batchRecords : 1
  const bytes = recordHeaderBytes + workload.payloadBytes
  const values = Array.from({ length: poolSize }, (_, i) => workload.bytes(i))
  const doubles = values.map(value => new Float64Array(value.buffer, value.byteOffset, value.length >> 3))
  const isSmall = workload.payloadBytes <= doublesBytesMax

  const publish = (): void => {
    producer.publish()
    recordsBell.ring()
  }
  /** Writes records until the ring is full; returns the first that did not fit, or `to`. */
  const writeFrom = (from: number, to: number): number => {
    for (let i = from; i < to; i++) {
      const address = producer.claim(bytes)
      if (address === FULL) return i
      memory.i32[address >> 2] = bytes
      const at = address + recordHeaderBytes
      if (isSmall) writeDoubles(memory.f64, at >> 3, doubles[i % poolSize] as Float64Array)
      else memory.u8.set(values[i % poolSize] as Uint8Array, at)
      producer.advance(bytes)
      if ((i + 1) % batch === 0) publish()
    }
    return to
  }
  const waitForRoom = async (): Promise<void> => {
    for (let spin = 0; spin < spins; spin++) if (producer.claim(bytes) !== FULL) return
    spaceBell.arm()
    if (producer.claim(bytes) === FULL) await spaceBell.waitAsync(waitMaxMs)
    spaceBell.disarm()
  }
  let sum = 0
  let goal = 0
  return {
    async run(records) {
      const report = nextMessage<Report>(consumer)
      const elapsed = startStopwatch()
      goal += records
      memory.store(goalAddress, goal)
      for (let next = 0; ; await waitForRoom()) {
        next = writeFrom(next, records)
        publish()
        if (next === records) break
      }
      const { handled, sum: total } = await report
      if (handled !== goal) throw new Error(`the consumer reported after ${handled} of ${goal} records`)
      sum = total
      return { seconds: elapsed() }
    },
    async stop() {
      await consumer.terminate()
      return sum
    },
  }
}

/** Eight loads, then eight stores: processors that may not load past an older store do this in a third of the time. */
function writeDoubles(target: Float64Array, at: number, source: Float64Array): void {
  for (let i = 0; i < source.length; i += 8, at += 8) {
    const a = source[i] as number
    const b = source[i + 1] as number
    const c = source[i + 2] as number
    const d = source[i + 3] as number
    const e = source[i + 4] as number
    const f = source[i + 5] as number
    const g = source[i + 6] as number
    const h = source[i + 7] as number
    target[at] = a
    target[at + 1] = b
    target[at + 2] = c
    target[at + 3] = d
    target[at + 4] = e
    target[at + 5] = f
    target[at + 6] = g
    target[at + 7] = h
  }
}

function consume(memory: Memory): void {
  const consumer = new RingConsumer(memory, ringAddress, capacity)
  const spaceBell = new Doorbell(memory, spaceBellAddress)
  const recordsBell = new Doorbell(memory, recordsBellAddress)
  let handled = 0
  let reported = 0
  let sum = 0
  const release = (): void => {
    if (consumer.release()) spaceBell.ring()
  }
  for (;;) {
    waitForRecords(consumer, recordsBell)
    for (let address = consumer.next(); address >= 0; address = consumer.next()) {
      const length = memory.i32[address >> 2] as number
      sum += sumEnds(memory.u8, address + recordHeaderBytes, address + length)
      consumer.advance(length)
      if (++handled % releaseRecords === 0) release()
    }
    release()
    if (handled !== reported && handled === memory.load(goalAddress)) {
      reported = handled
      parentPort?.postMessage({ handled, sum } satisfies Report)
    }
  }
}

function waitForRecords(consumer: RingConsumer, bell: Doorbell): void {
  for (let spin = 0; spin < spins; spin++) if (consumer.poll()) return
  bell.arm()
  if (!consumer.poll()) bell.wait(waitMaxMs)
  bell.disarm()
  consumer.poll()
}

const data = isMainThread ? undefined : (workerData as ThreadData | undefined)
if (data?.subject === 'ring') {
  parentPort?.postMessage('ready')
  consume(new Memory(data.memory))
}
