/**
 * Kills processes that append to a log on this machine's disk, and looks at what is left after each.
 *
 *   node dist/runtime/proof/stress/log-kills.js [--cycles 1000] [--each 50]
 *
 * A folder lives through `--each` kills. Fails when an append that was told is gone, when there is a frame that nobody wrote,
 * or when anything is damaged. It says nothing of a loss of power: the system keeps what it was given.
 */
import { parseArgs } from 'node:util'
import { killLog } from './log-kills.fixture.ts'

const { values } = parseArgs({
  options: { cycles: { type: 'string', default: '1000' }, each: { type: 'string', default: '50' } },
})

async function main(): Promise<void> {
  const cycles = Number(values.cycles)
  let [kills, appends, cuts] = [0, 0, 0]
  const problems: string[] = []
  while (kills < cycles && problems.length === 0) {
    const round = await killLog(Math.min(Number(values.each), cycles - kills))
    kills += round.kills
    appends += round.appends
    cuts += round.cuts
    problems.push(...round.problems)
  }
  for (const problem of problems) console.log(`FAILED ${problem}`)
  console.log(`${kills} kills, ${appends} appends told, ${cuts} bad ends cut: ${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

main()
