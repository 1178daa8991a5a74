/**
 * A fast and a slow consumer of one queue that is never empty: who gets how much.
 *
 * Main thread. Of handlers that take 1 and 10 ms the fast one gets ten elevenths at best. On a busy machine calls take longer than they are to,
 * so the best is computed from what they took.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../../api/broker.ts'
import type { QueueRun } from '../../words/queue-run.ts'
import type { TimedData, TimedResult } from './timed-handler.fixture.ts'

const FAST_MS = 1
const SLOW_MS = 10
const PREFETCH = 10
/** The fast one is to get 85 %, of ten elevenths. */
const OF_THE_BEST = 0.85 / (SLOW_MS / (SLOW_MS + FAST_MS))

export interface FairnessReport {
  readonly problems: readonly string[]
  /** Of all messages, those that the fast consumer handled. */
  readonly share: number
  /** What it would have with no time between two calls, as long as calls took. */
  readonly best: number
}

export async function fairness(messages: number): Promise<FairnessReport> {
  const broker = await openBroker({ logger: false })
  try {
    const queue = await broker.queue<number>('jobs', { maxBytes: 32 * 1_048_576 })
    const consumer = (handlerMs: number): Promise<QueueRun<TimedResult>> => {
      const data: TimedData = { handlerMs }
      const handler = new URL('./timed-handler.fixture.js', import.meta.url)
      return queue.run<TimedResult>({ handler, threads: 1, prefetch: PREFETCH, data })
    }
    const runs = [await consumer(FAST_MS), await consumer(SLOW_MS)]
    await queue.sendBatch(Array.from({ length: messages }, (_, value) => ({ value })))
    // What is left at the end would be the slow one's alone.
    while ((await queue.stats()).ready > 0) await sleep(5)
    const ends = await Promise.all(runs.map(run => run.stop()))
    const [fast, slow] = ends.map(({ results }) => results[0]) as [TimedResult, TimedResult]
    const rate = ({ handled, tookMs }: TimedResult): number => handled / tookMs
    const share = fast.handled / (fast.handled + slow.handled)
    const best = rate(fast) / (rate(fast) + rate(slow))
    const least = OF_THE_BEST * best
    const problems = share >= least ? [] : [`the fast consumer got ${share}, and ${least} are due`]
    return { problems, share, best }
  } finally {
    await broker.close()
  }
}
