/**
 * Our own subject for one writer and three readers: records through a window, one thread -> three threads, all of them
 * to each.
 *
 * The writer writes in place and commits 32 records at a time; each reader looks at the bytes where they are, between
 * `enter` and `leave`, and copies out only the record that wraps. The rate counts each record once, so that it is what
 * each reader gets; the total is that of one reader, and all three must agree on it.
 *
 *     | i32 length of all | unused: 4 bytes | value |
 */
import { isMainThread, parentPort, type Worker, workerData } from 'node:worker_threads'
import {
  BELL_BYTES,
  Doorbell,
  GATE_BYTES,
  type GateTicket,
  Memory,
  type MemoryHandle,
  ReaderGate,
  Sleeper,
  WindowGates,
  WindowReader,
  WindowWriter,
  WRAPS,
  windowBytes,
} from 'sharedarraybuffer-ring'
import { sumEnds } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { createWorkload, type PayloadName, poolSize } from '../workload.ts'
import { writeDoubles } from '../write-doubles.ts'

const readers = 3
const capacity = 1 << 22
const headerBytes = 8
const batchRecords = 32
/** Bytes that a reader looks at between `enter` and `leave`, so that the writer need not wait for the whole window. */
const turnBytes = 32_768
/** Room that the writer waits for, and after which a reader tells it: it is not woken for less. */
const roomBytes: number = capacity / 4
/** A reader that found fewer bytes than this is ahead of the writer: it naps, and finds many records together. */
const fewBytes = 32_768
const napMs = 0.1

const writerBell = 0
const readerBells: number = writerBell + BELL_BYTES
const gates: number = readerBells + readers * BELL_BYTES
const windowAddress: number = gates + readers * GATE_BYTES

interface ThreadData {
  readonly subject: 'window'
  readonly memory: MemoryHandle
  readonly payload: PayloadName
  /** `null`: the writer. */
  readonly reader: { readonly index: number; readonly ticket: GateTicket } | null
}

export const logWindow: Subject = {
  name: 'log-window-3',
  supports: () => true,
  start,
}

async function start({ workload }: Spec): Promise<Running> {
  const memory = Memory.allocate(windowAddress + windowBytes(capacity))
  const base = { subject: 'window', memory: memory.handle, payload: workload.payload } as const
  // Before the writer's thread is there, this one is the writer, and opens the gates.
  const opener = new WindowWriter(memory, windowAddress, capacity, new WindowGates(memory, gates, readers))
  const threads: Worker[] = []
  for (let index = 0; index < readers; index++) {
    const ticket = opener.attach()
    if (ticket === null) throw new Error('there are as many gates as readers')
    threads.push(await startThread(import.meta.url, { ...base, reader: { index, ticket } } satisfies ThreadData))
  }
  const writer = await startThread(import.meta.url, { ...base, reader: null } satisfies ThreadData)
  let sum = 0
  return {
    async run(records) {
      const totals = threads.map(thread => nextMessage<number>(thread))
      const elapsed = startStopwatch()
      for (const thread of [...threads, writer]) thread.postMessage(records)
      const [first = Number.NaN, ...others] = await Promise.all(totals)
      const seconds = elapsed()
      if (others.some(other => other !== first)) throw new Error(`the readers disagree: ${[first, ...others]}`)
      sum += first
      return { seconds }
    },
    async stop() {
      await Promise.all([...threads, writer].map(thread => thread.terminate()))
      return sum
    },
  }
}

