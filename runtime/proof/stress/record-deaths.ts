/**
 * Handlers with a cursor die amid their records, a thousand times: the right record is charged, none is lost, and none comes again but that.
 *
 *   node dist/runtime/proof/stress/record-deaths.js [--deaths 1000] [--seconds 3600]
 *
 * Rounds in memory and on disk take turns. A death is a `process.exit` in the handler, a throw, or the end of its thread from outside. Fails
 * when anything differs, or when `--seconds` are over before there were as many deaths.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runRecordDeaths } from './record-deaths.fixture.ts'

const ROUND_RECORDS = 2_000

const { values } = parseArgs({ options: { deaths: { type: 'string' }, seconds: { type: 'string' } } })
const wanted = Number(values.deaths ?? 1_000)
const seconds = Number(values.seconds ?? 3_600)

async function round(records: number, isOnDisk: boolean): Promise<{ problems: readonly string[]; deaths: number }> {
  if (!isOnDisk) return runRecordDeaths(records, null)
  const dir = mkdtempSync(join(tmpdir(), 'millrace-deaths-'))
  try {
    return await runRecordDeaths(records, dir)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

async function main(): Promise<void> {
  const since = performance.now()
  const problems: string[] = []
  let deaths = 0
  for (let number = 1; deaths < wanted && problems.length === 0; number++) {
    if (performance.now() - since > seconds * 1_000) break
    const isOnDisk = number % 2 === 0
    const records = Math.min(ROUND_RECORDS, Math.max(200, (wanted - deaths) * 36))
    const report = await round(records, isOnDisk)
    deaths += report.deaths
    problems.push(...report.problems.map(problem => `round ${number}: ${problem}`))
    console.log(
      `round ${number} ${isOnDisk ? 'on disk' : 'in memory'}: ${records} records, ${deaths} deaths in ${((performance.now() - since) / 1_000).toFixed(0)} s`,
    )
  }
  for (const problem of problems.slice(0, 20)) console.log(`FAILED ${problem}`)
  if (deaths < wanted) console.log(`not done: ${deaths} deaths in ${seconds} s`)
  console.log(
    problems.length === 0
      ? `${deaths} deaths amid records: the right ones were charged, and none was lost`
      : `${problems.length} problems`,
  )
  process.exitCode = problems.length === 0 && deaths >= wanted ? 0 : 1
}

main()
