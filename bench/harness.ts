/**
 * Measures subjects against each other: in rounds, each subject once per round, so that the machine's noise hits all.
 *
 * Main thread. Every round starts a subject afresh, warms it up with growing runs (new threads compile anew, and cold
 * code runs at a fifth of its speed), then measures one run of about `runSeconds` and compares the handler's total
 * with what was published. One subject runs at a time.
 */
import type { Noise } from './noise.ts'
import { type CpuOfRecord, quantile, type Row, spreadOf } from './row.ts'
import type { Running, Sample, Spec, Subject } from './subject.ts'
import { startThreadTimes, type ThreadTimes, threadIds } from './thread-times.ts'

export interface Effort {
  readonly rounds: number
  /** How long all warm-up runs together must at least take; the last one tells the rate. */
  readonly warmUpSeconds: number
  /** How long a measured run should take. */
  readonly runSeconds: number
  /** The part of a case's fixed number of records that is measured. */
  readonly recordsShare: number
}

/** Medians come from at least five rounds; a suite may ask for more. */
export const fullEffort: Effort = { rounds: 5, warmUpSeconds: 0.5, runSeconds: 0.75, recordsShare: 1 }
export const quickEffort: Effort = { rounds: 3, warmUpSeconds: 0.25, runSeconds: 0.15, recordsShare: 0.25 }
/** Shows that everything runs and comes to the right totals; its figures say nothing. */
export const smokeEffort: Effort = { rounds: 1, warmUpSeconds: 0.02, runSeconds: 0.05, recordsShare: 0.05 }

const warmUpRecords = 2_000
const warmUpGrowth = 4
/** Runs are whole thousands of records, so that windows and hundreds come out even. */
const unitRecords = 1_000
/** Int32 record counts of some subjects must not wrap within a round. */
const recordsMax = 100_000_000

interface Round {
  readonly rate: number
  readonly latenciesUs: ArrayLike<number>
  readonly heapBytes?: number
  readonly cpuSeconds?: number
  readonly records: number
  readonly times: ThreadTimes | undefined
}

export async function measure(
  suite: string,
  spec: Spec,
  subjects: readonly Subject[],
  effort: Effort,
  noise: Noise,
  onRound: (line: string) => void,
): Promise<Row[]> {
  const running = subjects.filter(subject => subject.supports(spec))
  const rounds = new Map<Subject, Round[]>(running.map(subject => [subject, []]))
  for (let round = 1; round <= effort.rounds; round++) {
    for (const subject of running) {
      onRound(`${suite} ${caseOf(spec)} ${spec.workload.payloadBytes} B, round ${round}: ${subject.name}`)
      noise.sample()
      rounds.get(subject)?.push(await measureRound(subject, spec, effort))
    }
  }
  return running.flatMap(subject => toRows(suite, spec, subject, rounds.get(subject) ?? []))
}

async function measureRound(subject: Subject, spec: Spec, effort: Effort): Promise<Round> {
  const helpers = threadIds()
  const running = await subject.start(spec)
  const runs: number[] = []
  const run = async (records: number, way: 'run' | 'warmUp'): Promise<Round & { seconds: number }> => {
    runs.push(records)
    const stopTimes = startThreadTimes(helpers)
    const sample = await (way === 'warmUp' ? warmUpOf(running, records) : running.run(records))
    const times = stopTimes()
    return { latenciesUs: [], ...sample, rate: records / sample.seconds, records, times }
  }
  // After a failure the threads are left as they are: the error ends the process, and them with it.
  const measured = await measureRun(run, effort, spec)
  const sum = await running.stop()
  const expected = runs
    .map(records => subject.total?.(spec, records) ?? spec.workload.total(records))
    .reduce((a, b) => a + b)
  if (sum !== expected) {
    throw new Error(`${subject.name}: wrong total in ${caseOf(spec)}: handled ${sum}, published ${expected}`)
  }
  return measured
}

