/**
 * Cuts the power, or kills the process, between any two operations of log stores on a simulated disk, and in the midst of
 * writes, also while they recover from the last time, and looks at what is left after each.
 *
 *   node dist/runtime/proof/stress/power-cuts.js [--count 100000] [--doubles 0] [--seed 1] [--each 20]
 *
 * `--doubles` goes on until so many have ended a recovery. A disk lives through `--each` cuts. Fails, and prints the seed that shows
 * it again with `--count 1 --each N`, when something acknowledged is gone, when a log holds what was not written, or damage is
 * reported where there is none.
 */
import { parseArgs } from 'node:util'
import { lifeBy, StoreLives } from '../../log/store/store-lives.fixture.ts'
import { Chance } from '../sim/chance.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    doubles: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    each: { type: 'string', default: '20' },
  },
})

function main(): void {
  const count = Number(values.count)
  const each = Number(values.each)
  const kinds = new Map<string, number>()
  const startedMs = performance.now()
  const seconds = (): string => ((performance.now() - startedMs) / 1000).toFixed(1)
  let [cuts, doubles, deaths, failures, recoveries, told] = [0, 0, 0, 0, 0, 0]
  let problem: string | null = null
  for (let seed = Number(values.seed); problem === null && (cuts < count || doubles < Number(values.doubles)); seed++) {
    const chance = new Chance(seed)
    const lives = new StoreLives()
    for (let life = 0; life < each && problem === null; life++) {
      try {
        lives.live(lifeBy(chance))
        cuts++
      } catch (error) {
        problem = `seed ${seed}, life ${life}: ${error instanceof Error ? error.stack : error}`
      }
    }
    doubles += lives.doubleCuts
    deaths += lives.deaths
    failures += lives.failures
    recoveries += lives.recoveries
    for (const [kind, times] of lives.cuts) kinds.set(kind, (kinds.get(kind) ?? 0) + times)
    if (cuts - told < 10_000) continue
    told = cuts
    console.log(`${cuts} cuts after ${seconds()} s`)
  }
  for (const [kind, times] of [...kinds].sort(([a], [b]) => (a < b ? -1 : 1)))
    console.log(`${kind.padEnd(24)} ${times}`)
  if (problem !== null) console.log(`FAILED ${problem}`)
  const what = `${cuts} cuts, ${doubles} of them while recovering, ${deaths} deaths of threads, ${failures} failed operations`
  console.log(`${what}, ${recoveries} recoveries in ${seconds()} s: ${problem === null ? 0 : 1} problems`)
  process.exitCode = problem === null ? 0 : 1
}

main()
