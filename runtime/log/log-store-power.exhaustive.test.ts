/** Log stores that end ten times in a row, by many seeds: in every kind of operation, also while they recover. */
import t from 'tap'
import { drawn, portion } from '../portion.fixture.ts'
import { Chance } from '../sim/chance.ts'
import { lifeBy, liveAll } from './store-lives.fixture.ts'

const ROUNDS = 60

t.test('ends of all kinds are met, also while a store recovers from another', async t => {
  let [rounds, recoveries, doubleCuts, deaths] = [0, 0, 0, 0]
  const kinds = new Set<string>()
  for (const round of drawn(ROUNDS)) {
    const chance = new Chance(round)
    const stores = liveAll(Array.from({ length: 10 }, () => lifeBy(chance)))
    rounds++
    recoveries += stores.recoveries
    doubleCuts += stores.doubleCuts
    deaths += stores.deaths
    for (const kind of stores.cuts.keys()) kinds.add(kind)
  }
  t.equal(rounds, Math.ceil(ROUNDS / portion.of))
  // The last life of each round, which nothing ends, recovers.
  t.ok(recoveries >= rounds, `${recoveries} recoveries`)
  // What so few came to in a portion is chance.
  if (portion.of > 1) return
  t.ok(doubleCuts > 100, `${doubleCuts} ends of recoveries`)
  t.ok(deaths > 100, `${deaths} deaths of threads`)
  for (const kind of ['write', 'sync', 'syncDirectory', 'open', 'remove'])
    t.ok(kinds.has(kind) && kinds.has(`recovery:${kind}`), kind)
})
