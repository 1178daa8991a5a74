import t from 'tap'
import { leadsTo } from './cycles.ts'

t.test('a topic leads to itself', async t => {
  t.equal(leadsTo(1, 1, []), true)
})

t.test('a chain leads to its end and not back', async t => {
  const flows = [
    { from: 1, to: 2 },
    { from: 2, to: 3 },
  ]
  t.equal(leadsTo(1, 3, flows), true)
  t.equal(leadsTo(3, 1, flows), false)
})

t.test('a circle that does not hold the topic is left', async t => {
  const flows = [
    { from: 2, to: 3 },
    { from: 3, to: 2 },
  ]
  t.equal(leadsTo(2, 1, flows), false)
})
