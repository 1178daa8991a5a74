/**
 * Kills whole processes with a work queue on disk (SIGKILL), at named points of its work and of its opening, and at random moments.
 *
 *   node dist/runtime/proof/stress/queue-kills.js [--cycles 1000] [--each 20] [--points NAME,NAME] [--poison 20]
 *
 * A folder lives through `--each` deaths; every second folder promises `os`, the others `fsync`. The points (queue-crash-points.fixture.ts) are
 * those of every log, of the file of settled messages, and of segments that are removed or rewritten; up to three processes in a row die in
 * recovery. Before a death in recovery the end of each log is torn, and with `fsync` cut before, as by a loss of power.
 *
 * The processes use all of a queue together: priorities, delays, times to live, keys of which one message is out at a time, ids, `cancel` and
 * `purge`. Fails when a confirmed settlement is undone; when a message is lost, has two consumers or two dead letters, is untimely, or is
 * out of its place or before its turn; when an id has two messages, or one that was taken back comes again; when a count is wrong;
 * and when a point was met by less than one death in SHARE. Then `--poison` folders have a message whose handler ends
 * the process (queue-poison.fixture.ts): it is a dead letter, and its neighbours have no failure.
 */
import { parseArgs } from 'node:util'
import { pointsOf } from './crash-point-of.fixture.ts'
import { CrashSchedule } from './crash-schedule.fixture.ts'
import { QUEUE_POINTS } from './queue-crash-points.fixture.ts'
import { killQueues } from './queue-kills.fixture.ts'
import { poisonQueue } from './queue-poison.fixture.ts'

/** Deaths for each one that a point is to have: 10 of 1,000. */
const SHARE = 100

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '1000' },
    each: { type: 'string', default: '20' },
    points: { type: 'string', default: '' },
    poison: { type: 'string', default: '20' },
  },
})

async function main(): Promise<void> {
  const cycles = Number(values.cycles)
  const schedule = new CrashSchedule(pointsOf(values.points, QUEUE_POINTS))
  const others = new Map<string, number>()
  const problems: string[] = []
  let deaths = 0
  const sums = { receipts: 0, begins: 0, confirms: 0, duplicates: 0, takenBack: 0, purged: 0 }
  for (let folder = 0; deaths < cycles && problems.length === 0; folder++) {
    const each = Math.min(Number(values.each), cycles - deaths)
    const round = await killQueues(schedule, each, folder % 2 === 0 ? 'fsync' : 'os')
    deaths += round.deaths
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += round[name]
    for (const [how, count] of round.others) others.set(how, (others.get(how) ?? 0) + count)
    problems.push(...round.problems)
  }
  const least = Math.floor(cycles / SHARE)
  if (problems.length === 0)
    for (const [point, met] of schedule.met)
      if (met < least) problems.push(`${point} was met by ${met} deaths, fewer than ${least}`)
  for (const problem of problems.slice(0, 20)) console.log(`FAILED ${problem}`)
  console.log(schedule.met.map(([point, met]) => `${point} ${met}`).join(', '))
  console.log([...others].map(([how, count]) => `${how} ${count}`).join(', '))
  console.log(`deaths in recovery, in a row: ${schedule.rows.map(([nth, count]) => `${nth}: ${count}`).join(', ')}`)
  const { receipts, duplicates, begins, confirms, takenBack, purged } = sums
  const ended = `${confirms} settlements confirmed, ${takenBack} taken back, ${purged} purged`
  console.log(
    `${deaths} deaths, ${receipts} receipts (${duplicates} duplicates), ${begins} messages begun, ${ended}: ${problems.length} problems`,
  )
  if (problems.length > 0 || !(await poison(Number(values.poison)))) process.exitCode = 1
}

/** Whether a message that ends its process is found, and its neighbours are spared. */
async function poison(folders: number): Promise<boolean> {
  const problems: string[] = []
  const lives: number[] = []
  for (let folder = 0; folder < folders && problems.length === 0; folder++) {
    const round = await poisonQueue(folder % 2 === 0 ? 'fsync' : 'os')
    lives.push(round.lives)
    problems.push(...round.problems)
  }
  for (const problem of problems) console.log(`FAILED ${problem}`)
  console.log(
    `${lives.length} queues with poison, of ${[...new Set(lives)].sort().join(' or ')} lives: ${problems.length} problems`,
  )
  return problems.length === 0
}

await main()
