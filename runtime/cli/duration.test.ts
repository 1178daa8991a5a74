import t from 'tap'
import { durationMs, durationText } from './duration.ts'

t.test('durations are read as people write them', async t => {
  const read: [string, number][] = [
    ['250', 250],
    ['500ms', 500],
    ['20s', 20_000],
    ['1.5s', 1_500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['0', 0],
  ]
  for (const [text, ms] of read) t.equal(durationMs(text), ms, text)
  for (const text of ['', 's', '-1s', '1e3', '5y', '1 s', '1s2', 'Infinity', '.5s'])
    t.ok(Number.isNaN(durationMs(text)), text)
})

t.test('and said in the largest unit that leaves a whole number', async t => {
  t.strictSame([0, 250, 1_500, 20_000, 120_000, 7_200_000].map(durationText), [
    ...['0 ms', '250 ms', '1500 ms', '20 s', '2 min', '2 h'],
  ])
})
