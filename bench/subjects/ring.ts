/**
 * Our own subject for one hop: records through one ring, from a producing thread to a consuming one.
 *
 * Both threads are new in every round and have one memory each, as a thread of an application has: call sites that have
 * seen several memories are not inlined. The producer waits for room without blocking its event loop, as the main
 * thread must; the consumer parks. `ring-batch32` publishes and rings once per 32 records, `ring-each` once per record.
 * The ring is the bound: 4 MiB, because one of 1 MiB is full before its consumer's nap is over. Values up to 256 bytes
 * are copied as doubles, longer ones by `set`: each is the faster there. Measured with WebAssembly's atomics and with
 * JavaScript's.
 *
 *     | i32 length of all | unused: 4 bytes | value |
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import {
  align8,
  BELL_BYTES,
  Doorbell,
  FULL,
  Memory,
  type MemoryHandle,
  type MemoryKind,
  RingConsumer,
  RingProducer,
  ringBytes,
  Sleeper,
} from 'sharedarraybuffer-ring'
import { sumEnds } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { CaseName, Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { createWorkload, type PayloadName, poolSize } from '../workload.ts'
import { writeDoubles } from '../write-doubles.ts'

const capacity = 1 << 22
const recordHeaderBytes = 8
const doublesBytesMax = 256
const batchRecords = 32
/** Records after which the consumer hands room back, so that the producer need not wait for a whole ring. */
const releaseRecords = 256
/** Room that the producer waits for, so that it is not woken for one record. */
const roomBytes = 65_536
/**
 * A consumer that found fewer bytes than this is ahead of its producer: it naps, as a partition does under load, and finds
 * many records together. Following each publication at once costs both a cache miss a record.
 */
const fewBytes = 32_768
const napMs = 0.1

const spaceBellAddress = 0
const recordsBellAddress: number = BELL_BYTES
const ringAddress: number = 2 * BELL_BYTES

interface ThreadData {
  readonly subject: 'ring'
  readonly role: 'produces' | 'consumes'
  readonly memory: MemoryHandle
  readonly caseName: CaseName
  readonly payload: PayloadName
}

function subject(name: string, kind: MemoryKind): Subject {
  return { name, supports: () => true, start: spec => start(spec, kind) }
}

export const ring: Subject = subject('sharedarraybuffer-ring', 'wasm')
export const ringJs: Subject = subject('sharedarraybuffer-ring, js', 'js')

async function start({ caseName, workload }: Spec, kind: MemoryKind): Promise<Running> {
  const memory = Memory.allocate(ringAddress + ringBytes(capacity), kind)
  if (memory.kind !== kind) throw new Error(`this process has no ${kind} memory`)
  const base = { subject: 'ring', memory: memory.handle, caseName, payload: workload.payload } as const
  const consumer = await startThread(import.meta.url, { ...base, role: 'consumes' } satisfies ThreadData)
  const producer = await startThread(import.meta.url, { ...base, role: 'produces' } satisfies ThreadData)
  let sum = 0
  return {
    async run(records) {
      const total = nextMessage<number>(consumer)
      const elapsed = startStopwatch()
      consumer.postMessage(records)
      producer.postMessage(records)
      sum += await total
      return { seconds: elapsed() }
    },
    async stop() {
      await Promise.all([consumer.terminate(), producer.terminate()])
      return sum
    },
  }
}

/** Returns what publishes so many records. */
function producing(memory: Memory, { caseName, payload }: ThreadData): (records: number) => Promise<void> {
  const producer = new RingProducer(memory, ringAddress, capacity)
  const sleeper = new Sleeper(new Doorbell(memory, spaceBellAddress))
  const recordsBell = new Doorbell(memory, recordsBellAddress)
  const workload = createWorkload(payload, 'ends')
  const batch = caseName === 'ring-each' ? 1 : batchRecords
  const bytes = recordHeaderBytes + workload.payloadBytes
  const values = Array.from({ length: poolSize }, (_, i) => workload.bytes(i))
  const doubles = values.map(value => new Float64Array(value.buffer, value.byteOffset, value.length >> 3))
  const isSmall = workload.payloadBytes <= doublesBytesMax

  const publish = (): void => {
    producer.publish()
    recordsBell.ring()
  }
  const stride = align8(bytes)
  /** Writes records until the ring is full; returns the first that did not fit, or `to`. Room is claimed once a batch. */
  const writeFrom = (from: number, to: number): number => {
    for (let i = from; i < to; ) {
      const first = i
      const end = Math.min(to, i + batch)
      const address = producer.claim((end - i) * stride)
      if (address === FULL) return i
      for (let record = address; i < end; i++, record += stride) {
        memory.i32[record >> 2] = bytes
        const at = record + recordHeaderBytes
        if (isSmall) writeDoubles(memory.f64, at >> 3, doubles[i % poolSize] as Float64Array)
        else memory.u8.set(values[i % poolSize] as Uint8Array, at)
      }
      producer.advance((end - first) * stride)
      publish()
    }
    return to
  }
  const hasRoom = (): boolean => producer.used() <= capacity - roomBytes
  return async records => {
    for (let next = 0; ; await sleeper.sleepAsync(hasRoom)) {
      next = writeFrom(next, records)
      publish()
      if (next === records) return
    }
  }
}

/** Returns what takes so many records and adds up their ends. */
function consuming(memory: Memory): (records: number) => number {
  const consumer = new RingConsumer(memory, ringAddress, capacity)
  const bell = new Doorbell(memory, recordsBellAddress)
  const sleeper = new Sleeper(bell)
  const spaceBell = new Doorbell(memory, spaceBellAddress)
  let handled = 0
  const release = (): void => {
    if (consumer.release()) spaceBell.ring()
  }
  /** Returns the sum. It grows in a local variable: one of the closure would be written to memory for each record. */
  const takeAll = (): number => {
    let sum = 0
    let taken = 0
    for (let address = consumer.next(); address >= 0; address = consumer.next()) {
      const length = memory.i32[address >> 2] as number
      sum += sumEnds(memory.u8, address + recordHeaderBytes, address + length)
      consumer.advance(length)
      if (++taken % releaseRecords === 0) release()
    }
    release()
    handled += taken
    return sum
  }
  const ready = (): boolean => consumer.poll()
  return records => {
    let sum = 0
    for (handled = 0; handled < records; ) {
      if (!sleeper.sleep(ready)) continue
      const before = consumer.head
      sum += takeAll()
      if (((consumer.head - before) | 0) < fewBytes && handled < records) bell.nap(napMs)
    }
    return sum
  }
}

const data = isMainThread ? undefined : (workerData as ThreadData | undefined)
if (data?.subject === 'ring') {
  const memory = new Memory(data.memory)
  if (data.role === 'produces') {
    const publish = producing(memory, data)
    parentPort?.on('message', publish)
  } else {
    const take = consuming(memory)
    parentPort?.on('message', (records: number) => parentPort?.postMessage(take(records)))
  }
  parentPort?.postMessage('ready')
}
