/** A full queue that drops: what makes room is a dead letter, or gone, and the bound holds at each step. */
import t from 'tap'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import { QueueHouse } from './queue-house.fixture.ts'

function sendAll(house: QueueHouse, count: number): void {
  for (let id = 0; id < count; id++) house.send({ value: Buffer.alloc(40, id) })
  house.pass()
}

t.test('bounds are exact: the head is dropped, as a dead letter or for good', async t => {
  const house = new QueueHouse({ queue: { maxMessages: 3, onFull: 'dropHead' } })
  sendAll(house, 5)
  t.strictSame(house.receipts, [0, 1, 2, 3, 4])
  t.strictSame(house.letterOffsets(), [0, 1])
  t.match(house.queue.report(), { accepted: 5, deadLettered: 2, ready: 3 })
  const gone = new QueueHouse({ queue: { maxMessages: 3, onFull: 'dropHead' }, policy: { hasDeadLetters: false } })
  sendAll(gone, 5)
  t.match(gone.queue.report(), { accepted: 5, dropped: 2, ready: 3 })
})

t.test('a send whose letter has no room is refused: the bound holds, and the head keeps its place', async t => {
  const house = new QueueHouse({ queue: { maxMessages: 3, onFull: 'dropHead' }, letterBytes: 4_096 })
  sendAll(house, 20)
  const written = house.letterOffsets().length
  const taken = written + 3
  t.ok(written > 0 && taken < 20)
  t.strictSame(
    house.receipts.map(offset => offset >= 0),
    Array.from({ length: 20 }, (_, at) => at < taken),
  )
  const counts = { accepted: taken, ready: 3, deadLettered: written, dying: 0 }
  t.match(house.queue.report(), counts)
  t.equal(house.queue.standing(), 'rests', 'nothing waits')
  house.open()
  house.pass()
  t.match(house.queue.report(), counts, 'nor does a successor drop it')
  house.letters.letterIndex?.settle([{ offset: 0, cursor: house.place.cursor }])
  sendAll(house, 1)
  t.equal(house.letterOffsets().at(-1), written)
  t.match(house.queue.report(), { accepted: taken + 1, ready: 3, deadLettered: written + 1, dying: 0 })
})

t.test('a host that dies when the letter of what it drops is written: it is written once, and gone', async t => {
  let dies = true
  const house = new QueueHouse({
    queue: { maxMessages: 1, onFull: 'dropHead' },
    fault: point => {
      if (dies && point === FAULT_POINT.betweenDeadLetterAndVerdict) throw new Error('dead')
    },
  })
  sendAll(house, 1)
  t.throws(() => sendAll(house, 1), /dead/)
  dies = false
  house.open()
  t.match(house.queue.report(), { accepted: 1, ready: 1, dying: 1 }, 'its successor knows that it dies')
  house.pass()
  t.strictSame(house.letterOffsets(), [0])
  t.match(house.queue.report(), { accepted: 1, ready: 0, dying: 0, deadLettered: 1 })
  t.equal(house.receipts.at(-1), -1, 'the send is refused, as that letter went first')
})

t.test('what a consumer gave back, and a host that died was dropping, is with nobody but its letter', async t => {
  let dies = true
  const house = new QueueHouse({
    disk: new MemoryDisk(),
    queue: { maxMessages: 2, onFull: 'dropHead' },
    fault: point => {
      if (dies && point === FAULT_POINT.betweenDeadLetterAndVerdict) throw new Error('dead')
    },
  })
  sendAll(house, 2)
  const end = house.attach(1)
  house.pass()
  end.take()
  end.wants(0)
  end.yield()
  end.claims.publish()
  // It is the queue's again, and that is not written down yet.
  house.queue.work()
  house.send({ value: Buffer.alloc(40) })
  t.throws(() => house.partition.drain(), /dead/)
  dies = false
  house.open()
  t.match(house.queue.report(), { accepted: 2, ready: 2, dying: 1, unacked: 0 }, 'no consumer has it')
  house.pass()
  t.strictSame(house.letterOffsets(), [0])
  t.match(house.queue.report(), { accepted: 2, ready: 1, dying: 0, unacked: 0, deadLettered: 1 })
  sendAll(house, 1)
  end.wants(1)
  house.pass()
  end.take()
  t.match(end.waiting, [{ offset: 1 }], 'and its claim is free again')
})
