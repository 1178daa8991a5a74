/** Worker threads that are told a count and compute: the most that a number of threads can give. Main and workers. */
import { isMainThread, parentPort } from 'node:worker_threads'
import { compute } from '../compute.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { nextMessage, startThread } from '../threads.ts'

export const bareWorkers: Subject = {
  name: 'bare-workers',
  supports: () => true,
  start,
  total: (_spec, records) => records,
}

async function start({ caseName }: Spec): Promise<Running> {
  const count = caseName === 'compute-2' ? 2 : 1
  const workers = await Promise.all(Array.from({ length: count }, () => startThread(import.meta.url, {})))
  let total = 0
  return {
    async run(records) {
      const elapsed = startStopwatch()
      const sums = await Promise.all(
        workers.map((worker, index) => {
          const done = nextMessage<number>(worker)
          worker.postMessage(Math.floor(records / count) + (index < records % count ? 1 : 0))
          return done
        }),
      )
      total += sums.reduce((a, b) => a + b, 0)
      return { seconds: elapsed() }
    },
    async stop() {
      await Promise.all(workers.map(worker => worker.terminate()))
      return total
    },
  }
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort
  port.on('message', (records: number) => {
    let sum = 0
    for (let i = 0; i < records; i++) sum += compute()
    port.postMessage(sum)
  })
  port.postMessage('ready')
}
