/**
 * Our own subjects for threads of the program: what main does in `from-main`, a thread that has attached to the broker does in `from-attached`.
 *
 * The file is both sides, main and the attached thread. In case `attached-publish` that thread publishes, and a thread of the broker
 * handles. In case `attached-handle` main publishes, and that thread handles.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { attachBroker, createBroker, type Topic } from 'millrace'
import { type Check, checkOf } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'
import { createWorkload, type PayloadName, partitions, type Value, type Workload } from '../workload.ts'
import { publishBatches } from './stream-publishing.ts'

interface ThreadData {
  readonly subject: 'attached'
  readonly ticket: string
  readonly payload: PayloadName
  readonly check: Check
}

/** What main and the attached thread can do; a thread does its part of it. */
interface Side {
  /** Resolves when all is appended. */
  publish(records: number): Promise<void>
  /** Begins to handle, on its own thread. */
  handle(): Promise<void>
  /** Resolves when all that was published is handled. */
  idle(): Promise<void>
  /** Resolves with the total of what it has handled. */
  stop(): Promise<number>
}

type Call = readonly [name: keyof Side, records: number]

export const fromMain: Subject = { name: 'from-main', supports: () => true, start: spec => start(spec, false) }
export const fromAttached: Subject = { name: 'from-attached', supports: () => true, start: spec => start(spec, true) }

async function start({ caseName, workload }: Spec, isAttached: boolean): Promise<Running> {
  const broker = await createBroker()
  const topic = await broker.topic<Value>('bench', { partitions, codec: 'bytes', groups: ['bench'] })
  const { payload, check } = workload
  const side = isAttached
    ? await startAttached({ subject: 'attached', ticket: broker.ticket(), payload, check })
    : sideOf(topic, workload)
  const [publisher, consumer] = caseName === 'attached-publish' ? [side, runOf(topic)] : [sideOf(topic, workload), side]
  await consumer.handle()
  return {
    async run(records) {
      const elapsed = startStopwatch()
      await publisher.publish(records)
      await consumer.idle()
      return { seconds: elapsed() }
    },
    async stop() {
      try {
        const sum = await consumer.stop()
        await publisher.stop()
        return sum
      } finally {
        await broker.close()
      }
    },
  }
}

function sideOf(topic: Topic<Value>, workload: Workload): Side {
  const check = checkOf(workload.check)
  let sum = 0
  let handling: Awaited<ReturnType<ReturnType<typeof topic.group>['handle']>> | undefined
  return {
    async publish(records) {
      await publishBatches(topic, workload, records)
      await topic.flush()
    },
    async handle() {
      handling = await topic.group('bench').handle(({ value }) => {
        const bytes = value as Uint8Array
        sum += check(bytes, 0, bytes.length)
      })
    },
    async idle() {
      await handling?.idle()
    },
    async stop() {
      await handling?.stop()
      return sum
    },
  }
}

/** Handles on a thread of the broker. */
function runOf(topic: Topic<Value>): Omit<Side, 'publish'> {
  const started = topic.group('bench').run<number>({ handler: new URL('./sum-bytes-handler.js', import.meta.url) })
  return {
    async handle() {
      await started
    },
    idle: async () => (await started).idle(),
    async stop() {
      const { results } = await (await started).stop()
      return results.reduce((a, b) => a + b, 0)
    },
  }
}

async function startAttached(data: ThreadData): Promise<Side> {
  const thread = await startThread(import.meta.url, data)
  const call = async (name: keyof Side, records = 0): Promise<number> => {
    const answer = nextMessage<number>(thread)
    thread.postMessage([name, records] satisfies Call)
    return answer
  }
  return {
    async publish(records) {
      await call('publish', records)
    },
    async handle() {
      await call('handle')
    },
    async idle() {
      await call('idle')
    },
    async stop() {
      const sum = await call('stop')
      await thread.terminate()
      return sum
    },
  }
}

const data = isMainThread ? undefined : (workerData as ThreadData | undefined)
if (data?.subject === 'attached') {
  const broker = await attachBroker(data.ticket)
  const side = sideOf(await broker.topic<Value>('bench'), createWorkload(data.payload, data.check))
  parentPort?.on('message', async ([name, records]: Call) => {
    const sum = await side[name](records)
    if (name === 'stop') await broker.close()
    parentPort?.postMessage(sum ?? 0)
  })
  parentPort?.postMessage('ready')
}
