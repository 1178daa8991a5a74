/** Messages that a queue hands out and settles together, and what breaks their runs. */
import t from 'tap'
import { SETTLE } from '../link/link.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import { type ConsumerEnd, QueueHouse } from './queue-house.fixture.ts'

const RING = 16_384

/** A frame of so many messages, the number of each in its bytes. */
function frame(house: QueueHouse, from: number, count: number, bytes = 24): void {
  const values = Array.from({ length: count }, (_, at) => ({ value: Buffer.alloc(bytes, from + at) }))
  t.equal(house.send(...values), count)
}

/** What a consumer was handed and has not begun: the offset of each, and its tag. */
function taken(end: ConsumerEnd): string {
  end.take()
  for (const delivery of end.waiting)
    if (
      end.bytesOf
        .get(delivery)
        ?.subarray(16)
        .some(byte => byte !== (delivery.offset & 0xff))
    )
      t.fail(`${delivery.offset} has other bytes`)
  return end.waiting.map(({ offset, tag }) => `${offset}:${tag}`).join(' ')
}

/** It acks those of these offsets, all that it has begun, and says so once. */
function ack(end: ConsumerEnd, ...offsets: readonly number[]): void {
  while (end.begin() !== null);
  for (const delivery of [...end.begun]) if (offsets.includes(delivery.offset)) end.end(delivery, 'ack')
  end.claims.publish()
}

t.test('messages of several frames go under tags one behind the other, divided among those that want them', async t => {
  const house = new QueueHouse()
  frame(house, 0, 4)
  frame(house, 4, 4)
  const ends = [house.attach(100, 0, RING), house.attach(2, 0, RING), house.attach(100, 0, RING)]
  house.pass()
  t.strictSame(ends.map(taken), ['0:1 1:2 2:3', '3:1 4:2', '5:1 6:2 7:3'])
  t.match(house.queue.report(), { unacked: 8, ready: 0 })
})

t.test('messages of one priority go together from frame to frame, and each keeps its offset and its time', async t => {
  const house = new QueueHouse()
  const times = [1_000, 1_007, 900, 2 ** 40, 2 ** 40 + 1]
  for (const [at, timestamp] of times.entries())
    house.send(
      { value: Buffer.alloc(24, 3 * at), priority: 1, timestamp },
      { value: Buffer.alloc(24, 3 * at + 1), timestamp: timestamp + 2 },
      { value: Buffer.alloc(24, 3 * at + 2), priority: 1, timestamp: timestamp + 1 },
    )
  const end = house.attach(100, 0, RING)
  house.pass()
  end.take()
  const said = end.waiting.map(delivery => {
    const bytes = end.bytesOf.get(delivery) as Buffer
    const [delta, value] = [bytes.readInt32LE(8), bytes[bytes.length - 1]]
    return [delivery.offset, value, delivery.timestamp + delta, delivery.timestamp]
  })
  // The last number is the time of the frame that their run has: it goes on until a time is too far from that.
  const sent = (priority: number, at: number, base: number): number[][] =>
    (priority === 1 ? [0, 2] : [1]).map(index => {
      const offset = 3 * at + index
      return [offset, offset, (times[at] as number) + [0, 2, 1][index]!, base]
    })
  const bases = [1_000, 1_000, 1_000, 2 ** 40, 2 ** 40]
  t.strictSame(
    said,
    [1, 0].flatMap(priority => bases.flatMap((base, at) => sent(priority, at, base))),
  )
})

t.test('a message that comes back goes alone, at its place, and is in no run of those around it', async t => {
  const house = new QueueHouse()
  frame(house, 0, 6)
  const end = house.attach(3, 0, RING)
  house.pass()
  t.equal(taken(end), '0:1 1:2 2:3')
  while (end.begin() !== null);
  const [zero, one, two] = [...end.begun]
  end.end(one as NonNullable<typeof one>, 'release')
  for (const delivery of [zero, two]) end.end(delivery as NonNullable<typeof zero>, 'ack')
  end.claims.publish()
  house.pass()
  end.take()
  t.match(end.waiting, [
    { offset: 1, tag: 4, deliveryAttempt: 2 },
    { offset: 3, tag: 5, deliveryAttempt: 1 },
    { offset: 4, tag: 6, deliveryAttempt: 1 },
  ])
})

