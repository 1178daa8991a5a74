/** Both ends of a ceiling, over shared memory and a folder: what a reader may claim is on disk before it may. */
import { join } from 'node:path'
import t from 'tap'
import { type StoredHouse, storedHouse, storedShape, writeDeadLetter } from '../dead-letters/letter-house.fixture.ts'
import type { HostLink } from '../link/host-link.ts'
import { DiskError } from '../log/disk/disk.ts'
import { ClaimLimit } from '../reader/claim-limit.ts'
import { GROUP_BYTES, SLOT_BYTES, SLOT_COMMITTED, SLOT_RETURNED } from '../wire/layout.ts'
import type { GroupPlace, SlotPlace } from '../wire/places.ts'
import type { Durability } from '../words/message.ts'
import { STRIDE_MAX } from './ceiling.ts'
import { GroupActor } from './group-actor.ts'
import type { GroupState } from './group-state.ts'

const MEMBER = 5
const POLICY = { attempts: 1, hasDeadLetters: false, initialMs: 1, maxMs: 1, jitter: 0, atMostOnce: true } as const

interface Places {
  readonly place: GroupPlace
  readonly slot: SlotPlace
}

interface Opened {
  readonly house: StoredHouse
  readonly group: GroupActor
  readonly slot: SlotPlace
  /** How often the reader's thread was rung, and how often it rang. */
  readonly rings: { toReader: number; toHost: number }
  limit(): ClaimLimit
  open(epoch?: number): void
  /** As a reader that claims records up to `claimed` and has handled those below `returned`. */
  reads(claimed: number, returned?: number): void
  /** A pass of the host. */
  pass(): boolean
  kept(): GroupState | undefined
  /** The next thread of the process. */
  successor(): Opened
}

/** An at-most-once group on a partition on disk, in a process of its own; `records` are published first. */
function opened(dir: string, records = 0, durability: Durability = 'os'): Opened {
  const house = storedHouse(dir)
  const place: GroupPlace = {
    cursor: MEMBER,
    topic: 1,
    topicName: 'orders',
    group: 'g',
    partition: 0,
    block: house.arena.allocate(GROUP_BYTES),
    policy: { ...POLICY, order: 'partition' },
    deadLetterTopic: -1,
    deadLetterPartition: 0,
    from: 'earliest',
    snapshotOffset: null,
  }
  const slot = { cursor: MEMBER, epoch: 3, slot: house.arena.allocate(SLOT_BYTES), thread: 1, confirms: false }
  return openedIn(house, { place, slot }, records, durability)
}

function openedIn(house: StoredHouse, places: Places, records: number, durability: Durability): Opened {
  const { memory, store } = house
  const { place, slot } = places
  const partition = house.actor({ ...storedShape(1, 'orders'), durability })
  partition.takeDeadLetters(0)
  for (let n = 0; n < records; n++) writeDeadLetter(partition, n, 1, 64)
  const said = { attemptFailed: () => undefined, deadLettered: () => undefined, fault: () => undefined }
  const group = new GroupActor(memory, place, partition, null, { ...said, kept: store.states.get(MEMBER) })
  store.opened(group)
  const rings = { toReader: 0, toHost: 0 }
  const link = { room: () => 1_000, wake: () => rings.toReader++, publish: () => undefined, verdict: () => undefined }
  return {
    house,
    group,
    slot,
    rings,
    limit: () => new ClaimLimit(memory, slot.slot, group.committed(), () => rings.toHost++),
    open: (epoch = slot.epoch) => void group.openSlot({ ...slot, epoch }, link as unknown as HostLink),
    reads: (claimed, returned = claimed) => {
      memory.store(slot.slot + SLOT_RETURNED, returned)
      memory.store(slot.slot + SLOT_COMMITTED, claimed)
    },
    pass: () => store.raiseCeilings([group]),
    kept: () => store.states.get(MEMBER),
    successor: () => openedIn(house.successor(), places, 0, durability),
  }
}

t.test('nothing may be claimed before a pass of the host has written it down', async t => {
  const { house, group, limit, open, pass, kept, rings } = opened(t.testdir(), 9)
  open()
  const claims = limit()
  t.notOk(claims.admits(0))
  t.equal(rings.toHost, 1, 'it asked')
  t.notOk(claims.admits(0))
  t.equal(rings.toHost, 1, 'once')
  t.ok(group.isLow)
  const before = rings.toReader
  t.ok(pass())
  t.ok(rings.toReader > before, 'it was told')
  t.ok(claims.admits(0))
  t.notOk(claims.admits(kept()?.ceiling as number), 'and not further than that')
  t.notOk(pass(), 'there is nothing more to do')
  t.strictSame(house.told, [])
})

t.test('a group that reads a topic with durability fsync has its claims synced', async t => {
  const dir = t.testdir({ os: {}, fsync: {} })
  for (const durability of ['os', 'fsync'] as const) {
    const { house, open, pass } = opened(join(dir, durability), 3, durability)
    house.store.states.sync()
    open()
    t.ok(pass())
    t.equal(house.store.states.isSynced, durability === 'fsync', durability)
  }
})

