import t from 'tap'
import { type Sight, seen } from './watchdog.ts'

/** Looks every `everyMs` at a thread that moves as `moves` says; when it would have been found stuck, if at all. */
function foundStuckAt(
  timeoutMs: number,
  ticks: readonly { readonly ms: number; readonly lateMs: number; readonly moves: number }[],
): number | null {
  let sight: Sight = { moves: -1, since: 0 }
  let now = 0
  for (const { ms, lateMs, moves } of ticks) {
    now += ms + lateMs
    sight = seen(sight, true, moves, now, lateMs)
    if (now - sight.since >= timeoutMs) return now
  }
  return null
}

const tick = (moves: number, lateMs = 0) => ({ ms: 25, lateMs, moves })

t.test('a thread that does not move is found at its timeout, not before', async t => {
  const still = Array.from({ length: 60 }, () => tick(7))
  t.equal(foundStuckAt(1_000, still), 1_025, 'counted from the first look that saw it')
  t.equal(foundStuckAt(1_000, still.slice(0, 40)), null)
})

t.test('a thread that moves, or has nothing on the stack, is never found stuck', async t => {
  t.equal(
    foundStuckAt(
      50,
      Array.from({ length: 100 }, (_, at) => tick(at)),
    ),
    null,
  )
  t.same(seen({ moves: 3, since: 0 }, false, 3, 500, 0), { moves: 3, since: 500 })
})

t.test('time in which the watching thread stood still itself is not held against a handler', async t => {
  const ticks = [
    ...Array.from({ length: 4 }, () => tick(7)),
    tick(7, 10_000),
    ...Array.from({ length: 60 }, () => tick(7)),
  ]
  t.equal(foundStuckAt(1_000, ticks), 11_025, 'ten seconds later than without the pause')
  t.equal(foundStuckAt(1_000, [tick(7), tick(7, 10_000), tick(8), tick(9)]), null)
})
