/** Due times in any order come out in theirs, each once, as they were set last. */
import fc from 'fast-check'
import t from 'tap'
import { DueTimes } from './due-times.ts'

t.test('is what a list that is sorted anew each time would be', async t => {
  const change = fc.record({ who: fc.nat(20), atMs: fc.oneof(fc.nat(100), fc.constant(Number.POSITIVE_INFINITY)) })
  fc.assert(
    fc.property(fc.array(fc.oneof(change, fc.nat(100)), { maxLength: 400 }), steps => {
      const dues = new DueTimes<number>()
      const model = new Map<number, number>()
      for (const step of steps) {
        if (typeof step === 'object') {
          dues.set(step.who, step.atMs)
          model.set(step.who, step.atMs)
        } else {
          const taken: number[] = []
          dues.take(step, who => taken.push(who))
          const expected = [...model].filter(([, atMs]) => atMs <= step)
          if (taken.length !== expected.length) return false
          const times = taken.map(who => model.get(who) as number)
          if (times.some((atMs, index) => index > 0 && atMs < (times[index - 1] as number))) return false
          for (const who of taken) model.delete(who)
        }
        if (dues.soonestMs() !== Math.min(...model.values(), Number.POSITIVE_INFINITY)) return false
      }
      return true
    }),
  )
  t.pass('in all of them')
})

t.test('times that are set anew again and again take no more room', async t => {
  const dues = new DueTimes<string>()
  for (let atMs = 1; atMs <= 10_000; atMs++) dues.set('one', 20_000 - atMs)
  t.ok(dues.entries <= 100, `${dues.entries} entries`)
  t.equal(dues.soonestMs(), 10_000)
})
