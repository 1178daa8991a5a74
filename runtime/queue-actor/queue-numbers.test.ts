/** Numbers of a producer's messages, which a queue on disk knows when the messages are gone from its log. */
import t from 'tap'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { type HouseOptions, QueueHouse } from './queue-house.fixture.ts'

const PRODUCER = 1
const OPTIONS: HouseOptions = { isNumbered: true }

function send(house: QueueHouse, number: number): void {
  house.send({ value: Buffer.alloc(40), number })
  house.pass()
}

/** What the host's file says of the queue. */
function written(house: QueueHouse): unknown[] {
  return [...(house.host?.settled.states() ?? [])].flatMap(({ numbers }) => [...numbers.values()])
}

t.test('the last number is written down with the pass after that of its message, once', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ ...OPTIONS, disk })
  send(house, 40)
  send(house, 41)
  t.strictSame(written(house), [{ producer: PRODUCER, last: 41, end: 2 }])
  disk.trace.length = 0
  house.pass()
  t.strictSame(disk.trace, [], 'one that changes nothing writes nothing')
  t.equal(house.partition.lastSequence(PRODUCER, 2), 41, 'though nothing in the log says it from there on')
  t.equal(house.partition.lastSequence(PRODUCER, 0), 41)
  t.equal(house.partition.lastSequence(2, 0), null)
  send(house, -2)
  t.equal(house.partition.lastSequence(PRODUCER, 3), -2, 'the lower half of a larger one')
})

t.test('the log has the last word where it has more, and the file where an older message stays', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ ...OPTIONS, disk })
  send(house, 5)
  disk.failNext('write', /settled/, 'EIO')
  send(house, 6)
  t.strictSame(written(house), [{ producer: PRODUCER, last: 5, end: 1 }])
  t.equal(house.partition.lastSequence(PRODUCER, 0), 6)
})

t.test('a message that came before a death, and was not noted, is found when the queue is opened', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ ...OPTIONS, disk })
  send(house, 5)
  disk.failNext('write', /settled/, 'EIO')
  send(house, 6)
  const next = new QueueHouse({ ...OPTIONS, disk })
  next.pass()
  t.strictSame(written(next), [{ producer: PRODUCER, last: 6, end: 2 }])
})

t.test('a producer without numbers of its own leaves none', async t => {
  const house = new QueueHouse({ disk: new MemoryDisk() })
  send(house, 5)
  t.strictSame(written(house), [])
})
