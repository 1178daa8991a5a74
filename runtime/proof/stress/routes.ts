/**
 * Plays seeds of exchanges, bindings and keys in the tables and in the naive model. After a build:
 *
 *   npm run test:routes -- [--seeds N] [--seed S] [--steps N]
 *
 *   --seeds   so many sets of exchanges; default 200000
 *   --seed    the first of them; default 1
 *   --steps   bindings, unbindings, deletions and keys of each; default 60
 *
 * A seed that fails is printed with the first difference, and replays identically. Exits with 1 when one did.
 */
import { parseArgs } from 'node:util'
import { nothingPlayed, playExchanges } from '../../routing/played-exchanges.fixture.ts'

const TOLD_MAX = 20

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200000' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '60' },
  },
})
const first = Number(options.seed)
const played = nothingPlayed()
let failed = 0
for (let seed = first; seed < first + Number(options.seeds); seed++) {
  const problem = playExchanges(seed, Number(options.steps), played)
  if (problem === null) continue
  failed++
  if (failed <= TOLD_MAX) console.log(problem)
}
const { user, system } = process.cpuUsage()
console.log(JSON.stringify(played))
console.log(`${options.seeds} seeds, ${((user + system) / 1e6).toFixed(1)} s of processor time: ${failed} failed`)
if (failed > 0) process.exitCode = 1
