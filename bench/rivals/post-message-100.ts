/**
 * Rival `postMessage-100`: the hops of `postMessage`, but one message carries 100 records.
 *
 * Records of bytes lie packed in one buffer, which is new for each message and moved, not copied (as fast as copying
 * one buffer). Orders travel as the JSON text of 100 `[key, order]` pairs (1.4 to 2.5 times as fast as cloning the
 * pairs). The handler acknowledges every message to return credit, the forwarder, in case `awaited`, to resolve
 * publishes: a record is confirmed when the forwarder has its hundred. Whatever the case, publishing is the same.
 * Sizes tried: windows of 16, 64 and 256 messages.
 *
 *     | key 12 | value | key 12 | value | ...   (no keys with one hop; all values are equally long)
 */
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  parentPort,
  type Worker,
  workerData,
} from 'node:worker_threads'
import { publishAwaited } from '../awaited.ts'
import { type Check, type Order, sumBytes, sumEnds } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { keyBytes } from '../workload.ts'
import { CreditWindow } from './credit-window.ts'
import { Receipts } from './receipts.ts'

const chunkRecords = 100
const windowRecords = 64 * chunkRecords

interface HandleData {
  readonly rival: 'postMessage-100'
  readonly role: 'handle'
  readonly from: MessagePort | null
  readonly check: Check
  readonly keyBytes: number
  readonly valueBytes: number
}

interface ForwardData {
  readonly rival: 'postMessage-100'
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

export const postMessage100: Subject = {
  name: 'postMessage-100',
  supports: () => true,
  start,
}

async function start(spec: Spec): Promise<Running> {
  const { workload } = spec
  const credit = new CreditWindow(windowRecords)
  const receipts = new Receipts()
  const prefixBytes = spec.hops === 2 ? keyBytes : 0
  const recordBytes = prefixBytes + workload.payloadBytes
  const threads: Worker[] = []
  const handleData: HandleData = {
    rival: 'postMessage-100',
    role: 'handle',
    from: null,
    check: workload.check,
    keyBytes: prefixBytes,
    valueBytes: workload.payloadBytes,
  }
  let handler: Worker
  if (spec.hops === 2) {
    const { port1, port2 } = new MessageChannel()
    handler = await startThread(import.meta.url, { ...handleData, from: port2 }, [port2])
    const confirms = spec.caseName === 'awaited'
    const forwardData: ForwardData = { rival: 'postMessage-100', role: 'forward', to: port1, recordBytes, confirms }
    const forwarder = await startThread(import.meta.url, forwardData, [port1])
    forwarder.on('message', (records: number) => receipts.confirm(records))
    threads.push(forwarder)
  } else {
    handler = await startThread(import.meta.url, handleData)
  }
  threads.push(handler)
  const first = threads[0] as Worker
  handler.on('message', (message: number | { sum: number }) => {
    if (typeof message === 'number') credit.give(message)
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
    const check = options.check === 'bytes' ? sumBytes : sumEnds
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
if (data?.rival === 'postMessage-100') {
  if (data.role === 'forward') forward(data)
  else handle(data)
  parentPort?.postMessage('ready')
}
