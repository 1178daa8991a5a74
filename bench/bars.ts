/**
 * What ratios must be reached: a subject's figure over another's of the same run. Pure.
 *
 * They are shown after the table, and a full run that misses one exits with 1. Shorter runs say nothing about them.
 */
import type { Row } from './harness.ts'
import { grouped } from './report.ts'
import type { CaseName } from './subject.ts'

interface Bar {
  readonly case: CaseName
  readonly subject: string
  /** Null: the bar is a figure of the subject alone. */
  readonly beside: string | null
  readonly metric: Row['metric']
  /** Least or most that the ratio of the medians may be, or the median alone. */
  readonly atLeast?: number
  readonly atMost?: number
}

const throughput = { case: 'queue-each', metric: 'throughput' } as const

const bars: readonly Bar[] = [
  ...['queue', 'queue-prefetch-10', 'queue-prefetch-100'].map(subject => ({
    ...throughput,
    subject,
    beside: 'stream',
    atLeast: 0.5,
  })),
  { ...throughput, subject: 'queue-priorities-8', beside: 'queue', atLeast: 0.8 },
  { ...throughput, subject: 'queue-keys-10000', beside: 'queue', atLeast: 0.6 },
  { ...throughput, subject: 'queue-os', beside: 'queue', atLeast: 0.6 },
  { ...throughput, subject: 'queue-fsync', beside: 'queue', atLeast: 0.35 },
  ...['queue-os', 'queue-fsync'].flatMap(subject =>
    ['rabbitmq-classic', 'rabbitmq-quorum', 'bullmq'].map(beside => ({
      ...throughput,
      case: 'queue-servers' as const,
      subject,
      beside,
      atLeast: 30,
    })),
  ),
  { case: 'route-dry', subject: 'dry-route', beside: null, metric: 'throughput', atLeast: 1_000_000 },
  { case: 'route-1', subject: 'exchange', beside: 'send', metric: 'throughput', atLeast: 0.8 },
  { case: 'route-10', subject: 'exchange', beside: 'ten-sends', metric: 'throughput', atLeast: 0.7 },
  { case: 'queue-latency', subject: 'queue', beside: 'stream', metric: 'p50', atMost: 1.3 },
  { case: 'queue-latency', subject: 'queue', beside: 'stream', metric: 'p99', atMost: 1.3 },
  { case: 'request-latency', subject: 'request', beside: 'queue', metric: 'p50', atMost: 2.5 },
]

export interface Judged {
  readonly text: string
  readonly isKept: boolean
}

/** The bars whose both figures are among the rows. */
export function judge(rows: readonly Row[]): readonly Judged[] {
  return bars.flatMap(bar => {
    const median = (subject: string): number | undefined =>
      rows.find(row => row.case === bar.case && row.metric === bar.metric && row.subject === subject)?.median
    const own = median(bar.subject)
    const other = bar.beside === null ? 1 : median(bar.beside)
    if (own === undefined || other === undefined) return []
    const ratio = own / other
    const isKept = ratio >= (bar.atLeast ?? 0) && ratio <= (bar.atMost ?? Number.POSITIVE_INFINITY)
    const wanted = bar.atLeast === undefined ? `at most ${bar.atMost}` : `at least ${grouped(bar.atLeast)}`
    const is =
      bar.beside === null
        ? grouped(own)
        : `${ratio.toFixed(2)} of ${bar.beside} (${grouped(own)} and ${grouped(other)})`
    const text = `${bar.case} ${bar.metric}: ${bar.subject} is ${is}, ${wanted}`
    return [{ text: `${isKept ? 'kept  ' : 'MISSED'} ${text}`, isKept }]
  })
}
