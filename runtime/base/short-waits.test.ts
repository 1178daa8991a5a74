/** How many looks a wait begins with, by how long the waits before it were. */
import t from 'tap'
import { ShortWaits } from './short-waits.ts'

const SHORT = 0.01
const LONG = 1

/** Looks that a wait takes in vain. */
function looksOf(waits: ShortWaits): number {
  let looks = 0
  while (waits.looksOn()) looks++
  return looks
}

function waited(waits: ShortWaits, ms: number): number {
  waits.isAwaiting = true
  const looks = looksOf(waits)
  waits.slept(ms)
  return looks
}

t.test('does not look for what is not on its way', async t => {
  const waits = new ShortWaits(64)
  t.equal(looksOf(waits), 0)
  waits.slept(SHORT)
  t.equal(waited(waits, LONG), 8, 'and learns nothing from such a wait')
  t.equal(looksOf(waits), 0, 'a wait is over with its sleep')
})

t.test('looks longer after short sleeps, up to its bound, and less after long ones, down to none', async t => {
  const waits = new ShortWaits(64)
  t.strictSame(
    [SHORT, SHORT, SHORT, SHORT, SHORT, LONG, LONG, LONG].map(ms => waited(waits, ms)),
    [8, 17, 35, 64, 64, 64, 32, 16],
  )
  t.strictSame(
    [LONG, LONG, LONG, LONG, LONG, SHORT, SHORT].map(ms => waited(waits, ms)),
    [8, 4, 2, 1, 0, 0, 1],
  )
})

t.test('what comes while it looks makes the next wait look longer; what comes before that does not', async t => {
  const waits = new ShortWaits(64)
  waits.isAwaiting = true
  waits.came()
  t.equal(looksOf(waits), 8)
  waits.came()
  t.equal(looksOf(waits), 17, 'it looks anew after each')
})
