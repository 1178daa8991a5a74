/** When what a partition host has written down of groups and letters is due to be synced, whoever wrote it. */
import t from 'tap'
import { storedHouse, storedShape } from '../dead-letters/letter-house.fixture.ts'
import type { GroupActor } from '../group/group-actor.ts'
import type { HostStore } from './host-store.ts'
import { Residents } from './residents.ts'
import { StoreUpkeep } from './store-upkeep.ts'

const SYNC_MS = 1_000

/** As much of a group as is written down of it; its ceiling is low. */
function group(committed = 1): GroupActor {
  const partition = { isOnDisk: true, topic: storedShape(1, 'orders') }
  const state = () => ({ committed, failures: [], beyond: [] })
  const raised = { isLow: true, raise: () => undefined, goOn: () => undefined }
  return { place: { cursor: 5 }, partition, lags: true, state, ...raised } as unknown as GroupActor
}

/** What there is to be forgotten. */
function writeAll(store: HostStore): void {
  store.sweep([group()])
  settleLetter(store, 1)
  store.syncStates()
}

function settleLetter(store: HostStore, below: number): void {
  store.attempt(() => store.letters.write(1, 0, { below, pieces: new Map() }))
}

const WRITES: { readonly [what: string]: (store: HostStore) => void } = {
  'a ceiling is raised': store => void store.raiseCeilings([group(2)]),
  'states are swept before a dead letter is told of': store => store.sweep([group(2)]),
  'a letter is settled': store => settleLetter(store, 2),
  'a group is forgotten': store => void store.attempt(() => store.states.forget(5)),
  'a topic is forgotten': store => store.forget(1, [], []),
}

for (const [what, write] of Object.entries(WRITES))
  t.test(`${what} while the upkeep rests: it is synced within a second`, async t => {
    const { store } = storedHouse(t.testdir())
    writeAll(store)
    const begun = performance.now()
    const residents = new Residents(
      () => undefined,
      () => undefined,
      begun,
    )
    new StoreUpkeep(store, () => undefined).join(residents.lane())
    const rests = (): number => {
      residents.pass(performance.now())
      residents.settle(performance.now())
      return residents.dueInMs(performance.now())
    }
    t.ok(rests() > SYNC_MS, 'nothing is to be synced')
    write(store)
    t.notOk(store.isSynced)
    t.ok(rests() <= SYNC_MS)
  })
