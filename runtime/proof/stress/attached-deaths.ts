/**
 * Ends threads that are attached to a broker, under load and in all ways.
 *
 *   node dist/runtime/proof/stress/attached-deaths.js [--deaths 200]
 *
 * Fails when something that was acknowledged is lost, when a record or message was handled by nobody, or when memory is left over.
 */
import { parseArgs } from 'node:util'
import { attachedDeaths } from './attached-deaths.fixture.ts'

const { values } = parseArgs({ options: { deaths: { type: 'string' } } })
const { problems, ...figures } = await attachedDeaths(Number(values.deaths ?? 200))
console.log(JSON.stringify(figures))
for (const problem of problems.slice(0, 20)) console.log(`FAILED ${problem}`)
console.log(problems.length > 0 ? `${problems.length} problems` : 'nothing was lost, and nothing is left over')
process.exitCode = problems.length > 0 ? 1 : 0
