/** What a partition host writes down in the background goes on, however the wall clock is set meanwhile. */
import t from 'tap'
import { storedHouse } from '../dead-letters/letter-house.fixture.ts'
import type { GroupActor } from '../group/group-actor.ts'
import { StoreUpkeep } from './store-upkeep.ts'

const HOUR_MS = 3_600_000

/** As much of a group as is written down of it. */
function groupAt(committed: () => number): GroupActor {
  const partition = { isOnDisk: true }
  const state = () => ({ committed: committed(), failures: [] })
  return { place: { cursor: 5 }, partition, lags: true, state } as unknown as GroupActor
}

t.test('states of groups are written and synced while the clock is set back, and ahead', async t => {
  const { store } = storedHouse(t.testdir())
  let committed = 0
  const upkeep = new StoreUpkeep(store, () => undefined)
  upkeep.lags(groupAt(() => committed))
  for (const wallMs of [10 * HOUR_MS, 9 * HOUR_MS, 11 * HOUR_MS, 0]) {
    committed++
    const nowMs = committed * 1_000
    upkeep.tend({ nowMs, wallMs })
    t.equal(store.states.get(5)?.committed, committed)
    t.ok(store.states.isSynced)
  }
})
