/**
 * Kills whole processes with schedules (SIGKILL): when a tick is decided, kept, sent or noted, while they open, and at random moments.
 *
 *   node dist/runtime/proof/stress/schedule-kills.js [--cycles 200] [--each 20]
 *
 * A folder lives through `--each` deaths; every second folder promises `os`, the others `fsync`. Fails when a tick of a schedule was sent twice,
 * or not at all, to a queue or a topic; and when a point was met by less than one death in SHARE.
 */
import { parseArgs } from 'node:util'
import { killSchedules, SCHEDULE_POINTS } from './schedule-kills.fixture.ts'

/** Deaths for each one that a point is to have. */
const SHARE = 20

const { values } = parseArgs({
  options: { cycles: { type: 'string', default: '200' }, each: { type: 'string', default: '20' } },
})

const cycles = Number(values.cycles)
const each = Number(values.each)
const met = new Map<string, number>()
const problems: string[] = []
let [deaths, ticks] = [0, 0]
for (let folder = 0; deaths < cycles && problems.length === 0; folder++) {
  const wanted = Math.min(each, cycles - deaths)
  const round = await killSchedules(wanted, folder % 2 === 0 ? 'fsync' : 'os', folder)
  deaths += wanted
  ticks += round.ticks
  problems.push(...round.problems)
  for (const [point, count] of round.met) met.set(point, (met.get(point) ?? 0) + count)
  console.log(`${deaths} deaths, ${ticks} ticks, ${problems.length} problems`)
}
const least = Math.floor(cycles / SHARE)
for (const point of SCHEDULE_POINTS)
  if (point !== 'random' && problems.length === 0 && (met.get(point) ?? 0) < least)
    problems.push(`${point} was met by ${met.get(point) ?? 0} deaths, fewer than ${least}`)
for (const problem of problems.slice(0, 20)) console.log(`FAILED ${problem}`)
console.log([...met].map(([point, count]) => `${point} ${count}`).join(', '))
if (problems.length > 0) process.exitCode = 1
