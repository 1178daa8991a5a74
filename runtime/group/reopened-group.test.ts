/** A group that another process opens again: what died just before the end is not handled again, and has one letter. */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  offsets,
  type StoredHouse,
  storedHouse,
  storedShape,
  writeDeadLetter,
} from '../dead-letters/letter-house.fixture.ts'
import type { HostLink } from '../link/host-link.ts'
import { SETTLE } from '../link/link.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import { FAILURES_MAX, FAULT_POINT, GROUP_BYTES, SLOT_BYTES, SLOT_HANDED, SLOT_RETURNED } from '../wire/layout.ts'
import type { GroupPlace } from '../wire/places.ts'
import { GroupActor } from './group-actor.ts'
import type { Failure } from './group-cursor.ts'
import type { GroupState } from './group-state.ts'
import { asOfSnapshot, lettersBeyond, reopened, withinLog } from './reopened-group.ts'
import { type StoredFailure, storedFailure } from './stored-failure.ts'

const ORDERS = storedShape(1, 'orders')
const LETTERS = storedShape(2, 'orders.g.dlq')
const MEMBER = 5

interface Opened {
  readonly house: StoredHouse
  readonly made: GroupActor
  readonly letters: PartitionActor
  /** What was said of letters. */
  readonly said: string[]
  /** Records that the reader is told to skip. */
  readonly settled: number[]
  /** As a reader that has `handled` records, and says that the next one failed. */
  fails(handled: number): void
  /** The next thread of the process. */
  successor(): Opened
}

/** A group with a reader in a process of its own; `records` are published first. */
function opened(dir: string, records = 0, attempts = 1, diesAt: number = FAULT_POINT.none, named = false): Opened {
  const house = storedHouse(dir)
  const block = house.arena.allocate(GROUP_BYTES)
  const slot = house.arena.allocate(SLOT_BYTES)
  return openedIn(house, { block, slot, records, attempts, diesAt, named })
}

interface Setting {
  readonly block: number
  readonly slot: number
  readonly records: number
  readonly attempts: number
  readonly diesAt: number
  /** Whether it is named with its topic first, and joined later. */
  readonly named: boolean
}

function openedIn(house: StoredHouse, setting: Setting): Opened {
  const { block, slot, records, attempts, diesAt, named } = setting
  const { memory, store } = house
  const fault = (point: number): void => {
    if (point === diesAt && point !== FAULT_POINT.none) throw new Error('died')
  }
  const orders = house.actor(ORDERS)
  orders.takeDeadLetters(0)
  for (let n = 0; n < records; n++) writeDeadLetter(orders, n, 1, 64)
  const letters = house.actor(LETTERS, fault)
  letters.takeDeadLetters(0)
  const said: string[] = []
  const policy = { attempts, hasDeadLetters: true, initialMs: 1, maxMs: 1, jitter: 0, atMostOnce: false }
  const place: GroupPlace = {
    cursor: MEMBER,
    topic: 1,
    topicName: 'orders',
    group: 'g',
    partition: 0,
    block,
    policy: { ...policy, order: 'partition' },
    deadLetterTopic: 2,
    deadLetterPartition: 0,
    from: 'earliest',
    snapshotOffset: null,
  }
  const open = (deadLetters: PartitionActor | null): GroupActor => {
    const upcalls = {
      attemptFailed: () => undefined,
      deadLettered: ({ message }: { message: string }) => said.push(message),
      fault,
    }
    const group = new GroupActor(memory, place, orders, deadLetters, {
      ...upcalls,
      kept: store.states.get(MEMBER),
    })
    store.opened(group)
    return group
  }
  if (named) {
    const group = open(null)
    store.sweep([group])
    group.close()
  }
  const made = open(letters)
  const link = { room: () => 1_000, wake: () => undefined, publish: () => undefined, verdict: () => undefined }
  const { known } = made.openSlot(
    { cursor: MEMBER, epoch: 3, slot, thread: 1, confirms: false },
    link as unknown as HostLink,
  )
  const fails = (handled: number): void => {
    memory.i32[(slot + SLOT_HANDED) >> 2] = handled + 1
    memory.store(slot + SLOT_RETURNED, handled)
    for (let deliveryAttempt = 1; deliveryAttempt <= attempts; deliveryAttempt++)
      made.settle({ cursor: MEMBER, epoch: 3, offset: handled, how: SETTLE.failed, deliveryAttempt, error: '{}' })
    made.tend()
  }
  return {
    house,
    made,
    letters,
    said,
    settled: known.filter(record => record.settled).map(({ offset }) => offset),
    fails,
    successor: () => openedIn(house.successor(), { ...setting, records: 0, diesAt: FAULT_POINT.none }),
  }
}

