import fc from 'fast-check'
import t from 'tap'
import { TokenBucket } from './token-bucket.ts'

/** Times are multiples of a 64th, so that sums and differences are exact. */
const UNIT = 1 / 64

const moves = fc.array(
  fc.record({
    // Mostly small steps; some go back, some are longer than several windows.
    step: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 700 }) },
      { weight: 1, arbitrary: fc.integer({ min: -500, max: -1 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1_000, max: 1_000_000 }) },
    ),
    wanted: fc.integer({ min: 0, max: 30 }),
  }),
  { minLength: 1, maxLength: 120 },
)

/** An array of all that was taken, with its time. */
class Oracle {
  readonly times: number[] = []

  /** Of a window of that length. */
  left(max: number, perMs: number, nowMs: number): number {
    return max - this.times.filter(time => nowMs - time < perMs).length
  }
}

t.test('no window has more than max, and no less than 64/65 of the rate can be used', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 400 }), moves, (max, per, steps) => {
      const perMs = per * UNIT
      const bucket = new TokenBucket(max, perMs)
      const oracle = new Oracle()
      let now = 1_000
      let latest = now
      bucket.available(now)
      for (const { step, wanted } of steps) {
        now += step * UNIT
        latest = Math.max(latest, now)
        const available = bucket.available(now)
        if (available > oracle.left(max, perMs, latest)) return false
        if (available < oracle.left(max, perMs + perMs / 64, latest)) return false
        if (available > 0 !== (bucket.waitMs(now) === 0)) return false
        const count = Math.min(wanted, available)
        bucket.take(count, now)
        for (let index = 0; index < count; index++) oracle.times.push(latest)
      }
      return oracle.times.every((time, index) => {
        const later = oracle.times[index + max]
        return later === undefined || later - time >= perMs
      })
    }),
    { numRuns: 2_000 },
  )
})

t.test('who waits as long as it says finds one, and not before', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), moves, (max, steps) => {
      const bucket = new TokenBucket(max, 64)
      let now = 0
      for (const { step, wanted } of steps) {
        now += Math.abs(step) * UNIT
        bucket.take(Math.min(wanted, bucket.available(now)), now)
        const waitMs = bucket.waitMs(now)
        if (waitMs === 0) continue
        now += waitMs - UNIT
        if (bucket.available(now) !== 0) return false
        now += UNIT
        if (bucket.available(now) === 0) return false
      }
      return true
    }),
  )
})

t.test('a long sleep saves nothing up, and a clock that goes back gives nothing', async t => {
  const bucket = new TokenBucket(3, 100)
  bucket.take(3, 1_000)
  t.equal(bucket.available(0), 0)
  t.equal(bucket.waitMs(0), 100)
  t.equal(bucket.available(1e12), 3)
  bucket.take(3, 1e12)
  t.equal(bucket.available(1e12 + 99), 0)
  t.equal(bucket.available(1e12 + 100), 3)
})

t.test('what was taken bit by bit comes back bit by bit', async t => {
  const bucket = new TokenBucket(1_000, 640)
  for (let now = 0; now < 640; now++) bucket.take(1, now)
  t.equal(bucket.available(639), 360)
  t.ok(bucket.available(640) < 380)
  const half = bucket.available(960)
  t.ok(half >= 670 && half <= 690, `${half}`)
})

t.test('what was taken within a 64th of the time comes back with the last of it', async t => {
  const bucket = new TokenBucket(3, 640)
  bucket.take(1, 0)
  bucket.take(1, 5)
  bucket.take(1, 11)
  t.equal(bucket.available(644), 0)
  t.equal(bucket.available(645), 2)
  t.equal(bucket.available(650), 2)
  t.equal(bucket.available(651), 3)
})

t.test('what did not go after all may go at once, and no window has more than max of what did', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), moves, (max, steps) => {
      let bucket = new TokenBucket(max, 64)
      const went: number[] = []
      let now = 0
      for (const [index, { step, wanted }] of steps.entries()) {
        now += Math.abs(step) * UNIT
        const count = Math.min(wanted, bucket.available(now))
        bucket.take(count, now)
        for (let taken = 0; taken < count; taken++) went.push(now)
        if (index % 3 === 0 && count > 0) {
          const { left } = bucket
          bucket.giveBack(1)
          went.pop()
          if (bucket.left !== left + 1 || bucket.waitMs(now) !== 0) return false
        }
        if (index % 7 === 0) {
          const copy = new TokenBucket(max, 64)
          for (const { ms, count } of bucket.taken()) copy.take(count, ms)
          if (copy.left !== bucket.left) return false
          bucket = copy
        }
        if (bucket.left < 0 || bucket.left > max) return false
      }
      return went.every((time, index) => (went[index + max] ?? Number.POSITIVE_INFINITY) - time >= 64)
    }),
  )
  const full = new TokenBucket(2, 64)
  full.giveBack(1)
  t.equal(full.left, 2, 'nothing went')
})
