/** Times of messages on disk through steps of the wall clock: none moves while a host has them, and none grows between two hosts. */
import t from 'tap'
import { StoredTimes } from './stored-times.ts'

const WALL = 1_700_000_000_000
const HOUR_MS = 3_600_000

t.test('what is found waits for the rest of its wait, and never for longer than all of it', async t => {
  const dueIn = (laterMs: number): number => {
    const times = new StoredTimes(10, { nowMs: 500, wallMs: WALL + laterMs })
    return times.msOf(3, WALL + HOUR_MS, WALL) - 500
  }
  t.equal(dueIn(0), HOUR_MS)
  t.equal(dueIn(HOUR_MS / 4), (3 * HOUR_MS) / 4)
  t.equal(dueIn(2 * HOUR_MS), 0)
  t.equal(dueIn(-5 * HOUR_MS), HOUR_MS, 'the clock went back')
})

t.test('what was taken keeps its time when the wall clock is set', async t => {
  const times = new StoredTimes(0, { nowMs: 0, wallMs: WALL })
  times.taken(0, { nowMs: 1_000, wallMs: WALL + 1_000 })
  times.taken(4, { nowMs: 2_000, wallMs: WALL + 2_005 })
  t.equal(times.msOf(4, WALL + 5_000, WALL + 2_005), 5_000, 'within the jitter of the clocks')
  // A step of an hour, forward and then back by two.
  times.taken(5, { nowMs: 3_000, wallMs: WALL + 3_000 + HOUR_MS })
  times.taken(9, { nowMs: 4_000, wallMs: WALL + 4_000 - HOUR_MS })
  t.equal(times.msOf(0, WALL + 5_000, WALL + 1_000), 5_000)
  t.equal(times.msOf(4, WALL + 5_000, WALL + 2_000), 5_000)
  t.equal(times.msOf(5, WALL + HOUR_MS + 5_000, WALL + HOUR_MS + 3_000), 5_000)
  t.equal(times.msOf(8, WALL + HOUR_MS + 5_000, WALL + HOUR_MS + 3_000), 5_000)
  t.equal(times.msOf(9, WALL - HOUR_MS + 5_000, WALL - HOUR_MS + 4_000), 5_000)
  t.equal(
    times.takenMs(9, WALL + 5_000, WALL + 4_000, { nowMs: 4_000, wallMs: WALL + 4_000 - HOUR_MS }),
    5_000,
    'sent before',
  )
  // The append was withdrawn, and its offset given again.
  times.taken(9, { nowMs: 5_000, wallMs: WALL + 5_000 })
  t.equal(times.msOf(9, WALL + 9_000, WALL + 5_000), 9_000)
  t.equal(times.msOf(8, WALL + HOUR_MS + 5_000, WALL + HOUR_MS + 3_000), 5_000)
})

t.test('a clock that is set again and again takes no more memory', async t => {
  const times = new StoredTimes(0, { nowMs: 0, wallMs: WALL })
  for (let step = 0; step < 5_000; step++) times.taken(step, { nowMs: step, wallMs: WALL + 100 * step })
  for (const offset of [4_000, 4_999])
    t.equal(times.msOf(offset, WALL + 100 * offset + 7, WALL + 100 * offset), offset + 7)
  t.ok(times.msOf(0, WALL, WALL) >= 1)
})
