/** Hints in every order of their writer's and reader's accesses, with deaths: no thing with something new is passed over. */
import t from 'tap'
import { holds } from './fixtures/explored.ts'
import { type HintPlan, hintScene } from './fixtures/hint-roles.ts'

const plan: HintPlan = { entries: 4, start: 0, things: [0, 1, 0] }

t.test('whoever follows hints comes to every thing that has something new, and sleeps in between', async t => {
  holds(t, 'three publications', hintScene(plan))
  holds(t, 'where their number wraps', hintScene({ ...plan, start: 0x7ffffffe }))
  holds(t, 'a thing for each', hintScene({ ...plan, things: [0, 1, 2, 3] }), 'large')
})

t.test('whoever naps is roused', async t => {
  holds(t, 'three publications', hintScene({ ...plan, naps: true }))
  holds(t, 'a thing for each', hintScene({ ...plan, things: [0, 1, 2, 3], naps: true }), 'large')
})

t.test('whoever rings once for several publications wakes who sleeps', async t => {
  holds(t, 'three publications', hintScene({ ...plan, ringsOnce: true }))
  holds(
    t,
    'a writer that dies before it rings',
    hintScene({ ...plan, things: [0, 1], ringsOnce: true, writerDies: true }),
  )
  holds(t, 'a thing for each', hintScene({ ...plan, things: [0, 1, 2, 3], ringsOnce: true }), 'large')
})

t.test('a reader that fell behind looks everywhere', async t => {
  holds(t, 'two entries', hintScene({ ...plan, entries: 2, things: [0, 1, 2] }))
  holds(t, 'two entries, more publications', hintScene({ ...plan, entries: 2, things: [0, 1, 2, 0] }))
  holds(t, 'one entry, in which nothing can be trusted', hintScene({ ...plan, entries: 1, things: [0, 1] }))
})

t.test('a writer that dies between its publication and its hint loses nothing for who hears of its end', async t => {
  holds(t, 'one publication', hintScene({ ...plan, things: [0], writerDies: true }))
  holds(t, 'two publications', hintScene({ ...plan, things: [0, 1], writerDies: true }), 'large')
})
