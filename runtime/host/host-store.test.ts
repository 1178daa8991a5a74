/** What a partition host says of its groups, through losses of power: each test opens the folder again after one. */
import t from 'tap'
import type { GroupActor } from '../group/group-actor.ts'
import type { GroupState } from '../group/group-state.ts'
import type { Disk } from '../log/disk/disk.ts'
import { MortalDisk } from '../log/disk/mortal-disk.fixture.ts'
import { PRIVATE_MODES } from '../log/disk/node-disk.ts'
import { Chance } from '../proof/sim/chance.ts'
import { SimDisk } from '../proof/sim/sim-disk.ts'
import type { Staged } from '../resident/resident.ts'
import { HostStore } from './host-store.ts'

const MEMBER = 7
const SEEDS = 20
const PLACE = { dir: '/data', held: null, modes: PRIVATE_MODES, logId: new Uint8Array(16), journalBytes: 4_096 }

function openStore(disk: Disk, waits: () => void = () => undefined): HostStore {
  return new HostStore(PLACE, 0, [], {
    waits,
    disk,
    failed: () => undefined,
    cut: () => undefined,
    fault: () => undefined,
  })
}

/** As much of a group as is asked about what it is to have written down. */
function groupAt(committed: number, from: 'earliest' | 'latest' = 'earliest', highWatermark = 100): GroupActor {
  const state: GroupState = {
    committed,
    ceiling: committed,
    passedOver: 0,
    skipped: 0,
    deadLettered: 0,
    failed: 0,
    letters: 0,
    failures: [],
    beyond: [],
  }
  const partition = { topic: { durability: 'fsync' }, highWatermark }
  const group = { place: { cursor: MEMBER, from, policy: { atMostOnce: false } }, partition, passedOver: null }
  return { ...group, state: () => state } as unknown as GroupActor
}

/** Where the group is said to be after a loss of power. */
function afterPowerCut(disk: SimDisk, seed: number): number | undefined {
  disk.powerCut(new Chance(seed))
  return openStore(disk).states.get(MEMBER)?.committed
}

function newDisk(): SimDisk {
  const disk = new SimDisk()
  disk.makeFolder('/data')
  return disk
}

/** The same disk, or a file of it: `call` is told each call's name. */
function told<T extends object>(target: T, call: (name: string) => void): T {
  return new Proxy(target, {
    get(_, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        call(String(name))
        const result: unknown = Reflect.apply(member, target, args)
        return typeof result === 'object' && result !== null && !ArrayBuffer.isView(result)
          ? told(result, call)
          : result
      }
    },
  })
}

t.test('says that it waits before each operation of the disk', async t => {
  const calls: string[] = []
  const store = openStore(
    told(newDisk(), name => calls.push(name)),
    () => calls.push('waits'),
  )
  for (const act of [() => store.sweep([groupAt(80)]), () => store.syncStates(), () => store.moved(groupAt(90))]) {
    calls.length = 0
    act()
    t.equal(calls[0], 'waits')
    t.ok(calls.length > 1)
  }
})

t.test('a group that was moved is where it was moved to after any loss of power', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const disk = newDisk()
    const store = openStore(disk)
    store.sweep([groupAt(80)])
    store.states.sync()
    store.moved(groupAt(20))
    t.equal(afterPowerCut(disk, seed), 20, `seed ${seed}`)
  }
})

t.test('a group that had counted letters that are no more looks for those to come after any further loss', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const disk = newDisk()
    const store = openStore(disk)
    const group = groupAt(80)
    store.sweep([{ ...group, state: () => ({ ...group.state(), letters: 3 }) } as unknown as GroupActor])
    t.equal(store.keptOf(MEMBER, 3)?.letters, 3)
    t.equal(store.keptOf(MEMBER + 1, 0), undefined)
    t.equal(store.keptOf(MEMBER, 1)?.letters, 1)
    disk.powerCut(new Chance(seed))
    t.match(openStore(disk).keptOf(MEMBER, 5), { committed: 80, letters: 1 }, `seed ${seed}`)
  }
})

