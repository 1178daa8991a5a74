/** Cancelling what a consumer has begun, as its host does: in memory and on disk, over its own death and that of the consumer. */
import t from 'tap'
import { DELIVERY_SUSPECT } from '../link/delivery-writer.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { type ConsumerEnd, QueueHouse } from './queue-house.fixture.ts'

type Begun = NonNullable<ReturnType<ConsumerEnd['begin']>>

/** Three messages at one consumer, of which it has begun so many. */
function houseWith(where: string, begun: number) {
  const disk = where === 'on disk' ? new MemoryDisk() : undefined
  const house = new QueueHouse(disk === undefined ? {} : { disk })
  for (let id = 0; id < 3; id++) house.send({ value: Buffer.alloc(40, id) })
  house.pass()
  const end = house.attach(3)
  house.pass()
  end.take()
  const deliveries = Array.from({ length: begun }, () => end.begin() as Begun)
  return { house, disk, end, deliveries }
}

const KILLED = (...cancelled: number[]): SlotCrash => ({
  reason: 'crashed',
  error: { name: 'Error', message: 'killed', retriable: false },
  executing: false,
  charged: true,
  cancelled,
})

for (const where of ['in memory', 'on disk']) {
  t.test(`what has begun is named, and is cancelled however it ends, but by an ack, ${where}`, async t => {
    const { house, disk, end, deliveries } = houseWith(where, 3)
    const { cursor, epoch } = end.place
    const [acked, failed, released] = deliveries as [Begun, Begun, Begun]
    for (const { offset, tag } of deliveries) t.strictSame(house.queue.asks.cancel(offset), { cursor, epoch, tag })
    end.end(acked, 'ack')
    end.end(failed, 'failed')
    t.equal(house.queue.asks.cancel(1), 'passing', 'how it ended is on its way')
    end.end(released, 'release')
    end.claims.publish()
    t.equal(house.queue.asks.cancel(0), 'settled')
    t.equal(house.queue.asks.cancel(2), 'cancelled')
    house.pass()
    t.equal(house.queue.asks.cancel(1), 'cancelled')
    t.strictSame(house.told, [], 'nothing has failed')
    const counts = { accepted: 3, acked: 1, cancelled: 2, ready: 0, unacked: 0, failures: 0, deadLettered: 0 }
    t.match(house.queue.report(), counts)
    house.open()
    t.match(house.queue.report(), counts, 'its successor counts the same')
    if (disk === undefined) return
    const next = new QueueHouse({ disk })
    next.pass()
    t.match(next.queue.report(), { accepted: 3, cancelled: 2, ready: 0, unacked: 0, deadLettered: 0 })
  })

  t.test(`what was told as cancelled stays so, though the process dies at once, ${where}`, async t => {
    const { house, disk, end, deliveries } = houseWith(where, 1)
    const [first] = deliveries as [Begun]
    house.queue.asks.cancel(0)
    end.end(first, 'release')
    end.claims.publish()
    t.equal(house.queue.asks.cancel(0), 'cancelled')
    if (disk === undefined) return
    const next = new QueueHouse({ disk })
    next.pass()
    t.match(next.queue.report(), { accepted: 3, cancelled: 1, ready: 2 })
  })

  t.test(`a thread that was ended for it is charged to nobody, ${where}`, async t => {
    const { house, end } = houseWith(where, 2)
    t.match(house.queue.asks.cancel(1), { tag: 2 })
    house.close(end, KILLED(1))
    house.pass()
    const counts = { accepted: 3, cancelled: 1, ready: 2, unacked: 0, failures: 0 }
    t.match(house.queue.report(), counts)
    const other = house.attach(3)
    house.pass()
    other.take()
    t.match(other.waiting, [
      { offset: 0, deliveryAttempt: 2, failedAttempts: 0 },
      { offset: 2, deliveryAttempt: 1, failedAttempts: 0 },
    ])
    t.notOk(
      other.waiting.some(({ flags }) => (flags & DELIVERY_SUSPECT) !== 0),
      'none is a suspect',
    )
  })

  t.test(`a host that dies with the marks learns from the end of the thread what to cancel, ${where}`, async t => {
    const { house, end } = houseWith(where, 2)
    house.queue.asks.cancel(0)
    house.open()
    house.close(end, KILLED(0))
    house.pass()
    t.match(house.queue.report(), { cancelled: 1, ready: 2, unacked: 0, failures: 0 })
    // Its answer is lost, and it is told again.
    house.open()
    house.queue.closeSlot(end.place.cursor, end.place.epoch, KILLED(0))
    house.pass()
    t.match(house.queue.report(), { cancelled: 1, ready: 2, unacked: 0, failures: 0 })
  })
}

t.test('what a consumer has in advance, has not got, or never was, has an answer', async t => {
  const { house } = houseWith('in memory', 1)
  t.equal(house.queue.asks.cancel(1), 'cancelled', 'it had not begun')
  t.equal(house.queue.asks.cancel(1), 'settled')
  t.equal(house.queue.asks.cancel(9), 'unknown')
  t.match(house.queue.report(), { cancelled: 1, unacked: 2 })
})
