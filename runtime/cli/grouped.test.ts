import t from 'tap'
import { grouped } from './grouped.ts'

t.test('counts are written as toLocaleString writes them', async t => {
  const counts = [0, 1, 12, 123, 1_234, 12_345, 123_456, 1_234_567, Number.MAX_SAFE_INTEGER]
  t.strictSame(
    counts.map(grouped),
    counts.map(count => count.toLocaleString('en-US')),
  )
})