/** Returns what writes so many records. */
function writing(memory: Memory, payload: PayloadName): (records: number) => Promise<void> {
  const writer = new WindowWriter(memory, windowAddress, capacity, new WindowGates(memory, gates, readers))
  const workload = createWorkload(payload, 'ends')
  const sleeper = new Sleeper(new Doorbell(memory, writerBell))
  const bells = Array.from({ length: readers }, (_, index) => new Doorbell(memory, readerBells + index * BELL_BYTES))
  const values = Array.from({ length: poolSize }, (_, i) => {
    const value = workload.bytes(i)
    return new Float64Array(value.buffer, value.byteOffset, value.length >> 3)
  })
  const bytes = headerBytes + workload.payloadBytes
  const batchBytes = batchRecords * bytes
  const scratch = new Float64Array(bytes >> 3)
  const scratchBytes = new Uint8Array(scratch.buffer)
  new Int32Array(scratch.buffer)[0] = bytes

  const place = (address: number, value: Float64Array): void => {
    memory.i32[address >> 2] = bytes
    writeDoubles(memory.f64, (address + headerBytes) >> 3, value)
  }
  /** Where a batch would wrap it is written record by record, and the one that does is copied in. */
  const write = (value: Float64Array): void => {
    const address = writer.claim(bytes)
    if (address === WRAPS) {
      scratch.set(value, headerBytes >> 3)
      writer.writeIn(scratchBytes)
      return
    }
    place(address, value)
    writer.advance(bytes)
  }
  const commit = (): void => {
    writer.commit()
    for (const bell of bells) bell.ring()
  }
  /** Writes until the window is full; the first record that did not fit, or `to`. */
  const writeFrom = (from: number, to: number): number => {
    for (let i = from; i < to; ) {
      if (writer.free() < batchBytes && writer.reclaim() < batchBytes) return i
      const end = Math.min(i + batchRecords, to)
      let address = writer.claim((end - i) * bytes)
      if (address === WRAPS) for (; i < end; i++) write(values[i % poolSize] as Float64Array)
      else {
        writer.advance((end - i) * bytes)
        for (; i < end; i++, address += bytes) place(address, values[i % poolSize] as Float64Array)
      }
      commit()
    }
    return to
  }
  const hasRoom = (): boolean => writer.reclaim() >= roomBytes
  return async records => {
    for (let next = 0; ; await sleeper.sleepAsync(hasRoom)) {
      next = writeFrom(next, records)
      if (next === records) return
    }
  }
}

/** Returns what takes so many records and adds up their ends. */
function reading(memory: Memory, { index, ticket }: NonNullable<ThreadData['reader']>): (records: number) => number {
  const gate = new ReaderGate(memory, ticket)
  const reader = new WindowReader(memory, windowAddress, capacity)
  const writer = new Doorbell(memory, writerBell)
  const bell = new Doorbell(memory, readerBells + index * BELL_BYTES)
  const sleeper = new Sleeper(bell)
  const ready = (): boolean => reader.end() !== gate.position
  const wrapped = new Uint8Array(4_096)
  let handled = 0
  let sum = 0
  /** Looks at whole records up to `end`, `turnBytes` at most; where it stopped. */
  const walk = (end: number): number => {
    // Variables of the closure are written to memory each time.
    let seen = 0
    let total = 0
    let position = gate.position
    const until = ((end - position) | 0) > turnBytes ? (position + turnBytes) | 0 : end
    while (((until - position) | 0) > 0) {
      const from = reader.addressOf(position)
      const stop = from + Math.min((until - position) | 0, reader.untilWrap(position))
      let at = from
      let length = 0
      for (; at < stop; at += length, seen++) {
        length = memory.i32[at >> 2] as number
        if (at + length > stop) break
        total += sumEnds(memory.u8, at + headerBytes, at + length)
      }
      position = (position + at - from) | 0
      if (at === stop) continue
      // It wraps, or goes beyond this turn.
      reader.copyOut(position, length, wrapped, 0)
      total += sumEnds(wrapped, headerBytes, length)
      position = (position + length) | 0
      seen++
    }
    handled += seen
    sum += total
    return position
  }
  return records => {
    sum = 0
    for (handled = 0; handled < records; ) {
      if (!sleeper.sleep(ready)) continue
      const before = gate.position
      let told = gate.position
      while (ready()) {
        if (!gate.enter()) throw new Error('nobody ends this reader')
        gate.leave(walk(reader.end()))
        if (((gate.position - told) | 0) < roomBytes) continue
        told = gate.position
        writer.ring()
      }
      writer.ring()
      if (((gate.position - before) | 0) < fewBytes && handled < records) bell.nap(napMs)
    }
    return sum
  }
}

const data = isMainThread ? undefined : (workerData as ThreadData | undefined)
if (data?.subject === 'window') {
  const memory = new Memory(data.memory)
  if (data.reader === null) {
    const write = writing(memory, data.payload)
    parentPort?.on('message', write)
  } else {
    const read = reading(memory, data.reader)
    parentPort?.on('message', (records: number) => parentPort?.postMessage(read(records)))
  }
  parentPort?.postMessage('ready')
}
