/**
 * Random programs over the whole public API, judged from outside by what they wrote down, and killed in the middle.
 *
 *   node dist/runtime/proof/stress/fuzz.js [--programs 200] [--kills] [--seed N] [--replay SEED] [--times 1] [--jobs 2] [--keep]
 *
 * A program is planned from its seed (fuzz/plan-program.ts): topics in memory or in a folder, publishers, groups of every
 * kind whose members come, stall, fail and leave, dead letters and seeks. Its timing is not planned: `--replay SEED` does the
 * same calls again, `--times` of them, and may meet the fault in some. `--seed` is the first one; by default the clock chooses.
 * With `--kills` programs in a folder have processes that are killed (SIGKILL), at random moments or soon after a thread of
 * theirs stood still. What must hold is in fuzz/*-rules.ts.
 *
 * Fails at the first program that breaks a rule (`--keep`: goes on, and fails at the end), and when in 200 programs or more a
 * feature never occurred.
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { EXPECTED, EXPECTED_OF_KILLS } from './fuzz/features.ts'
import { type Judged, runPrograms } from './fuzz/programs.ts'

/** In so many programs each feature is to occur. */
const JUDGED_FROM = 200
const FINDINGS_MAX = 8

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: '200' },
    kills: { type: 'boolean', default: false },
    seed: { type: 'string' },
    replay: { type: 'string' },
    times: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    keep: { type: 'boolean', default: false },
  },
})

class Tally {
  programs = 0
  records = 0
  hands = 0
  kills = 0
  failed = 0
  readonly calls = new Map<string, number>()
  readonly features = new Map<string, number>()

  add({ findings, records, hands, kills, calls, features }: Judged): void {
    this.programs++
    this.records += records
    this.hands += hands
    this.kills += kills
    if (findings.length > 0) this.failed++
    for (const [what, count] of calls) this.calls.set(what, (this.calls.get(what) ?? 0) + count)
    for (const feature of features) this.features.set(feature, (this.features.get(feature) ?? 0) + 1)
  }

  show(expected: readonly string[]): void {
    const calls = [...this.calls].sort(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${count}`)
    console.log(`calls: ${calls.join(', ')}`)
    const share = (feature: string): string =>
      `${feature} ${Math.round((100 * (this.features.get(feature) ?? 0)) / this.programs)}`
    console.log(`programs with, in %: ${expected.map(share).join(', ')}`)
    console.log(
      `${this.programs} programs, ${this.records} records sent, ${this.hands} handed out, ${this.kills} kills: ${this.failed} programs break a rule`,
    )
  }
}

function report({ seed, findings, history }: Judged, kills: boolean): void {
  for (const finding of findings.slice(0, FINDINGS_MAX)) console.log(`FAILED seed ${seed}: ${finding}`)
  if (findings.length > FINDINGS_MAX) console.log(`FAILED seed ${seed}: and ${findings.length - FINDINGS_MAX} more`)
  console.log(
    `  its history is ${history}; again: npm run test:fuzz --${kills ? ' --kills' : ''} --replay ${seed} --times 10`,
  )
}

async function main(): Promise<void> {
  const { kills, keep } = values
  const replay = values.replay === undefined ? null : Number(values.replay)
  const first = replay ?? (values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed))
  const count = replay === null ? Number(values.programs) : 1
  const times = replay === null ? 1 : Number(values.times)
  for (const number of [first, count, times, Number(values.jobs)])
    if (!Number.isSafeInteger(number) || number < 0)
      throw new TypeError('seeds, programs, times and jobs are whole numbers')
  console.log(
    replay === null ? `seeds ${first} to ${first + count - 1}${kills ? ', with kills' : ''}` : `seed ${first}`,
  )
  const tally = new Tally()
  const judged = (program: Judged): void => {
    tally.add(program)
    if (program.findings.length > 0) report(program, kills)
  }
  const isOver = (): boolean => tally.failed > 0 && !keep
  for (let time = 0; time < times && !isOver(); time++) {
    const before = tally.failed
    const folder = await runPrograms(first, count, { kills, jobs: Number(values.jobs), judged, isOver })
    if (tally.failed === before) rmSync(folder, { recursive: true, force: true })
  }
  const expected = [...EXPECTED, ...(kills ? EXPECTED_OF_KILLS : [])]
  tally.show(expected)
  const missing = tally.programs < JUDGED_FROM ? [] : expected.filter(feature => !tally.features.has(feature))
  for (const feature of missing) console.log(`FAILED ${feature} never occurred in ${tally.programs} programs`)
  process.exitCode = tally.failed > 0 || missing.length > 0 ? 1 : 0
}

await main()
