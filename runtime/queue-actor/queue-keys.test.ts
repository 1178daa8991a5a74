/** Limits of keys and of hand-outs in a queue's actor, in memory and on disk, and over the deaths of its host and its process. */
import t from 'tap'
import type { TakenDelivery } from '../link/delivery-fetch.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import { type ConsumerEnd, QueueHouse } from './queue-house.fixture.ts'

const CRASH: SlotCrash = {
  reason: 'crashed',
  error: { name: 'Error', message: 'gone', retriable: false },
  executing: false,
}

function sendAll(house: QueueHouse, keys: readonly (string | undefined)[], priority = 0): void {
  for (const key of keys) house.send({ value: Buffer.alloc(40), priority, ...(key === undefined ? {} : { key }) })
  house.pass()
}

function took(house: QueueHouse, end: ConsumerEnd): number[] {
  house.pass()
  end.take()
  return end.waiting.map(({ offset }) => offset)
}

function begin(end: ConsumerEnd): TakenDelivery {
  const delivery = end.begin()
  if (delivery === null) throw new Error('there is nothing to begin')
  return delivery
}

function ack(house: QueueHouse, end: ConsumerEnd, delivery: TakenDelivery = begin(end)): void {
  end.end(delivery, 'ack')
  end.claims.publish()
  house.pass()
}

const LIMITED: Partial<QueueShape> = { keyConcurrency: 1 }

for (const disk of [undefined, () => new MemoryDisk()]) {
  const where = disk === undefined ? 'in memory' : 'on disk'
  const houseOf = (queue: Partial<QueueShape>): QueueHouse =>
    new QueueHouse({ queue, ...(disk === undefined ? {} : { disk: disk() }) })

  t.test(`one of a key is out at a time, and the next of it goes before what came later, ${where}`, async t => {
    const house = houseOf(LIMITED)
    sendAll(house, ['a', 'a', 'b', undefined, 'a'])
    // With fields, which have the hash, and a priority.
    sendAll(house, ['c', 'a'], 1)
    const end = house.attach(10)
    t.strictSame(took(house, end), [5, 0, 2, 3], 'the one of a higher priority first')
    t.match(house.queue.report(), { ready: 3, unacked: 4 })
    sendAll(house, [undefined])
    const other = house.attach(10)
    ack(house, end)
    ack(house, end)
    // What the first one has in advance may be taken back, and go to the other one.
    t.strictSame([...new Set([...took(house, end), ...took(house, other)])].sort(), [1, 2, 3, 7])
  })

  t.test(`a host that takes over lets no second one of a key go, ${where}`, async t => {
    const house = houseOf(LIMITED)
    sendAll(house, ['a', 'a', 'b', 'b'])
    const end = house.attach(10)
    t.strictSame(took(house, end), [0, 2])
    const held = begin(end)
    house.open()
    t.strictSame(took(house, end), [2])
    t.match(house.queue.report(), { ready: 2, unacked: 2 })
    ack(house, end, held)
    t.strictSame(took(house, end), [2, 1])
    // It also ends while nobody has the queue.
    end.end(begin(end), 'ack')
    end.claims.publish()
    house.open()
    t.strictSame(took(house, end), [1, 3])
  })

  t.test(`a consumer that dies holds no key, and its message goes first, ${where}`, async t => {
    const house = houseOf(LIMITED)
    sendAll(house, ['a', 'a'])
    const dead = house.attach(10)
    took(house, dead)
    begin(dead)
    house.close(dead, CRASH)
    const end = house.attach(10)
    t.strictSame(took(house, end), [0])
    ack(house, end)
    t.strictSame(took(house, end), [1])
  })

  t.test(`a message that dies lets the next of its key go, also for a host that takes over, ${where}`, async t => {
    const house = houseOf(LIMITED)
    sendAll(house, ['a', 'a', 'a'])
    const end = house.attach(10)
    took(house, end)
    end.end(begin(end), 'rejected')
    t.strictSame(took(house, end), [1])
    house.open()
    t.strictSame(took(house, end), [1])
    ack(house, end)
    t.strictSame(took(house, end), [2])
  })

  t.test(`keys take turns, ${where}`, async t => {
    const house = houseOf({ keyConcurrency: 1, keyOrder: 'fair' })
    sendAll(house, ['a', 'a', 'a', 'b', 'b', 'c'])
    const end = house.attach(1)
    const went: number[] = []
    for (let left = 6; left > 0; left--) {
      went.push(...took(house, end))
      ack(house, end)
    }
    t.strictSame(went, [0, 3, 5, 1, 4, 2])
  })

  t.test(`no more is handed out in a time than the rate says, also by a host that takes over, ${where}`, async t => {
    const house = houseOf({ rate: { max: 3, perMs: 1_000_000 } })
    sendAll(house, [undefined, undefined, undefined, undefined])
    const end = house.attach(10)
    t.strictSame(took(house, end), [0, 1, 2])
    t.match(house.queue.report(), { ready: 1 })
    const due = house.queue.dueInMs(0)
    t.ok(Number.isFinite(due) && due > 900_000, 'it comes back for more')
    house.open()
    t.strictSame(took(house, end), [0, 1, 2])
  })
}

t.test('messages whose turns are not in their order come with their own offsets', async t => {
  const house = new QueueHouse({ queue: { keyConcurrency: 1, keyOrder: 'fair' } })
  sendAll(house, ['a', 'a', 'b', 'b', 'c', 'c'])
  const slow = house.attach(3)
  t.strictSame(took(house, slow), [0, 2, 4])
  slow.wants(0)
  const all = [begin(slow), begin(slow), begin(slow)]
  for (const delivery of all.reverse()) ack(house, slow, delivery)
  // The next turns are those of c, b and a, and go in one run.
  const end = house.attach(10)
  t.strictSame(took(house, end), [5, 3, 1])
})

t.test('a queue on disk may be given another limit of keys, also one that it did not have', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ disk })
  // Without fields: their keys are hashed when they are asked for.
  sendAll(house, ['a', 'a', 'b', 'kéy', 'kéy'])
  const end = house.attach(3)
  t.strictSame(took(house, end), [0, 1, 2])
  const next = new QueueHouse({ disk: disk.copy(), queue: LIMITED })
  // As a producer does that knows of the limit, and another way of giving the same key.
  sendAll(next, ['a', 'kéy', 'c'])
  const reader = next.attach(10)
  t.strictSame(took(next, reader), [0, 2, 3, 7])
  t.match(next.queue.report(), { ready: 4, unacked: 4 })
  const free = new QueueHouse({ disk: disk.copy() })
  t.strictSame(took(free, free.attach(10)).length, 5)
})