t.test('killed right after its letter was appended, a record is not handled again and has one letter', async t => {
  const dir = t.testdir()
  const first = opened(dir, 3, 1, FAULT_POINT.betweenDeadLetterAndVerdict)
  t.throws(() => first.fails(1), /died/)
  t.strictSame(first.house.store.states.get(MEMBER)?.failures, [], 'nothing of it was kept')
  const second = opened(dir)
  t.equal(second.made.committed(), 0)
  t.strictSame(second.settled, [1])
  t.match(second.made.report(), { deadLettered: 1, deadLetterDepth: 1 })
  second.fails(1)
  t.strictSame(offsets(second.letters), [1])
  t.match(opened(dir).made.report(), { deadLettered: 1, deadLetterDepth: 1 }, 'and it is counted once')
})

t.test('the same, where what was kept says that it is to be tried again', async t => {
  const dir = t.testdir()
  const first = opened(dir, 3, 2, FAULT_POINT.betweenDeadLetterAndVerdict)
  const settlement = { cursor: MEMBER, epoch: 3, offset: 0, how: SETTLE.failed, error: '{}' }
  first.made.settle({ ...settlement, deliveryAttempt: 1 })
  first.house.store.sweep([first.made])
  t.match(first.house.store.states.get(MEMBER)?.failures, [{ offset: 0, state: 'retry' }])
  t.throws(() => first.made.settle({ ...settlement, deliveryAttempt: 2 }), /died/)
  const second = opened(dir, 0, 2)
  t.strictSame(second.settled, [0])
  second.made.settle({ ...settlement, deliveryAttempt: 2 })
  t.strictSame(offsets(second.letters), [0])
})

t.test('the same, where the group is named with its topic before anyone joins it', async t => {
  const dir = t.testdir()
  const first = opened(dir, 3, 2, FAULT_POINT.betweenDeadLetterAndVerdict)
  const settlement = { cursor: MEMBER, epoch: 3, offset: 0, how: SETTLE.failed, error: '{}' }
  first.made.settle({ ...settlement, deliveryAttempt: 1 })
  first.house.store.sweep([first.made])
  t.throws(() => first.made.settle({ ...settlement, deliveryAttempt: 2 }), /died/)
  const second = opened(dir, 0, 2, FAULT_POINT.none, true)
  t.strictSame(second.settled, [0])
  second.made.settle({ ...settlement, deliveryAttempt: 2 })
  t.strictSame(offsets(second.letters), [0])
  t.match(second.made.report(), { deadLettered: 1, deadLetterDepth: 1 })
})

t.test('the same in the process after, where it was being tried again when that one ended', async t => {
  const dir = t.testdir()
  const first = opened(dir, 3, 2)
  first.fails(0)
  const second = opened(dir, 0, 2, FAULT_POINT.none, true)
  const settlement = { cursor: MEMBER, epoch: 3, offset: 0, how: SETTLE.failed, error: '{}' }
  second.made.settle({ ...settlement, deliveryAttempt: 1 })
  second.house.store.sweep([second.made])
  t.match(second.house.store.states.get(MEMBER), { failures: [{ offset: 0, state: 'retry' }], beyond: [0] })
  const third = opened(dir, 0, 2)
  t.strictSame(third.settled, [0])
  third.made.settle({ ...settlement, deliveryAttempt: 2 })
  t.strictSame(offsets(third.letters), [0])
  t.match(third.made.report(), { deadLettered: 1, deadLetterDepth: 1 })
})

t.test('the same where the group was moved, which forgets what failed before: the record is handled again', async t => {
  const dir = t.testdir()
  opened(dir, 3, 2).fails(0)
  const second = opened(dir, 0, 2, FAULT_POINT.none, true)
  second.made.closeSlot(3, null)
  second.made.seek(0)
  second.house.store.sweep([second.made])
  t.strictSame(opened(dir, 0, 2).settled, [])
})

t.test('a group that is named before anyone joins it is not told of letters that were passed before', async t => {
  const dir = t.testdir()
  const first = opened(dir, 3)
  first.fails(0)
  first.made.tend()
  first.house.store.sweep([first.made])
  const letters = first.house.store.states.get(MEMBER)?.letters
  t.ok(letters)
  const second = opened(dir, 0, 1, FAULT_POINT.none, true)
  t.equal(second.house.store.states.get(MEMBER)?.letters, letters)
})

