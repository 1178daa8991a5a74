/** What threads may take from each other's clocks. Real threads. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { nowMs } from './world.ts'

const CLOCK = new URL('./fixtures/clock.fixture.js', import.meta.url)

t.test('what is due on one thread is due on another: their clocks have one beginning', async t => {
  const thread = new Worker(CLOCK)
  await once(thread, 'message')
  for (let round = 0; round < 20; round++) {
    const before = nowMs()
    thread.postMessage(round)
    const [said] = (await once(thread, 'message')) as [number]
    const after = nowMs()
    t.ok(before <= said && said <= after, `${before} <= ${said} <= ${after}`)
  }
  await thread.terminate()
})
