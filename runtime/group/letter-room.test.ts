/** When it is told that a dead-letter topic is full: at once or after a while, once, and not again and again. */
import t from 'tap'
import type { AwaitingLetter } from './awaiting-letter.ts'
import { LetterRoom } from './letter-room.ts'

const DYING = { failure: { offset: 3 }, error: '{}' } as AwaitingLetter

/** One record waits for room from `now` on. */
function full(now: number, room = new LetterRoom()): LetterRoom {
  room.wait(DYING, true, now)
  return room
}

t.test('where nobody reads the letters it is told at once, and once', async t => {
  const room = full(1_000)
  t.equal(room.takeNews(1_000, false), true)
  room.take()
  full(2_000, room)
  t.equal(room.takeNews(9_000, false), false)
  t.equal(room.fullForMs(3_000), 2_000, 'since it was full first')
})

t.test('where a group reads them it is told when that takes too long', async t => {
  const room = full(1_000)
  t.equal(room.takeNews(5_999, true), false)
  t.equal(room.newsInMs(5_999), 1)
  t.equal(room.takeNews(6_000, true), true)
  t.equal(room.newsInMs(6_000), Number.POSITIVE_INFINITY)
})

t.test('a letter that is written ends the wait; the next one is told, but not more often than is of use', async t => {
  const room = full(1_000)
  t.ok(room.takeNews(1_000, false))
  room.take()
  room.goesOn()
  t.equal(room.fullForMs(2_000), -1)
  full(2_000, room)
  t.equal(room.isStuck(6_999), false)
  t.equal(room.isStuck(7_000), true)
  t.equal(room.takeNews(2_000, false), false)
  t.equal(room.newsInMs(2_000), 4_000, 'then it is told')
  t.equal(room.takeNews(6_000, false), true)
})

t.test('what waits for something else than room is no news', async t => {
  const room = new LetterRoom()
  room.wait(DYING, false, 1_000)
  t.equal(room.size, 1)
  t.equal(room.takeNews(99_000, false), false)
  t.equal(room.isStuck(99_000), false)
  t.equal(room.newsInMs(99_000), Number.POSITIVE_INFINITY)
})
