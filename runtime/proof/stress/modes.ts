/**
 * Breaks handlers in every way there is, many times each, and says how long who was held up.
 *
 *   node dist/runtime/proof/stress/modes.js [--times 50] [--modes spin,exit]
 *
 * Fails when a record that misbehaves is not dead-lettered exactly once and for its own reason, when any other record is
 * not handled in order, or when a pause is longer than its bound (in ms, what a thread that only looks at the clock was
 * held up in the same time subtracted): partitions on other threads 250 (p99), those on the same thread the handler's
 * timeout and 250, the record's own partition 250 after the crash or the timeout (p99), a handler that spins is stopped
 * 100 after its timeout. Pauses are judged from 20 times on: fewer say nothing about a percentile.
 */
import { parseArgs } from 'node:util'
import { Canary } from './canary.fixture.ts'
import { failureMode, MODES, type ModeName, type ModeReport } from './modes.fixture.ts'
import { quantile } from './within.fixture.ts'

const PAUSE_MS_MAX = 250
const OVERRUN_MS_MAX = 100
const JUDGED_FROM = 20

const { values } = parseArgs({ options: { times: { type: 'string' }, modes: { type: 'string' } } })
const times = Number(values.times ?? 50)
const names = (values.modes?.split(',') ?? Object.keys(MODES)) as ModeName[]

function figures(values: readonly number[]): string {
  if (values.length === 0) return '-'.padStart(13)
  return [0.5, 0.99, 1].map(share => quantile(values, share).toFixed(0).padStart(4)).join(' ')
}

function pauses(name: ModeName, { othersMs, neighboursMs, resumedMs, overrunMs }: ModeReport): string[] {
  if (times < JUDGED_FROM) return []
  const { reason, handlerTimeoutMs } = MODES[name]
  const patience = reason === 'timeout' ? handlerTimeoutMs : 0
  const bounds: readonly (readonly [string, readonly number[], number])[] = [
    ['partitions on the other thread', othersMs, PAUSE_MS_MAX],
    ['partitions on the same thread', neighboursMs, PAUSE_MS_MAX + patience],
    ['its own partition', resumedMs, PAUSE_MS_MAX],
    ['a spinning handler', overrunMs, OVERRUN_MS_MAX],
  ]
  return bounds.flatMap(([who, found, most]) => {
    const p99 = quantile(found, 0.99)
    return p99 < most || found.length === 0 ? [] : [`${who}: p99 ${p99.toFixed(0)} ms, and ${most} are allowed`]
  })
}

async function main(): Promise<void> {
  const canary = new Canary()
  const problems: string[] = []
  console.log(`${times} times each; ms as median, p99 and max`)
  console.log(
    `${'mode'.padEnd(15)} ${'reason'.padEnd(9)} other thread    same thread     own partition   overrun        restarts  ticks`,
  )
  for (const name of names) {
    if (MODES[name] === undefined) throw new TypeError(`no mode ${name}; there are ${Object.keys(MODES).join(', ')}`)
    const report = await failureMode(name, times, canary)
    const { othersMs, neighboursMs, resumedMs, overrunMs, ticks, restarts } = report
    const columns = [othersMs, neighboursMs, resumedMs, overrunMs].map(figures).join('  ')
    console.log(
      `${name.padEnd(15)} ${MODES[name].reason.padEnd(9)} ${columns} ${String(restarts).padStart(8)} ${String(ticks).padStart(8)}`,
    )
    for (const problem of [...report.problems, ...pauses(name, report)]) problems.push(`${name}: ${problem}`)
  }
  await canary.stop()
  for (const problem of problems) console.log(`FAILED ${problem}`)
  console.log(
    problems.length === 0
      ? 'passed: the process is alive, and each record is where it belongs'
      : `${problems.length} problems`,
  )
  process.exitCode = problems.length === 0 ? 0 : 1
}

main()
