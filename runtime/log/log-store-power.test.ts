/** Log stores live and end by chance, again and again on the same disk, and each finds what the one before was told. */
import fc from 'fast-check'
import t from 'tap'
import { Chance } from '../sim/chance.ts'
import { ACTS, lifeBy, type StoreLife, StoreLives } from './store-lives.fixture.ts'

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

/** Lives all of these on one disk, and then opens it for good. */
function liveAll(lives: readonly StoreLife[]): StoreLives {
  const stores = new StoreLives()
  for (const one of lives) stores.live(one)
  stores.live({ hosts: 1, journalBytes: 4096, acts: [], cutAt: 1e9, writtenBytes: 0, how: 'crash', seed: 0 })
  return stores
}

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

t.test('ends of all kinds are met, also while a store recovers from another', async t => {
  const chance = new Chance(1)
  let [doubleCuts, deaths] = [0, 0]
  const kinds = new Set<string>()
  for (let round = 0; round < 60; round++) {
    const stores = liveAll(Array.from({ length: 10 }, () => lifeBy(chance)))
    doubleCuts += stores.doubleCuts
    deaths += stores.deaths
    for (const kind of stores.cuts.keys()) kinds.add(kind)
  }
  t.ok(doubleCuts > 100, `${doubleCuts} ends of recoveries`)
  t.ok(deaths > 100, `${deaths} deaths of threads`)
  for (const kind of ['write', 'sync', 'syncDirectory', 'open', 'remove'])
    t.ok(kinds.has(kind) && kinds.has(`recovery:${kind}`), kind)
})