t.test('a run comes in parts that a small ring takes', async t => {
  const house = new QueueHouse()
  frame(house, 0, 60, 100)
  const end = house.attach(100)
  house.pass()
  const seen: number[] = []
  for (let left = 60; left > 0 && seen.length < 60; left--) {
    end.take()
    seen.push(...end.waiting.map(({ offset }) => offset))
    ack(end, ...seen)
    house.pass()
  }
  t.strictSame(
    seen,
    Array.from({ length: 60 }, (_, offset) => offset),
  )
  t.match(house.queue.report(), { acked: 60, ready: 0, unacked: 0 })
})

t.test('what a run has no entries of the claims for stays where it is, and goes when there are some', async t => {
  const house = new QueueHouse({ windowBytes: 2 ** 19 })
  for (let sent = 0; sent < 1_100; sent += 100) frame(house, sent, 100, 8)
  house.pass()
  const end = house.attach(1_000, 0, 2 ** 16)
  for (let left = 100; left > 0 && end.waiting.length < 1_000; left--) {
    house.pass()
    end.take()
  }
  t.match(house.queue.report(), { unacked: 1_000, ready: 100 })
  for (let left = 60; left > 0; left--) {
    const { offset, tag } = end.begin() as NonNullable<ReturnType<ConsumerEnd['begin']>>
    const { cursor, epoch } = end.place
    // The claims do not say so yet.
    house.queue.settle({ cursor, epoch, offset, how: SETTLE.rejected, deliveryAttempt: tag, error: '{}' })
  }
  end.wants(1_000)
  house.pass()
  end.take()
  t.equal(end.waiting.at(-1)?.offset, 1_023)
  t.match(house.queue.report(), { unacked: 964, ready: 76 })
})

t.test('acks with a hole between them settle what was acked, whenever the host dies of it', async t => {
  for (let deadly = 0; deadly < 5; deadly++) {
    // At the last one it does not die.
    let left = deadly < 4 ? deadly : Number.POSITIVE_INFINITY
    const house = new QueueHouse({
      fault: point => {
        if (point === FAULT_POINT.betweenAckAndFree && --left === -1) throw new Error('died')
      },
    })
    frame(house, 0, 6)
    const end = house.attach(6, 0, RING)
    house.pass()
    taken(end)
    ack(end, 0, 1, 3, 4)
    if (deadly < 4) {
      t.throws(() => house.pass(), { message: 'died' })
      house.open()
    }
    house.pass()
    t.match(house.queue.report(), { acked: 4, unacked: 2, ready: 0 }, `it dies at end ${deadly}`)
    ack(end, 2, 5)
    house.pass()
    t.match(house.queue.report(), { acked: 6, unacked: 0, ready: 0 })
    t.equal(taken(end), '', 'nothing is handed out again')
  }
})

t.test('a host that dies before a run is visible has not handed it out, and one that dies after it has', async t => {
  let isDeadly = true
  const house = new QueueHouse({
    fault: point => {
      if (point === FAULT_POINT.beforeDeliveries && isDeadly && house.consumers.length > 0) throw new Error('died')
    },
  })
  frame(house, 0, 4)
  const end = house.attach(3, 0, RING)
  t.throws(() => house.pass(), { message: 'died' })
  t.equal(taken(end), '')
  isDeadly = false
  house.open()
  house.pass()
  t.equal(taken(end), '0:4 1:5 2:6', 'no tag is used twice')
  house.open()
  house.pass()
  t.match(house.queue.report(), { unacked: 3, ready: 1 })
  ack(end, 0, 1, 2)
  house.pass()
  t.equal(taken(end), '3:7')
  t.match(house.queue.report(), { acked: 3, unacked: 1 })
})
