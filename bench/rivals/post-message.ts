/**
 * Rival `postMessage`: main -> forwarding thread -> handler thread, one message per record.
 *
 * A record of bytes is one Uint8Array of key and value (packing them was no slower than an object that holds both, and
 * faster at 64 bytes); an order is one string of key and JSON text (1.6 times as fast as cloning the object). A credit window bounds what is under way; both threads
 * acknowledge once per turn of their loops, the handler to return credit, the forwarder, in case `awaited`, to resolve
 * publishes; in case `one-by-one` it does so at once. With one hop main posts to the handler directly and keys stay at home.
 * Sizes tried: windows of 1,024, 4,096 and 16,384 records.
 */
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  parentPort,
  type Worker,
  workerData,
} from 'node:worker_threads'
import { publishAwaited, publishOneByOne } from '../awaited.ts'
import { type Check, checkOf, parseOrder } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { keyBytes } from '../workload.ts'
import { CreditWindow } from './credit-window.ts'
import { nothing, Receipts } from './receipts.ts'

const windowRecords = 4_096

/** Key and value in one; text for orders. */
type PackedRecord = Uint8Array | string

/** When the forwarder tells main what it has passed on. */
type Confirms = 'no' | 'each turn' | 'at once'

type ThreadData =
  | { readonly rival: 'postMessage'; readonly role: 'forward'; readonly to: MessagePort; readonly confirms: Confirms }
  | {
      readonly rival: 'postMessage'
      readonly role: 'handle'
      readonly from: MessagePort | null
      readonly check: Check
      readonly keyBytes: number
    }

export const postMessage: Subject = {
  name: 'postMessage',
  supports: () => true,
  start,
}

async function start(spec: Spec): Promise<Running> {
  const { workload } = spec
  const credit = new CreditWindow(windowRecords)
  const receipts = new Receipts()
  const prefixBytes = spec.hops === 2 ? keyBytes : 0
  const isOneByOne = spec.caseName === 'one-by-one'
  const threads: Worker[] = []
  const handleData = { rival: 'postMessage', role: 'handle', check: workload.check, keyBytes: prefixBytes } as const
  let handler: Worker
  if (spec.hops === 2) {
    const { port1, port2 } = new MessageChannel()
    handler = await startThread(import.meta.url, { ...handleData, from: port2 } satisfies ThreadData, [port2])
    const forwardData: ThreadData = {
      rival: 'postMessage',
      role: 'forward',
      to: port1,
      confirms: spec.caseName === 'awaited' ? 'each turn' : isOneByOne ? 'at once' : 'no',
    }
    const forwarder = await startThread(import.meta.url, forwardData, [port1])
    forwarder.on('message', (records: number) => receipts.confirm(records, nothing))
    threads.push(forwarder)
  } else {
    handler = await startThread(import.meta.url, { ...handleData, from: null } satisfies ThreadData)
  }
  threads.push(handler)
  const first = threads[0] as Worker
  handler.on('message', (message: number | { sum: number }) => {
    if (typeof message === 'number') credit.give(message)
  })

  // postMessage copies at once, so one buffer serves all records.
  const packed = Buffer.alloc(prefixBytes + workload.payloadBytes)
  const record = new Uint8Array(packed.buffer, packed.byteOffset, packed.length)
  const isJson = workload.check === 'json'
  const send = (i: number): void => {
    credit.take(1)
    if (isJson) {
      first.postMessage(workload.key(i) + JSON.stringify(workload.value(i)))
      return
    }
    if (prefixBytes > 0) packed.write(workload.key(i), 0, 'latin1')
    record.set(workload.bytes(i), prefixBytes)
    first.postMessage(record)
  }
  const sendConfirmed = (i: number): Promise<void> => {
    send(i)
    return receipts.next()
  }
  return {
    async run(records) {
      const elapsed = startStopwatch()
      let latenciesUs: ArrayLike<number> = []
      if (spec.caseName === 'awaited') {
        latenciesUs = await publishAwaited(records, sendConfirmed)
      } else if (isOneByOne) {
        latenciesUs = await publishOneByOne(records, sendConfirmed)
      } else {
        for (let i = 0; i < records; i++) {
          if (credit.spent) await credit.returned()
          send(i)
        }
      }
      await credit.drained()
      return { seconds: elapsed(), latenciesUs }
    },
    async stop() {
      const reply = nextMessage<{ sum: number }>(handler)
      handler.postMessage(null)
      const { sum } = await reply
      await Promise.all(threads.map(thread => thread.terminate()))
      return sum
    },
  }
}

/** Acknowledges to the main thread once per turn, however many records the turn brought. */
function createAcks(): (records: number) => void {
  let unsent = 0
  return records => {
    if (unsent === 0) {
      setImmediate(() => {
        parentPort?.postMessage(unsent)
        unsent = 0
      })
    }
    unsent += records
  }
}

function forward(to: MessagePort, confirms: Confirms): void {
  const ack = createAcks()
  parentPort?.on('message', (record: PackedRecord) => {
    to.postMessage(record)
    if (confirms === 'each turn') ack(1)
    else if (confirms === 'at once') parentPort?.postMessage(1)
  })
}

function handle(from: MessagePort | null, check: Check, prefixBytes: number): void {
  const ack = createAcks()
  let sum = 0
  const checkBytes = check === 'json' ? undefined : checkOf(check)
  const onRecord = (record: PackedRecord): void => {
    if (typeof record === 'string') sum += parseOrder(record.slice(prefixBytes)).amount
    else if (checkBytes !== undefined) sum += checkBytes(record, prefixBytes, record.length)
    ack(1)
  }
  from?.on('message', onRecord)
  parentPort?.on('message', (message: PackedRecord | null) => {
    if (message === null) parentPort?.postMessage({ sum })
    else onRecord(message)
  })
}

const data = isMainThread ? undefined : (workerData as ThreadData | undefined)
if (data?.rival === 'postMessage') {
  if (data.role === 'forward') forward(data.to, data.confirms)
  else handle(data.from, data.check, data.keyBytes)
  parentPort?.postMessage('ready')
}
