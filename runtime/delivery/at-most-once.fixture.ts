/** What the tests of groups that deliver at most once share, in memory and on disk. */
import type { Test } from 'tap'
import type { Run, Topic } from '../index.ts'
import { type Scripted, scriptedCounts } from './fixtures/scripted.fixture.ts'

export interface DyingOnce {
  readonly run: Run
  /** Numbers of the records that ended their thread. */
  readonly deadly: readonly number[]
  /** Numbers of the records whose handling did not come to its end. */
  readonly lost: readonly number[]
}

/** Sixty records of two partitions, some of which end the only thread; each was handed out once. */
export async function dyingOnce(t: Test, topic: Topic<Scripted>): Promise<DyingOnce> {
  const counts = scriptedCounts(60)
  const run = await topic.group('g').run({
    delivery: 'at-most-once',
    handler: new URL('./fixtures/scripted.fixture.js', import.meta.url),
    threads: 1,
    data: counts,
  })
  const acts = new Map<number, Scripted['act']>([
    [10, 'exit'],
    [30, 'exitLater'],
    [45, 'exit'],
  ])
  await topic.publishBatch(
    Array.from({ length: 60 }, (_, n) => ({ partition: n % 2, value: { n, act: acts.get(n), waitMs: 1 } })),
  )
  await run.idle()
  t.ok(
    counts.handed.every(handed => handed === 1),
    'each was handed out once',
  )
  return { run, deadly: [...acts.keys()], lost: [...counts.done.keys()].filter(n => counts.done[n] === 0) }
}
