/**
 * Rivals `same-work` and `same-work-relayed`: what one would write by hand over `postMessage` to get what a stream gives.
 *
 * A record's key is hashed to one of four partitions. A partition belongs to one handler thread, keeps its order, and
 * gives each record an offset. The handler gets an object with key, value, partition and offset. What is not handled
 * yet is bounded. There are as many handler threads as millrace starts by default. Two shapes:
 *
 * - `same-work`: main itself gives the offsets and posts to the handler threads. Case `awaited` resolves a publish with
 *   its partition and offset when the handler thread has acknowledged its chunk.
 * - `same-work-relayed`: a thread between them gives the offsets, so that any thread may publish. It confirms a chunk
 *   as soon as it has passed it on.
 *
 * Left out, since few would write it: groups that read the same records again, retries and dead letters, threads that
 * may die without a loss, values larger than memory, files.
 * Sizes tried: 16,384, 32,768 and 65,536 records that are not handled yet.
 */
import { availableParallelism } from 'node:os'
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  parentPort,
  type Worker,
  workerData,
} from 'node:worker_threads'
import { publishAwaited } from '../awaited.ts'
import { type Check, checkOf } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { partitions } from '../workload.ts'
import { CreditWindow } from './credit-window.ts'
import { Receipts } from './receipts.ts'
import { BytesWriter, type Chunk, type ChunkWriter, type Delivery, deliver, OrdersWriter } from './same-work-chunks.ts'

const unhandledRecords = 32_768

interface HandleData {
  readonly rival: 'same-work'
  readonly role: 'handle'
  /** Null: chunks come from main. */
  readonly from: MessagePort | null
  readonly check: Check
}

interface RelayData {
  readonly rival: 'same-work'
  readonly role: 'relay'
  readonly to: readonly MessagePort[]
  readonly confirms: boolean
}

/** Where a chunk's records are. */
type Confirmed = Omit<Chunk, 'content'>

interface Handled extends Confirmed {
  readonly buffer?: ArrayBuffer
}

export interface Receipt {
  readonly partition: number
  readonly offset: number
}

export const sameWork: Subject = { name: 'same-work', supports: () => true, start: spec => start(spec, false) }
export const sameWorkRelayed: Subject = {
  name: 'same-work-relayed',
  supports: () => true,
  start: spec => start(spec, true),
}

async function start({ caseName, workload }: Spec, isRelayed: boolean): Promise<Running> {
  const isAwaited = caseName === 'awaited'
  const credit = new CreditWindow(unhandledRecords)
  const receipts = Array.from({ length: partitions }, () => new Receipts<Receipt>())
  const confirm = ({ partition, firstOffset, records }: Confirmed): void =>
    receipts[partition]?.confirm(records, n => ({ partition, offset: firstOffset + n }))

  const { handlers, relay } = await startThreads(workload.check, isAwaited, isRelayed)
  const spare: ArrayBuffer[] = []
  for (const handler of handlers) {
    handler.on('message', (message: Handled | { sum: number }) => {
      if ('sum' in message) return
      credit.give(message.records)
      if (message.buffer !== undefined) spare.push(message.buffer)
      if (isAwaited && !isRelayed) confirm(message)
    })
  }
  relay?.on('message', confirm)

  const writers: readonly ChunkWriter[] = Array.from({ length: partitions }, () =>
    workload.check === 'json' ? new OrdersWriter() : new BytesWriter(spare),
  )
  const nextOffsets = new Array<number>(partitions).fill(0)

  const send = (partition: number): void => {
    const writer = writers[partition] as ChunkWriter
    const records = writer.records
    if (records === 0) return
    const firstOffset = nextOffsets[partition] as number
    nextOffsets[partition] = firstOffset + records
    const content = writer.take()
    const target = relay ?? (handlers[partition % handlers.length] as Worker)
    post(target, { partition, firstOffset, records, content })
  }
  const flush = (): void => {
    for (let partition = 0; partition < partitions; partition++) send(partition)
  }
  /** Returns the record's partition. */
  const publish = (i: number): number => {
    const key = workload.key(i)
    const partition = hash(key) % partitions
    const writer = writers[partition] as ChunkWriter
    credit.take(1)
    if (!writer.add(key, workload.value(i))) {
      send(partition)
      writer.add(key, workload.value(i))
    }
    return partition
  }

  return {
    async run(records) {
      const elapsed = startStopwatch()
      let latenciesUs: readonly number[] = []
      if (isAwaited) {
        latenciesUs = await publishAwaited(records, i => (receipts[publish(i)] as Receipts<Receipt>).next(), flush)
      } else {
        for (let i = 0; i < records; i++) {
          if (credit.spent) {
            flush()
            await credit.returned()
          }
          publish(i)
        }
        flush()
      }
      await credit.drained()
      return { seconds: elapsed(), latenciesUs }
    },
    async stop() {
      const replies = handlers.map(handler => nextMessage<{ sum: number }>(handler))
      for (const handler of handlers) handler.postMessage('stop')
      const sums = await Promise.all(replies)
      await Promise.all([...handlers, relay].map(thread => thread?.terminate()))
      return sums.reduce((total, { sum }) => total + sum, 0)
    },
  }
}

