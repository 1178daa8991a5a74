/** A queue's actor over its own memory: messages in and out, and their ends. Whatever its host dies of: queue-actor.exhaustive.test.ts. */
import t from 'tap'
import type { TakenDelivery } from '../link/delivery-fetch.ts'
import type { HostLink } from '../link/host-link.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { type ConsumerEnd, QueueHouse } from './queue-house.fixture.ts'

const CRASH: SlotCrash = {
  reason: 'crashed',
  error: { name: 'Error', message: 'gone', retriable: false },
  executing: true,
}

function value(id: number, bytes = 40): Uint8Array {
  const made = Buffer.alloc(Math.max(8, bytes), id & 0xff)
  made.writeUInt32LE(id, 0)
  return made
}

function idOf(end: ConsumerEnd, delivery: TakenDelivery): number {
  const record = end.bytesOf.get(delivery) as Buffer
  return record.readUInt32LE(16)
}

function sendAll(house: QueueHouse, count: number, bytes = 40): void {
  for (let id = 0; id < count; id++) house.send({ value: value(id, bytes) })
  house.pass()
}

t.test('messages go out in their order, as many as are wanted, and come with their bytes', async t => {
  const house = new QueueHouse()
  sendAll(house, 5)
  const end = house.attach(3)
  house.pass()
  end.take()
  t.strictSame(
    end.waiting.map(({ offset, deliveryAttempt, failedAttempts }) => [offset, deliveryAttempt, failedAttempts]),
    [
      [0, 1, 0],
      [1, 1, 0],
      [2, 1, 0],
    ],
  )
  t.strictSame(
    end.waiting.map(delivery => idOf(end, delivery)),
    [0, 1, 2],
  )
  const first = end.begin() as TakenDelivery
  end.end(first, 'ack')
  end.claims.publish()
  house.pass()
  end.take()
  t.strictSame(
    end.waiting.map(({ offset }) => offset),
    [1, 2, 3],
  )
  t.match(house.queue.report(), { accepted: 5, acked: 1, unacked: 3, ready: 1, consumers: 1 })
  t.strictSame(house.receipts, [0, 1, 2, 3, 4])
})

t.test('what comes back stands where it stood; what was not begun was no hand-out', async t => {
  const house = new QueueHouse()
  sendAll(house, 4)
  const end = house.attach(4)
  house.pass()
  end.take()
  const [first, second] = [end.begin(), end.begin()] as TakenDelivery[]
  end.end(second as TakenDelivery, 'release')
  end.yield()
  end.claims.publish()
  house.pass()
  end.take()
  t.strictSame(
    end.waiting.map(({ offset, deliveryAttempt, failedAttempts }) => [offset, deliveryAttempt, failedAttempts]),
    [
      [1, 2, 0],
      [2, 1, 0],
      [3, 1, 0],
    ],
  )
  end.end(first as TakenDelivery, 'ack')
  end.claims.publish()
  house.pass()
  t.match(house.queue.report(), { acked: 1, unacked: 3 })
})

t.test(
  'a message that fails comes again, and is a dead letter at its last failure; a rejected one at once',
  async t => {
    const house = new QueueHouse({ policy: { attempts: 2 } })
    sendAll(house, 2)
    const end = house.attach(4)
    house.pass()
    end.take()
    end.end(end.begin() as TakenDelivery, 'failed')
    end.end(end.begin() as TakenDelivery, 'rejected')
    end.claims.publish()
    house.pass()
    end.take()
    t.match(end.waiting, [{ offset: 0, deliveryAttempt: 2, failedAttempts: 1 }])
    end.end(end.begin() as TakenDelivery, 'timeout')
    end.claims.publish()
    house.pass()
    t.strictSame(house.letterOffsets(), [0, 1])
    t.match(house.queue.report(), { deadLettered: 2, ready: 0, unacked: 0, acked: 0, failures: 3, deadLetterDepth: 2 })
    house.open()
    t.match(house.queue.report(), { deadLettered: 2, failures: 3 }, 'a successor knows')
    t.strictSame(house.told, ['failed 0 1', 'dead 1 rejected', 'dead 0 timeout'])
  },
)

t.test('a message that comes back again and again is told, and goes on', async t => {
  const house = new QueueHouse()
  sendAll(house, 1)
  const end = house.attach(1)
  for (let left = 200; left > 0; left--) {
    house.pass()
    end.take()
    end.end(end.begin() as TakenDelivery, 'release')
    end.claims.publish()
  }
  house.pass()
  t.strictSame(house.told, ['looping 1.0 100', 'looping 1.0 200'])
  end.take()
  t.match(end.waiting, [{ deliveryAttempt: 201, failedAttempts: 0 }])
})

t.test('a crash is charged to the one on the stack, or to the only one begun; of several they go alone', async t => {
  let house = new QueueHouse()
  sendAll(house, 6)
  const begin = (end: ConsumerEnd, count: number): TakenDelivery[] => {
    house.pass()
    end.take()
    return Array.from({ length: count }, () => end.begin() as TakenDelivery)
  }
  const first = house.attach(3)
  const [, stack] = begin(first, 2)
  first.stack((stack as TakenDelivery).tag)
  house.close(first, CRASH)
  house.pass()
  t.match(house.queue.report(), { failures: 1 })
  const second = house.attach(6)
  begin(second, 1)
  house.close(second, { ...CRASH, executing: false })
  t.match(house.queue.report(), { failures: 2 })
  house = new QueueHouse()
  sendAll(house, 6)
  const third = house.attach(6)
  begin(third, 3)
  house.close(third, { ...CRASH, executing: false })
  t.match(house.queue.report(), { failures: 0, ready: 6 }, 'nobody can tell')
  const fourth = house.attach(6)
  begin(fourth, 0)
  t.equal(fourth.waiting.length, 1, 'a suspect goes alone')
  t.match(fourth.waiting, [{ flags: 1 }])
})

