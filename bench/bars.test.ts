import t from 'tap'
import { judge } from './bars.ts'
import { bestByHand, withBestByHand } from './best-by-hand.ts'
import { type Row, ratioOf, spreadOf } from './row.ts'

function row(subject: string, values: readonly number[], own: Partial<Row> = {}): Row {
  return {
    suite: 'pipeline',
    case: 'eachBatch',
    subject,
    payloadBytes: 64,
    metric: 'throughput',
    unit: 'records/s',
    ...spreadOf(values),
    runs: values.length,
    values,
    node: process.version,
    ...own,
  }
}

t.test('a ratio compares what was measured in the same round', async t => {
  const ours = row('millrace', [10, 20, 60])
  const rival = row('same-work', [10, 10, 20])
  t.strictSame(ratioOf(ours, rival), { median: 2, min: 1, max: 3 })
})

t.test('the best by hand is the fastest of those that do the same work, in each case', async t => {
  const rows = [
    row('millrace', [9]),
    row('same-work', [5]),
    row('same-work-relayed', [6]),
    row('postMessage-1000', [8]),
    row('same-work', [3], { payloadBytes: 1024 }),
    row('same-work-relayed', [2], { payloadBytes: 1024 }),
    row('same-work', [7], { metric: 'p50' }),
  ]
  const best = withBestByHand(rows).filter(({ subject }) => subject === bestByHand)
  t.strictSame(
    best.map(({ of, median, payloadBytes }) => ({ of, median, payloadBytes })),
    [
      { of: 'same-work-relayed', median: 6, payloadBytes: 64 },
      { of: 'same-work', median: 3, payloadBytes: 1024 },
    ],
  )
})

t.test('a bar is judged by the rows of its case and size only, and is silent without both figures', async t => {
  const rows = [row('millrace', [16]), row(bestByHand, [10]), row('millrace', [1], { payloadBytes: 1024 })]
  const judged = judge(rows)
  t.strictSame(
    judged.map(({ isKept }) => isKept),
    [true],
  )
  t.match(judged[0]?.text, /^kept {3}eachBatch 64 B throughput: millrace is 1\.60 of best by hand/)
  t.strictSame(judge([row('millrace', [14]), row(bestByHand, [10])])[0]?.isKept, false)
})

t.test('a bar of processor time compares that of all threads', async t => {
  const partitions = (count: number, all: number): Row =>
    row(`${count} partitions`, [1], { suite: 'partitions', case: 'partitions', cpu: { all } })
  t.strictSame(
    judge([partitions(4, 100), partitions(16, 119), partitions(64, 121)]).map(({ isKept }) => isKept),
    [true, false],
  )
})
