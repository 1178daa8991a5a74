/**
 * Rivals `postMessage-100`, `-1000` and `-4096`: the hops of `postMessage`, but one message carries so many records. And
 * `postMessage-1000-direct`, which has no forwarding thread.
 *
 * Records of bytes lie packed in one buffer, which is new for each message and moved, not copied (as fast as copying
 * one buffer). Orders travel as the JSON text of `[key, order]` pairs (1.4 to 2.5 times as fast as cloning the pairs).
 * The handler acknowledges every message to return credit, the forwarder, in case `awaited`, to resolve publishes: a
 * record is confirmed when the forwarder has its chunk, or, without one, when the handler has handled it. Keys travel
 * and are not looked at; `same-work` does what a broker does with them.
 * Sizes tried: windows of 16, 64 and 256 messages of 100.
 *
 *     | key 12 | value | key 12 | value | ...   (no keys in suite ring; all values are equally long)
 */
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  parentPort,
  type Worker,
  workerData,
} from 'node:worker_threads'
import { windowRecords as awaitedRecords, publishAwaited } from '../awaited.ts'
import { type Check, checkOf, type Order } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { keyBytes } from '../workload.ts'
import { CreditWindow } from './credit-window.ts'
import { nothing, Receipts } from './receipts.ts'

/** Records that are not handled yet, at most; of large chunks, eight of them. */
const unhandledRecords = 6_400
const chunksInFlight = 8

interface Shape {
  readonly chunkRecords: number
  readonly hasForwarder: boolean
}

interface HandleData {
  readonly rival: 'postMessage-packed'
  readonly role: 'handle'
  readonly from: MessagePort | null
  readonly check: Check
  readonly keyBytes: number
  readonly valueBytes: number
}

interface ForwardData {
  readonly rival: 'postMessage-packed'
  readonly role: 'forward'
  readonly to: MessagePort
  readonly recordBytes: number
  readonly confirms: boolean
}

interface TextChunk {
  readonly records: number
  readonly text: string
}

type Chunk = Uint8Array<ArrayBuffer> | TextChunk

export const postMessage100: Subject = by(100)
export const postMessage1000: Subject = by(1_000)
export const postMessage4096: Subject = by(4_096)
export const postMessage1000Direct: Subject = {
  name: 'postMessage-1000-direct',
  supports: () => true,
  start: spec => start(spec, { chunkRecords: 1_000, hasForwarder: false }),
}

function by(chunkRecords: number): Subject {
  return {
    name: `postMessage-${chunkRecords}`,
    supports: () => true,
    start: spec => start(spec, { chunkRecords, hasForwarder: spec.hops === 2 }),
  }
}

