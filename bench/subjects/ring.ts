/**
 * Our own subject for one hop: records through one ring, main -> consumer thread.
 *
 * Main waits for room without blocking, as the ring asks of it; the consumer spins briefly and then sleeps on its bell.
 * `ring-batch32` publishes and rings once per 32 records, `ring-each` once per record. The ring is the bound: 1 MiB.
 * Values up to 256 bytes are copied word by word, longer ones by `set`: each is the faster there.
 *
 *     | i32 length of all | unused: 4 bytes | value |
 */
import { isMainThread, parentPort, type Worker, workerData } from 'node:worker_threads'
import { BELL_BYTES, Doorbell, FULL, Memory, RingConsumer, RingProducer, ringBytes } from 'sharedarraybuffer-ring'
import { sumEnds } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { poolSize } from '../workload.ts'

const capacity = 1 << 20
const recordHeaderBytes = 8
const wordCopyBytesMax = 256
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
  readonly buffer: SharedArrayBuffer
}

interface Report {
  readonly handled: number
  readonly sum: number
}

export const ring: Subject = {
  name: 'sharedarraybuffer-ring',
  supports: () => true,
  start,
}

async function start({ caseName, workload }: Spec): Promise<Running> {
  const memory = Memory.allocate(ringAddress + ringBytes(capacity))
  const consumer: Worker = await startThread(import.meta.url, {
    subject: 'ring',
    buffer: memory.buffer,
  } satisfies ThreadData)
  const producer = new RingProducer(memory, ringAddress, capacity)
  const spaceBell = new Doorbell(memory, spaceBellAddress)
  const recordsBell = new Doorbell(memory, recordsBellAddress)
  const batch = caseName === 'ring-each' ? 1 : batchRecords
  const bytes = recordHeaderBytes + workload.payloadBytes
  const values = Array.from({ length: poolSize }, (_, i) => {
    const value = workload.bytes(i)
    return { bytes: value, words: new Int32Array(value.buffer, value.byteOffset, value.length >> 2) }
  })

  const write = (address: number, i: number): void => {
    const value = values[i % poolSize] as (typeof values)[number]
    memory.i32[address >> 2] = bytes
    if (workload.payloadBytes > wordCopyBytesMax) {
      memory.u8.set(value.bytes, address + recordHeaderBytes)
    } else {
      const at = (address + recordHeaderBytes) >> 2
      for (let word = 0; word < value.words.length; word++) memory.i32[at + word] = value.words[word] as number
    }
  }
  const publish = (): void => {
    producer.publish()
    recordsBell.ring()
  }
  const claimWhenRoom = async (): Promise<number> => {
    publish()
    for (;;) {
      for (let spin = 0; spin < spins; spin++) {
        const address = producer.claim(bytes)
        if (address !== FULL) return address
      }
      spaceBell.arm()
      const address = producer.claim(bytes)
      if (address === FULL) await spaceBell.waitAsync(waitMaxMs)
      spaceBell.disarm()
      if (address !== FULL) return address
    }
  }
  let sum = 0
  let goal = 0
  return {
    async run(records) {
      const report = nextMessage<Report>(consumer)
      const elapsed = startStopwatch()
      goal += records
      memory.store(goalAddress, goal)
      for (let i = 0; i < records; i++) {
        let address = producer.claim(bytes)
        if (address === FULL) address = await claimWhenRoom()
        write(address, i)
        producer.advance(bytes)
        if ((i + 1) % batch === 0) publish()
      }
      publish()
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
  consume(new Memory(data.buffer))
}
