/** The explorer's short cuts, against going every way: whole pasts, and a stop before every access. */
import t from 'tap'
import { explore } from './fixtures/explorer.ts'
import { type RingPlan, ringScene } from './fixtures/ring-roles.ts'

t.test('comes to the same outcomes with and without its short cuts', async t => {
  const plan: RingPlan = { capacity: 64, start: 0x7fffffe0, batches: [[24, 16]], waits: 'looking' }
  for (const dies of ['nobody', 'producer', 'consumer'] as const) {
    const scene = ringScene(plan, dies)
    const short = explore(scene)
    const long = explore({ ...scene, everyAccess: true, wholePast: true })
    t.equal(short.fault, null)
    t.equal(long.fault, null)
    t.strictSame(short.outcomes, long.outcomes)
    t.comment(`${dies} dies: ${short.states} states for ${long.states}`)
  }
  const scene = ringScene({ ...plan, batches: [[32]], waits: 'blocking' })
  const [short, long] = [explore(scene), explore({ ...scene, wholePast: true })]
  t.strictSame(short.outcomes, long.outcomes)
  t.comment(`blocking: ${short.states} states for ${long.states}`)
})