t.test('a new thread of the process counts nothing twice that its predecessor had counted', async t => {
  const first = opened(t.testdir(), 6)
  first.fails(1)
  first.fails(3)
  const report = { deadLettered: 2, failures: 2, deadLetterDepth: 2 }
  t.match(first.made.report(), report)
  const second = first.successor()
  t.match(second.made.report(), report)
  t.strictSame(offsets(second.letters), [1, 3])
})

t.test('a new thread keeps nothing of a group before its reader has said how far it is', async t => {
  const first = opened(t.testdir(), 6)
  t.match(first.house.store.states.get(MEMBER), { committed: 0, letters: 0 }, 'a new group is kept at once')
  first.fails(3)
  first.house.store.sweep([first.made])
  const second = first.successor()
  t.match(second.house.store.states.get(MEMBER), { committed: 3, letters: 1 })
  t.equal(second.made.committed(), 3)
})

t.test('a record that retention has removed before it failed has no letter, and that is said', async t => {
  const { made, letters, said, fails } = opened(t.testdir(), 3)
  made.partition.record = () => null
  fails(1)
  t.strictSame(offsets(letters), [])
  t.match(said, [/no letter is kept: retention had removed the record/])
  t.match(made.report(), { deadLettered: 1, waitsForDeadLetters: false })
})

t.test('more letters than a group can keep track of are found as well, and none comes twice', async t => {
  const dir = t.testdir()
  const count = FAILURES_MAX + 40
  const first = opened(dir, count + 1)
  copyFileSync(join(dir, 'host-0.groups'), join(dir, 'older'))
  for (let offset = 0; offset < count; offset++) first.fails(offset)
  first.house.store.sweep([first.made])
  t.equal(first.letters.letterIndex?.depth, count)
  // As a loss of power leaves it, before which it was not synced.
  copyFileSync(join(dir, 'older'), join(dir, 'host-0.groups'))
  let group = opened(dir)
  t.equal(group.settled.length, FAILURES_MAX)
  for (let offset = 0; offset < count; offset++) {
    group.fails(offset)
    if (offset === count - 20) {
      group.house.store.sweep([group.made])
      group = group.successor()
    }
  }
  t.equal(group.letters.letterIndex?.depth, count)
  t.equal(new Set(offsets(group.letters)).size, count)
  group.fails(count)
  t.equal(group.letters.letterIndex?.depth, count + 1, 'who dies for the first time gets a letter')
  t.equal(group.made.report().deadLettered, count + 1)
})

const failure = (offset: number, state: Failure['state']): StoredFailure => ({
  offset,
  failedAttempts: 2,
  deliveryAttempt: 2,
  firstMs: 1,
  lastMs: 2,
  notBeforeMs: 3,
  reason: null,
  state,
})

const NOW = { nowMs: 77, wallMs: 1_000_000 }

const KEPT: GroupState = {
  committed: 10,
  ceiling: 10,
  passedOver: 0,
  skipped: 2,
  deadLettered: 1,
  failed: 5,
  letters: 4,
  failures: [failure(11, 'dead'), failure(12, 'retry'), failure(30, 'retry')],
  beyond: [14, 31],
}

t.test('a group goes on where it was kept, and its letters make records dead that it knew otherwise', async t => {
  const group = reopened(KEPT, [9, 11, 12, 13], { highWatermark: 40, first: 0 }, NOW)
  t.match(group, { committed: 10, skipped: 2, deadLettered: 3, failed: 5 })
  t.strictSame(
    group.failures.map(({ offset, state }) => `${offset} ${state}`),
    ['11 dead', '12 dead', '30 retry', '13 dead'],
  )
  t.match(group.failures[1], { failedAttempts: 2, lastMs: 2, reason: 'failed' })
  t.strictSame([...lettersBeyond(KEPT, [11, 20], 10, 40, new Set([11]))], [14, 31, 20])
})

t.test('of a group nothing is left that is of records beyond the end of its log', async t => {
  t.equal(withinLog(KEPT, 40), KEPT)
  t.equal(withinLog(KEPT, 32), KEPT)
  t.strictSame(withinLog(KEPT, 31), { ...KEPT, beyond: [14] })
  t.strictSame(
    withinLog(KEPT, 30).failures.map(({ offset }) => offset),
    [11, 12],
  )
  t.match(withinLog({ ...KEPT, ceiling: 25 }, 20), { committed: 10, ceiling: 20, beyond: [14] })
  t.strictSame(withinLog(KEPT, 4), { ...KEPT, committed: 4, ceiling: 4, failures: [], beyond: [] })
})

