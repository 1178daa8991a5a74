/**
 * Our own round trip: a record through one ring, and its answer through another.
 *
 * `ring-round-trip`: two threads, both parked in `Atomics.wait`. `ring-round-trip-async`: main waits by `waitAsync`, the
 * other thread in `Atomics.wait`. Nobody spins, though the sleeper would: what is measured is the parked way.
 *
 *     | i32 length of all | unused: 4 bytes | value, or the answer: f64 sum of the value's ends |
 */
import { isMainThread, parentPort, type Worker, workerData } from 'node:worker_threads'
import {
  BELL_BYTES,
  Doorbell,
  FULL,
  Memory,
  type MemoryHandle,
  RingConsumer,
  RingProducer,
  ringBytes,
  Sleeper,
} from 'sharedarraybuffer-ring'
import { sumEnds } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Sample, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { createWorkload, poolSize } from '../workload.ts'
import { writeDoubles } from '../write-doubles.ts'

const capacity = 4_096
const headerBytes = 8
const answerBytes = 16
const askerBell = 0
const answererBell: number = BELL_BYTES
const there: number = 2 * BELL_BYTES
const back: number = there + ringBytes(capacity)
const memoryBytes: number = back + ringBytes(capacity)

interface ThreadData {
  readonly subject: 'round-trip'
  readonly role: 'asks' | 'answers'
  readonly memory: MemoryHandle
}

export const roundTrip: Subject = {
  name: 'sharedarraybuffer-ring',
  supports: () => true,
  start,
}

async function start({ caseName }: Spec): Promise<Running> {
  const memory = Memory.allocate(memoryBytes)
  const startRole = (role: ThreadData['role']): Promise<Worker> =>
    startThread(import.meta.url, { subject: 'round-trip', role, memory: memory.handle } satisfies ThreadData)
  const answering = await startRole('answers')
  const asking = caseName === 'ring-round-trip' ? await startRole('asks') : null
  const asker = asking === null ? new Asker(memory) : null
  let sum = 0
  return {
    async run(records) {
      if (asking === null) {
        const sample = (await asker?.askAsync(records)) as Sample & { readonly sum: number }
        sum += sample.sum
        return sample
      }
      const answer = nextMessage<Sample & { readonly sum: number }>(asking)
      asking.postMessage(records)
      const sample = await answer
      sum += sample.sum
      return sample
    },
    async stop() {
      await Promise.all([answering.terminate(), asking?.terminate()])
      return sum
    },
  }
}

class Asker {
  readonly #memory: Memory
  readonly #requests: RingProducer
  readonly #answers: RingConsumer
  readonly #bell: Doorbell
  readonly #sleeper: Sleeper
  readonly #values: Float64Array[]
  readonly #ready: () => boolean

  constructor(memory: Memory) {
    this.#memory = memory
    this.#requests = new RingProducer(memory, there, capacity)
    this.#answers = new RingConsumer(memory, back, capacity)
    this.#bell = new Doorbell(memory, answererBell)
    this.#sleeper = new Sleeper(new Doorbell(memory, askerBell), { spinsMax: 0, keepsAlive: true })
    const workload = createWorkload('64', 'ends')
    this.#values = Array.from({ length: poolSize }, (_, i) => {
      const value = workload.bytes(i)
      return new Float64Array(value.buffer, value.byteOffset, value.length >> 3)
    })
    this.#ready = () => this.#answers.poll()
  }

  #send(i: number): void {
    const value = this.#values[i % poolSize] as Float64Array
    const bytes = headerBytes + value.byteLength
    const address = this.#requests.claim(bytes)
    if (address === FULL) throw new Error('a ring with one record in it is full')
    this.#memory.i32[address >> 2] = bytes
    writeDoubles(this.#memory.f64, (address + headerBytes) >> 3, value)
    this.#requests.advance(bytes)
    this.#requests.publish()
    this.#bell.ring()
  }

  #receive(): number {
    const address = this.#answers.next()
    const answer = this.#memory.f64[(address + headerBytes) >> 3] as number
    this.#answers.advance(answerBytes)
    this.#answers.release()
    return answer
  }

  ask(records: number): Sample & { readonly sum: number } {
    const latenciesUs = new Float64Array(records)
    let sum = 0
    const elapsed = startStopwatch()
    for (let i = 0; i < records; i++) {
      const since = performance.now()
      this.#send(i)
      while (!this.#sleeper.sleep(this.#ready));
      sum += this.#receive()
      latenciesUs[i] = (performance.now() - since) * 1e3
    }
    return { seconds: elapsed(), latenciesUs, sum }
  }

  async askAsync(records: number): Promise<Sample & { readonly sum: number }> {
    const latenciesUs = new Float64Array(records)
    let sum = 0
    const elapsed = startStopwatch()
    for (let i = 0; i < records; i++) {
      const since = performance.now()
      this.#send(i)
      while (!(await this.#sleeper.sleepAsync(this.#ready)));
      sum += this.#receive()
      latenciesUs[i] = (performance.now() - since) * 1e3
    }
    return { seconds: elapsed(), latenciesUs, sum }
  }
}

function answer(memory: Memory): never {
  const requests = new RingConsumer(memory, there, capacity)
  const answers = new RingProducer(memory, back, capacity)
  const bell = new Doorbell(memory, askerBell)
  const sleeper = new Sleeper(new Doorbell(memory, answererBell), { spinsMax: 0 })
  const ready = (): boolean => requests.poll()
  for (;;) {
    if (!sleeper.sleep(ready)) continue
    const request = requests.next()
    const length = memory.i32[request >> 2] as number
    const address = answers.claim(answerBytes)
    memory.i32[address >> 2] = answerBytes
    memory.f64[(address + headerBytes) >> 3] = sumEnds(memory.u8, request + headerBytes, request + length)
    answers.advance(answerBytes)
    requests.advance(length)
    requests.release()
    answers.publish()
    bell.ring()
  }
}

const data = isMainThread ? undefined : (workerData as ThreadData | undefined)
if (data?.subject === 'round-trip') {
  const memory = new Memory(data.memory)
  parentPort?.postMessage('ready')
  if (data.role === 'answers') answer(memory)
  const asker = new Asker(memory)
  parentPort?.on('message', (records: number) => parentPort?.postMessage(asker.ask(records)))
}
