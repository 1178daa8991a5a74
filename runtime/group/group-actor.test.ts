/** A group's actor and its successors, over shared memory: what a reader left behind is taken over once, and whole. */
import { windowBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { letterIndexBytes } from '../dead-letters/memory-letter-index.ts'
import type { HostLink } from '../link/host-link.ts'
import { SETTLE, VERDICT } from '../link/link.ts'
import { Joints } from '../partition/joints.ts'
import { PartitionActor } from '../partition/partition-actor.ts'
import { house, NO_LOANS } from '../partition/partition-house.fixture.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import {
  FAULT_POINT,
  GROUP_BYTES,
  SLOT_BYTES,
  SLOT_COMMITTED,
  SLOT_HANDED,
  SLOT_PIN,
  SLOT_RETURNED,
} from '../wire/layout.ts'
import type { GroupPlace, SlotPlace, TopicShape } from '../wire/places.ts'
import { GroupActor } from './group-actor.ts'

const CRASH: SlotCrash = {
  reason: 'crashed',
  error: { name: 'Error', message: 'gone', retriable: false },
  executing: true,
}
const LETTERS: TopicShape = {
  id: 2,
  name: 'orders.g.dlq',
  partitions: 1,
  codec: 'bytes',
  maxMessageBytes: 32_000,
  windowBytes: 65_536,
  onFull: 'wait',
  durability: 'memory',
  log: null,
}

/** A group with a reader, on a partition that holds `records` records of one frame each; a new actor is a successor. */
function groupHouse(records: number, atMostOnce = false) {
  const { memory, arena, actor, publish } = house(false)
  const letters = { address: arena.allocate(windowBytes(LETTERS.windowBytes)), capacity: LETTERS.windowBytes }
  const letterIndex = arena.allocate(letterIndexBytes(LETTERS.windowBytes))
  const slot: SlotPlace = { cursor: 1, epoch: 5, slot: arena.allocate(SLOT_BYTES), thread: 1, confirms: false }
  const policy = {
    attempts: 1,
    hasDeadLetters: true,
    initialMs: 1,
    maxMs: 1,
    jitter: 0,
    atMostOnce,
    order: 'partition' as const,
  }
  const place: GroupPlace = {
    cursor: 1,
    topic: 1,
    topicName: 'orders',
    group: 'g',
    partition: 0,
    block: arena.allocate(GROUP_BYTES),
    policy,
    deadLetterTopic: 2,
    deadLetterPartition: 0,
    from: 'earliest',
    snapshotOffset: null,
  }
  const verdicts: string[] = []
  const room = { hasRoom: true }
  const link = {
    room: () => 1_000,
    wake: () => undefined,
    publish: () => undefined,
    verdict: (_member: number, _epoch: number, offset: number, action: number) =>
      verdicts.push(`${action === VERDICT.skip ? 'skip' : 'retry'} ${offset}`),
  } as unknown as HostLink
  publish(records)
  /** `diesAt` is a fault point; `hasRoom`: for dead letters. */
  const group = (diesAt = 0, hasRoom = true) => {
    const partition = actor()
    const buried: number[] = []
    const fault = (point: number): void => {
      if (point === diesAt) throw new Error('died')
    }
    const topic = new PartitionActor(
      memory,
      { topic: 2, partition: 0, host: 0, window: letters, words: arena.allocate(128), log: null },
      LETTERS,
      {
        fault,
        ringDrained: () => undefined,
        joints: new Joints(() => undefined),
        woken: () => undefined,
        took: () => undefined,
        log: null,
        windows: NO_LOANS,
      },
    )
    topic.takeDeadLetters(letterIndex)
    room.hasRoom = hasRoom
    const append = topic.appendLetter.bind(topic)
    topic.appendLetter = (frame, cursor) => (room.hasRoom ? append(frame, cursor) : 'full')
    const made = new GroupActor(memory, place, partition, topic, {
      attemptFailed: () => undefined,
      deadLettered: ({ offset }) => buried.push(offset),
      fault,
    })
    partition.drain()
    return { made, partition, buried }
  }
  /** As a reader that has `handled` records and has the next one in hand writes them. */
  const reads = (handled: number, inHand = true): void => {
    const words = memory.i32
    words[(slot.slot + SLOT_HANDED) >> 2] = handled + (inHand ? 1 : 0)
    words[(slot.slot + SLOT_RETURNED) >> 2] = handled
    memory.store(slot.slot + SLOT_COMMITTED, handled + (atMostOnce && inHand ? 1 : 0))
  }
  const makeRoom = (): void => {
    room.hasRoom = true
  }
  return { memory, group, slot, link, verdicts, reads, makeRoom }
}

