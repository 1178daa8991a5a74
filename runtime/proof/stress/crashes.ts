/**
 * Kills whole processes with a broker on disk (SIGKILL), at named points of its work and of its opening, and at random
 * moments.
 *
 *   node dist/runtime/proof/stress/crashes.js [--cycles 1000] [--each 20] [--points NAME,NAME] [--claims 100]
 *
 * A folder lives through `--each` deaths; every second folder promises `os`, the others `fsync`. The points
 * (crash-points.fixture.ts) are those of a partition host's commit, journal, checkpoint and sweep; a state log's compaction;
 * retention; the making of a topic, and of more partitions; and recovery, in which up to three processes die in a row. Before a death in recovery the
 * end of each log is torn as by a death in the middle of a write, and with `fsync` cut before, as by a loss of power.
 *
 * Fails when something acknowledged is gone or elsewhere, when there is what nobody sent, or twice, or out of order, when a
 * group has passed over a record or a state log has forgotten what it said, or when retention took too much; and when a
 * point was met by less than one death in SHARE. Then `--claims` more deaths, of processes whose group delivers at most once
 * (claims.fixture.ts). What a loss of power does to everything else is the part of `test:power`.
 */
import { parseArgs } from 'node:util'
import { claimDeaths } from './claims.fixture.ts'
import { pointsOf } from './crash-point-of.fixture.ts'
import { POINTS } from './crash-points.fixture.ts'
import { CrashSchedule } from './crash-schedule.fixture.ts'
import { crashFolder } from './crashes.fixture.ts'

/** Deaths for each one that a point is to have: 20 of 1,000. */
const SHARE = 50

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '1000' },
    each: { type: 'string', default: '20' },
    points: { type: 'string', default: '' },
    claims: { type: 'string', default: '100' },
  },
})

async function main(): Promise<void> {
  const cycles = Number(values.cycles)
  const schedule = new CrashSchedule(pointsOf(values.points, POINTS))
  const others = new Map<string, number>()
  const problems: string[] = []
  let [deaths, receipts, handled] = [0, 0, 0]
  for (let folder = 0; deaths < cycles && problems.length === 0; folder++) {
    const durability = folder % 2 === 0 ? 'fsync' : 'os'
    const each = Math.min(Number(values.each), cycles - deaths)
    const round = await crashFolder(schedule, each, durability, deaths)
    deaths += round.deaths
    receipts += round.receipts
    handled += round.handled
    for (const [point, count] of round.others) others.set(point, (others.get(point) ?? 0) + count)
    problems.push(...round.problems)
  }
  const least = Math.floor(cycles / SHARE)
  if (problems.length === 0)
    for (const [point, met] of schedule.met)
      if (met < least) problems.push(`${point} was met by ${met} deaths, fewer than ${least}`)
  for (const problem of problems.slice(0, 20)) console.log(`FAILED ${problem}`)
  console.log(schedule.met.map(([point, met]) => `${point} ${met}`).join(', '))
  console.log([...others].map(([how, count]) => `${how} ${count}`).join(', '))
  console.log(`state logs grown: ${schedule.grown.map(([file, count]) => `${file} ${count}`).join(', ')}`)
  console.log(`deaths in recovery, in a row: ${schedule.rows.map(([nth, count]) => `${nth}: ${count}`).join(', ')}`)
  console.log(`${deaths} deaths, ${receipts} receipts, ${handled} records handled: ${problems.length} problems`)
  if (problems.length > 0 || !(await claims(Number(values.claims), Number(values.each)))) process.exitCode = 1
}

/** Whether groups that deliver at most once kept their word. */
async function claims(cycles: number, each: number): Promise<boolean> {
  const problems: string[] = []
  let [deaths, handed, missed] = [0, 0, 0]
  for (let folder = 0; deaths < cycles && problems.length === 0; folder++) {
    const round = await claimDeaths(Math.min(each, cycles - deaths), folder % 2 === 0 ? 'fsync' : 'os', deaths)
    deaths += round.deaths
    handed += round.handed
    missed += round.missed
    problems.push(...round.problems)
  }
  for (const problem of problems.slice(0, 20)) console.log(`FAILED ${problem}`)
  console.log(
    `${deaths} deaths at most once, ${handed} records handed out, ${missed} passed over: ${problems.length} problems`,
  )
  return problems.length === 0
}

await main()
