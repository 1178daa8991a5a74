/** When a frame that found no room is asked for again. */
import t from 'tap'
import { type ConsumerEnd, QueueHouse } from './queue-house.fixture.ts'

function frame(house: QueueHouse, count: number, priority?: number): void {
  const value = Buffer.alloc(24)
  house.send(...Array.from({ length: count }, () => (priority === undefined ? { value } : { value, priority })))
}

function ackOne(house: QueueHouse, end: ConsumerEnd): void {
  end.take()
  const delivery = end.begin()
  if (delivery === null) throw new Error('nothing was handed out')
  end.end(delivery, 'ack')
  end.claims.publish()
  house.pass()
}

t.test('a plain frame waits until there is room for all of it, and is not asked for before', async t => {
  const house = new QueueHouse({ queue: { maxMessages: 10 } })
  const end = house.attach(1)
  for (let left = 3; left > 0; left--) frame(house, 4)
  house.pass()
  t.match(house.queue.report(), { ready: 7, unacked: 1 }, 'two frames are taken')
  ackOne(house, end)
  t.equal(house.roomTold, 0)
  t.match(house.queue.report(), { ready: 6, unacked: 1, acked: 1 })
  ackOne(house, end)
  t.ok(house.roomTold > 0)
  t.match(house.queue.report(), { ready: 9, unacked: 1, acked: 2 }, 'with the tenth message there is none to spare')
})

t.test('bytes bound it as well, to the byte', async t => {
  const probe = new QueueHouse()
  frame(probe, 4)
  probe.pass()
  const { bytes } = probe.queue.report()
  for (const [more, taken] of [
    [0, true],
    [-1, false],
  ] as const) {
    const house = new QueueHouse({ queue: { maxBytes: 2 * bytes + more } })
    frame(house, 4)
    frame(house, 4)
    house.pass()
    t.match(house.queue.report(), { ready: taken ? 8 : 4 })
  }
})

t.test('a frame with fields of its own is asked for at each change', async t => {
  const house = new QueueHouse({ queue: { maxMessages: 10 } })
  const end = house.attach(1)
  frame(house, 8)
  frame(house, 3, 1)
  house.pass()
  t.match(house.queue.report(), { ready: 7, unacked: 1 })
  ackOne(house, end)
  t.ok(house.roomTold > 0)
  t.match(house.queue.report(), { ready: 9, unacked: 1, acked: 1 })
})
