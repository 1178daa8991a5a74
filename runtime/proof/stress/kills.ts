/**
 * Kills threads under load and breaks handlers in every way there is: nothing is lost, repeated, out of order or hung.
 *
 *   node dist/runtime/proof/stress/kills.js [share 1]
 *
 * A full dose kills handler threads 100 times and partition hosts 30 times; a share of it does so in proportion. The
 * checks are those of kills.fixture.ts and odd.fixture.ts. Fails when one of them finds anything.
 */

import { runKillsInRounds } from './kill-rounds.fixture.ts'
import type { KillReport } from './kills.fixture.ts'
import { EXPECTED, failureMode, restartWhileBlocked, timerMs } from './odd.fixture.ts'
import type { Oddity } from './odd-handler.fixture.ts'
import { quantile } from './within.fixture.ts'

const share = Number(process.argv[2] ?? 1)
const problems: string[] = []

function times(count: number): number {
  return Math.ceil(count * share)
}

function show(name: string, report: KillReport): void {
  const { published, deliveries, phases, executing, points, missed, recoveryMs, seconds } = report
  console.log(`${name}: ${published} published, ${deliveries} deliveries, ${seconds.toFixed(1)} s`)
  console.log(`  handlers killed while ${JSON.stringify(phases)}, ${executing} with a delivery open`)
  console.log(`  partition host killed ${JSON.stringify(points)}; ${missed} kills found nothing to kill`)
  const recovery = [0.5, 0.99, 1].map(part => quantile(recoveryMs, part).toFixed(0))
  console.log(
    `  until the next append, or a delivery in each partition: median ${recovery[0]} ms, p99 ${recovery[1]} ms, max ${recovery[2]} ms`,
  )
  for (const problem of report.problems) problems.push(`${name}: ${problem}`)
}

async function main(): Promise<void> {
  const handlerKills = { starting: times(14), executing: times(46), committing: times(90), idle: times(14) }
  show('handlers', await runKillsInRounds({ handlerKills }))
  show(
    'handlers in small steps',
    await runKillsInRounds({ handlerKills: { any: times(20), committing: times(20) }, busyUs: 0, batch: 3, restMs: 0 }),
  )
  const fatal = { beforeCommit: times(8), betweenWindowAndRing: times(8), betweenRingAndReceipt: times(8) }
  show('partition host', await runKillsInRounds({ hostKills: { random: times(14), ...fatal } }))
  show('both', await runKillsInRounds({ handlerKills: { any: times(30) }, hostKills: { random: times(15) } }))
  for (const oddity of [...Object.keys(EXPECTED), 'undecodable']) {
    const report = await failureMode(oddity as Oddity | 'undecodable')
    console.log(
      `${oddity}: ${report.problems.length === 0 ? 'dead-lettered' : 'WRONG'} after ${report.ms.toFixed(0)} ms`,
    )
    for (const problem of report.problems) problems.push(`${oddity}: ${problem}`)
  }
  const { median, p99 } = await timerMs()
  console.log(`handlers that await 5 ms: median ${median.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`)
  if (!(median < 8)) problems.push(`handlers that await 5 ms take ${median} ms`)
  const restarted = await restartWhileBlocked(2_000)
  console.log(`a handler killed while the main thread was blocked started again after ${restarted.toFixed(0)} ms`)
  if (!(restarted > 0)) problems.push('a handler was not started again while the main thread was blocked')
  for (const problem of problems) console.log(`FAILED ${problem}`)
  console.log(
    problems.length === 0 ? 'nothing was lost, repeated, out of order or hung' : `${problems.length} problems`,
  )
  process.exitCode = problems.length === 0 ? 0 : 1
}

main()