function warmUpOf(running: Running, records: number): Promise<Sample> {
  return running.warmUp?.(records) ?? running.run(records)
}

async function measureRun<R extends { seconds: number; rate: number }>(
  run: (records: number, way: 'run' | 'warmUp') => Promise<R>,
  effort: Effort,
  spec: Spec,
): Promise<R> {
  const warmUpSeconds = effort.warmUpSeconds * spec.warmUps
  let records = warmUpRecords
  let warmUp = await run(records, 'warmUp')
  for (let seconds = warmUp.seconds; seconds < warmUpSeconds; seconds += warmUp.seconds) {
    if (warmUp.seconds < warmUpSeconds / warmUpGrowth) records = Math.min(records * warmUpGrowth, recordsMax / 10)
    warmUp = await run(records, 'warmUp')
  }
  if (spec.records !== undefined) return run(Math.ceil(spec.records * effort.recordsShare), 'run')
  const units = Math.max(1, Math.round((warmUp.rate * effort.runSeconds) / unitRecords))
  return run(Math.min(units * unitRecords, recordsMax), 'run')
}

function caseOf({ caseName, workload }: Spec): string {
  return workload.check === 'json' ? `${caseName}-json` : caseName
}

function toRows(suite: string, spec: Spec, subject: Subject, rounds: readonly Round[]): Row[] {
  const row = (metric: Row['metric'], unit: Row['unit'], values: readonly number[]): Row => ({
    suite,
    case: caseOf(spec),
    subject: subject.name,
    ...(subject.note === undefined ? {} : { note: subject.note }),
    payloadBytes: spec.workload.payloadBytes,
    metric,
    unit,
    ...spreadOf(values),
    runs: values.length,
    values,
    node: process.version,
  })
  const rates = rounds.map(({ rate }) => rate)
  const rows: Row[] = [{ ...row('throughput', 'records/s', rates), ...cpuOf(rounds) }]
  const sampled = rounds
    .filter(({ latenciesUs }) => latenciesUs.length > 0)
    .map(({ latenciesUs }) => Float64Array.from(latenciesUs).sort())
  if (sampled.length > 0) {
    for (const [metric, share] of shares) {
      const values = sampled.map(latencies => quantile(latencies, share))
      rows.push(row(metric, 'us', values))
    }
  }
  const heaps = rounds.flatMap(({ heapBytes }) => heapBytes ?? [])
  if (heaps.length > 0) rows.push(row('heap', 'bytes', heaps))
  return rows
}

const shares = [
  ['p50', 0.5],
  ['p99', 0.99],
  ['p99.9', 0.999],
] as const

/** Less of a thread's time than this, in ns a record, is no work. */
const workNs = 1

function cpuOf(rounds: readonly Round[]): { readonly cpu?: CpuOfRecord } {
  const ofProcesses = rounds.flatMap(({ cpuSeconds, records }) =>
    cpuSeconds === undefined ? [] : (cpuSeconds * 1e9) / records,
  )
  if (ofProcesses.length > 0) return { cpu: { all: Math.round(spreadOf(ofProcesses).median) } }
  const measured = rounds.flatMap(({ times, records }) => (times === undefined ? [] : { times, records }))
  if (measured.length === 0) return {}
  const median = (of: (times: ThreadTimes) => number): number =>
    Math.round(spreadOf(measured.map(({ times, records }) => of(times) / records)).median)
  const threads = Math.max(...measured.map(({ times }) => times.othersNs.length))
  const others = Array.from({ length: threads }, (_, i) => median(({ othersNs }) => othersNs[i] ?? 0))
  const parts = {
    main: median(({ mainNs }) => mainNs),
    others: others.filter(ns => ns >= workNs),
    helpers: median(({ helpersNs }) => helpersNs),
  }
  const all = median(({ mainNs, othersNs, helpersNs }) => othersNs.reduce((a, b) => a + b, mainNs + helpersNs))
  return { cpu: { all, parts } }
}
