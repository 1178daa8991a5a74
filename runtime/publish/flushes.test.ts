/** Which flush is told of what was lost without an answer: two callers of one thread may share a topic. */
import t from 'tap'
import { Flushes } from './flushes.ts'

const ROOM = { settled: () => undefined, unsettled: () => undefined }
const LOST = new Error('lost')

/** A producer with one partition: `sealed` frames, of which so many are answered, and what waits for room. */
function producer() {
  const writer = { sealed: 0, answered: 0 }
  const flushes = new Flushes([writer], ROOM)
  const state = { oldest: Number.POSITIVE_INFINITY, unanswered: 0 }
  return {
    writer,
    state,
    flushes,
    flush: (behind = 0) =>
      flushes.add(behind, false).then(
        () => 'resolved',
        (error: Error) => error.message,
      ),
    /** All frames so far are answered, and the records of this one were lost. */
    loses(frame: number): void {
      writer.answered = writer.sealed
      flushes.lostInFrames(0, { count: 1, first: frame, last: frame }, LOST)
      flushes.serve(state)
    },
  }
}

t.test('of two flushes that wait both are told, and the next one is not', async t => {
  const { writer, flushes, state, flush, loses } = producer()
  writer.sealed = 1
  const both = [flush(), flush()]
  flushes.serve(state)
  loses(1)
  t.strictSame(await Promise.all(both), ['lost', 'lost'])
  const next = flush()
  flushes.serve(state)
  t.equal(await next, 'resolved')
})

t.test('a flush is not told of what came after it: the next one is', async t => {
  const { writer, flushes, state, flush, loses } = producer()
  writer.sealed = 1
  const first = flush()
  flushes.serve(state)
  writer.sealed = 2
  loses(2)
  t.equal(await first, 'resolved')
  const next = flush()
  const behind = flush()
  flushes.serve(state)
  t.strictSame(await Promise.all([next, behind]), ['lost', 'resolved'])
})

t.test('one that waits for others to have room is told of a frame sealed since, and so is the next one', async t => {
  const { writer, flushes, state, flush, loses } = producer()
  writer.sealed = 1
  state.oldest = 3
  const waiting = flush(3)
  flushes.serve(state)
  writer.sealed = 2
  loses(2)
  state.oldest = Number.POSITIVE_INFINITY
  flushes.serve(state)
  t.equal(await waiting, 'lost')
  const next = flush()
  flushes.serve(state)
  t.equal(await next, 'lost', 'it may have been published behind the other one')
})

t.test('what waited for room and was lost is told to those behind it', async t => {
  const { flushes, state, flush } = producer()
  state.oldest = 4
  const [before, behind] = [flush(3), flush(4)]
  flushes.lostWaiting(4, LOST)
  state.oldest = Number.POSITIVE_INFINITY
  flushes.serve(state)
  t.strictSame(await Promise.all([before, behind]), ['resolved', 'lost'])
  flushes.lostWaiting(5, LOST)
  const next = flush(5)
  flushes.serve(state)
  t.equal(await next, 'lost')
})
