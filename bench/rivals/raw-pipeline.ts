/**
 * Rival `raw-pipeline`: the bare path main -> rings -> middle thread -> windows -> handler thread.
 *
 * It has no keys, offsets, timestamps, acks, codecs or restarts: what it reaches is the limit that the same three
 * threads set, not something a broker can be asked to reach. Every thread, main too, parks in `Atomics.wait`. Records go
 * round the partitions; the middle thread copies whatever a ring holds into that partition's window in one piece. The
 * handler checks that record ids rise within each partition, and does with each value what all handlers do.
 *
 * Ring and window, both with free-running Int32 positions; a full one blocks its writer:
 *
 *     0       128            1024
 *     | tail  | head | ...   | record | record | ... | padding | (wraps)
 *
 *     record:  | length: i32 | id: i32 | length bytes, a multiple of 8 |
 *     padding: | -1: i32     | bytes to the ring's end, this word included: i32 |
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { type Check, checkOf } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { partitions, poolSize } from '../workload.ts'
import { writeDoubles } from '../write-doubles.ts'
import { createBell, park, wake } from './bell.ts'

const ringBytes = 1 << 20
const windowBytes = 1 << 22
const headerBytes = 1024
const recordHeaderBytes = 8
/** Records of a partition that become visible together. */
const publishRecords = 64

/** Control words, as Int32 indexes. */
const tailWord = 0
const headWord = 32

interface ThreadData {
  readonly rival: 'raw-pipeline'
  readonly role: 'middle' | 'handle'
  readonly rings: readonly SharedArrayBuffer[]
  readonly windows: readonly SharedArrayBuffer[]
  /** Of main, the middle thread and the handler. */
  readonly bells: readonly [SharedArrayBuffer, SharedArrayBuffer, SharedArrayBuffer]
  /** One Int32: how many records the handler has to handle before it reports. */
  readonly goal: SharedArrayBuffer
  readonly check: Check
}

interface Report {
  readonly inOrder: boolean
  readonly sum: number
}

export const rawPipeline: Subject = {
  name: 'raw-pipeline',
  // It has one way of publishing, set beside every way of ours; it knows nothing but bytes.
  supports: spec => spec.workload.check !== 'json',
  start,
}

async function start({ workload }: Spec): Promise<Running> {
  const shared = {
    rival: 'raw-pipeline',
    rings: Array.from({ length: partitions }, () => new SharedArrayBuffer(headerBytes + ringBytes)),
    windows: Array.from({ length: partitions }, () => new SharedArrayBuffer(headerBytes + windowBytes)),
    bells: [createBell(), createBell(), createBell()],
    goal: new SharedArrayBuffer(4),
    check: workload.check,
  } as const
  const [middle, handler] = await Promise.all([
    startThread(import.meta.url, { ...shared, role: 'middle' } satisfies ThreadData),
    startThread(import.meta.url, { ...shared, role: 'handle' } satisfies ThreadData),
  ])
  const goal = new Int32Array(shared.goal)
  const values = Array.from({ length: poolSize }, (_, i) => new Float64Array(workload.bytes(i).buffer))
  const publish = createProducer(shared, values)
  let sum = 0
  return {
    async run(records) {
      const report = nextMessage<Report>(handler)
      const elapsed = startStopwatch()
      const firstId = Atomics.load(goal, 0)
      Atomics.store(goal, 0, firstId + records)
      publish(firstId, records)
      const { inOrder, sum: total } = await report
      if (!inOrder) throw new Error('raw-pipeline handled records out of order')
      sum = total
      return { seconds: elapsed() }
    },
    async stop() {
      await Promise.all([middle.terminate(), handler.terminate()])
      return sum
    },
  }
}

function createProducer(
  { rings: ringBuffers, bells }: Pick<ThreadData, 'rings' | 'bells'>,
  /** Of record 0 and those after it, in turn; equally long. */
  values: readonly Float64Array[],
): (firstId: number, records: number) => void {
  const rings = ringBuffers.map(buffer => ({
    control: new Int32Array(buffer, 0, headerBytes >> 2),
    ints: new Int32Array(buffer, headerBytes),
    doubles: new Float64Array(buffer, headerBytes),
    tail: 0,
    head: 0,
    unpublished: 0,
  }))
  const ownBell = new Int32Array(bells[0])
  const middleBell = new Int32Array(bells[1])
  const valueBytes = (values[0] as Float64Array).byteLength
  const recordBytes = recordHeaderBytes + valueBytes

  return (firstId, records) => {
    for (let n = 0; n < records; n++) {
      const ring = rings[n & (partitions - 1)] as (typeof rings)[number]
      let position = ring.tail & (ringBytes - 1)
      const toEnd = ringBytes - position
      const needed = recordBytes > toEnd ? recordBytes + toEnd : recordBytes
      if (((ring.tail + needed - ring.head) | 0) > ringBytes) {
        ring.head = Atomics.load(ring.control, headWord)
        while (((ring.tail + needed - ring.head) | 0) > ringBytes) {
          Atomics.store(ring.control, tailWord, ring.tail)
          ring.unpublished = 0
          wake(middleBell)
          park(ownBell, () => {
            ring.head = Atomics.load(ring.control, headWord)
            return ((ring.tail + needed - ring.head) | 0) <= ringBytes
          })
        }
      }
      if (recordBytes > toEnd) {
        ring.ints[position >> 2] = -1
        ring.ints[(position >> 2) + 1] = toEnd
        ring.tail = (ring.tail + toEnd) | 0
        position = 0
      }
      ring.ints[position >> 2] = valueBytes
      ring.ints[(position >> 2) + 1] = firstId + n
      writeDoubles(ring.doubles, (position >> 3) + 1, values[n % poolSize] as Float64Array)
      ring.tail = (ring.tail + recordBytes) | 0
      if (++ring.unpublished >= publishRecords) {
        ring.unpublished = 0
        Atomics.store(ring.control, tailWord, ring.tail)
        wake(middleBell)
      }
    }
    for (const ring of rings) Atomics.store(ring.control, tailWord, ring.tail)
    wake(middleBell)
  }
}

