/**
 * Rival `piscina`: one `run` per record on a pool of threads.
 *
 * There is no middle thread: a task goes to a worker and its result comes back. Key and value travel in the task. At
 * most `concurrency` tasks are open, in case `awaited` the window of 1,000.
 * Sizes tried: 1 and 2 threads, 1, 16, 64 and 256 tasks per thread, 256 to 4,096 open tasks.
 */
import { Piscina } from 'piscina'
import { publishAwaited } from '../awaited.ts'
import { type Order, sumBytes } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { CreditWindow } from './credit-window.ts'

const threads = 1
const tasksPerThread = 64
const concurrency = 1_024

interface Task {
  readonly key: string
  readonly value: Uint8Array | Order
}

export const piscina: Subject = {
  name: 'piscina',
  supports: spec => spec.caseName === 'eachMessage' || spec.caseName === 'awaited',
  start,
}

async function start({ workload, caseName }: Spec): Promise<Running> {
  const pool = new Piscina<Task, number>({
    filename: import.meta.url,
    name: 'handle',
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: tasksPerThread,
    idleTimeout: Number.POSITIVE_INFINITY,
    recordTiming: false,
  })
  const credit = new CreditWindow(concurrency)
  let sum = 0
  const publish = async (i: number): Promise<void> => {
    credit.take(1)
    const result = await pool.run({ key: workload.key(i), value: workload.value(i) })
    sum += result
    credit.give(1)
  }
  return {
    async run(records) {
      const elapsed = startStopwatch()
      let latenciesUs: readonly number[] = []
      if (caseName === 'awaited') {
        latenciesUs = await publishAwaited(records, publish)
      } else {
        for (let i = 0; i < records; i++) {
          if (credit.spent) await credit.returned()
          // A failed task would leave its credit taken; the rejection, unhandled, ends the benchmark.
          void publish(i)
        }
      }
      await credit.drained()
      return { seconds: elapsed(), latenciesUs }
    },
    async stop() {
      await pool.destroy()
      return sum
    },
  }
}

/** Runs on the pool's threads. */
export function handle({ value }: Task): number {
  return value instanceof Uint8Array ? sumBytes(value, 0, value.length) : value.amount
}
