/** Counters are added up by name. */
import t from 'tap'
import { totalOf } from './counters.ts'

t.test('each counter is the sum over all reports, and other fields are left out', async t => {
  const reports = [
    { partition: 0, processed: 3, lag: 1 },
    { partition: 1, processed: 4, lag: 0 },
  ]
  t.strictSame(totalOf(['processed', 'lag'], reports), { processed: 7, lag: 1 })
})

t.test('nothing adds up to nothing', async t => {
  t.strictSame(totalOf(['lag'], []), { lag: 0 })
})