async function start(spec: Spec, shape: Shape): Promise<Running> {
  const { workload } = spec
  // A window of awaited records is flushed when it is complete: a larger buffer would never be full.
  const chunkRecords = spec.caseName === 'awaited' ? Math.min(shape.chunkRecords, awaitedRecords) : shape.chunkRecords
  const credit = new CreditWindow(Math.max(unhandledRecords, chunksInFlight * chunkRecords))
  const receipts = new Receipts()
  const prefixBytes = spec.hops === 2 ? keyBytes : 0
  const recordBytes = prefixBytes + workload.payloadBytes
  const threads: Worker[] = []
  const handleData: HandleData = {
    rival: 'postMessage-packed',
    role: 'handle',
    from: null,
    check: workload.check,
    keyBytes: prefixBytes,
    valueBytes: workload.payloadBytes,
  }
  let handler: Worker
  if (shape.hasForwarder) {
    const { port1, port2 } = new MessageChannel()
    handler = await startThread(import.meta.url, { ...handleData, from: port2 }, [port2])
    const confirms = spec.caseName === 'awaited'
    const forwardData: ForwardData = { rival: 'postMessage-packed', role: 'forward', to: port1, recordBytes, confirms }
    const forwarder = await startThread(import.meta.url, forwardData, [port1])
    forwarder.on('message', (records: number) => receipts.confirm(records, nothing))
    threads.push(forwarder)
  } else {
    handler = await startThread(import.meta.url, handleData)
  }
  threads.push(handler)
  const first = threads[0] as Worker
  const confirmsHandled = spec.caseName === 'awaited' && !shape.hasForwarder
  handler.on('message', (message: number | { sum: number }) => {
    if (typeof message !== 'number') return
    credit.give(message)
    if (confirmsHandled) receipts.confirm(message, nothing)
  })

  const writer = workload.check === 'json' ? createTextWriter() : createBytesWriter()

  function createBytesWriter(): ChunkWriter {
    let buffer = Buffer.from(new ArrayBuffer(chunkRecords * recordBytes))
    let end = 0
    return {
      add(i) {
        if (prefixBytes > 0) buffer.write(workload.key(i), end, 'latin1')
        buffer.set(workload.bytes(i), end + prefixBytes)
        end += recordBytes
      },
      send() {
        const chunk = new Uint8Array(buffer.buffer, 0, end)
        first.postMessage(chunk, [chunk.buffer])
        buffer = Buffer.from(new ArrayBuffer(chunkRecords * recordBytes))
        end = 0
      },
    }
  }

  function createTextWriter(): ChunkWriter {
    let pairs: (readonly [string, unknown])[] = []
    return {
      add(i) {
        pairs.push([workload.key(i), workload.value(i)])
      },
      send() {
        first.postMessage({ records: pairs.length, text: JSON.stringify(pairs) } satisfies TextChunk)
        pairs = []
      },
    }
  }

  let open = 0
  const add = (i: number): void => {
    writer.add(i)
    if (++open === chunkRecords) flush()
  }
  const flush = (): void => {
    if (open === 0) return
    credit.take(open)
    open = 0
    writer.send()
  }
  return {
    async run(records) {
      const elapsed = startStopwatch()
      let latenciesUs: readonly number[] = []
      if (spec.caseName === 'awaited') {
        const publish = (i: number): Promise<void> => {
          const receipt = receipts.next()
          add(i)
          return receipt
        }
        latenciesUs = await publishAwaited(records, publish, flush)
      } else {
        for (let i = 0; i < records; i++) {
          if (credit.spent) await credit.returned()
          add(i)
        }
        flush()
      }
      await credit.drained()
      return { seconds: elapsed(), latenciesUs }
    },
    async stop() {
      const reply = nextMessage<{ sum: number }>(handler)
      handler.postMessage('stop')
      const { sum } = await reply
      await Promise.all(threads.map(thread => thread.terminate()))
      return sum
    },
  }
}

interface ChunkWriter {
  add(record: number): void
  send(): void
}

function forward({ to, recordBytes, confirms }: ForwardData): void {
  parentPort?.on('message', (chunk: Chunk) => {
    // Read before the buffer moves on: afterwards it is empty here.
    const records = chunk instanceof Uint8Array ? chunk.length / recordBytes : chunk.records
    if (chunk instanceof Uint8Array) to.postMessage(chunk, [chunk.buffer])
    else to.postMessage(chunk)
    if (confirms) parentPort?.postMessage(records)
  })
}

function handle(options: HandleData): void {
  let sum = 0
  const onChunk = (chunk: Chunk): void => {
    if (!(chunk instanceof Uint8Array)) {
      for (const [, order] of JSON.parse(chunk.text) as [string, Order][]) sum += order.amount
      parentPort?.postMessage(chunk.records)
      return
    }
    const check = checkOf(options.check)
    const recordBytes = options.keyBytes + options.valueBytes
    for (let at = 0; at < chunk.length; at += recordBytes) sum += check(chunk, at + options.keyBytes, at + recordBytes)
    parentPort?.postMessage(chunk.length / recordBytes)
  }
  options.from?.on('message', onChunk)
  parentPort?.on('message', (message: Chunk | 'stop') => {
    if (message === 'stop') parentPort?.postMessage({ sum })
    else onChunk(message)
  })
}

const data = isMainThread ? undefined : (workerData as HandleData | ForwardData | undefined)
if (data?.rival === 'postMessage-packed') {
  if (data.role === 'forward') forward(data)
  else handle(data)
  parentPort?.postMessage('ready')
}
