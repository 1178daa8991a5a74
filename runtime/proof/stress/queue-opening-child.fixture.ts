/**
 * A process that fills a queue on disk and kills itself, or opens one that another has left: `node queue-opening-child.fixture.js fill|open ...`.
 *
 * ```
 * fill FOLDER MESSAGES PRIORITIES   sends so many, each of 100 bytes, and ends by SIGKILL
 * open FOLDER PRIORITIES serve      opens it, and says what that cost as JSON (Opening); `serve` publishes to another topic meanwhile
 * ```
 *
 * The other topic has its partition on the same partition host.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { openBroker } from '../../api/broker.ts'
import type { Broker } from '../../words/broker.ts'
import type { Queue } from '../../words/queue.ts'
import type { Topic } from '../../words/topic.ts'
import { say } from './say.fixture.ts'

const VALUE = 'x'.repeat(100)
const TOGETHER = 2_000
const PUBLISH_EVERY_MS = 2
const LOOK_MS = 5
const READ_BYTES = 262_144

export interface Opening {
  /** From the call that opens the broker until the queue has said how many messages wait. */
  readonly openMs: number
  readonly openCpuMs: number
  /** Of that, until the broker was there: its host has recovered its logs. */
  readonly brokerMs: number
  readonly ready: number
  /** Resident bytes beyond those of a process that has a broker without a folder. */
  readonly grownBytes: number
  readonly leftBytes: number
  /** Publishes to another topic, and the longest time from one receipt to the next. */
  readonly published: number
  readonly longestWaitMs: number
  /** Reading the files of the queue's log, and a checksum over them. */
  readonly readMs: number
  readonly readCpuMs: number
  readonly readBytes: number
}

async function places(broker: Broker, priorities: number): Promise<readonly [Queue<string>, Topic<string>]> {
  const queue = await broker.queue<string>('jobs', { codec: 'string', priorities, durability: 'os' })
  return [queue, await broker.topic<string>('other', { codec: 'string', partitions: 1, durability: 'os' })]
}

async function fill(dir: string, messages: number, priorities: number): Promise<void> {
  const broker = await openBroker({ dir, logger: false, partitionThreads: 1 })
  const [queue, other] = await places(broker, priorities)
  await other.publish({ value: 'first' })
  for (let from = 0; from < messages; from += TOGETHER) {
    const count = Math.min(TOGETHER, messages - from)
    const one = (_: unknown, n: number) => ({ value: VALUE, priority: ((from + n) * 7_919) % priorities })
    await queue.sendBatch(Array.from({ length: count }, one))
  }
  process.kill(process.pid, 'SIGKILL')
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** Samples until it is asked to end; the most that was resident. */
function watchMemory(): () => number {
  let most = process.memoryUsage.rss()
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, LOOK_MS)
  return () => {
    clearInterval(timer)
    return Math.max(most, process.memoryUsage.rss())
  }
}

/** Publishes now and then; ends with how many, and the longest time between two receipts. */
function serve(other: Topic<string>): () => Promise<readonly [number, number]> {
  let isOver = false
  const work = async (): Promise<readonly [number, number]> => {
    let [published, longestMs, lastMs] = [0, 0, performance.now()]
    while (!isOver) {
      await other.publish({ value: 'y' })
      const now = performance.now()
      longestMs = Math.max(longestMs, now - lastMs)
      lastMs = now
      published++
      await sleep(PUBLISH_EVERY_MS)
    }
    return [published, longestMs]
  }
  const over = work()
  return () => {
    isOver = true
    return over
  }
}

/** Reads all files of the queue's log, with a checksum over each piece; their bytes. */
function readAll(dir: string): number {
  const buffer = Buffer.alloc(READ_BYTES)
  const topics = join(dir, 'topics')
  let bytes = 0
  let sum = 0
  for (const folder of readdirSync(topics))
    for (const name of readdirSync(join(topics, folder)))
      if (name.endsWith('.log')) {
        const file = openSync(join(topics, folder, name), 'r')
        for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
          sum ^= crc32(buffer.subarray(0, read))
          bytes += read
        }
        closeSync(file)
      }
  return sum === -1 ? -1 : bytes
}

async function open(dir: string, priorities: number, serves: boolean): Promise<void> {
  await (await openBroker({ logger: false, partitionThreads: 1 })).close()
  const before = process.memoryUsage.rss()
  const memory = watchMemory()
  const [ms, cpu] = [performance.now(), cpuMs()]
  const broker = await openBroker({ dir, logger: false, partitionThreads: 1 })
  const brokerMs = performance.now() - ms
  const other = await broker.topic<string>('other', { codec: 'string', partitions: 1, durability: 'os' })
  const served = serves ? serve(other) : async () => [0, 0] as const
  const queue = await broker.queue<string>('jobs', { codec: 'string', priorities, durability: 'os' })
  const { ready } = await queue.stats()
  const [openMs, openCpuMs] = [performance.now() - ms, cpuMs() - cpu]
  const grownBytes = memory() - before
  const [published, longestWaitMs] = await served()
  const leftBytes = process.memoryUsage.rss() - before
  const [readSince, readCpu] = [performance.now(), cpuMs()]
  const readBytes = readAll(dir)
  const [readMs, readCpuMs] = [performance.now() - readSince, cpuMs() - readCpu]
  const opening: Opening = {
    openMs,
    openCpuMs,
    brokerMs,
    ready,
    grownBytes,
    leftBytes,
    published,
    longestWaitMs,
    readMs,
    readCpuMs,
    readBytes,
  }
  say(JSON.stringify(opening))
  process.kill(process.pid, 'SIGKILL')
}

const [what, dir, ...rest] = process.argv.slice(2) as [string, string, string, string]
if (what === 'fill') void fill(dir, Number(rest[0]), Number(rest[1]))
else void open(dir, Number(rest[0]), rest[1] === 'serve')
