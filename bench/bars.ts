/**
 * What ratios must be reached: a subject's figure over another's of the same run. Pure.
 *
 * They are shown after the table, and a full run that misses one exits with 1. Shorter runs say nothing about them.
 */
import { bestByHand } from './best-by-hand.ts'
import { grouped } from './report.ts'
import type { Row } from './row.ts'

interface Bar {
  /** As in rows: with `-json` where values are orders. */
  readonly case: string
  /** Default: any. */
  readonly payloadBytes?: number
  readonly subject: string
  /** Null: the bar is a figure of the subject alone. */
  readonly beside: string | null
  /** `cpu` is the processor time of a record, of all threads, in ns. */
  readonly metric: Row['metric'] | 'cpu'
  /** Least or most that the ratio of the medians may be, or the median alone. */
  readonly atLeast?: number
  readonly atMost?: number
}

/** A stream beside what one would write by hand that does the same work. */
const byHand = { subject: 'millrace', beside: bestByHand, metric: 'throughput' } as const

const streams: readonly Bar[] = [
  { ...byHand, case: 'eachBatch', payloadBytes: 64, atLeast: 1.5 },
  { ...byHand, case: 'eachMessage', payloadBytes: 64, atLeast: 1.5 },
  { ...byHand, case: 'eachBatch', payloadBytes: 1024, atLeast: 2 },
  { ...byHand, case: 'eachBatch-json', atLeast: 1.3 },
  { ...byHand, case: 'awaited', payloadBytes: 64, atLeast: 1 },
  // The same threads and the same sum, without anything of a broker.
  { ...byHand, case: 'eachBatch', payloadBytes: 64, beside: 'raw-pipeline', atLeast: 0.45 },
  ...[16, 64, 256].map(count => ({
    case: 'partitions',
    subject: `${count} partitions`,
    beside: '4 partitions',
    metric: 'cpu' as const,
    atMost: 1.2,
  })),
  { case: 'partitions', subject: '1 partition', beside: '4 partitions', metric: 'throughput', atLeast: 1 },
  ...(['attached-publish', 'attached-handle'] as const).map(name => ({
    case: name,
    subject: 'from-attached',
    beside: 'from-main',
    metric: 'throughput' as const,
    atLeast: 0.8,
  })),
  { case: 'durable', subject: 'millrace-os', beside: 'millrace', metric: 'throughput', atLeast: 0.76 },
]

/** Beside `postMessage` over two hops: by a thread between to the handler, or there and back. */
const latencies: readonly Bar[] = [
  { case: 'one-by-one', subject: 'millrace', beside: 'postMessage', metric: 'throughput', atLeast: 0.8 },
  { case: 'one-by-one', subject: 'millrace-os', beside: 'postMessage', metric: 'throughput', atLeast: 0.5 },
  { case: 'latency-10k', subject: 'millrace', beside: 'postMessage', metric: 'p50', atMost: 1.2 },
  { case: 'latency-10k', subject: 'millrace', beside: 'postMessage', metric: 'p99', atMost: 1.5 },
  { case: 'idle', subject: 'millrace', beside: null, metric: 'p50', atMost: 60 },
  { case: 'queue-latency', subject: 'queue', beside: 'postMessage', metric: 'p50', atMost: 1.5 },
  { case: 'request-latency', subject: 'request', beside: 'postMessage', metric: 'p50', atMost: 3 },
]

/** From start to end. */
const programs: readonly Bar[] = [
  { case: 'cli-lines-json', subject: 'millrace run', beside: 'plain script', metric: 'throughput', atLeast: 1 },
  { case: 'cli-lines-json', subject: 'millrace run', beside: 'plain script', metric: 'cpu', atMost: 2 },
  { case: 'flights-json', subject: 'millrace', beside: 'millrace, before', metric: 'throughput', atLeast: 2 },
  { case: 'flights-json', subject: 'millrace', beside: 'millrace, before', metric: 'cpu', atMost: 0.5 },
]

const throughput = { case: 'queue-each', metric: 'throughput' } as const

const queues: readonly Bar[] = [
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

const bars = [...streams, ...latencies, ...programs, ...queues]

export interface Judged {
  readonly text: string
  readonly isKept: boolean
}

/** The bars whose both figures are among the rows. */
export function judge(rows: readonly Row[]): readonly Judged[] {
  return bars.flatMap(bar => {
    const own = figure(rows, bar, bar.subject)
    const other = bar.beside === null ? 1 : figure(rows, bar, bar.beside)
    if (own === undefined || other === undefined) return []
    const ratio = own / other
    const isKept = ratio >= (bar.atLeast ?? 0) && ratio <= (bar.atMost ?? Number.POSITIVE_INFINITY)
    const wanted = bar.atLeast === undefined ? `at most ${bar.atMost}` : `at least ${grouped(bar.atLeast)}`
    const is =
      bar.beside === null
        ? grouped(own)
        : `${ratio.toFixed(2)} of ${bar.beside} (${grouped(own)} and ${grouped(other)})`
    const bytes = bar.payloadBytes === undefined ? '' : ` ${bar.payloadBytes} B`
    const text = `${bar.case}${bytes} ${bar.metric}: ${bar.subject} is ${is}, ${wanted}`
    return [{ text: `${isKept ? 'kept  ' : 'MISSED'} ${text}`, isKept }]
  })
}

function figure(rows: readonly Row[], bar: Bar, subject: string): number | undefined {
  const metric = bar.metric === 'cpu' ? 'throughput' : bar.metric
  const row = rows.find(
    row =>
      row.case === bar.case &&
      row.metric === metric &&
      row.subject === subject &&
      (bar.payloadBytes ?? row.payloadBytes) === row.payloadBytes,
  )
  return bar.metric === 'cpu' ? row?.cpu?.all : row?.median
}
