/**
 * A queue on disk of which one message is unacked while others pass, and how much disk it takes.
 *
 * Main thread. Bound: READY_BYTES of messages wait at a time; the sender waits at it.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../../api/broker.ts'
import type { Queue } from '../../words/queue.ts'
import { until } from '../fixtures/broker.fixture.ts'

const VALUE_BYTES = 4_000
const BATCH = 64
const READY_BYTES = 4 * 1_048_576
const SAMPLE_MS = 20
/** After the last message: what is due is done by then. */
const REST_MS = 3_000
const LIVE_TIMES = 4
const SEGMENTS = 2

export interface SpaceOptions {
  readonly bytes: number
  readonly segmentBytes: number
  readonly durability: 'os' | 'fsync'
}

export interface SpaceReport {
  readonly problems: readonly string[]
  readonly passedBytes: number
  readonly diskMost: number
  readonly diskAtEnd: number
  readonly liveMost: number
  readonly samples: number
  readonly seconds: number
}

/** Of all files of logs; what goes while it is looked at counts as gone. */
function diskBytes(dir: string): number {
  let bytes = 0
  for (const name of readdirSync(join(dir, 'topics'), { recursive: true, encoding: 'utf8' })) {
    const stat = statSync(join(dir, 'topics', name), { throwIfNoEntry: false })
    if (stat?.isFile() === true) bytes += stat.size
  }
  return bytes
}

class Samples {
  diskMost = 0
  liveMost = 0
  count = 0
  #isOver = false
  readonly #looking: Promise<void>

  constructor(dir: string, queue: Queue<Uint8Array>) {
    this.#looking = this.#look(dir, queue)
  }

  async #look(dir: string, queue: Queue<Uint8Array>): Promise<void> {
    while (!this.#isOver) {
      this.liveMost = Math.max(this.liveMost, (await queue.stats()).bytes)
      this.diskMost = Math.max(this.diskMost, diskBytes(dir))
      this.count++
      await sleep(SAMPLE_MS)
    }
  }

  end(): Promise<void> {
    this.#isOver = true
    return this.#looking
  }
}

export async function measureSpace({ bytes, segmentBytes, durability }: SpaceOptions): Promise<SpaceReport> {
  const since = performance.now()
  const dir = mkdtempSync(join(tmpdir(), 'millrace-queue-space-'))
  const problems: string[] = []
  const tuning = { journalBytes: 4 * 1_048_576, queueSegmentBytes: segmentBytes }
  const broker = await openBroker({ dir, logger: false, partitionThreads: 1 }, tuning)
  const queue = await broker.queue<Uint8Array>('jobs', { codec: 'bytes', durability })
  let kept = 0
  const keeping = queue.observe({ window: 1 }).subscribe(() => {
    kept++
  })
  await queue.send({ value: new Uint8Array(VALUE_BYTES) })
  await until(() => kept === 1)
  let handled = 0
  const run = await queue.handle(() => {
    handled++
  })
  const samples = new Samples(dir, queue)
  const value = new Uint8Array(VALUE_BYTES).fill(7)
  let sent = 0
  for (; sent * VALUE_BYTES < bytes; sent += BATCH) {
    while ((sent - handled) * VALUE_BYTES > READY_BYTES) await sleep(1)
    await queue.sendBatch(Array.from({ length: BATCH }, () => ({ value })))
  }
  await until(() => handled === sent)
  await sleep(REST_MS)
  await samples.end()
  const { diskMost, liveMost, count } = samples
  const diskAtEnd = diskBytes(dir)
  const most = LIVE_TIMES * liveMost + SEGMENTS * segmentBytes
  if (diskMost > most) problems.push(`the disk has ${diskMost} bytes, and may have ${most}`)
  const stats = await queue.stats()
  if (stats.unacked !== 1 || stats.ready !== 0 || stats.acked !== sent)
    problems.push(`${sent} messages were handled, and the queue counts ${JSON.stringify(stats)}`)
  await run.stop()
  keeping.unsubscribe()
  await broker.close()
  if (problems.length === 0) rmSync(dir, { recursive: true })
  else process.stderr.write(`the folder is kept: ${dir}\n`)
  const seconds = (performance.now() - since) / 1_000
  return { problems, passedBytes: sent * VALUE_BYTES, diskMost, diskAtEnd, liveMost, samples: count, seconds }
}