t.test('a process that was killed goes on where its ceiling was, as far as there are records', async t => {
  const dir = t.testdir()
  const first = opened(dir, 9)
  first.open()
  first.pass()
  first.reads(1)
  first.pass()
  const to = first.kept()?.ceiling as number
  t.ok(to > 1 && to < 9)
  first.reads(2, 1)
  const second = opened(dir)
  t.equal(second.group.committed(), to)
  const records = to - 1
  t.strictSame(second.group.passedOver, { from: 1, to, records })
  t.match(second.group.report(), { processed: 1, passedOver: records, committed: to })
  t.match(second.kept(), { committed: to, ceiling: to, passedOver: records }, 'it is kept before anything else happens')
  const third = opened(dir)
  t.equal(third.group.passedOver, null, 'nothing was handed out in between')
  t.match(third.group.report(), { processed: 1, passedOver: records, committed: to })
})

t.test('what is ahead of the last record is not passed over when records come', async t => {
  const dir = t.testdir()
  const first = opened(dir, 1)
  first.open()
  first.pass()
  first.reads(1)
  first.pass()
  t.match(first.kept(), { committed: 1 })
  t.ok((first.kept()?.ceiling as number) > 1)
  const second = opened(dir)
  t.equal(second.group.committed(), 1)
  t.match(second.group.report(), { processed: 1, passedOver: 0 })
  writeDeadLetter(second.group.partition, 1, 1, 64)
  const third = opened(dir)
  t.equal(third.group.committed(), 1, 'also if this process is killed before it has read anything')
})

t.test('a slot that is closed leaves the exact position behind', async t => {
  const dir = t.testdir()
  const first = opened(dir, 9)
  first.open()
  first.pass()
  first.reads(1)
  first.pass()
  first.group.closeSlot(3, null)
  t.ok(first.group.lags, 'it is to be written down soon')
  first.house.store.sweep([first.group])
  t.match(first.kept(), { committed: 1, ceiling: 1 })
  const second = opened(dir)
  t.equal(second.group.committed(), 1)
  t.equal(second.group.passedOver, null)
})

t.test('the next slot may claim nothing of what the one before was allowed', async t => {
  const { limit, open, pass, reads, group } = opened(t.testdir(), 9)
  open()
  pass()
  reads(1)
  group.closeSlot(3, null)
  open(4)
  t.notOk(limit().admits(1))
  pass()
  t.ok(limit().admits(1))
})

t.test('a group that is moved back has a lower ceiling on disk at once', async t => {
  const dir = t.testdir()
  const first = opened(dir, 9)
  first.open()
  for (let offset = 0; offset < 6; offset++) {
    first.pass()
    first.reads(offset + 1)
  }
  first.group.closeSlot(3, null)
  first.group.seek(2)
  first.house.store.moved(first.group)
  t.match(first.kept(), { committed: 2, ceiling: 2 })
  const second = opened(dir)
  t.equal(second.group.committed(), 2)
  second.open()
  t.notOk(second.limit().admits(2), 'and what it hands out again is written down again')
})

t.test('a successor of the host lets the reader go as far as its predecessor had, and keeps no less', async t => {
  const first = opened(t.testdir(), 9)
  first.open()
  first.pass()
  const ceiling = first.kept()?.ceiling as number
  const second = first.successor()
  second.open()
  t.ok(second.limit().admits(ceiling - 1))
  second.house.store.sweep([second.group])
  t.ok((second.kept()?.ceiling as number) >= ceiling)
  second.reads(ceiling)
  t.ok(second.pass())
  t.ok(second.limit().admits(ceiling))
})

t.test('a predecessor that died before it told the reader has promised nothing', async t => {
  const first = opened(t.testdir(), 9)
  first.open()
  first.group.raise()
  first.house.store.states.write([first.group])
  const second = first.successor()
  second.open()
  t.notOk(second.limit().admits(0))
  t.ok(second.pass())
  t.ok(second.limit().admits(0))
})

t.test('when the disk has failed no reader goes on, and each is told', async t => {
  const { house, limit, open, pass, reads, group } = opened(t.testdir(), 9)
  open()
  pass()
  const claims = limit()
  t.ok(claims.admits(0))
  t.notOk(claims.isBarred)
  reads(1)
  house.store.fail(new DiskError('write', 'host-0.groups', 'ENOSPC'))
  t.ok(pass())
  t.notOk(claims.admits(1))
  t.ok(claims.isBarred)
  t.notOk(pass(), 'it is told once')
  group.closeSlot(3, null)
  open(4)
  pass()
  t.ok(limit().isBarred, 'and so is the next')
})

t.test('a fast reader has at most the bound ahead on disk, wherever its process is killed', async t => {
  const { house, group, limit, open, pass, reads, rings } = opened(t.testdir())
  const records = 6_000
  for (let n = 0; n < records; n++) writeDeadLetter(group.partition, n, 1, 8)
  open()
  const claims = limit()
  let most = 0
  for (let offset = 0; offset < records; offset++) {
    if (!claims.admits(offset)) {
      reads(offset)
      pass()
    }
    if (!claims.admits(offset)) throw new Error(`${offset} is refused`)
    reads(offset + 1, offset)
    const before = rings.toHost
    claims.claimed(offset + 1)
    if (rings.toHost > before) pass()
    reads(offset + 1)
    const ceiling = house.store.states.get(MEMBER)?.ceiling as number
    if (ceiling <= offset) throw new Error(`${offset} was handed out, and ${ceiling} is on disk`)
    most = Math.max(most, Math.min(ceiling, records) - offset - 1)
  }
  t.ok(most > 64 && most <= STRIDE_MAX, `${most} at most`)
  t.ok(rings.toHost < records / 8, `${rings.toHost} times`)
})
