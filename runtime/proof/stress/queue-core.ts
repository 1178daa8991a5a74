/**
 * Plays seeds of a queue's core against its naive model, and says what they visited. After a build:
 *
 *   npm run test:queue-core -- [--seeds N] [--seed S] [--inputs I] [--trace]
 *
 *   --seeds   so many seeds; default 300
 *   --seed    the first of them; default 1
 *   --inputs  so many inputs each; default 1000
 *   --trace   prints each input of each seed
 *
 * A seed that fails is printed with the first difference, and replays identically. From VISITS_FROM seeds of 1,000 inputs on, each
 * pair of state and input must have been visited VISITS_MIN times. Exits with 1 when anything is wrong.
 */
import { parseArgs } from 'node:util'
import { playSeed } from '../../queue/queue-driver.fixture.ts'
import { allPairs, type Pair, Visits } from '../../queue/queue-visits.fixture.ts'

const VISITS_FROM = 10_000
const VISITS_MIN = 100
const TOLD_MAX = 20

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    inputs: { type: 'string', default: '1000' },
    trace: { type: 'boolean', default: false },
  },
})
const seeds = Number(options.seeds)
const inputs = Number(options.inputs)
const visits = new Visits()
let failed = 0
for (let seed = Number(options.seed); seed < Number(options.seed) + seeds; seed++) {
  const problem = playSeed(seed, inputs, visits, options.trace ? line => console.log(line) : null)
  if (problem === null) continue
  failed++
  if (failed <= TOLD_MAX) console.log(problem)
}

const told = ([state, input]: Pair): string => `${state} x ${input}`
const pairs = allPairs()
for (const pair of pairs) console.log(`    ${told(pair)}: ${visits.of(...pair)}`)
const listed = new Set(pairs.map(told))
const unlisted = visits.pairs().filter(pair => !listed.has(told(pair)))
if (unlisted.length > 0) console.log(`visited, and not listed: ${unlisted.map(told).join('; ')}`)
const seldom = seeds >= VISITS_FROM ? pairs.filter(pair => visits.of(...pair) < VISITS_MIN) : []
if (seldom.length > 0) console.log(`visited less than ${VISITS_MIN} times: ${seldom.map(told).join('; ')}`)
const fewest = Math.min(...pairs.map(pair => visits.of(...pair)))
const { user, system } = process.cpuUsage()
console.log(
  `${seeds} seeds of ${inputs} inputs, ${((user + system) / 1e6).toFixed(1)} s of processor time: ` +
    `${pairs.length} pairs, each visited ${fewest} times at least; ${failed} seeds failed`,
)
if (failed > 0 || seldom.length > 0 || unlisted.length > 0) process.exitCode = 1