t.test('a group that began at the end is there after any loss', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const disk = newDisk()
    openStore(disk).opened(groupAt(80, 'latest'))
    t.equal(afterPowerCut(disk, seed), 80, `seed ${seed}`)
  }
})

t.test('a group behind whose place a log ends is where that ends after any further loss', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const disk = newDisk()
    const store = openStore(disk)
    store.sweep([groupAt(80)])
    store.cutGroups([MEMBER, MEMBER + 1], 60)
    t.equal(store.states.get(MEMBER)?.committed, 60)
    t.equal(store.states.get(MEMBER + 1), undefined, 'of another nothing was kept')
    t.equal(afterPowerCut(disk, seed), 60, `seed ${seed}`)
  }
})

t.test(
  'a host that is started again leaves the state of a group as it is, until its reader has said how far it is',
  t => {
    const store = openStore(newDisk())
    store.sweep([groupAt(80)])
    store.opened(groupAt(20, 'earliest', 70))
    t.equal(store.states.get(MEMBER)?.committed, 80)
    t.end()
  },
)

t.test('a move that cannot be written down is refused, also when the disk has failed before', async t => {
  const disk = new MortalDisk(newDisk())
  const store = openStore(disk)
  disk.failIn = 0
  t.throws(() => store.moved(groupAt(20)), { code: 'MILL_DISK' })
  t.throws(() => store.moved(groupAt(30)), { code: 'MILL_DISK' })
})

const QUEUE = 4

function staged(settled: [number, number][], outcomes: string[]): Staged {
  return {
    frames: [],
    settled: { topic: QUEUE, partition: 0, settled },
    committed: () => void outcomes.push('committed'),
    failed: status => void outcomes.push(`failed ${status}`),
  }
}

t.test('what queues settle is written with a pass, and is durable once that was asked for', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const disk = newDisk()
    const store = openStore(disk)
    const outcomes: string[] = []
    store.settledOf(QUEUE, 0, { startOffset: 0, endOffset: 0 })
    store.commit([staged([[0, 4]], outcomes), staged([[6, 7]], outcomes)])
    t.equal(store.isSynced, false)
    t.equal(store.syncSettled(), true)
    t.equal(store.isSynced, true)
    store.commit([staged([[7, 9]], outcomes)])
    t.same(outcomes, ['committed', 'committed', 'committed'])
    disk.powerCut(new Chance(seed))
    const state = openStore(disk).settledOf(QUEUE, 0, { startOffset: 0, endOffset: 9 })
    t.equal(state.floor, 4)
    t.match(JSON.stringify(state.settled.ranges()), /^\[\[6,[79]\]\]$/)
  }
})

t.test(
  'a failed write fails all that a pass settled, and what follows; damage of one queue fails no other',
  async t => {
    const disk = new MortalDisk(newDisk())
    const store = openStore(disk)
    const outcomes: string[] = []
    store.commit([staged([[0, 4]], outcomes)])
    t.throws(() => store.settledOf(QUEUE, 0, { startOffset: 5, endOffset: 9 }), { code: 'MILL_CORRUPT' })
    t.equal(store.failure, null)
    t.equal(store.settledOf(QUEUE + 1, 0, { startOffset: 0, endOffset: 9 }).floor, 0)
    disk.failIn = 0
    store.commit([staged([[4, 5]], outcomes), staged([[5, 6]], outcomes)])
    store.commit([staged([[6, 7]], outcomes)])
    t.match(outcomes, ['committed', /^failed/, /^failed/, /^failed/])
    t.equal(store.syncSettled(), false)
    t.throws(() => store.settledOf(QUEUE, 0, { startOffset: 0, endOffset: 9 }), { code: 'MILL_DISK' })
  },
)
