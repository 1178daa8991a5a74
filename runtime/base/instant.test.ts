/** Both clocks at once, on clocks that the test moves. */
import t from 'tap'
import * as node from '../../actors/world.ts'
import { instant } from './instant.ts'

let now = 0
/** How long the thread is held up at each look, in turn. */
let holds: number[] = []

function look(): number {
  now += holds.shift() ?? 0
  return now
}

node.replaceWorld({ ...node, nowMs: look, wallMs: () => 1_000_000 + look() })

t.test('a look between which the thread was held up is not taken', async t => {
  holds = [0, 61, 0, 0, 0, 61]
  const { nowMs, wallMs } = instant()
  t.equal(wallMs - nowMs, 1_000_000)
  holds = []
  const calm = instant()
  t.equal(calm.wallMs - calm.nowMs, 1_000_000)
})

t.test('a thread that is always held up has its answer', async t => {
  holds = Array.from({ length: 100 }, () => 7)
  const { nowMs, wallMs } = instant()
  t.equal(wallMs - nowMs, 1_000_000 - 7)
  t.equal(holds.length, 100 - 15)
})
