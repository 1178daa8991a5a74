/** Scenes of a queue on disk: suspects over deaths, what is visible before it is written down, confirmations, failed disks, waits. */
import t from 'tap'
import { nowMs } from '../../actors/world.ts'
import type { TakenDelivery } from '../link/delivery-fetch.ts'
import { DELIVERY_SUSPECT } from '../link/delivery-writer.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import type { QueueDisk } from './queue-disk.fixture.ts'
import { type ConsumerEnd, type HouseOptions, QueueHouse } from './queue-house.fixture.ts'

/** The next process on the same disk; all consumers are gone. */
function nextProcess(disk: MemoryDisk, options: HouseOptions = {}): QueueHouse {
  const house = new QueueHouse({ ...options, disk })
  house.pass()
  return house
}

function sendAll(house: QueueHouse, count: number): void {
  for (let id = 0; id < count; id++) house.send({ value: Buffer.alloc(40, id) })
  house.pass()
}

/** What a consumer gets now, as offset, hand-out, failures, and whether it goes alone. */
function taken(house: QueueHouse, end: ConsumerEnd): (readonly [number, number, number, boolean])[] {
  house.pass()
  end.take()
  return end.waiting.map(({ offset, deliveryAttempt, failedAttempts, flags }) => [
    offset,
    deliveryAttempt,
    failedAttempts,
    (flags & DELIVERY_SUSPECT) !== 0,
  ])
}

t.test(
  'what was out at the deaths of two processes goes alone, and what kills again then is a dead letter',
  async t => {
    const disk = new MemoryDisk()
    const first = new QueueHouse({ disk })
    sendAll(first, 3)
    t.strictSame(taken(first, first.attach(2)), [
      [0, 1, 0, false],
      [1, 1, 0, false],
    ])
    const second = nextProcess(disk)
    t.match(second.queue.report(), { ready: 3, unacked: 0, failures: 0 }, 'nobody is charged')
    t.strictSame(taken(second, second.attach(1)), [[0, 2, 0, false]], 'it is at its place, and was out before')
    const third = nextProcess(disk)
    t.strictSame(taken(third, third.attach(2)), [[0, 3, 0, true]], 'the one that was out twice goes alone')
    const fourth = nextProcess(disk)
    t.strictSame(fourth.told, ['failed 0 1'])
    t.match(fourth.queue.report(), { failures: 1, ready: 3 })
    t.strictSame(taken(fourth, fourth.attach(2)), [[0, 4, 1, true]])
    const fifth = nextProcess(disk)
    t.strictSame(fifth.told, ['dead 0 crashed'])
    t.match(fifth.queue.report(), { failures: 2, deadLettered: 1, ready: 2 })
    t.strictSame(fifth.letterOffsets(), [0])
    const sixth = nextProcess(disk)
    t.strictSame(sixth.letterOffsets(), [0], 'it is written once')
    t.strictSame(taken(sixth, sixth.attach(3)), [
      [1, 2, 0, false],
      [2, 1, 0, false],
    ])
  },
)

t.test('one that is to blame spares the others, and one that was settled alive is no suspect', async t => {
  const disk = new MemoryDisk()
  const first = new QueueHouse({ disk })
  sendAll(first, 2)
  taken(first, first.attach(1))
  const second = nextProcess(disk)
  taken(second, second.attach(2))
  const third = nextProcess(disk, { policy: { hasDeadLetters: false, attempts: 1 } })
  const [alone, other] = [third.attach(1), third.attach(1)]
  t.strictSame([taken(third, alone), taken(third, other)], [[[0, 3, 0, true]], [[1, 2, 0, false]]])
  const fourth = nextProcess(disk, { policy: { hasDeadLetters: false, attempts: 1 } })
  t.match(fourth.queue.report(), { dropped: 1, failures: 1, ready: 1, deadLettered: 0 })
  const end = fourth.attach(1)
  t.strictSame(taken(fourth, end), [[1, 3, 0, false]])
  end.end(end.begin() as TakenDelivery, 'release')
  end.claims.publish()
  t.strictSame(taken(fourth, end), [[1, 4, 0, false]])
  const fifth = nextProcess(disk)
  t.strictSame(taken(fifth, fifth.attach(1)), [[1, 5, 0, false]])
})

