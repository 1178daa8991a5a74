/** A window whose writer overtakes, in every order of its accesses and two readers', and of their deaths. */
import t from 'tap'
import { holds } from './fixtures/explored.ts'
import { explore } from './fixtures/explorer.ts'
import { type PinPlan, pinScene } from './fixtures/pin-roles.ts'

/** Two frames fit in the window, so that the third overtakes and wraps; positions wrap with it, and begin a lap. */
const one: PinPlan = { capacity: 64, start: 0x7fffffd0, frames: [24, 24, 24, 24], readers: 1 }
/** The second frame overtakes the first. */
const small: PinPlan = { ...one, frames: [40, 40] }
const two: PinPlan = { ...small, readers: 2 }

t.test('readers that are overtaken at any time read nothing that changes meanwhile', async t => {
  holds(t, 'one reader', pinScene(one))
  holds(t, 'frames of all sizes', pinScene({ ...one, frames: [32, 16, 40, 64] }))
  holds(t, 'where no position wraps and a lap begins', pinScene({ ...one, start: 0x3fffffd0 }))
  holds(t, 'two readers', pinScene(two))
  holds(t, 'two readers, three frames', pinScene({ ...two, frames: [24, 24, 24] }), 'large')
})

t.test('what is forgotten before a commit is never seen, and what is kept stays', async t => {
  holds(t, 'one reader', pinScene({ ...one, rewinds: true }))
  holds(t, 'two readers', pinScene({ ...two, rewinds: true }), 'large')
})

t.test('a successor of a writer that died while it overtook goes on', async t => {
  holds(t, 'one reader', pinScene(small, { writerDies: true }))
  holds(t, 'three frames', pinScene({ ...one, frames: [24, 24, 24] }, { writerDies: true }), 'large')
  holds(t, 'after what is forgotten', pinScene({ ...small, rewinds: true }, { writerDies: true }), 'large')
})

t.test('a reader that dies anywhere holds the writer until its pin is removed', async t => {
  holds(t, 'the only one', pinScene({ ...one, frames: [24, 24, 24] }, { readerDies: true }))
  holds(t, 'one of two', pinScene(two, { readerDies: true }), 'large')
  holds(t, 'the writer as well', pinScene(small, { readerDies: true, writerDies: true }), 'large')
})

/** Each frame after the first finds other data: larger ones, then those of before. */
const moving: PinPlan = { ...one, frames: [24, 24, 24], moves: { capacity: 128, before: [2, 3] } }
/** The second frame has no room, and is elsewhere. */
const skipping: PinPlan = { ...one, frames: [24, 88, 24], skips: [2] }

t.test('data that move under readers are read where they are, and what they leave is free at once', async t => {
  holds(t, 'one reader', pinScene(moving))
  holds(t, 'where no position wraps and a lap begins', pinScene({ ...moving, start: 0x3fffffd0 }))
  holds(t, 'after what is forgotten', pinScene({ ...moving, rewinds: true }))
  holds(t, 'there and back, and frames of all sizes', pinScene({ ...moving, frames: [40, 88, 16] }))
  const first = { ...moving, frames: [24], moves: { capacity: 128, before: [1] } }
  holds(t, 'the writer dies anywhere', pinScene(first, { writerDies: true }))
  holds(t, 'it dies, and moves twice', pinScene(moving, { writerDies: true }), 'large')
  holds(t, 'the reader dies anywhere', pinScene(moving, { readerDies: true }))
  holds(t, 'two readers', pinScene({ ...moving, frames: [24, 24], readers: 2 }), 'large')
})

t.test('what a window has no room for is never looked for in it', async t => {
  holds(t, 'one reader', pinScene(skipping))
  holds(t, 'where no position wraps and a lap begins', pinScene({ ...skipping, start: 0x3fffffd0 }))
  holds(t, 'after what is forgotten', pinScene({ ...skipping, rewinds: true }))
  holds(t, 'the writer dies anywhere', pinScene({ ...skipping, frames: [88, 24], skips: [1] }, { writerDies: true }))
  holds(t, 'it dies with something in the window', pinScene(skipping, { writerDies: true }), 'large')
  holds(t, 'the reader dies anywhere', pinScene(skipping, { readerDies: true }))
  holds(t, 'in data that move', pinScene({ ...skipping, moves: { capacity: 128, before: [2, 3] } }))
  holds(t, 'two readers', pinScene({ ...skipping, readers: 2 }), 'large')
})

/** The second frame was to be left out, and a smaller one comes in its place; the third lies across where that would have ended. */
const replaced: PinPlan = { ...one, frames: [24, 40, 24], skips: [2], instead: [16] }

t.test('what comes in place of what was to be left out is found whole', async t => {
  holds(t, 'a reader was copying', pinScene(replaced))
  holds(t, 'where no position wraps and a lap begins', pinScene({ ...replaced, start: 0x3fffffd0 }))
  holds(t, 'it was forgotten', pinScene({ ...replaced, rewinds: true }))
  holds(t, 'in data that move', pinScene({ ...replaced, moves: { capacity: 128, before: [3] } }))
  const first = { ...replaced, frames: [40, 24], skips: [1] }
  holds(t, 'the writer dies anywhere', pinScene(first, { writerDies: true }))
  holds(t, 'it dies with something in the window', pinScene(replaced, { writerDies: true }), 'large')
  holds(t, 'two readers', pinScene({ ...replaced, readers: 2 }), 'large')
})

t.test('among these orders are all: to read everything, to be passed outside, to fall out', async t => {
  const told = explore(pinScene(one)).outcomes.map(outcome => outcome.split(' | ')[1])
  for (const expected of ['1 2 3 4', '3 4', '1 0 3 4'])
    t.ok(told.includes(expected), `${expected} is among ${told.join(', ')}`)
})