async function startThreads(
  check: Check,
  confirms: boolean,
  isRelayed: boolean,
): Promise<{ readonly handlers: readonly Worker[]; readonly relay: Worker | undefined }> {
  const threads = Math.min(partitions, Math.max(1, availableParallelism() - 1))
  const handlers: Worker[] = []
  const to: MessagePort[] = []
  for (let i = 0; i < threads; i++) {
    const { port1, port2 } = new MessageChannel()
    const handleData: HandleData = { rival: 'same-work', role: 'handle', from: isRelayed ? port2 : null, check }
    handlers.push(await startThread(import.meta.url, handleData, isRelayed ? [port2] : []))
    to.push(port1)
  }
  if (!isRelayed) return { handlers, relay: undefined }
  const relayData: RelayData = { rival: 'same-work', role: 'relay', to, confirms }
  return { handlers, relay: await startThread(import.meta.url, relayData, to) }
}

function post(target: { postMessage: Worker['postMessage'] }, chunk: Chunk): void {
  if (typeof chunk.content === 'string') target.postMessage(chunk)
  else target.postMessage(chunk, [chunk.content.buffer])
}

/** Source: FNV-1a, over char codes. */
function hash(key: string): number {
  let state = 0x811c9dc5
  for (let i = 0; i < key.length; i++) state = Math.imul(state ^ key.charCodeAt(i), 0x01000193)
  return state >>> 0
}

function relay({ to, confirms }: RelayData): void {
  const nextOffsets = new Array<number>(partitions).fill(0)
  parentPort?.on('message', (chunk: Chunk) => {
    const { partition, records } = chunk
    const firstOffset = nextOffsets[partition] as number
    nextOffsets[partition] = firstOffset + records
    chunk.firstOffset = firstOffset
    post(to[partition % to.length] as MessagePort, chunk)
    if (confirms) parentPort?.postMessage({ partition, firstOffset, records } satisfies Confirmed)
  })
}

function handle({ from, check }: HandleData): void {
  let sum = 0
  const handleOrder = ({ value }: Delivery): void => {
    sum += (value as { amount: number }).amount
  }
  const checkBytes = check === 'json' ? undefined : checkOf(check)
  const handleBytes = ({ value }: Delivery): void => {
    const bytes = value as Uint8Array
    sum += checkBytes?.(bytes, 0, bytes.length) ?? 0
  }
  const handler = check === 'json' ? handleOrder : handleBytes
  const onChunk = (chunk: Chunk): void => {
    deliver(chunk, handler)
    const { partition, firstOffset, records, content } = chunk
    if (typeof content === 'string') {
      parentPort?.postMessage({ partition, firstOffset, records } satisfies Handled)
    } else {
      const { buffer } = content
      parentPort?.postMessage({ partition, firstOffset, records, buffer } satisfies Handled, [buffer])
    }
  }
  from?.on('message', onChunk)
  parentPort?.on('message', (message: Chunk | 'stop') => {
    if (message === 'stop') parentPort?.postMessage({ sum })
    else onChunk(message)
  })
}

const data = isMainThread ? undefined : (workerData as HandleData | RelayData | undefined)
if (data?.rival === 'same-work') {
  if (data.role === 'relay') relay(data)
  else handle(data)
  parentPort?.postMessage('ready')
}
