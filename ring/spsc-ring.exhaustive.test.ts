/** The ring and its bells in every order of two threads' accesses, and of their deaths and successors. */
import t from 'tap'
import { holds } from './fixtures/explored.ts'
import { type RingPlan, ringScene } from './fixtures/ring-roles.ts'

const NEAR_2_31 = 0x7fffffc0
const NEAR_2_32 = -64

const plan: RingPlan = { capacity: 64, start: 0, batches: [], waits: 'looking' }

t.test('every published record is read, whole and in order', async t => {
  holds(t, 'one record each time', ringScene({ ...plan, batches: [[24], [16], [8]] }))
  holds(t, 'padding at the wrap', ringScene({ ...plan, start: NEAR_2_31, batches: [[24], [24], [24], [24]] }))
  holds(
    t,
    'batches',
    ringScene({
      ...plan,
      start: NEAR_2_32 + 32,
      batches: [
        [8, 16],
        [24, 8],
      ],
    }),
  )
  holds(
    t,
    'a full ring',
    ringScene({
      ...plan,
      start: NEAR_2_32,
      batches: [
        [32, 32],
        [32, 32],
      ],
    }),
  )
  holds(t, 'eight bytes short', ringScene({ ...plan, start: NEAR_2_32 + 8, batches: [[56], [16]] }))
  holds(t, 'padding that is one too many', ringScene({ ...plan, start: NEAR_2_31 + 16, batches: [[32], [24]] }))
  holds(t, 'a record of the whole ring', ringScene({ ...plan, batches: [[64], [64]] }))
  holds(t, 'released one by one', ringScene({ ...plan, batches: [[16, 16, 16, 16], [16]], releases: 1 }))
  const more = { ...plan, start: NEAR_2_31, batches: [[24], [8, 24], [16], [32], [8]], releases: 1 }
  holds(t, 'eight records', ringScene(more), 'large')
})

for (const waits of ['blocking', 'async'] as const) {
  t.test(`nobody sleeps for ever, ${waits}`, async t => {
    holds(t, 'two records', ringScene({ ...plan, waits, batches: [[24], [24]] }))
    holds(t, 'a full ring', ringScene({ ...plan, waits, batches: [[32, 32], [32]] }))
    holds(t, 'padding at the wrap', ringScene({ ...plan, waits, batches: [[24], [24], [24]] }), 'large')
    const full = {
      ...plan,
      waits,
      batches: [
        [32, 32],
        [32, 16],
      ],
      releases: 1,
    }
    holds(t, 'a full ring released one by one', ringScene(full), 'large')
    holds(t, 'four records', ringScene({ ...plan, waits, batches: [[24], [24], [24], [24]] }), 'large')
    const asks = { ...plan, waits, asks: true }
    holds(t, 'a producer that says when it waits', ringScene({ ...asks, batches: [[32, 32], [32]] }))
    holds(t, 'a producer that waits twice', ringScene({ ...asks, batches: [[64], [64], [64]] }), 'large')
  })
}

t.test('a successor of a producer that died anywhere goes on behind what was published', async t => {
  holds(t, 'looking', ringScene({ ...plan, batches: [[24], [24]] }, 'producer'))
  holds(t, 'blocking', ringScene({ ...plan, waits: 'blocking', batches: [[16]] }, 'producer'))
  holds(t, 'looking, padding', ringScene({ ...plan, batches: [[24], [24, 24]] }, 'producer'), 'large')
  holds(t, 'blocking, full', ringScene({ ...plan, waits: 'blocking', batches: [[40], [40]] }, 'producer'), 'large')
  holds(t, 'async', ringScene({ ...plan, waits: 'async', batches: [[24], [24]] }, 'producer'), 'large')
  const asks: RingPlan = { ...plan, waits: 'blocking', asks: true }
  holds(t, 'one that said it waits', ringScene({ ...asks, batches: [[40], [40]] }, 'producer'), 'large')
})

t.test('a successor of a consumer that died anywhere reads again what was not released', async t => {
  holds(t, 'looking, padding', ringScene({ ...plan, batches: [[24], [24], [24]] }, 'consumer'))
  holds(t, 'looking, one by one', ringScene({ ...plan, batches: [[24, 24]], releases: 1 }, 'consumer'))
  holds(t, 'blocking', ringScene({ ...plan, waits: 'blocking', batches: [[16]] }, 'consumer'))
  holds(t, 'blocking, full', ringScene({ ...plan, waits: 'blocking', batches: [[40], [40]] }, 'consumer'), 'large')
})

t.test('both may die', async t => {
  holds(t, 'looking', ringScene({ ...plan, batches: [[24]] }, 'both'))
  holds(t, 'looking, two', ringScene({ ...plan, batches: [[24], [24]] }, 'both'), 'large')
})