t.test('a consumer that is fenced and lives begins nothing more', async t => {
  const house = new QueueHouse()
  sendAll(house, 3)
  const fenced = house.attach(3)
  house.pass()
  fenced.take()
  const held = fenced.begin() as TakenDelivery
  house.close(fenced, null)
  t.equal(fenced.begin(), null)
  t.equal(fenced.begin(), null)
  fenced.end(held, 'ack')
  fenced.claims.publish()
  house.pass()
  t.match(house.queue.report(), { ready: 3, acked: 0 }, 'what it says later counts for nothing')
})

t.test('a record that is larger than the ring goes in pieces, and its bytes are the same', async t => {
  const house = new QueueHouse()
  house.send({ value: value(1, 7_900) })
  house.send({ value: value(2, 40) })
  house.pass()
  const end = house.attach(4)
  for (let left = 10; left > 0; left--) {
    house.pass()
    end.take()
  }
  t.strictSame(
    end.waiting.map(delivery => idOf(end, delivery)),
    [1, 2],
  )
  const [large] = end.waiting as [TakenDelivery]
  const record = end.bytesOf.get(large) as Buffer
  t.same(record.subarray(record.length - 7_900), value(1, 7_900))
})

t.test('a host that dies with half of a record sent sends it again', async t => {
  const house = new QueueHouse()
  house.send({ value: value(1, 7_900) })
  house.pass()
  const end = house.attach(4)
  house.pass()
  end.take()
  house.open()
  for (let left = 10; left > 0; left--) {
    house.pass()
    end.take()
  }
  t.match(end.waiting, [{ offset: 0, deliveryAttempt: 1 }])
  t.equal(end.bytesOf.get(end.waiting[0] as TakenDelivery)?.length, 7_916)
})

t.test('an old message that is out does not stop the window', async t => {
  const house = new QueueHouse()
  sendAll(house, 1)
  const slow = house.attach(1)
  house.pass()
  slow.take()
  const held = slow.begin() as TakenDelivery
  const fast = house.attach(100)
  for (let id = 1; id < 2_000; id++) {
    house.send({ value: value(id, 200) })
    house.pass()
    fast.take()
    while (fast.waiting.length > 0) fast.end(fast.begin() as TakenDelivery, 'ack')
    fast.claims.publish()
    if (id % 500 === 0) house.open()
  }
  house.pass()
  t.match(house.queue.report(), { accepted: 2_000, acked: 1_999, unacked: 1 })
  slow.end(held, 'failed')
  slow.claims.publish()
  house.pass()
  fast.take()
  t.match(fast.waiting, [{ offset: 0, deliveryAttempt: 2, failedAttempts: 1 }])
  t.equal(idOf(fast, fast.waiting[0] as TakenDelivery), 0)
})

t.test('bounds are exact: wait', async t => {
  const house = new QueueHouse({ queue: { maxMessages: 3 } })
  sendAll(house, 5)
  t.strictSame(house.receipts, [0, 1, 2])
  const end = house.attach(1)
  house.pass()
  end.take()
  end.end(end.begin() as TakenDelivery, 'ack')
  end.claims.publish()
  house.pass()
  t.strictSame(house.receipts, [0, 1, 2, 3])
  t.match(house.queue.report(), { accepted: 4, acked: 1 })
})

t.test('bounds are exact: reject', async t => {
  const house = new QueueHouse({ queue: { maxMessages: 3, onFull: 'reject' } })
  sendAll(house, 5)
  t.strictSame(house.receipts, [0, 1, 2, -1, -1])
})

t.test('a frame of which a part has room is refused, and takes none', async t => {
  const house = new QueueHouse({ queue: { maxMessages: 3, onFull: 'reject' } })
  sendAll(house, 1)
  house.send({ value: value(1), priority: 1 }, { value: value(2) }, { value: value(3) })
  house.pass()
  t.match(house.queue.report(), { accepted: 1, ready: 1 })
  house.send({ value: value(4) }, { value: value(5) })
  house.pass()
  t.match(house.queue.report(), { accepted: 3, ready: 3 })
})

t.test('who has a queue with one active consumer keeps it when the host dies, also while it holds nothing', async t => {
  const house = new QueueHouse({ queue: { singleActive: true } })
  const first = house.attach(1)
  const higher = house.attach(1, 5)
  house.open()
  sendAll(house, 1)
  for (const end of [first, higher]) end.take()
  t.strictSame([first.waiting.length, higher.waiting.length], [1, 0])
  house.close(first, null)
  house.attach(1, 9)
  house.open()
  house.pass()
  higher.take()
  t.equal(higher.waiting.length, 1, 'the next one has it, and who came later has not')
})

t.test('one consumer too many is refused, and changes nothing', async t => {
  const house = new QueueHouse()
  const { place } = house.attach(1)
  const link = { wake: () => undefined } as unknown as HostLink
  const shape = place.consumer as NonNullable<typeof place.consumer>
  for (let more = 1; more < 4_096; more++) house.queue.openSlot({ ...place, cursor: 10_000 + more }, shape, link)
  t.throws(() => house.queue.openSlot({ ...place, cursor: 20_000 }, shape, link), { code: 'MILL_OUT_OF_RANGE' })
  t.strictSame([house.queue.report().consumers, [...house.queue.cursors()].includes(20_000)], [4_096, false])
})
