/**
 * How long it takes to cancel a message whose handler does not end: one that spins for ever, and one whose promise is never settled.
 *
 *   node dist/runtime/proof/stress/queue-cancels.js [--rounds 30] [--grace-ms 300]
 *
 * In each round a handler thread has the message, which is cancelled with that time of grace. Prints by how much longer each took, in which
 * its thread is ended. Fails when one took less than its grace, or when the median of either kind is over OVER_MS_MAX. Single ones may meet
 * a machine that does something else: they are printed.
 */
import { parseArgs } from 'node:util'
import { createBroker } from '../../create-broker.ts'
import { quantile, within } from './within.fixture.ts'

const OVER_MS_MAX = 200
const JOBS = new URL('../broker/fixtures/queue-cancels.fixture.js', import.meta.url)

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '30' }, 'grace-ms': { type: 'string', default: '300' } },
})
const rounds = Number(values.rounds)
const graceMs = Number(values['grace-ms'])

const broker = await createBroker({ logger: false })
let failed = false
for (const value of ['spins', 'waits']) {
  const queue = await broker.queue<string>(value)
  const begun = new Int32Array(new SharedArrayBuffer(4))
  // Threads that are ended for it are no reason to give the run up.
  await queue.run({ handler: JOBS, threads: 1, data: begun })
  const overMs: number[] = []
  for (let round = 1; round <= rounds; round++) {
    const { id } = await queue.send({ value })
    const isBegun = async (): Promise<void> => {
      while (Atomics.load(begun, 0) < round) await new Promise(resolve => setTimeout(resolve, 5))
    }
    await within(10_000, 'beginning a message', isBegun())
    const since = performance.now()
    const outcome = await queue.cancel(id, { graceMs })
    overMs.push(performance.now() - since - graceMs)
    if (outcome === 'cancelled') continue
    console.log(`FAILED ${value}: cancel says ${outcome}`)
    failed = true
  }
  const [half, most] = [quantile(overMs, 0.5), quantile(overMs, 1)]
  const least = Math.min(...overMs)
  console.log(
    `a handler that ${value}, ${rounds} times: ${half.toFixed(1)} ms longer than its grace of ${graceMs} ms (median), ${most.toFixed(1)} ms (most)`,
  )
  // Timers count whole milliseconds.
  failed ||= half > OVER_MS_MAX || least < -1
}
await broker.close()
if (failed) process.exitCode = 1
