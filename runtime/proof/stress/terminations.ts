/**
 * Ends threads under load, thousands of them, in every phase of their work: nothing is lost, and nothing piles up.
 *
 *   node dist/runtime/proof/stress/terminations.js [--count 10000] [--seconds 480] [--state FILE]
 *
 * Seven of eight are handler threads, the others partition hosts; when it is done each phase of a handler and each named
 * point of a host has had a fiftieth of `--count` at least. It stops after `--seconds`, and goes on from `--state` when it
 * is called again. What bounds it is processor time: every death costs the start of a thread. Fails when a record was
 * lost, repeated, out of order or not dead-lettered once, or when blocks, threads, handles or listeners are left over.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Counts, MOMENTS, type Moment, noCounts, terminate, type Wanted } from './terminations.fixture.ts'
import { quantile } from './within.fixture.ts'

const ROUND_MS = 25_000
const HANDLER_SHARE = 0.88
const LEAST_SHARE = 1 / 50

const { values } = parseArgs({
  options: { count: { type: 'string' }, seconds: { type: 'string' }, state: { type: 'string' } },
})
const goal = Number(values.count ?? 10_000)
const seconds = Number(values.seconds ?? 480)

interface Totals {
  counts: Counts
  handlerPausesMs: number[]
  hostPausesMs: number[]
  published: number
  rounds: number
  seconds: number
  problems: string[]
}

function load(): Totals {
  if (values.state !== undefined && existsSync(values.state))
    return JSON.parse(readFileSync(values.state, 'utf8')) as Totals
  return {
    counts: noCounts(),
    handlerPausesMs: [],
    hostPausesMs: [],
    published: 0,
    rounds: 0,
    seconds: 0,
    problems: [],
  }
}

const PHASES = ['starting', 'idle', 'executing', 'committing'] as const
const POINTS = MOMENTS.slice(5) as readonly Exclude<Moment, 'stopping' | (typeof PHASES)[number]>[]

/** What has had least, by the counts so far and those of the round that is under way. */
function wantedOf(totals: Totals): Wanted {
  const asked = noCounts()
  const had = (moment: Moment): number => totals.counts[moment] + asked[moment]
  const least = <M extends Moment>(moments: readonly M[]): M =>
    moments.reduce((low, moment) => (had(moment) < had(low) ? moment : low))
  const sum = (moments: readonly Moment[]): number => moments.reduce((total, moment) => total + had(moment), 0)
  const enough = (moments: readonly Moment[]): boolean => moments.every(moment => had(moment) >= goal * LEAST_SHARE)
  return {
    handler() {
      if (sum([...PHASES, 'stopping']) >= goal * HANDLER_SHARE && enough(PHASES) && enough(POINTS)) return null
      const phase = least(PHASES)
      asked[phase]++
      return phase
    },
    host() {
      if (enough(POINTS)) return null
      const point = least(POINTS)
      asked[point]++
      return point
    },
    missed: moment => void asked[moment]--,
    stops: () => true,
  }
}

function isDone({ counts }: Totals): boolean {
  const total = MOMENTS.reduce((sum, moment) => sum + counts[moment], 0)
  const hosts = POINTS.reduce((sum, point) => sum + counts[point], 0)
  return (
    total >= goal &&
    hosts >= goal * (1 - HANDLER_SHARE) &&
    MOMENTS.every(moment => counts[moment] >= goal * LEAST_SHARE)
  )
}

async function main(): Promise<void> {
  const totals = load()
  const since = performance.now()
  while (!isDone(totals) && performance.now() - since < seconds * 1_000) {
    const hosts = totals.rounds % 2 === 0 ? 1 : 2
    const before = performance.now()
    const left = seconds * 1_000 - (before - since)
    const report = await terminate(wantedOf(totals), Math.min(ROUND_MS, left, Math.max(4_000, goal * 20)), hosts)
    for (const moment of MOMENTS) totals.counts[moment] += report.counts[moment]
    totals.handlerPausesMs.push(...report.handlerPausesMs.map(Math.round))
    totals.hostPausesMs.push(...report.hostPausesMs.map(Math.round))
    totals.published += report.published
    totals.rounds++
    totals.seconds += (performance.now() - before) / 1_000
    // The first round opens what a process opens once.
    for (const [what, [was, is]] of Object.entries(report.held))
      if (is > was && totals.rounds > 1)
        totals.problems.push(`round ${totals.rounds}: ${what} were ${was}, and are ${is}`)
    totals.problems.push(...report.problems.map(problem => `round ${totals.rounds}: ${problem}`))
    const total = MOMENTS.reduce((sum, moment) => sum + totals.counts[moment], 0)
    console.log(
      `round ${totals.rounds}, ${hosts} partition hosts: ${total} terminations in ${totals.seconds.toFixed(0)} s; held before and after ${JSON.stringify(report.held)}`,
    )
    if (values.state !== undefined) writeFileSync(values.state, JSON.stringify(totals))
    if (totals.problems.length > 20) break
  }
  const figures = (pauses: readonly number[]): string =>
    [0.5, 0.99, 1].map(share => quantile(pauses, share).toFixed(0)).join(' / ')
  console.log(`by moment: ${JSON.stringify(totals.counts)}`)
  console.log(
    `${totals.published} published; until each partition had another delivery: ${figures(totals.handlerPausesMs)} ms (median / p99 / max)`,
  )
  console.log(`until the next append after a partition host: ${figures(totals.hostPausesMs)} ms`)
  for (const problem of totals.problems) console.log(`FAILED ${problem}`)
  const done = isDone(totals)
  console.log(
    totals.problems.length > 0
      ? `${totals.problems.length} problems`
      : done
        ? 'nothing was lost, and nothing is left over'
        : 'not done yet: call it again with the same --state',
  )
  process.exitCode = totals.problems.length > 0 || !done ? 1 : 0
}

main()
