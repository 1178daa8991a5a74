/**
 * Kills whole processes with a work queue on disk (SIGKILL), at named points of its work and of its opening, and at random moments.
 *
 *   node dist/runtime/proof/stress/queue-kills.js [--cycles 1000] [--each 20] [--points NAME,NAME] [--poison 20]
 *
 * A folder lives through `--each` deaths; every second folder promises `os`, the others `fsync`. The points (queue-crash-points.fixture.ts) are
 * those of every log, of the file of settled messages, and of segments that are removed or rewritten; up to three processes in a row die in
 * recovery. Before a death in recovery the end of each log is torn, and with `fsync` cut before, as by a loss of power.
 *
 * Messages have keys (`keyConcurrency: 1`), ids by which they are sent again, delays and times to live; some are cancelled, some updated, and once in the
 * life of a folder what waits is purged.
 *
 * A line on standard error says every ten seconds how far it is.
 *
 * Fails when a confirmed settlement is undone, when a message is lost, has two consumers or two dead letters, or is out of its place. Also
 * when one comes early, late, out of the order of its key, twice by its id, or after it was cancelled or purged; when a count is wrong, and when a point was met by less than one death in SHARE. Then `--poison` folders have a message whose handler ends
 * the process (queue-poison.fixture.ts): it is a dead letter, and its neighbours have no failure.
 */
import { parseArgs } from 'node:util'
import { pointsOf } from './crash-point-of.fixture.ts'
import { CrashSchedule } from './crash-schedule.fixture.ts'
import { Progress } from './progress.fixture.ts'
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
  const progress = new Progress()
  const problems: string[] = []
  let [deaths, receipts, begins, confirms] = [0, 0, 0, 0]
  let [duplicates, cancelled, updated, purged] = [0, 0, 0, 0]
  for (let folder = 0; deaths < cycles && problems.length === 0; folder++) {
    const each = Math.min(Number(values.each), cycles - deaths)
    const before = deaths
    const round = await killQueues(schedule, each, folder % 2 === 0 ? 'fsync' : 'os', died =>
      progress.say(() => `${before + died} of ${cycles} deaths, folder ${folder}`),
    )
    deaths += round.deaths
    receipts += round.receipts
    begins += round.begins
    confirms += round.confirms
    duplicates += round.duplicates
    cancelled += round.cancelled
    updated += round.updated
    purged += round.purged
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
  const told = `${receipts} receipts, ${begins} messages begun, ${confirms} settlements confirmed`
  const taken = `${duplicates} duplicates, ${cancelled} cancelled, ${updated} updated, ${purged} purged`
  console.log(`${deaths} deaths, ${told}, ${taken}: ${problems.length} problems`)
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
