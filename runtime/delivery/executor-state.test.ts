import t from 'tap'
import { type ExecutorState, entered } from './executor-state.ts'

const STATES: readonly ExecutorState[] = ['running', 'pending', 'held', 'confirming', 'closed']
/** Whatever is not here may not be. */
const LEGAL: readonly string[] = [
  ...['running-running', 'running-pending', 'running-held', 'running-confirming', 'running-closed'],
  ...['pending-pending', 'pending-running', 'pending-held', 'pending-closed'],
  ...['held-held', 'held-running', 'held-confirming', 'held-closed'],
  ...['confirming-running', 'confirming-closed'],
  'closed-closed',
]

t.test('closed is closed, and confirming ends by a confirmation or by closing', async t => {
  for (const from of STATES) {
    for (const to of STATES) {
      if (LEGAL.includes(`${from}-${to}`)) t.equal(entered(from, to), to)
      else t.throws(() => entered(from, to), { message: `broken invariant: an executor that is ${from} became ${to}` })
    }
  }
})
