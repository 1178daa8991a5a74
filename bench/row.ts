/** What a measurement says of one subject in one case. Types, and the summary of rounds. Pure. */
export interface Row {
  readonly suite: string
  readonly case: string
  readonly subject: string
  readonly payloadBytes: number
  readonly metric: 'throughput' | 'p50' | 'p99' | 'p99.9' | 'heap'
  readonly unit: 'records/s' | 'us' | 'bytes'
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: number
  /** One value a round, in the order of rounds: those of one round were measured one after the other. */
  readonly values: readonly number[]
  /** Medians of the rounds, of a record; only with throughput, and only on Linux. */
  readonly cpu?: CpuOfRecord
  /** What a reader must know who compares it. */
  readonly note?: string
  /** Whose figures a derived row has. */
  readonly of?: string
  readonly node: string
}

/** Processor time of a record in ns; `parts` only where it is spent in this process. */
export interface CpuOfRecord {
  readonly all: number
  readonly parts?: CpuParts
}

export interface CpuParts {
  readonly main: number
  /** The subject's threads that had something to do, in the order of their start. */
  readonly others: readonly number[]
  /** Node's own threads: V8's helpers, libuv's. */
  readonly helpers: number
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    median: rounded(quantile(sorted, 0.5)),
    min: rounded(quantile(sorted, 0)),
    max: rounded(quantile(sorted, 1)),
  }
}

/** How many times as much as the other, round by round. */
export function ratioOf(row: Row, other: Row): Spread {
  const rounds = Math.min(row.values.length, other.values.length)
  return spreadOf(Array.from({ length: rounds }, (_, i) => (row.values[i] as number) / (other.values[i] as number)))
}

export function isSameCase(a: Row, b: Row): boolean {
  return a.suite === b.suite && a.case === b.case && a.payloadBytes === b.payloadBytes && a.metric === b.metric
}

/** The value at or just above the given share of a sorted, non-empty list; an even list's median is its upper middle. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number
}

function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100
}
