/** Log stores live and end by chance, again and again on the same disk, and each finds what the one before was told. */
import fc from 'fast-check'
import t from 'tap'
import { ACTS, liveAll, type StoreLife } from './store-lives.fixture.ts'

const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), where: fc.nat(63), size: fc.nat(999) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom(...ACTS), where: fc.nat(63), size: fc.nat(999) }) },
)
const life: fc.Arbitrary<StoreLife> = fc.record({
  hosts: fc.integer({ min: 1, max: 3 }),
  journalBytes: fc.constantFrom(4096, 8192),
  acts: fc.array(act, { maxLength: 60, size: 'max' }),
  cutAt: fc.oneof(fc.nat(70), fc.nat(800)),
  writtenBytes: fc.oneof(fc.constant(0), fc.nat(4096)),
  how: fc.constantFrom('power' as const, 'crash' as const),
  seed: fc.nat(),
})

t.test('what was acknowledged is there after any end, and nothing that was not written or was cut', async t => {
  let recoveries = 0
  fc.assert(
    fc.property(fc.array(life, { minLength: 1, maxLength: 6 }), lives => {
      recoveries += liveAll(lives).recoveries
    }),
    { numRuns: 150 },
  )
  t.ok(recoveries > 300, `${recoveries} recoveries`)
})
