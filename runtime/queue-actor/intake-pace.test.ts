/** How much a queue on disk takes while its consumers go through what waits. */
import t from 'tap'
import { IntakePace } from './intake-pace.ts'

const WINDOW = 1_048_576
const ANY = Number.POSITIVE_INFINITY

/** Messages of 100 bytes, of which so many are ready and the others are out. */
function load(ready: number, out = 0): { readonly messages: number; readonly bytes: number; readonly ready: number } {
  return { messages: ready + out, bytes: 100 * (ready + out), ready }
}

/** So many appends, between which as many messages are settled as come. */
function busy(appends: number, messages: number, waiting = 0): IntakePace {
  const pace = new IntakePace()
  for (let left = appends; left > 0; left--) pace.appended(waiting, waiting + messages)
  return pace
}

t.test('a queue takes all that comes while what waits is in its window', async t => {
  const pace = busy(1_000, 500)
  t.equal(pace.roomBytes(load(0), WINDOW), ANY, 'nothing waits')
  t.equal(pace.roomBytes(load(7_000), WINDOW), ANY)
  t.equal(pace.roomBytes(load(7_000, 20_000), WINDOW), ANY, 'what is out is not read again')
  t.equal(pace.roomBytes(load(8_000), WINDOW), 32_768, 'the next append may push it out')
  t.equal(pace.roomBytes(load(2_600), 8_192), ANY, 'a window at rest is small')
  t.equal(pace.roomBytes(load(2_700), 8_192), 32_768)
})

t.test('slow consumers and none hold up no sender', async t => {
  const waiting = load(1_000_000)
  t.equal(new IntakePace().roomBytes(waiting, WINDOW), ANY)
  t.equal(busy(10_000, 100).roomBytes(waiting, WINDOW), ANY)
  t.equal(busy(10_000, 130).roomBytes(waiting, WINDOW), 32_768)
  const pace = busy(10_000, 500)
  let appends = 0
  for (; appends < 1_000 && pace.roomBytes(waiting, WINDOW) !== ANY; appends++)
    pace.appended(500 * (1 + appends), 500 * (2 + appends))
  t.ok(appends > 50 && appends < 100, `its consumers have ended: after ${appends} appends`)
})

t.test('consumers that were not on a processor for a moment are no slow ones', async t => {
  const pace = busy(1_000, 500)
  for (let append = 0; append < 20; append++) pace.appended(500 * (append + 1), 500 * (append + 2))
  t.equal(pace.roomBytes(load(10_000), WINDOW), 32_768)
})

t.test('what a process before has left counts as waiting, and not as settled or taken back', async t => {
  const pace = busy(40, 500, 1_000_000)
  t.equal(pace.roomBytes(load(1_000_000), WINDOW), 32_768)
})
