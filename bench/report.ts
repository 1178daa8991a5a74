/** Shows rows as tables for people, one of rates for each suite, with ratios round by round. Main thread. */
import { cpus } from 'node:os'
import Table from 'cli-table3'
import { bestByHand } from './best-by-hand.ts'
import type { Noise } from './noise.ts'
import { isSameCase, type Row, ratioOf, type Spread } from './row.ts'

/** Others are shown relative to them. */
const yardsticks = [
  bestByHand,
  'memory-copy',
  'futex',
  'postMessage',
  'postMessage-100',
  'raw-pipeline',
  'bare-workers',
  'stream',
  'queue',
  '4 partitions',
  'from-main',
  'plain script',
  'plain loop',
  'rabbitmq-classic',
  'rabbitmq-quorum',
  'bullmq',
] as const

/** Where it stands beside what one would write by hand, this is the other yardstick: each row says how many times as fast it is. */
const ours = 'millrace'

export function toText(rows: readonly Row[], noise: Noise): string {
  const processors = cpus()
  const machine = `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown'}, Node ${process.version}`
  const rates = rows.filter(({ metric }) => metric === 'throughput')
  const latencies = rows.filter(({ unit }) => unit === 'us')
  const heaps = rows.filter(({ unit }) => unit === 'bytes')
  const parts = [machine, String(noise)]
  for (const suite of new Set(rates.map(row => row.suite))) {
    const ofSuite = rates.filter(row => row.suite === suite)
    parts.push(rateTable(ofSuite))
    if (ofSuite.some(({ cpu }) => cpu !== undefined))
      parts.push(
        'ns a record: the clock, and the processor time of threads in the order of their start',
        cpuTable(ofSuite),
      )
  }
  if (latencies.length > 0)
    parts.push(
      'us from publish to receipt (windows of 1,000 awaited together) or answer, or from the call to the handler',
      valueTable('us', latencies),
    )
  if (heaps.length > 0) parts.push('bytes by which the heaps grew', valueTable('bytes', heaps))
  return parts.join('\n')
}

function rateTable(rates: readonly Row[]): string {
  const isBesideByHand = rates.some(({ subject }) => subject === bestByHand)
  const present = yardsticks.filter(name =>
    isBesideByHand ? name === bestByHand : rates.some(({ subject }) => subject === name),
  )
  const table = createTable(
    [
      ...['suite', 'case', 'bytes', 'subject', 'records/s', 'min', 'max'],
      ...present.map(name => `x ${name}`),
      ...(isBesideByHand ? [`${ours} x this`] : []),
    ],
    [0, 1, 3],
  )
  for (const row of rates) {
    const other = (name: string): Row | undefined => rates.find(one => one.subject === name && isSameCase(one, row))
    const ratios = present.map(name => spreadText(row, other(name)))
    const own = other(ours)
    if (isBesideByHand) ratios.push(own === undefined ? '-' : spreadText(own, row))
    const { suite, case: caseName, payloadBytes, median, min, max } = row
    table.push([suite, caseName, payloadBytes, nameOf(row), grouped(median), grouped(min), grouped(max), ...ratios])
  }
  return table.toString()
}

/** Medians of the ratios of the rounds, with the least and the greatest of them. */
function spreadText(row: Row, other: Row | undefined): string {
  if (other === undefined) return '-'
  if (other.subject === row.subject) return '1'
  const { median, min, max }: Spread = ratioOf(row, other)
  return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`
}

function nameOf({ subject, of, note }: Row): string {
  const about = of ?? note
  return about === undefined ? subject : `${subject} (${about})`
}

function cpuTable(rates: readonly Row[]): string {
  const table = createTable(
    ['case', 'bytes', 'subject', 'wall', 'all CPU', 'main', 'other threads', 'V8, libuv'],
    [0, 2],
  )
  for (const row of rates) {
    const { cpu, of, case: caseName, payloadBytes, median } = row
    if (cpu === undefined || of !== undefined) continue
    const { all, parts } = cpu
    const ofThreads =
      parts === undefined
        ? ['-', '-', '-']
        : [grouped(parts.main), parts.others.map(grouped).join(' + '), grouped(parts.helpers)]
    table.push([caseName, payloadBytes, nameOf(row), grouped(Math.round(1e9 / median)), grouped(all), ...ofThreads])
  }
  return table.toString()
}

function valueTable(unit: string, rows: readonly Row[]): string {
  const table = createTable(['suite', 'case', 'bytes', 'subject', 'metric', unit, 'min', 'max'], [0, 1, 3, 4])
  for (const row of rows) {
    const { suite, case: caseName, payloadBytes, metric, median, min, max } = row
    table.push([suite, caseName, payloadBytes, nameOf(row), metric, grouped(median), grouped(min), grouped(max)])
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
