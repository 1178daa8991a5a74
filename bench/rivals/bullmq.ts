/**
 * BullMQ on a Redis server of its own for each round, which appends each command to a file and syncs it once a second, as Redis does by default.
 *
 * Main thread for all clients: one sender, and two workers of 100 jobs at once each, as a prefetch. Each job is completed by itself, and then removed.
 * Loopback only. Bound: 1,000 jobs that are not stored yet; at it the sender waits. A run that takes over a minute fails.
 */
import { sumBytes } from '../checks.ts'
import { type Program, ServerProcess, unusedPorts, whyMissing } from '../servers/server-process.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { clientLibrary } from './client-library.ts'
import { CreditWindow } from './credit-window.ts'
import { withinBound } from './within-bound.ts'

const unstoredMax = 1_000
const concurrency = 100
const workerCount = 2
const queueName = 'bench'

const server: Program = { name: 'redis-server', folders: [], debianPackage: 'redis-server' }

/** What is used of the library. */
interface BullMQ {
  readonly Queue: new (
    name: string,
    options: object,
  ) => {
    add(name: string, data: JobData): Promise<unknown>
    waitUntilReady(): Promise<unknown>
    getJobCountByTypes(...types: readonly string[]): Promise<number>
    close(): Promise<void>
  }
  readonly Worker: new (
    name: string,
    handle: (job: { readonly data: JobData }) => Promise<void>,
    options: object,
  ) => Worker
}

interface Worker {
  on(event: 'completed', listener: () => void): Worker
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
}

/** The same of the client of Redis. */
interface IORedis {
  readonly Redis: new (
    options: object,
  ) => {
    on(event: 'error', listener: () => void): unknown
    connect(): Promise<unknown>
    ping(): Promise<unknown>
    disconnect(): void
  }
}

/** Bytes as a job can have them: its data is JSON. */
interface JobData {
  readonly value: string
}

export const bullmq: Subject = {
  name: 'bullmq',
  supports: () => true,
  whyMissing: () => whyMissing(server),
  start,
}

async function start({ workload }: Spec): Promise<Running> {
  const { Queue, Worker } = clientLibrary<BullMQ>('bullmq')
  const redis = new ServerProcess()
  const [port] = (await unusedPorts(1)) as [number]
  const address = { host: '127.0.0.1', port }
  redis.start(server, ['--port', `${port}`, '--bind', address.host, '--appendonly', 'yes', '--dir', redis.folder])
  await redis.answer(() => ping(address))
  const options = { connection: { ...address, maxRetriesPerRequest: null } }
  const queue = new Queue(queueName, options)
  const unstored = new CreditWindow(unstoredMax)
  const unhandled = new CreditWindow(Number.MAX_SAFE_INTEGER)
  let sum = 0
  const workers = Array.from({ length: workerCount }, () => {
    const worker = new Worker(
      queueName,
      async ({ data }) => {
        const bytes = Buffer.from(data.value, 'base64')
        sum += sumBytes(bytes, 0, bytes.length)
      },
      { ...options, concurrency, removeOnComplete: { count: 0 } },
    )
    return worker.on('completed', () => unhandled.give(1))
  })
  await Promise.all([queue.waitUntilReady(), ...workers.map(worker => worker.waitUntilReady())])
  const runAll = async (records: number): Promise<void> => {
    unhandled.take(records)
    for (let i = 0; i < records; i++) {
      if (unstored.spent) await unstored.returned()
      unstored.take(1)
      const value = Buffer.from(workload.bytes(i)).toString('base64')
      // A job that is refused would leave its credit taken; the rejection, unhandled, ends the benchmark.
      void queue.add(workload.key(i), { value }).then(() => unstored.give(1))
    }
    await unstored.drained()
    await unhandled.drained()
  }
  return {
    async run(records) {
      const elapsed = startStopwatch()
      await withinBound(runAll(records))
      return { seconds: elapsed() }
    },
    async stop() {
      const left = await queue.getJobCountByTypes('waiting', 'active', 'failed', 'completed')
      if (left !== 0) throw new Error(`BullMQ has ${left} jobs left`)
      for (const each of [...workers, queue]) await each.close()
      await redis.end()
      return sum
    },
  }
}

async function ping(address: { readonly host: string; readonly port: number }): Promise<void> {
  const { Redis } = clientLibrary<IORedis>('ioredis')
  const client = new Redis({ ...address, lazyConnect: true, retryStrategy: () => null })
  // What fails here is told by the promise.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.ping()
  } finally {
    client.disconnect()
  }
}
