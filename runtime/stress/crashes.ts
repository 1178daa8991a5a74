/**
 * Kills whole processes with a broker on disk (SIGKILL), at named points of its work and at random moments.
 *
 *   node dist/runtime/stress/crashes.js [--cycles 1000] [--each 20] [--claims 100]
 *
 * A folder lives through `--each` deaths; every second folder promises `os`, the others `fsync`. Fails when something
 * acknowledged is gone or elsewhere, when there is what nobody sent, or twice, or out of order, or when a group has passed
 * over a record. Then `--claims` more, of processes whose group delivers at most once (claims.fixture.ts). It says nothing of
 * a loss of power: the system keeps what it was given.
 */
import { parseArgs } from 'node:util'
import { claimDeaths } from './claims.fixture.ts'
import { crashFolder } from './crashes.fixture.ts'

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '1000' },
    each: { type: 'string', default: '20' },
    claims: { type: 'string', default: '100' },
  },
})

async function main(): Promise<void> {
  const cycles = Number(values.cycles)
  const points = new Map<string, number>()
  const problems: string[] = []
  let [deaths, receipts, handled] = [0, 0, 0]
  for (let folder = 0; deaths < cycles && problems.length === 0; folder++) {
    const durability = folder % 2 === 0 ? 'fsync' : 'os'
    const round = await crashFolder(Math.min(Number(values.each), cycles - deaths), durability, deaths)
    deaths += round.deaths
    receipts += round.receipts
    handled += round.handled
    for (const [point, count] of round.points) points.set(point, (points.get(point) ?? 0) + count)
    problems.push(...round.problems)
  }
  for (const problem of problems.slice(0, 20)) console.log(`FAILED ${problem}`)
  console.log([...points].map(([point, count]) => `${point} ${count}`).join(', '))
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
