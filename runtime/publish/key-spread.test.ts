import t from 'tap'
import { partitionsAt, spreadOf, spreadOver } from './key-spread.ts'

t.test('a producer of before partitions were ever added spreads its keys over those that it knew', async t => {
  t.strictSame(spreadOf({ seen: [0, 7, 0] }), [{ from: 0, partitions: 3 }])
  const spread = [{ from: 5, partitions: 2 }]
  t.equal(spreadOf({ seen: [0, 7, 0], spread }), spread)
})

t.test('each number has the partitions that there were for it', async t => {
  const spread = [
    { from: 0, partitions: 2 },
    { from: 10, partitions: 3 },
    { from: 20, partitions: 7 },
  ]
  t.strictSame(
    [0, 9, 10, 19, 20, 1_000].map(number => partitionsAt(spread, number)),
    [2, 2, 3, 3, 7, 7],
  )
})

t.test('what may be missing keeps its partitions, and nothing else is kept', async t => {
  const first = spreadOver([{ from: 0, partitions: 2 }], 10, 3, 4)
  t.strictSame(first, [
    { from: 0, partitions: 2 },
    { from: 10, partitions: 3 },
  ])
  t.strictSame(spreadOver(first, 20, 5, 10), [
    { from: 10, partitions: 3 },
    { from: 20, partitions: 5 },
  ])
  t.strictSame(spreadOver(first, 20, 5, 20), [{ from: 20, partitions: 5 }])
  t.strictSame(
    spreadOver(first, 8, 5, 4),
    [
      { from: 0, partitions: 2 },
      { from: 8, partitions: 5 },
    ],
    'no record came to be where the one in between would have put it',
  )
})
