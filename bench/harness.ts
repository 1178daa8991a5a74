/**
 * Measures subjects against each other: in rounds, each subject once per round, so that the machine's noise hits all.
 *
 * Main thread. Every round starts a subject afresh, warms it up with growing runs (new threads compile anew, and cold
 * code runs at a fifth of its speed), then measures one run of about `runSeconds` and compares the handler's total
 * with what was published. One subject runs at a time.
 */
import type { Spec, Subject } from './subject.ts'

export interface Effort {
  readonly rounds: number
  /** How long all warm-up runs together must at least take; the last one tells the rate. */
  readonly warmUpSeconds: number
  /** How long a measured run should take. */
  readonly runSeconds: number
}

/** Medians come from at least five rounds; a suite may ask for more. */
export const fullEffort: Effort = { rounds: 5, warmUpSeconds: 0.5, runSeconds: 0.75 }
export const quickEffort: Effort = { rounds: 3, warmUpSeconds: 0.25, runSeconds: 0.15 }
/** Shows that everything runs and comes to the right totals; its figures say nothing. */
export const smokeEffort: Effort = { rounds: 1, warmUpSeconds: 0.02, runSeconds: 0.05 }

export interface Row {
  readonly suite: string
  readonly case: string
  readonly subject: string
  readonly payloadBytes: number
  readonly metric: 'throughput' | 'p50' | 'p99' | 'heap'
  readonly unit: 'records/s' | 'us' | 'bytes'
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: number
  readonly node: string
}

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
}

export async function measure(
  suite: string,
  spec: Spec,
  subjects: readonly Subject[],
  effort: Effort,
  onRound: (line: string) => void,
): Promise<Row[]> {
  const running = subjects.filter(subject => subject.supports(spec))
  const rounds = new Map<Subject, Round[]>(running.map(subject => [subject, []]))
  for (let round = 1; round <= effort.rounds; round++) {
    for (const subject of running) {
      onRound(`${suite} ${caseOf(spec)} ${spec.workload.payloadBytes} B, round ${round}: ${subject.name}`)
      rounds.get(subject)?.push(await measureRound(subject, spec, effort))
    }
  }
  return running.flatMap(subject => toRows(suite, spec, subject, rounds.get(subject) ?? []))
}

async function measureRound(subject: Subject, spec: Spec, effort: Effort): Promise<Round> {
  const running = await subject.start(spec)
  const runs: number[] = []
  const run = async (records: number): Promise<Round & { seconds: number }> => {
    runs.push(records)
    const sample = await running.run(records)
    return { latenciesUs: [], ...sample, rate: records / sample.seconds }
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

async function measureRun<R extends { seconds: number; rate: number }>(
  run: (records: number) => Promise<R>,
  effort: Effort,
  spec: Spec,
): Promise<R> {
  const warmUpSeconds = effort.warmUpSeconds * spec.warmUps
  let records = warmUpRecords
  let warmUp = await run(records)
  for (let seconds = warmUp.seconds; seconds < warmUpSeconds; seconds += warmUp.seconds) {
    if (warmUp.seconds < warmUpSeconds / warmUpGrowth) records = Math.min(records * warmUpGrowth, recordsMax / 10)
    warmUp = await run(records)
  }
  const units = Math.max(1, Math.round((warmUp.rate * effort.runSeconds) / unitRecords))
  return run(spec.records ?? Math.min(units * unitRecords, recordsMax))
}

function caseOf({ caseName, workload }: Spec): string {
  return workload.check === 'json' ? `${caseName}-json` : caseName
}

function toRows(suite: string, spec: Spec, subject: Subject, rounds: readonly Round[]): Row[] {
  const row = (metric: Row['metric'], unit: Row['unit'], values: readonly number[]): Row => {
    const sorted = values.toSorted((a, b) => a - b)
    return {
      suite,
      case: caseOf(spec),
      subject: subject.name,
      payloadBytes: spec.workload.payloadBytes,
      metric,
      unit,
      median: rounded(quantile(sorted, 0.5)),
      min: rounded(quantile(sorted, 0)),
      max: rounded(quantile(sorted, 1)),
      runs: sorted.length,
      node: process.version,
    }
  }
  const rows = [
    row(
      'throughput',
      'records/s',
      rounds.map(({ rate }) => rate),
    ),
  ]
  const sampled = rounds
    .filter(({ latenciesUs }) => latenciesUs.length > 0)
    .map(({ latenciesUs }) => Float64Array.from(latenciesUs).sort())
  if (sampled.length > 0) {
    rows.push(
      row(
        'p50',
        'us',
        sampled.map(latencies => quantile(latencies, 0.5)),
      ),
    )
    rows.push(
      row(
        'p99',
        'us',
        sampled.map(latencies => quantile(latencies, 0.99)),
      ),
    )
  }
  const heaps = rounds.flatMap(({ heapBytes }) => heapBytes ?? [])
  if (heaps.length > 0) rows.push(row('heap', 'bytes', heaps))
  return rows
}

/** The value at or just above the given share of a sorted, non-empty list; an even list's median is its upper middle. */
function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number
}

function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100
}
