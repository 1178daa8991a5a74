/** Log stores live and end by chance, again and again on the same disk: in every kind of operation, also while they recover. */
import fc from 'fast-check'
import t from 'tap'
import { drawn, portion } from '../../proof/fixtures/portion.fixture.ts'
import { Chance } from '../../proof/sim/chance.ts'
import { ACTS, lifeBy, liveAll, type StoreLife } from './store-lives.fixture.ts'

const ROUNDS = 60
const RUNS = 150

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

t.test('ends of all kinds are met, also while a store recovers from another', async t => {
  let [rounds, recoveries, doubleCuts, deaths, whole, absent] = [0, 0, 0, 0, 0, 0]
  const kinds = new Set<string>()
  for (const round of drawn(ROUNDS)) {
    const chance = new Chance(round)
    const stores = liveAll(Array.from({ length: 10 }, () => lifeBy(chance)))
    rounds++
    recoveries += stores.recoveries
    doubleCuts += stores.doubleCuts
    deaths += stores.deaths
    whole += stores.joint.whole
    absent += stores.joint.absent
    for (const kind of stores.cuts.keys()) kinds.add(kind)
  }
  t.equal(rounds, Math.ceil(ROUNDS / portion.of))
  // The last life of each round, which nothing ends, recovers.
  t.ok(recoveries >= rounds, `${recoveries} recoveries`)
  // What so few came to in a portion is chance.
  if (portion.of > 1) return
  t.ok(doubleCuts > 100, `${doubleCuts} ends of recoveries`)
  t.ok(deaths > 100, `${deaths} deaths of threads`)
  t.ok(whole > 10 && absent > 10, `${whole} commits in all of their logs, ${absent} in none`)
  for (const kind of ['write', 'sync', 'syncDirectory', 'open', 'remove'])
    t.ok(kinds.has(kind) && kinds.has(`recovery:${kind}`), kind)
})

t.test('what was acknowledged is there after any end, and nothing that was not written or was cut', async t => {
  let recoveries = 0
  // Runs differ more than rounds do: a portion has a fifth of them.
  const numRuns = portion.of > 1 ? RUNS / 5 : RUNS
  fc.assert(
    fc.property(fc.array(life, { minLength: 1, maxLength: 6 }), lives => {
      recoveries += liveAll(lives).recoveries
    }),
    { numRuns },
  )
  t.ok(recoveries >= (portion.of > 1 ? numRuns : 2 * numRuns), `${recoveries} recoveries`)
})
