/** The window in every order of its writer's and two readers' accesses, of their deaths and detachments. */
import t from 'tap'
import { holds } from './fixtures/explored.ts'
import { type WindowPlan, windowScene } from './fixtures/window-roles.ts'

/** Three frames fill the window, so that the third wraps and waits for the readers; positions wrap with it. */
const words: WindowPlan = {
  capacity: 64,
  start: 0x7fffffd0,
  commits: [[24], [24], [24]],
  readers: 2,
  gates: 'words',
  writes: 'writeIn',
}
const table: WindowPlan = { ...words, gates: 'table' }
const [oneByWord, oneInTable] = [words, table].map(plan => ({ ...plan, readers: 1 as const })) as [
  WindowPlan,
  WindowPlan,
]

t.test('two readers read all that is committed, and nothing that changes meanwhile', async t => {
  holds(t, 'two gates', windowScene(words))
  holds(t, 'frames of all sizes', windowScene({ ...words, commits: [[32], [16, 24], [40], [8]] }))
  holds(t, 'a frame of the whole window', windowScene({ ...words, commits: [[64], [64]] }))
  holds(t, 'copied in', windowScene({ ...oneByWord, writes: 'copyIn' }))
  holds(t, 'written in place', windowScene({ ...oneByWord, writes: 'claim' }))
  holds(t, 'a table of one gate', windowScene(oneInTable))
  holds(t, 'a table of two gates', windowScene(table), 'large')
})

t.test('a successor of a writer that died anywhere finds what was committed, whole, and goes on', async t => {
  holds(t, 'one reader', windowScene(oneByWord, { writerDies: true }))
  holds(t, 'copied in', windowScene({ ...oneByWord, writes: 'copyIn' }, { writerDies: true }), 'large')
  holds(t, 'a table of one gate', windowScene(oneInTable, { writerDies: true }), 'large')
  holds(t, 'two readers', windowScene({ ...words, commits: [[40], [40]] }, { writerDies: true }), 'large')
})

t.test('a reader that dies anywhere is followed by another, or passed', async t => {
  holds(t, 'followed', windowScene(oneByWord, { readerDies: true }))
  holds(t, 'passed', windowScene({ ...oneInTable, commits: [[24, 24], [24]] }, { readerDies: true }))
  holds(t, 'two readers, one followed', windowScene(words, { readerDies: true }), 'large')
})

t.test('a reader is detached at any time, and the writer passes it only while it is not looking', async t => {
  holds(t, 'the only one', windowScene({ ...oneInTable, commits: [[24, 24], [24]] }, { detached: true }))
  holds(t, 'one of two', windowScene({ ...table, commits: [[40], [40]] }, { detached: true }), 'large')
})
