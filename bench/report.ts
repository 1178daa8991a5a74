/** Shows rows as a table for people, with the rates relative to the yardstick rivals. Main thread. */
import { cpus } from 'node:os'
import Table from 'cli-table3'
import type { Row } from './harness.ts'

const yardsticks = [
  'memory-copy',
  'futex',
  'postMessage',
  'postMessage-100',
  'raw-pipeline',
  'bare-workers',
  'stream',
  'queue',
  'rabbitmq-classic',
  'rabbitmq-quorum',
  'bullmq',
] as const

export function toText(rows: readonly Row[]): string {
  const processors = cpus()
  const machine = `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown'}, Node ${process.version}`
  const rates = rows.filter(({ metric }) => metric === 'throughput')
  const latencies = rows.filter(({ unit }) => unit === 'us')
  const heaps = rows.filter(({ unit }) => unit === 'bytes')
  const parts = [machine, rateTable(rates)]
  if (latencies.length > 0)
    parts.push(
      'us from publish to receipt (windows of 1,000 awaited together) or answer, or from the call to the handler',
      valueTable('us', latencies),
    )
  if (heaps.length > 0) parts.push('bytes by which the heaps grew', valueTable('bytes', heaps))
  return parts.join('\n')
}

function rateTable(rates: readonly Row[]): string {
  const present = yardsticks.filter(name => rates.some(({ subject }) => subject === name))
  const table = createTable(
    ['suite', 'case', 'bytes', 'subject', 'records/s', 'min', 'max', ...present.map(name => `x ${name}`)],
    [0, 1, 3],
  )
  for (const row of rates) {
    const ratios = present.map(name => {
      const base = rates.find(
        other =>
          other.subject === name &&
          other.suite === row.suite &&
          other.case === row.case &&
          other.payloadBytes === row.payloadBytes,
      )
      return base === undefined ? '-' : (row.median / base.median).toFixed(2)
    })
    const { suite, case: caseName, payloadBytes, subject, median, min, max } = row
    table.push([suite, caseName, payloadBytes, subject, grouped(median), grouped(min), grouped(max), ...ratios])
  }
  return table.toString()
}

function valueTable(unit: string, rows: readonly Row[]): string {
  const table = createTable(['suite', 'case', 'bytes', 'subject', 'metric', unit, 'min', 'max'], [0, 1, 3, 4])
  for (const { suite, case: caseName, payloadBytes, subject, metric, median, min, max } of rows) {
    table.push([suite, caseName, payloadBytes, subject, metric, grouped(median), grouped(min), grouped(max)])
  }
  return table.toString()
}

function createTable(head: string[], leftColumns: readonly number[]): Table.Table {
  const colAligns = head.map((_, i) => (leftColumns.includes(i) ? ('left' as const) : ('right' as const)))
  return new Table({ head, colAligns, style: { head: [], border: [], compact: true } })
}

export function grouped(value: number): string {
  return value.toLocaleString('en-US')
}
