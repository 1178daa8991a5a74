/** Against an oracle: an alarm is an edge, up at the threshold and down at half of it. */
import fc from 'fast-check'
import t from 'tap'
import { type DepthState, NO_DEPTH, stepDepth } from './depth-alarm.ts'

t.test('it is raised once at the threshold, lowered once at half, and in between says nothing', async t => {
  let state: DepthState = NO_DEPTH
  const said: unknown[] = []
  for (const depth of [9, 10, 11, 6, 9, 10, 5, 6, 9, 10, 0, 0]) {
    const step = stepDepth(state, 0, depth, 10)
    state = step.state
    if (step.said !== null) said.push([step.said.depth, step.said.rising])
  }
  t.strictSame(said, [
    [10, true],
    [5, false],
    [10, true],
    [0, false],
  ])
})

t.test('partitions are added up, and up and down take turns', async () => {
  const moves = fc.array(fc.record({ partition: fc.nat(3), depth: fc.nat(20) }), { maxLength: 60 })
  fc.assert(
    fc.property(moves, fc.integer({ min: 1, max: 30 }), (depths, threshold) => {
      let state: DepthState = NO_DEPTH
      const now = [0, 0, 0, 0]
      let raised = false
      for (const { partition, depth } of depths) {
        now[partition] = depth
        const total = now.reduce((sum, each) => sum + each, 0)
        const { state: next, said } = stepDepth(state, partition, depth, threshold)
        state = next
        if (said !== null && (said.depth !== total || said.rising === raised)) return false
        raised = said?.rising ?? raised
        if (total >= threshold && !raised) return false
        if (total <= threshold / 2 && raised) return false
      }
      return true
    }),
  )
})

t.test('a threshold of Infinity is never reached', async t => {
  t.equal(stepDepth(NO_DEPTH, 0, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY).said, null)
})
