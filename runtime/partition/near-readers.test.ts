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

t.test('waits for one that is there until it goes on, and then for another', async t => {
  const committed = [170, 109]
  const readers = near(committed)
  t.equal(readers.dueInMs(0), Number.POSITIVE_INFINITY)
  t.notOk(readers.isWaiting(0))
  t.ok(holds(readers, 0))
  t.ok(readers.isWaiting(1))
  t.ok(holds(readers, 1))
  committed[1] = 110
  t.notOk(readers.isWaiting(1), 'whoever asks twice hears the same')
  t.notOk(readers.isWaiting(1))
  t.notOk(holds(readers, 1))
  t.equal(readers.dueInMs(1), Number.POSITIVE_INFINITY)
  t.ok(readers.hold(110, 120, 190, CAPACITY, 5), 'it waits anew for what that one wants next')
  t.equal(readers.dueInMs(5), 1, 'as long as is left')
})

t.test('waits for one that is out by half a window', async t => {
  t.ok(holds(near([60]), 0))
})

t.test('waits a millisecond for each 256 KiB of the window, and then for each that was given up', async t => {
  const readers = near([100])
  t.notOk(holds(near([100]), 0, 262_143))
  t.ok(holds(readers, 0))
  t.equal(readers.dueInMs(0.5), 1, 'not as long as is left: groups tell once a fetch')
  t.ok(holds(readers, 1.75))
  t.notOk(readers.isWaiting(2), 'it is asked again, and goes on')
  t.equal(readers.dueInMs(2.5), 0, 'whoever sleeps looks at once where the time has passed meanwhile')
  t.notOk(holds(readers, 2.5))
  readers.passed(262_143)
  t.notOk(holds(readers, 3))
  readers.passed(1)
  t.ok(holds(readers, 4))
  t.equal(readers.dueInMs(4), 1)
  t.notOk(holds(readers, 5))
  readers.passed(10 * CAPACITY)
  t.ok(holds(readers, 6))
  t.equal(readers.dueInMs(6), 1)
  t.equal(readers.dueInMs(7.5), 0.5, 'time is not saved up')
})

t.test('a group that goes on by a frame each time holds the writer no longer than that', async t => {
  const committed = [0]
  const readers = near(committed)
  const frameBytes = 16_384
  const givenUp = 64 * frameBytes
  let nowMs = 0
  let waitedMs = 0
  for (let offset = 0; offset < 64; offset++) {
    // It takes three quarters of a millisecond for what the writer can write at once.
    const since = nowMs
    while (readers.hold(offset, offset + 1, offset + 32, CAPACITY, nowMs)) {
      nowMs += 0.25
      if (nowMs - since >= 0.75) committed[0] = offset + 1
    }
    waitedMs += nowMs - since
    committed[0] = offset + 1
    readers.passed(frameBytes)
  }
  t.ok(waitedMs > 1)
  t.ok(waitedMs <= (CAPACITY + givenUp) / 262_144 + 0.5, `it has waited ${waitedMs} ms`)
})
