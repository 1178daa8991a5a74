/** Against an oracle: an alarm is an edge, up at the threshold and down at half of it; by letters, and by the room they take. */
import fc from 'fast-check'
import t from 'tap'
import { type Depth, type DepthState, NO_DEPTH, stepDepth } from './depth-alarm.ts'

/** What is said of one partition's depths, one after the other. */
function saidOf(depths: readonly Depth[], threshold: number): unknown[] {
  let state: DepthState = NO_DEPTH
  return depths.flatMap(depth => {
    const step = stepDepth(state, 0, depth, threshold)
    state = step.state
    return step.said === null ? [] : [[step.said.depth, step.said.rising]]
  })
}

t.test('it is raised once at the threshold, lowered once at half, and in between says nothing', async t => {
  const depths = [9, 10, 11, 6, 9, 10, 5, 6, 9, 10, 0, 0].map(depth => ({ depth, filled: 0 }))
  t.strictSame(saidOf(depths, 10), [
    [10, true],
    [5, false],
    [10, true],
    [0, false],
  ])
})

t.test('a few letters that fill half of a partition raise it, too, and a quarter lowers it', async t => {
  const depths = [0.4, 0.5, 0.9, 0.3, 0.5, 0.25, 0.4].map((filled, depth) => ({ depth: depth + 1, filled }))
  t.strictSame(saidOf(depths, 1_000), [
    [2, true],
    [6, false],
  ])
  t.match(stepDepth(NO_DEPTH, 3, { depth: 7, filled: 0.75 }, 1_000).said, { depth: 7, filled: 0.75, rising: true })
})

t.test('it is over when there are few letters, and they take little room', async t => {
  const depths = [
    { depth: 10, filled: 0.9 },
    { depth: 1, filled: 0.9 },
    { depth: 9, filled: 0 },
    { depth: 1, filled: 0 },
  ]
  t.strictSame(saidOf(depths, 10), [
    [10, true],
    [1, false],
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
        const { state: next, said } = stepDepth(state, partition, { depth, filled: 0 }, threshold)
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
  const most = { depth: Number.MAX_SAFE_INTEGER, filled: 1 }
  t.equal(stepDepth(NO_DEPTH, 0, most, Number.POSITIVE_INFINITY).said, null)
})
