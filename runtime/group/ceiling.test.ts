/** The policy of ceilings, alone: how far ahead is written for handlers of any pace, and that nothing waits for ever. */
import fc from 'fast-check'
import t from 'tap'
import { askFrom, type Ceiling, flatCeiling, isLow, raised, STRIDE_MAX } from './ceiling.ts'

/** A reader that takes `recordMs` for each record and claims up to what it was told; the ceilings that it was given. */
function ceilingsOf(recordMs: number, records: number, from = 0): Ceiling[] {
  const given: Ceiling[] = []
  let ceiling = flatCeiling(from, 0)
  for (let done = 0; done < records; done++) {
    const offset = from + done
    // The handler of the record before has returned; this one is in hand then.
    for (const claimed of [offset, offset + 1]) {
      if (!isLow(ceiling, claimed, offset)) continue
      ceiling = raised(ceiling, claimed, (done + claimed - offset) * recordMs)
      given.push(ceiling)
    }
    if (ceiling.offset <= offset) throw new Error(`${offset} may not be claimed, and nobody raises the ceiling`)
  }
  return given
}

t.test('a slow handler has one record ahead, and none while one is in its hands', async t => {
  const given = ceilingsOf(200, 20, 7)
  t.strictSame(
    given.map(({ offset }) => offset),
    Array.from({ length: 20 }, (_, n) => 8 + n),
  )
  const one = raised(flatCeiling(7, 0), 7, 0)
  t.notOk(isLow(one, 8, 7), 'the record is in hand')
  t.ok(isLow(one, 8, 8), 'it is over')
})

t.test('a fast handler soon waits for no write, and never has more than the bound ahead', async t => {
  const given = ceilingsOf(0.001, 100_000)
  t.ok(given.every(({ offset, from }) => offset > from && offset - from <= STRIDE_MAX))
  t.equal(given.at(-1)?.stride, STRIDE_MAX)
  t.ok(given.length < 2.2 * (100_000 / STRIDE_MAX) + 12, `${given.length} writes`)
  t.ok(
    given.every(({ stride }, at) => stride <= 4 * (given[at - 1]?.stride ?? 1)),
    'a burst is not taken for a pace',
  )
})

t.test('a stride is what is handed out in 50 ms, and shrinks when the handler slows down', async t => {
  t.equal(ceilingsOf(1, 2_000).at(-1)?.stride, 50)
  t.equal(ceilingsOf(10, 200).at(-1)?.stride, 5)
  const fast: Ceiling = { offset: 1_000, stride: 500, from: 500, sinceMs: 0 }
  t.match(raised(fast, 1_000, 25_000), { offset: 1_001, stride: 1 })
})

t.test('more is asked for no sooner than it is given, and before a reader must wait', async t => {
  for (const stride of [2, 3, 4, 5, 63, 64, STRIDE_MAX]) {
    const ceiling: Ceiling = { offset: 100 + stride, stride, from: 100, sinceMs: 0 }
    const ask = askFrom(ceiling)
    t.ok(ask <= ceiling.offset, `${stride}: it asks`)
    t.ok(isLow(ceiling, ask, 100), `${stride}: and is heard`)
    t.notOk(isLow(ceiling, ask - 1, 100), `${stride}: not before`)
  }
  t.equal(askFrom(flatCeiling(100, 0)), 101, 'one by one, only who may not go on asks')
})

t.test('where a group is moved, nothing may be claimed until that is written, and its pace is remembered', async t => {
  const flat = flatCeiling(40, 5, 64)
  t.ok(isLow(flat, 40, 40))
  t.match(raised(flat, 40, 6), { offset: 104, stride: 64, from: 40 })
})

t.test('a ceiling never goes down while its slot is open, however the handler stalls and hurries', async t => {
  const pause = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 5, noNaN: true }), fc.constantFrom(60, 1_500, 60_000))
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(STRIDE_MAX), pause), { maxLength: 60, size: 'max' }), steps => {
      let ceiling = flatCeiling(0, 0)
      let claimed = 0
      let now = 0
      for (const [claims, ms] of steps) {
        // A reader claims below the highest ceiling that it was told.
        claimed = Math.min(ceiling.offset, claimed + claims)
        now += ms
        if (!isLow(ceiling, claimed, claimed)) continue
        const next = raised(ceiling, claimed, now)
        if (next.offset < ceiling.offset || next.offset - claimed > STRIDE_MAX || next.offset <= claimed) return false
        ceiling = next
      }
      return true
    }),
  )
  // A record took three seconds: the pace is slow now, and what was promised before stands.
  t.equal(raised({ offset: 1_138, stride: 1_000, from: 138, sinceMs: 0 }, 639, 3_000).offset, 1_138)
})
