/** What a successor of a queue's host, or the next process, finds first: whoever asks it, and in whichever order, it knows the same. */
import t from 'tap'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { type ConsumerEnd, QueueHouse } from './queue-house.fixture.ts'

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

const CRASH: SlotCrash = {
  reason: 'crashed',
  error: { name: 'Error', message: 'gone', retriable: false },
  executing: false,
}

/** Its thread dies where it has said that it is about to begin a message, and has not. */
function dieBeforeItBegins({ memory }: QueueHouse, end: ConsumerEnd): void {
  const words = memory as { load: (address: number) => number }
  const { load } = words
  words.load = () => {
    throw new Error('dead')
  }
  t.throws(() => end.begin(), /dead/)
  words.load = load
}

for (const where of ['in memory', 'on disk'])
  t.test(`what went elsewhere stays there, though the end of its consumer before is told again, ${where}`, async t => {
    const house = new QueueHouse(where === 'on disk' ? { disk: new MemoryDisk() } : {})
    sendAll(house, 2)
    const dead = house.attach(2)
    house.pass()
    dead.take()
    dieBeforeItBegins(house, dead)
    house.queue.closeSlot(dead.place.cursor, dead.place.epoch, CRASH)
    const other = house.attach(2)
    house.pass()
    other.take()
    const begun = [other.begin(), other.begin()].map(delivery => delivery?.offset)
    t.strictSame(begun, [0, 1])
    // Its host dies, and its answer with it.
    house.open()
    house.close(dead, CRASH)
    house.pass()
    t.match(house.queue.report(), { unacked: 2, ready: 0, failures: 0 })
    const third = house.attach(2)
    house.pass()
    third.take()
    t.equal(third.waiting.length, 0, 'one consumer has it')
    for (const delivery of [...other.begun]) other.end(delivery, 'ack')
    other.claims.publish()
    house.pass()
    t.match(house.queue.report(), { acked: 2, unacked: 0, ready: 0 })
  })

t.test('what was confirmed survives a loss of power', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ disk, durability: 'fsync' })
  sendAll(house, 3)
  const end = house.attach(3)
  house.pass()
  end.take()
  const delivery = end.begin()
  if (delivery === null) throw new Error('nothing was handed out')
  end.end(delivery, 'ack')
  end.claims.publish()
  house.queue.confirm(end.place.cursor)
  const next = new QueueHouse({ disk: disk.losePower(() => 0.99), durability: 'fsync' })
  next.pass()
  t.match(next.queue.report(), { accepted: 3, acked: 1, ready: 2 })
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
