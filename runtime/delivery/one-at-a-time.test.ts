/** Who may go in at the turnstile, and when. */
import t from 'tap'
import { OneAtATime } from './one-at-a-time.ts'

t.test('it stands open for all while nobody is suspected', async t => {
  const turnstile = new OneAtATime()
  turnstile.enter(1)
  t.ok(turnstile.admits(1))
  t.ok(turnstile.admits(2))
  t.notOk(turnstile.leave(1), 'and nobody waited')
})

t.test('suspects go alone, in the order in which they were expected, and the others after them', async t => {
  const turnstile = new OneAtATime()
  turnstile.expect([2, 1])
  const admitted = (): number[] => [1, 2, 3].filter(cursor => turnstile.admits(cursor))
  t.same(admitted(), [2])
  turnstile.enter(2)
  t.same(admitted(), [2])
  t.ok(turnstile.leave(2))
  t.same(admitted(), [1])
  turnstile.enter(1)
  t.ok(turnstile.leave(1))
  t.same(admitted(), [1, 2, 3])
})

t.test('a suspect that comes later waits for what is pending, and nobody else goes in', async t => {
  const turnstile = new OneAtATime()
  turnstile.enter(2)
  turnstile.enter(3)
  turnstile.expect([1])
  const admitted = (): number[] => [1, 2, 3].filter(cursor => turnstile.admits(cursor))
  t.same(admitted(), [])
  t.ok(turnstile.leave(2), 'it may have waited for that')
  t.same(admitted(), [])
  turnstile.leave(3)
  t.same(admitted(), [1])
})

t.test('a suspect that steps aside lets the next one in', async t => {
  const turnstile = new OneAtATime()
  turnstile.expect([1, 2])
  t.ok(turnstile.leave(1))
  t.ok(turnstile.admits(2))
})

t.test('a suspect that comes back is the next one again, and nobody else goes in', async t => {
  const turnstile = new OneAtATime()
  turnstile.expect([1, 2])
  turnstile.enter(1)
  t.ok(turnstile.leave(1, true))
  t.notOk(turnstile.admits(2))
  t.ok(turnstile.admits(1))
  t.ok(turnstile.leave(1))
  t.ok(turnstile.admits(2))
})
