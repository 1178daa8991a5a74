/**
 * How much the heaps of a ring's two threads grow while records pass: nothing should be made per record.
 *
 * A child process with `--expose-gc`, so that the collections of the measurement, and nothing of the other subjects, are
 * in it. In the child, main produces, each record published by itself, and a thread consumes. Both collect and look at
 * their heaps before and after a run; the growth is the sum of both.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import {
  BELL_BYTES,
  Doorbell,
  FULL,
  Memory,
  RingConsumer,
  RingProducer,
  ringBytes,
  Sleeper,
} from 'sharedarraybuffer-ring'
import { sumEnds } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Subject } from '../subject.ts'
import { nextMessage } from '../threads.ts'
import { createWorkload, poolSize } from '../workload.ts'
import { writeDoubles } from '../write-doubles.ts'

const childArgument = 'ring-heap-child'
/** Passed before anything is measured: code that is being compiled takes memory too. */
const warmUpRecords = 2_000_000
const capacity = 1 << 20
const headerBytes = 8
const spaceBell = 0
const recordsBell: number = BELL_BYTES
const ring: number = 2 * BELL_BYTES

interface Report {
  readonly heapBytes: number
  readonly sum: number
}

interface ChildReport extends Report {
  readonly seconds: number
}

export const ringHeap: Subject = {
  name: 'sharedarraybuffer-ring',
  supports: () => true,
  start,
}

async function start(): Promise<Running> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [childArgument], { execArgv: ['--expose-gc'] })
  await once(child, 'message')
  const pass = async (records: number): Promise<ChildReport> => {
    child.send(records)
    const [report] = (await once(child, 'message')) as [ChildReport]
    return report
  }
  await pass(warmUpRecords)
  let sum = 0
  return {
    async run(records) {
      const report = await pass(records)
      sum += report.sum
      return { seconds: report.seconds, heapBytes: report.heapBytes }
    },
    async stop() {
      const exited = once(child, 'exit')
      child.kill()
      await exited
      return sum
    },
  }
}

function collectedHeapBytes(): number {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

class Producer {
  readonly #memory: Memory
  readonly #ring: RingProducer
  readonly #bell: Doorbell
  readonly #sleeper: Sleeper
  readonly #values: Float64Array[]

  constructor(memory: Memory) {
    this.#memory = memory
    this.#ring = new RingProducer(memory, ring, capacity)
    this.#bell = new Doorbell(memory, recordsBell)
    this.#sleeper = new Sleeper(new Doorbell(memory, spaceBell), { keepsAlive: true })
    const workload = createWorkload('64', 'ends')
    this.#values = Array.from({ length: poolSize }, (_, i) => {
      const value = workload.bytes(i)
      return new Float64Array(value.buffer, value.byteOffset, value.length >> 3)
    })
  }

  async write(records: number): Promise<void> {
    const hasRoom = (): boolean => this.#ring.used() <= capacity / 2
    for (let next = 0; next < records; await this.#sleeper.sleepAsync(hasRoom)) next = this.#writeFrom(next, records)
  }

  /** Writes until the ring is full; the first record that did not fit, or `to`. */
  #writeFrom(from: number, to: number): number {
    for (let i = from; i < to; i++) {
      const value = this.#values[i % poolSize] as Float64Array
      const bytes = headerBytes + value.byteLength
      const address = this.#ring.claim(bytes)
      if (address === FULL) return i
      this.#memory.i32[address >> 2] = bytes
      writeDoubles(this.#memory.f64, (address + headerBytes) >> 3, value)
      this.#ring.advance(bytes)
      this.#ring.publish()
      this.#bell.ring()
    }
    return to
  }
}

class Consumer {
  readonly #memory: Memory
  readonly #ring: RingConsumer
  readonly #bell: Doorbell
  readonly #sleeper: Sleeper

  constructor(memory: Memory) {
    this.#memory = memory
    this.#ring = new RingConsumer(memory, ring, capacity)
    this.#bell = new Doorbell(memory, spaceBell)
    this.#sleeper = new Sleeper(new Doorbell(memory, recordsBell))
  }

  /** Reads so many records; the sum of their ends. */
  read(records: number): number {
    let sum = 0
    const ready = (): boolean => this.#ring.poll()
    for (let left = records; left > 0; ) {
      if (!this.#sleeper.sleep(ready)) continue
      for (let address = this.#ring.next(); address >= 0; address = this.#ring.next()) {
        const length = this.#memory.i32[address >> 2] as number
        sum += sumEnds(this.#memory.u8, address + headerBytes, address + length)
        this.#ring.advance(length)
        left--
      }
      if (this.#ring.release()) this.#bell.ring()
    }
    return sum
  }
}

async function measureInChild(): Promise<void> {
  const memory = Memory.allocate(ring + ringBytes(capacity))
  const worker = new Worker(new URL(import.meta.url), { workerData: { subject: 'ring-heap', memory: memory.handle } })
  await nextMessage(worker)
  const producer = new Producer(memory)
  process.on('message', async (records: number) => {
    const report = nextMessage<Report>(worker)
    const before = collectedHeapBytes()
    const elapsed = startStopwatch()
    worker.postMessage(records)
    await producer.write(records)
    const { sum, heapBytes } = await report
    const seconds = elapsed()
    process.send?.({ seconds, sum, heapBytes: heapBytes + collectedHeapBytes() - before } satisfies ChildReport)
  })
  process.send?.('ready')
}

if (!isMainThread && workerData?.subject === 'ring-heap') {
  const consumer = new Consumer(new Memory(workerData.memory))
  parentPort?.on('message', (records: number) => {
    const before = collectedHeapBytes()
    const sum = consumer.read(records)
    parentPort?.postMessage({ sum, heapBytes: collectedHeapBytes() - before } satisfies Report)
  })
  parentPort?.postMessage('ready')
} else if (process.argv[2] === childArgument && isMainThread) {
  measureInChild()
}