t.test('nothing is visible, and nothing is free, before it is written down', async t => {
  const house = new QueueHouse({ disk: new MemoryDisk() })
  sendAll(house, 3)
  const end = house.attach(2)
  const host = house.host as QueueDisk
  const commit = host.commit.bind(host)
  host.commit = () => undefined
  house.queue.work()
  const staged = house.queue.stage()
  t.match(staged?.settled, { out: [[0, 2]] })
  end.take()
  t.equal(end.waiting.length, 0)
  staged?.committed()
  end.take()
  t.equal(end.waiting.length, 2)
  end.end(end.begin() as TakenDelivery, 'ack')
  end.claims.publish()
  house.queue.work()
  const acked = house.queue.stage()
  t.match(acked?.settled, { settled: [[0, 1]], out: [[2, 3]] })
  end.take()
  t.strictSame([end.waiting.length, end.claims.isBegun(1)], [1, false])
  host.commit = commit
  host.commit([{ frames: [], settled: acked?.settled ?? null, committed: () => acked?.committed(), failed() {} }])
  end.take()
  t.equal(end.waiting.length, 2)
})

t.test('what a consumer has settled is written down before its slot is given back', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ disk })
  sendAll(house, 2)
  const end = house.attach(2)
  taken(house, end)
  end.end(end.begin() as TakenDelivery, 'ack')
  end.yield()
  end.claims.publish()
  house.close(end, null)
  const next = nextProcess(disk)
  t.match(next.queue.report(), { acked: 1, ready: 1 }, 'nobody can read its claims any more')
  t.strictSame(taken(next, next.attach(2)), [[1, 1, 0, false]])
})

t.test('an ack that a host did not live to write down is found by its successor', async t => {
  const house = new QueueHouse({ disk: new MemoryDisk() })
  sendAll(house, 2)
  const end = house.attach(1)
  taken(house, end)
  end.end(end.begin() as TakenDelivery, 'ack')
  end.claims.publish()
  house.queue.work()
  house.open()
  t.strictSame(taken(house, end), [[1, 1, 0, false]])
  t.match(house.queue.report(), { acked: 1, unacked: 1, ready: 0 })
})

t.test('a failure that a host heard and did not live to act upon in its pass is known to its successor', async t => {
  const house = new QueueHouse({ disk: new MemoryDisk() })
  sendAll(house, 1)
  const end = house.attach(1)
  taken(house, end)
  end.end(end.begin() as TakenDelivery, 'failed')
  end.claims.publish()
  house.links()
  house.open()
  t.strictSame(taken(house, end), [[0, 2, 1, false]])
  t.match(house.queue.report(), { failures: 1 })
})

t.test('a disk that fails stops the queue: nothing is handed out, and who asks is told', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ disk })
  sendAll(house, 3)
  const end = house.attach(2)
  disk.failNext('write', /settled/)
  house.pass()
  end.take()
  t.equal(end.waiting.length, 0)
  t.equal(house.queue.standing(), 'rests')
  t.throws(() => house.queue.confirm(end.place.cursor), /EIO/)
  house.close(end, null)
  t.strictSame([...house.queue.cursors()], [], 'a consumer may end')
  const next = nextProcess(disk)
  t.match(next.queue.report(), { accepted: 3, ready: 3 })
})

t.test('what is due behind a disk that has failed wakes nobody', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ disk, policy: { initialMs: 60_000, maxMs: 60_000 } })
  sendAll(house, 1)
  const end = house.attach(1)
  taken(house, end)
  end.end(end.begin() as TakenDelivery, 'failed')
  end.claims.publish()
  house.pass()
  t.ok(house.queue.dueInMs(nowMs()) <= 60_000, 'a retry waits')
  disk.failNext('write', /settled/)
  sendAll(house, 1)
  t.equal(house.queue.dueInMs(nowMs() + 90_000), Number.POSITIVE_INFINITY)
})

t.test('what waits for a retry, or for the room for its letter, does so in the next process', async t => {
  const disk = new MemoryDisk()
  const first = new QueueHouse({ disk, policy: { initialMs: 60_000, maxMs: 60_000 } })
  sendAll(first, 2)
  const end = first.attach(2)
  taken(first, end)
  end.end(end.begin() as TakenDelivery, 'failed')
  end.end(end.begin() as TakenDelivery, 'release')
  end.claims.publish()
  first.pass()
  t.match(first.queue.report(), { retrying: 1, failures: 1 })
  const later = { policy: { initialMs: 60_000, maxMs: 60_000 } }
  const second = nextProcess(disk, later)
  t.match(second.queue.report(), { retrying: 1, failures: 1, ready: 1 })
  t.ok(second.queue.dueInMs(nowMs()) > 50_000)
  const third = nextProcess(disk, { policy: { initialMs: 0, maxMs: 0 } })
  t.match(third.queue.report(), { retrying: 1, ready: 1 }, 'a consumer may have asked for more than the backoff')
  t.ok(third.queue.dueInMs(nowMs()) <= 60_000)
})