t.test('a successor that closes the same slot again goes by what it said the first time', async t => {
  const { group, slot, link, reads, memory } = groupHouse(4)
  const first = group(FAULT_POINT.beforeCharge)
  first.made.openSlot(slot, link)
  reads(1)
  t.throws(() => first.made.closeSlot(slot.epoch, CRASH), /died/)
  // Its thread was given up, and is not dead: it goes on, and is not heard any more.
  reads(3, false)
  memory.store(slot.slot + SLOT_PIN, first.partition.window.end)
  const second = group()
  second.made.openSlot(slot, link)
  second.made.tend()
  t.equal(second.made.committed(), 1)
  second.made.closeSlot(slot.epoch, CRASH)
  t.strictSame(second.buried, [1])
  t.match(second.made.report(), { committed: 1, failures: 1, deadLettered: 1 })
  const third = group()
  third.made.closeSlot(slot.epoch, CRASH)
  t.match(third.made.report(), { committed: 1, failures: 1, deadLettered: 1 }, 'charged once')
})

t.test('a successor begins at the frame of its first record, wherever its predecessor had kept the window', async t => {
  for (const atMostOnce of [false, true]) {
    const { memory, group, slot, link, reads } = groupHouse(4, atMostOnce)
    const { made, partition } = group()
    made.openSlot(slot, link)
    reads(4, false)
    made.closeSlot(slot.epoch, null)
    t.equal(made.openSlot({ ...slot, epoch: 6 }, link).pin, partition.window.end)
    t.equal(memory.load(slot.slot + SLOT_PIN), partition.window.end)
  }
})

t.test('at most once, what is kept for a dead letter does not keep the next reader back', async t => {
  const { group, slot, link, reads } = groupHouse(4, true)
  const { made, partition } = group(0, false)
  made.openSlot(slot, link)
  reads(3)
  made.closeSlot(slot.epoch, CRASH)
  t.match(made.report(), { committed: 4, waitsForDeadLetters: true })
  t.equal(made.openSlot({ ...slot, epoch: 6 }, link).pin, partition.window.end)
})

t.test('at most once, a verdict that a predecessor died with is given to the reader', async t => {
  const { memory, group, slot, link, verdicts, reads } = groupHouse(3, true)
  const first = group(FAULT_POINT.betweenDeadLetterAndVerdict)
  first.made.openSlot(slot, link)
  reads(1)
  const failed = { cursor: 1, epoch: slot.epoch, offset: 1, how: SETTLE.failed, deliveryAttempt: 1, error: '{}' }
  t.throws(() => first.made.settle(failed), /died/)
  const second = group()
  second.made.openSlot(slot, link)
  second.made.tend()
  t.strictSame(verdicts, ['skip 1'])
  t.match(second.made.report(), { deadLettered: 1, failures: 1 })
  reads(3, false)
  memory.store(slot.slot + SLOT_PIN, second.partition.window.end)
  t.equal(second.partition.window.reclaim(), second.partition.window.capacity, 'and the window is given up')
})

t.test('a record that is behind a state that was taken up needs no dead letter any more', async t => {
  const { group, slot, link, reads, memory, makeRoom } = groupHouse(4)
  const { made, partition, buried } = group(0, false)
  made.openSlot(slot, link)
  reads(1)
  made.closeSlot(slot.epoch, CRASH)
  t.match(made.report(), { committed: 1, waitsForDeadLetters: true })
  // The state that was kept last has the record: who takes it up commits as far as that, and keeps the window from there on.
  made.openSlot({ ...slot, epoch: 6 }, link)
  reads(3, false)
  memory.store(slot.slot + SLOT_PIN, partition.window.end)
  makeRoom()
  made.tend()
  t.match(made.report(), { committed: 3, failures: 1, deadLettered: 0, waitsForDeadLetters: false })
  t.strictSame(buried, [])
  t.equal(made.waits, false)
})