function moveRecords({ rings: ringBuffers, windows: windowBuffers, bells }: ThreadData): void {
  const lanes = ringBuffers.map((ringBuffer, partition) => {
    const windowBuffer = windowBuffers[partition] as SharedArrayBuffer
    return {
      ringControl: new Int32Array(ringBuffer, 0, headerBytes >> 2),
      ringBytes: new Uint8Array(ringBuffer, headerBytes),
      windowControl: new Int32Array(windowBuffer, 0, headerBytes >> 2),
      windowBytes: new Uint8Array(windowBuffer, headerBytes),
      head: 0,
      tail: 0,
      gate: 0,
    }
  })
  const [mainBell, ownBell, handlerBell] = bells.map(bell => new Int32Array(bell)) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ]
  const canMove = (): boolean =>
    lanes.some(
      lane =>
        Atomics.load(lane.ringControl, tailWord) !== lane.head &&
        windowBytes - ((lane.tail - Atomics.load(lane.windowControl, headWord)) | 0) > 0,
    )
  for (;;) {
    let moved = false
    for (const lane of lanes) {
      const available = (Atomics.load(lane.ringControl, tailWord) - lane.head) | 0
      if (available === 0) continue
      const from = lane.head & (ringBytes - 1)
      const to = lane.tail & (windowBytes - 1)
      // Padding is copied with the rest: the ring's size divides the window's, so both wrap together.
      const chunk = Math.min(available, ringBytes - from, windowBytes - to)
      if (windowBytes - ((lane.tail - lane.gate) | 0) < chunk) {
        lane.gate = Atomics.load(lane.windowControl, headWord)
        if (windowBytes - ((lane.tail - lane.gate) | 0) < chunk) continue
      }
      lane.windowBytes.set(lane.ringBytes.subarray(from, from + chunk), to)
      lane.head = (lane.head + chunk) | 0
      lane.tail = (lane.tail + chunk) | 0
      Atomics.store(lane.ringControl, headWord, lane.head)
      Atomics.store(lane.windowControl, tailWord, lane.tail)
      moved = true
    }
    if (moved) {
      wake(handlerBell)
      wake(mainBell)
    } else park(ownBell, canMove)
  }
}

function handleRecords({ windows: buffers, bells, goal: goalBuffer, check }: ThreadData): void {
  const checkBytes = checkOf(check)
  const windows = buffers.map(buffer => ({
    control: new Int32Array(buffer, 0, headerBytes >> 2),
    ints: new Int32Array(buffer, headerBytes),
    bytes: new Uint8Array(buffer, headerBytes),
    head: 0,
    lastId: -1,
  }))
  const middleBell = new Int32Array(bells[1])
  const ownBell = new Int32Array(bells[2])
  const goal = new Int32Array(goalBuffer)
  const hasRecords = (): boolean => windows.some(window => Atomics.load(window.control, tailWord) !== window.head)
  let handled = 0
  let reported = 0
  let inOrder = true
  let sum = 0
  for (;;) {
    let any = false
    for (const window of windows) {
      const tail = Atomics.load(window.control, tailWord)
      if (tail === window.head) continue
      any = true
      while (window.head !== tail) {
        const position = window.head & (windowBytes - 1)
        const length = window.ints[position >> 2] as number
        const second = window.ints[(position >> 2) + 1] as number
        if (length < 0) {
          window.head = (window.head + second) | 0
          continue
        }
        if (second <= window.lastId) inOrder = false
        window.lastId = second
        const from = position + recordHeaderBytes
        sum += checkBytes(window.bytes, from, from + length)
        handled++
        window.head = (window.head + recordHeaderBytes + length) | 0
      }
      Atomics.store(window.control, headWord, window.head)
    }
    if (handled !== reported && handled === Atomics.load(goal, 0)) {
      reported = handled
      parentPort?.postMessage({ inOrder, sum } satisfies Report)
    }
    if (any) wake(middleBell)
    else park(ownBell, hasRecords)
  }
}

const data = isMainThread ? undefined : (workerData as ThreadData | undefined)
if (data?.rival === 'raw-pipeline') {
  parentPort?.postMessage('ready')
  if (data.role === 'middle') moveRecords(data)
  else handleRecords(data)
}