t.test(
  'what was known of records that a loss of power took says nothing of those that come in their place',
  async t => {
    const group = reopened(KEPT, [13, 31], { highWatermark: 14, first: 0 }, NOW)
    t.strictSame(
      group.failures.map(({ offset }) => offset),
      [11, 12, 13],
    )
    t.strictSame([...lettersBeyond(KEPT, [13, 31], 10, 14, new Set())], [13])
    t.equal(reopened(KEPT, [], { highWatermark: 6, first: 0 }, NOW).committed, 6)
  },
)

t.test('what waits goes on waiting in another process, but for no longer than the backoff it was given', async t => {
  const { wallMs } = NOW
  // It failed a moment ago, as the clock says now, or long after that: then it was set back, by an hour and by a year.
  const ago = [3_600_000, 4_000, 1_000, 0, -3_600_000, -31_536_000_000]
  const failures = ago.map((sinceMs, at) => {
    const lastMs = wallMs - sinceMs
    return { ...failure(20 + at, 'retry'), lastMs, notBeforeMs: lastMs + 4_000 }
  })
  const group = reopened({ ...KEPT, failures }, [], { highWatermark: 40, first: 0 }, NOW)
  t.strictSame(
    group.failures.map(({ notBeforeMs }) => notBeforeMs - NOW.nowMs),
    [0, 0, 3_000, 4_000, 4_000, 4_000],
  )
  t.strictSame(group.failures.map(storedFailure), failures, 'and is kept as it was')
})

t.test('a group of which nothing was kept begins where it is told to', async t => {
  const group = reopened(undefined, [], { highWatermark: 40, first: 33 }, NOW)
  t.strictSame(group, {
    committed: 33,
    gap: null,
    passedOver: 0,
    skipped: 33,
    deadLettered: 0,
    failed: 0,
    failures: [],
  })
})

t.test('offsets beyond 32 bits are told apart by where the group is', async t => {
  const committed = 2 ** 40 + 5
  const group = reopened(
    { ...KEPT, committed, ceiling: committed, failures: [] },
    [6],
    { highWatermark: committed + 9, first: 0 },
    NOW,
  )
  t.strictSame(
    group.failures.map(({ offset }) => offset),
    [2 ** 40 + 6],
  )
})

const CLAIMED: GroupState = {
  ...KEPT,
  ceiling: 20,
  passedOver: 3,
  failures: [failure(8, 'dying'), failure(11, 'dead'), failure(15, 'dying')],
  beyond: [],
}

t.test('at most once a group goes on at its ceiling, and what it knows to have failed is not in doubt', async t => {
  const group = reopened(CLAIMED, [13], { highWatermark: 40, first: 0 }, NOW)
  t.match(group, { committed: 20, gap: { from: 10, to: 20, records: 7 }, passedOver: 10, skipped: 9, deadLettered: 2 })
  t.strictSame(
    group.failures.map(({ offset, state }) => `${offset} ${state}`),
    ['8 dying', '11 dead', '15 dying'],
    'whose letters are still to be written',
  )
})

t.test('a letter that was written just before the end is found, wherever its reader had gone', async t => {
  const group = reopened(CLAIMED, [8, 15], { highWatermark: 40, first: 0 }, NOW)
  t.match(group, { committed: 20, gap: { records: 8 }, deadLettered: 3 })
  t.strictSame(
    group.failures.map(({ offset, state }) => `${offset} ${state}`),
    ['8 dead', '11 dead', '15 dead'],
  )
})

t.test('a ceiling beyond the last record passes over none that are to come', async t => {
  const group = reopened({ ...CLAIMED, failures: [] }, [], { highWatermark: 12, first: 0 }, NOW)
  t.match(group, { committed: 12, gap: { from: 10, to: 12, records: 2 }, passedOver: 5 })
  const lost = reopened({ ...CLAIMED, failures: [] }, [], { highWatermark: 6, first: 0 }, NOW)
  t.match(lost, { committed: 6, gap: { from: 6, to: 6, records: 0 }, passedOver: 3 }, 'a loss of power took more')
})

t.test('a group as of an older snapshot looks for its letters from the first one on', t => {
  const counts = { passedOver: 0, skipped: 0, deadLettered: 0, failed: 0, failures: [], beyond: [] }
  const kept = { ...counts, committed: 34, ceiling: 34, letters: 8 }
  t.match(asOfSnapshot(kept, 17), { committed: 17, ceiling: 17, letters: 0 })
  t.match(asOfSnapshot(kept, 34), { committed: 34, ceiling: 34, letters: 8 })
  t.equal(asOfSnapshot(kept, null), kept, 'its handler keeps none')
  t.end()
})
