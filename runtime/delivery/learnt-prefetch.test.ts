/** How many messages a consumer asks for, from what it handled in how much time. */
import fc from 'fast-check'
import t from 'tap'
import { LearntPrefetch } from './learnt-prefetch.ts'

/** What it asks for after so many looks, when each message takes so long. */
function after(looks: number, learnt: LearntPrefetch, msEach: number): number {
  for (let look = 0; look < looks; look++) learnt.handled(learnt.deliveries, learnt.deliveries * msEach)
  return learnt.deliveries
}

t.test('begins with twice what can be used at a time, and comes to what is handled in 10 ms', async t => {
  t.equal(new LearntPrefetch(4, 1_000).deliveries, 8)
  t.equal(after(10, new LearntPrefetch(1, 1_000), 0.1), 100)
  t.equal(after(10, new LearntPrefetch(1, 1_000), 1), 10)
  t.equal(after(10, new LearntPrefetch(1, 1_000), 0.001), 1_000, 'at most')
  t.equal(after(10, new LearntPrefetch(1, 1_000), 0), 1_000, 'time that no clock sees')
  t.equal(after(10, new LearntPrefetch(1, 1_000), 500), 1, 'one at a time')
  t.equal(after(10, new LearntPrefetch(16, 1_000), 500), 16, 'as many as it can use at a time')
  t.equal(after(10, new LearntPrefetch(16, 4), 500), 4, 'never more than it may have')
})

t.test('grows fourfold at most at a time, halves at most, and leaves small changes alone', async t => {
  const learnt = new LearntPrefetch(1, 1_000)
  const seen = [0, 1, 2, 3].map(() => after(1, learnt, 0.01))
  t.strictSame(seen, [8, 32, 128, 512])
  t.equal(learnt.handled(512, 512 * 10), 256)
  after(10, learnt, 0.1)
  t.equal(learnt.deliveries, 128, '100 is no change')
  t.equal(learnt.handled(128, 128 * 0.09), 128, 'nor is 111')
  t.equal(learnt.handled(128, 128 * 0.05), 200)
})

t.test('a few messages say nothing before their time is up', async t => {
  const learnt = new LearntPrefetch(4, 1_000)
  t.equal(learnt.handled(1, 4), 8)
  t.equal(learnt.handled(1, 5), 8)
  t.equal(learnt.handled(0, 2), 4, 'two in 11 ms: as many as it can use')
})

t.test('whatever it is told, it asks for something within its bounds', async t => {
  const told = fc.array(fc.tuple(fc.nat(2_000), fc.double({ min: 0, max: 1e6, noNaN: true })))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 256 }), fc.integer({ min: 1, max: 1_000 }), told, (least, most, looks) => {
      const learnt = new LearntPrefetch(least, most)
      for (const [messages, busyMs] of looks) {
        const deliveries = learnt.handled(messages, busyMs)
        if (!Number.isInteger(deliveries) || deliveries < Math.min(least, most) || deliveries > most) return false
      }
      return true
    }),
  )
  t.pass()
})
