/**
 * Handlers of 1 and of 10 ms at one queue, with a prefetch of 100: nobody is idle for long while the other one has messages in advance.
 *
 *   node dist/runtime/proof/stress/queue-idle.js [--rounds 200] [--messages 150] [--prefetch 100]
 *
 * Each round sends messages at once, so that both have many in advance, and the fast one comes to have none. An idle gap is the time from the
 * end of a call to the begin of the next one on that thread, or until the last message is begun. It counts whole, wherever the messages
 * were that nobody had begun. Gaps below a millisecond are left out.
 *
 * Beside the gaps it prints in how many the machine stood in the way: threads of this process waited for a processor, or a thread that sleeps
 * for a millisecond was woken late. On a busy machine `chrt -f 5` in front of the command keeps what else runs out of it.
 *
 * Fails when more than one in a hundred gaps is longer than IDLE_MS_MAX without that, or when there were none to speak of.
 */
import { parseArgs } from 'node:util'
import { type Gap, idleGaps } from './queue-idle.fixture.ts'
import { quantile } from './within.fixture.ts'

const IDLE_MS_MAX = 5
const HANDLERS_MS = [1, 10]
const UNEXPLAINED_MAX = 0.01

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    messages: { type: 'string', default: '150' },
    prefetch: { type: 'string', default: '100' },
  },
})

const said = (ms: number): string => `${ms.toFixed(2)} ms`

async function main(): Promise<void> {
  const [rounds, messages, prefetch] = [Number(values.rounds), Number(values.messages), Number(values.prefetch)]
  const { gaps, shares } = await idleGaps(HANDLERS_MS, prefetch, { rounds, messages })
  console.log(
    `${rounds} rounds of ${messages} messages, prefetch ${prefetch}; handlers of ${HANDLERS_MS.join(' and ')} ms had ${shares.join(' and ')}`,
  )
  const ms = gaps.map(gap => gap.ms)
  const [half, most, worst] = [quantile(ms, 0.5), quantile(ms, 0.99), quantile(ms, 1)]
  console.log(`${gaps.length} idle gaps: ${said(half)} (median), ${said(most)} (p99), ${said(worst)} (most)`)
  const long = gaps.filter(gap => gap.ms > IDLE_MS_MAX)
  const isExplained = (gap: Gap): boolean => gap.ms - gap.stalledMs <= IDLE_MS_MAX
  const bad = long.filter(gap => !isExplained(gap))
  console.log(
    `${long.length} were longer than ${IDLE_MS_MAX} ms, and the machine stood in the way in ${long.length - bad.length} of them`,
  )
  for (const gap of bad) console.log(`idle for ${said(gap.ms)}, stalled for ${said(gap.stalledMs)} of it`)
  const failed = bad.length > UNEXPLAINED_MAX * gaps.length || gaps.length < rounds
  if (failed) console.log(`FAILED ${bad.length} of ${gaps.length} gaps were too long`)
  process.exitCode = failed ? 1 : 0
}

await main()
