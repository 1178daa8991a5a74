/** How long a writer waits for readers that it is about to pass. */
import t from 'tap'
import { NearReaders } from './near-readers.ts'

const CAPACITY = 524_288

/** Groups that read, each at its offset in this list. */
function near(committed: readonly number[]): NearReaders {
  const groups = new Map(committed.map((_, cursor) => [cursor, { committed: () => committed[cursor] as number }]))
  return new NearReaders({ groups, readers: groups })
}

/** Whether it waits at a time, with the offsets 100 to 180 in the window, and 100 to 110 to be given up. */
function holds(readers: NearReaders, nowMs: number, capacity = CAPACITY): boolean {
  return readers.hold(100, 110, 180, capacity, nowMs)
}

t.test('does not wait for groups that are ahead, or far behind, or that nobody reads for', async t => {
  t.equal(holds(near([]), 0), false)
  t.equal(holds(near([110, 170]), 0), false)
  t.equal(holds(near([59]), 0), false)
  const groups = new Map([[1, { committed: () => 100 }]])
  t.equal(holds(new NearReaders({ groups, readers: new Map() }), 0), false)
  t.equal(holds(new NearReaders({ groups, readers: new Map([[2, {}]]) }), 0), false)
})

t.test('waits for one that is there, until the time is over, and looks again', async t => {
  const committed = [170, 109]
  const readers = near(committed)
  t.equal(readers.dueInMs(0), Number.POSITIVE_INFINITY)
  t.equal(holds(readers, 0), true)
  t.equal(readers.dueInMs(0.25), 0.75)
  t.equal(readers.dueInMs(1.5), 0, 'whoever sleeps looks at once where the time has passed meanwhile')
  committed[1] = 110
  t.equal(holds(readers, 0.5), true, 'it is not asked for each record that it handles')
  t.equal(holds(readers, 1), false)
  t.equal(readers.dueInMs(1), Number.POSITIVE_INFINITY)
  t.equal(readers.hold(110, 120, 190, CAPACITY, 5), true, 'it waits anew for one that goes on')
})

t.test('waits for one that is out by half a window', async t => {
  t.equal(holds(near([60]), 0), true)
})

t.test('waits in a row for each 256 KiB, and then not before a whole window was written', async t => {
  const readers = near([100])
  t.equal(holds(near([100]), 0, 262_143), false)
  t.equal(holds(readers, 0), true)
  t.equal(holds(readers, 1), true)
  t.equal(holds(readers, 2), false)
  t.equal(holds(readers, 3), false)
  readers.passed(CAPACITY - 1)
  t.equal(holds(readers, 4), false)
  readers.passed(1)
  t.equal(holds(readers, 5), true)
})
