/** What a successor of a queue's host, or the next process, finds first: whoever asks it, and in whichever order, it knows the same. */
import t from 'tap'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { QueueHouse } from './queue-house.fixture.ts'

function sendAll(house: QueueHouse, count: number): void {
  for (let id = 0; id < count; id++) house.send({ value: Buffer.alloc(40, id) })
  house.pass()
}

for (const where of ['in memory', 'on disk'])
  t.test(`a successor that is first asked for its counts hears what was released before, ${where}`, async t => {
    const house = new QueueHouse(where === 'on disk' ? { disk: new MemoryDisk() } : {})
    sendAll(house, 1)
    const end = house.attach(1)
    house.pass()
    end.take()
    const delivery = end.begin()
    if (delivery === null) throw new Error('nothing was handed out')
    end.end(delivery, 'release')
    end.claims.publish()
    house.open()
    t.match(house.queue.report(), { ready: 1, unacked: 0 })
    house.pass()
    end.take()
    t.match(end.waiting, [{ offset: 0, deliveryAttempt: 2, failedAttempts: 0 }])
  })

t.test('no loss of power brings a message back whose letter it leaves', async t => {
  for (const [lost, queue] of [
    ['dropped', { maxMessages: 3, onFull: 'dropHead' }],
    ['rejected', {}],
  ] as const) {
    const disk = new MemoryDisk()
    const house = new QueueHouse({ disk, durability: 'fsync', queue })
    sendAll(house, 5)
    if (lost === 'rejected') {
      const end = house.attach(5)
      house.pass()
      end.take()
      for (let left = 2; left > 0; left--) {
        const delivery = end.begin()
        if (delivery !== null) end.end(delivery, 'rejected')
      }
      end.claims.publish()
      house.pass()
    }
    t.strictSame(house.letterOffsets(), [0, 1], lost)
    // What is synced stays, and nothing else.
    const next = new QueueHouse({ disk: disk.losePower(() => 0.99), durability: 'fsync', queue })
    next.pass()
    t.strictSame(next.letterOffsets(), [0, 1], lost)
    t.match(next.queue.report(), { accepted: 5, deadLettered: 2, ready: 3, unacked: 0 }, lost)
  }
})

for (const where of ['in memory', 'on disk'])
  t.test(`a successor lets the consumer keep a queue that has it alone and holds nothing, ${where}`, async t => {
    const disk = where === 'on disk' ? { disk: new MemoryDisk() } : {}
    const house = new QueueHouse({ ...disk, queue: { singleActive: true } })
    house.pass()
    const [first, higher] = [house.attach(1), house.attach(1, 5)]
    sendAll(house, 1)
    first.take()
    const delivery = first.begin()
    if (delivery === null) throw new Error('nothing was handed out')
    first.end(delivery, 'ack')
    first.claims.publish()
    house.pass()
    house.open()
    sendAll(house, 1)
    for (const end of [first, higher]) end.take()
    t.match(first.waiting, [{ offset: 1, deliveryAttempt: 1 }])
    t.strictSame(higher.waiting, [])
    house.close(first, null)
    house.open()
    house.pass()
    higher.take()
    t.match(higher.waiting, [{ offset: 1 }], 'the next one has it when that has left')
  })
