import t from 'tap'
import { QUIET_LOOKS, WindowNeed } from './window-need.ts'

const SMALL = 1_024
const LARGE = 65_536

t.test('a burst asks at once, and once between two looks', t => {
  const need = new WindowNeed(SMALL, LARGE)
  t.notOk(need.took(4 * SMALL - 8, SMALL))
  t.ok(need.took(8, SMALL))
  t.notOk(need.took(100_000, SMALL), 'it has asked')
  t.equal(need.look(SMALL), 'keep')
  t.ok(need.took(4 * SMALL, SMALL), 'it got nothing, and asks again')
  t.notOk(new WindowNeed(SMALL, LARGE).took(100_000, LARGE), 'there is no larger one')
  t.end()
})

t.test('a trickle never asks', t => {
  const need = new WindowNeed(SMALL, LARGE)
  for (let turn = 0; turn < 100; turn++) {
    t.notOk(need.took(3 * SMALL, SMALL))
    need.look(SMALL)
  }
  t.end()
})

t.test('what was lent goes back after some looks in a row without traffic to speak of', t => {
  const need = new WindowNeed(SMALL, LARGE)
  const looks = (bytes: number): string[] =>
    Array.from({ length: QUIET_LOOKS }, () => {
      need.took(bytes, LARGE)
      return need.look(LARGE)
    })
  t.strictSame(
    looks(SMALL),
    Array.from({ length: QUIET_LOOKS }, () => 'keep'),
    'it is busy',
  )
  t.strictSame(looks(SMALL - 8).at(-1), 'giveBack')
  t.equal(need.look(SMALL), 'rest', 'and then it need not be looked at')
  need.took(SMALL, SMALL)
  t.equal(need.look(SMALL), 'keep')
  t.end()
})
