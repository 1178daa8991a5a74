/** Our own subject for work that is heavy: how much faster do two handler threads make it? Main thread. */
import { createBroker } from 'millrace'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'

/** More than threads, so that both always have something to do. */
const partitions = 12

export const millraceCompute: Subject = {
  name: 'millrace',
  supports: () => true,
  start,
  total: (_spec, records) => records,
}

async function start({ caseName, workload }: Spec): Promise<Running> {
  const broker = await createBroker()
  const topic = await broker.topic<number>('compute', { partitions })
  const threads = caseName === 'compute-2' ? 2 : 1
  const handler = new URL('./compute-handler.js', import.meta.url)
  const run = await topic.group('compute').run<number>({ handler, threads })
  return {
    async run(records) {
      const elapsed = startStopwatch()
      await topic.publishBatch(Array.from({ length: records }, (_, i) => ({ key: workload.key(i), value: i })))
      await run.idle()
      return { seconds: elapsed() }
    },
    async stop() {
      try {
        const { results } = await run.stop()
        return results.reduce((a, b) => a + b, 0)
      } finally {
        await broker.close()
      }
    },
  }
}
