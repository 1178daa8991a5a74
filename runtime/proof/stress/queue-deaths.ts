/**
 * Consumers of queues and their partition host die under load, thousands of them: nothing is lost, held by two, or handed out after its ack.
 *
 *   node dist/runtime/proof/stress/queue-deaths.js [--consumers 10000] [--hosts 200] [--seconds 3600]
 *
 * Rounds of a hundred deaths each, in turn with a prefetch of 1, 10, 100 and a learnt one, with one and with four calls at a time, and with small and large messages. The checks are
 * those of queue-deaths.fixture.ts. What bounds it is processor time: each death costs the start of a thread. Fails when one finds
 * anything, or when `--seconds` are over before there were as many deaths.
 */
import { parseArgs } from 'node:util'
import { type DeathsOptions, runDeaths } from './queue-deaths.fixture.ts'

const ROUND_DEATHS = 100
const ROUND_MS = 60_000

const { values } = parseArgs({
  options: { consumers: { type: 'string' }, hosts: { type: 'string' }, seconds: { type: 'string' } },
})
const wanted = { consumers: Number(values.consumers ?? 10_000), hosts: Number(values.hosts ?? 200) }
const seconds = Number(values.seconds ?? 3_600)

const SHAPES: readonly Pick<DeathsOptions, 'prefetch' | 'concurrency' | 'padBytes'>[] = [
  { prefetch: 10 },
  { padBytes: 3_000 },
  { prefetch: 10, concurrency: 4 },
  { prefetch: 1 },
  { prefetch: 100 },
]

async function main(): Promise<void> {
  const since = performance.now()
  const problems: string[] = []
  let consumers = 0
  let hosts = 0
  for (let round = 1; consumers < wanted.consumers || hosts < wanted.hosts; round++) {
    const left = seconds * 1_000 - (performance.now() - since)
    if (left <= 0 || problems.length > 20) break
    const shape = SHAPES[round % SHAPES.length] as (typeof SHAPES)[number]
    const share = wanted.hosts / Math.max(1, wanted.consumers)
    const deaths = Math.max(0, Math.min(ROUND_DEATHS, wanted.consumers - consumers))
    const options = {
      consumers: deaths,
      hosts: Math.max(0, Math.min(Math.ceil(ROUND_DEATHS * share), wanted.hosts - hosts)),
      ms: Math.min(ROUND_MS, left),
      threads: 4,
      ...shape,
    }
    const report = await runDeaths(options)
    consumers += report.consumers
    hosts += report.hosts
    console.log(
      `round ${round} ${JSON.stringify(shape)}: ${report.sent} messages, ${report.letters} dead letters; ${report.consumers} consumers died ` +
        `(${report.killed} from outside), ${report.hosts} hosts ${JSON.stringify(report.points)}; at most ${report.unackedMost} unacked; ${report.seconds.toFixed(1)} s`,
    )
    for (const problem of report.problems) problems.push(`round ${round}: ${problem}`)
  }
  for (const problem of problems) console.log(`FAILED ${problem}`)
  const isDone = consumers >= wanted.consumers && hosts >= wanted.hosts
  if (!isDone) console.log(`not done: ${consumers} consumers and ${hosts} hosts in ${seconds} s`)
  console.log(
    problems.length === 0
      ? `${consumers} consumers and ${hosts} hosts died: nothing was lost, held by two, or handed out after its ack`
      : `${problems.length} problems`,
  )
  process.exitCode = problems.length === 0 && isDone ? 0 : 1
}

main()
