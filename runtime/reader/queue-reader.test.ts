/** A queue's consumer at its own end, with the host played: what it takes, begins, ends, and tells of. */
import t from 'tap'
import { DELIVERY_SUSPECT } from '../link/delivery-writer.ts'
import { delay } from '../proof/fixtures/broker.fixture.ts'
import { toWire } from '../words/errors.ts'
import { LINK_RETRY_MS } from './link-retry.ts'
import { CURSOR, PlayedQueue, QUEUE_ID } from './played-queue.fixture.ts'
import { QueueRecordDelivery } from './queue-delivery.ts'
import { QueueReader } from './queue-reader.ts'

function house(prefetch?: number): { queue: PlayedQueue; reader: QueueReader } {
  const queue = new PlayedQueue(prefetch)
  return { queue, reader: new QueueReader(queue.thread, queue.assignment) }
}

/** Begins all that there is; returns their offsets. */
function beginAll(reader: QueueReader): number[] {
  const offsets: number[] = []
  reader.fill()
  while (reader.next()) offsets.push(reader.message.offset)
  return offsets
}

t.test(
  'a message has its queue, id, priority, key, value and timestamp, with fields of its own or without',
  async t => {
    const { queue, reader } = house()
    queue.handOut(
      { value: { n: 1 }, key: 'k', priority: 3, head: { offset: 2 ** 33, deliveryAttempt: 4, failedAttempts: 2 } },
      { value: 'two', head: { timestamp: 2_000 } },
      { value: 'x'.repeat(3_000), priority: 31, head: { timestamp: 3_000 } },
      { value: 4 },
    )
    reader.fill()
    const deliveries: QueueRecordDelivery[] = []
    while (reader.next()) deliveries.push(new QueueRecordDelivery(reader.message))
    t.match(JSON.parse(JSON.stringify(deliveries[0])), {
      topic: 'jobs',
      queue: 'jobs',
      partition: 0,
      id: `${QUEUE_ID}.${2 ** 33}`,
      offset: 2 ** 33,
      priority: 3,
      key: 'k',
      value: { n: 1 },
      timestamp: 1_005,
      deliveryAttempt: 4,
      failedAttempts: 2,
    })
    t.match(deliveries[1], { id: `${QUEUE_ID}.1`, priority: 0, key: null, value: 'two', timestamp: 2_005 })
    t.match(deliveries[2], { priority: 31, value: 'x'.repeat(3_000), timestamp: 3_005 }, 'in pieces')
    t.match(deliveries[3], { value: 4, timestamp: 1_005 })
    t.strictSame(Object.keys(deliveries[0] as object), ['offset', 'deliveryAttempt', 'failedAttempts'])
  },
)

t.test('what was taken back is never begun, and its entry is free once the consumer has come past it', async t => {
  const { queue, reader } = house()
  const [first, second, third] = queue.handOut(1, 2, 3) as [number, number, number]
  reader.fill()
  t.equal(reader.waiting, 3)
  t.equal(queue.recall(first), 'recalled')
  t.ok(reader.next())
  t.equal(reader.message.tag, second)
  t.equal(queue.recall(second), 'begun')
  t.equal(queue.recall(third), 'recalled')
  t.notOk(reader.next())
  t.strictSame([reader.begun, reader.waiting], [1, 0])
  reader.ack(second)
  reader.flush()
  t.strictSame(queue.ended().sort(), ['0 yielded', '1 acked', '2 yielded'])
})

t.test('each end is a word of its own, and a second end of the same message is none', async t => {
  const { queue, reader } = house()
  const tags = queue.handOut(1, 2, 3, 4) as [number, number, number, number]
  beginAll(reader)
  reader.ack(tags[0])
  reader.ack(tags[0])
  reader.release(tags[1])
  reader.ack(tags[1])
  reader.settle({ tag: tags[2], offset: 2 }, 'rejected', toWire(new Error('no')))
  t.strictSame([reader.begun, reader.handled], [1, 3])
  reader.flush()
  t.strictSame(queue.ended(), ['0 acked', '1 released', '2 reported'])
  t.match(queue.settlements, [{ cursor: CURSOR, epoch: 1, offset: 2, how: 'rejected', deliveryAttempt: tags[2] }])
  t.match(queue.settlements[0]?.error, { message: 'no' })
})

t.test('settlements wait in order for room in the link, and are reported once they are there', async t => {
  const { queue, reader } = house()
  const tags = queue.handOut(1, 2, 3) as [number, number, number]
  beginAll(reader)
  queue.room = 0
  const wire = toWire(new Error('no'))
  for (const [offset, tag] of tags.entries()) reader.settle({ tag, offset }, 'failed', wire)
  t.equal(queue.standing(tags[0]), 'begun', 'the queue cannot know yet')
  let isDrained = false
  void reader.drained().then(() => {
    isDrained = true
  })
  queue.room = 1
  await delay(30)
  t.strictSame(queue.said(), ['0 failed'])
  t.strictSame(
    tags.map(tag => queue.standing(tag)),
    ['reported', 'begun', 'begun'],
  )
  t.notOk(isDrained)
  queue.room = 9
  await delay(30)
  t.strictSame(queue.said(), ['0 failed', '1 failed', '2 failed'])
  t.ok(isDrained)
  reader.flush()
  t.strictSame(queue.ended(), ['0 reported', '1 reported', '2 reported'])
})

t.test(
  'a batch that failed as a whole is one settlement with its tags, and news of an acked message names none',
  async t => {
    const { queue, reader } = house()
    const tags = queue.handOut(1, 2, 3) as [number, number, number]
    reader.fill()
    const taken = [0, 1, 2].map(() => {
      reader.next()
      return { tag: reader.message.tag, offset: reader.message.offset }
    })
    reader.ack(tags[2])
    reader.lost(reader.message, 'timeout', toWire(new Error('late')))
    reader.halve(taken.slice(0, 2))
    t.match(queue.settlements, [
      { offset: 2, how: 'timeout', deliveryAttempt: 0 },
      { offset: 0, how: 'halved', deliveryAttempt: tags[0], error: tags.slice(0, 2) },
    ])
    reader.flush()
    t.strictSame(queue.ended(), ['2 acked', '0 reported', '1 reported'])
  },
)

t.test('the queue is told at the end of a turn, or once half of what may be unsettled has ended', async t => {
  const { queue, reader } = house(8)
  t.notOk(reader.owes)
  reader.want(8)
  t.equal(queue.wanted, 8)
  t.ok(reader.flush())
  t.equal(queue.asked, 1)
  const tags = queue.handOut(1, 2, 3, 4, 5, 6)
  beginAll(reader)
  t.notOk(reader.flush(), 'there is nothing to tell')
  for (const tag of tags.slice(0, 3)) reader.ack(tag)
  t.equal(queue.asked, 1)
  t.strictSame(queue.ended(), [])
  reader.ack(tags[3] as number)
  t.equal(queue.asked, 2)
  t.strictSame(queue.ended(), ['0 acked', '1 acked', '2 acked', '3 acked'])
  reader.want(8)
  t.notOk(reader.owes, 'it asked for that before')
})

t.test('what nobody waits for is told without a ring, and rung for a little later', async t => {
  const { queue, reader } = house(100)
  reader.want(100)
  t.ok(reader.tell())
  t.strictSame([queue.asked, queue.told], [1, 0], 'what is asked for is rung for')
  const [first, second, third] = queue.handOut(1, 2, 3) as [number, number, number]
  beginAll(reader)
  reader.ack(first)
  t.ok(reader.owes)
  t.ok(reader.tell())
  t.notOk(reader.owes)
  t.notOk(reader.tell(), 'once')
  t.strictSame([queue.asked, queue.told], [1, 1])
  t.equal(queue.ended().length, 1, 'it can be found')
  while (queue.asked === 1) await new Promise(resolve => setTimeout(resolve, 1))
  t.notOk(reader.flush(), 'all is said')
  queue.backlog(true)
  reader.ack(second)
  t.ok(reader.tell())
  t.strictSame([queue.asked, queue.told], [3, 1], 'somebody waits')
  queue.backlog(false)
  reader.ack(third)
  reader.tell()
  reader.close()
  await new Promise(resolve => setTimeout(resolve, 20))
  t.equal(queue.asked, 3, 'who has closed says nothing')
})

t.test('while the queue hands out it is not rung for what is told', async t => {
  const { queue, reader } = house(100)
  reader.want(100)
  reader.flush()
  const [first] = queue.handOut(1) as [number]
  beginAll(reader)
  reader.ack(first)
  reader.tell()
  queue.handOut(2)
  beginAll(reader)
  // Begun behind the reader's own timer, and of the same length.
  await new Promise(resolve => setTimeout(resolve, LINK_RETRY_MS))
  t.equal(queue.asked, 1)
  while (queue.asked === 1) await new Promise(resolve => setTimeout(resolve, 1))
  t.equal(queue.asked, 2, 'nothing came any more')
  t.notOk(reader.owes)
})

t.test('of many that may be unsettled the queue is told sooner', async t => {
  const { queue, reader } = house(1_000)
  reader.want(1_000)
  reader.flush()
  const tags: number[] = []
  for (let from = 0; from < 300; from += 20) {
    tags.push(...queue.handOut(...Array.from({ length: 20 }, (_, n) => from + n)))
    beginAll(reader)
  }
  for (const tag of tags) reader.ack(tag)
  t.equal(queue.asked, 2)
  t.equal(queue.ended().length, 256)
})

t.test('the queue is asked once for the rest of a large record', async t => {
  const { queue, reader } = house()
  queue.sendPiece()
  reader.fill()
  t.ok(reader.flush())
  t.equal(queue.asked, 1)
  reader.fill()
  t.notOk(reader.owes)
  t.equal(reader.waiting, 0)
})

t.test('the queue is asked when its ring may have been full, though nothing has ended', async t => {
  const { queue, reader } = house()
  const value = { value: 'x'.repeat(900) }
  queue.handOut(value, value, value, value)
  beginAll(reader)
  t.notOk(reader.owes, 'the queue found room')
  queue.handOut(value)
  beginAll(reader)
  t.ok(reader.owes)
  reader.flush()
  t.equal(queue.asked, 1)
  queue.handOut(value, value, value)
  beginAll(reader)
  t.notOk(reader.owes, 'it has looked since')
})

t.test('what has not begun goes back, and nothing is written once it is closed', async t => {
  const { queue, reader } = house()
  const tags = queue.handOut(1, 2, 3, { value: 4, head: { flags: DELIVERY_SUSPECT } }) as [
    number,
    number,
    number,
    number,
  ]
  reader.fill()
  reader.next()
  queue.recall(tags[1])
  reader.yieldAll()
  t.equal(reader.waiting, 0)
  reader.flush()
  t.strictSame(queue.ended(), ['1 yielded', '2 yielded', '3 yielded'])
  queue.handOut(5)
  reader.close()
  const words = queue.words()
  const { asked } = queue
  t.notOk(reader.hasUnread)
  reader.fill()
  t.notOk(reader.next())
  t.notOk(reader.begin(tags[0]))
  reader.ack(tags[0])
  reader.release(tags[0])
  reader.yield(tags[0])
  reader.settle(reader.message, 'failed', toWire(new Error('no')))
  reader.want(3)
  t.notOk(reader.flush())
  t.strictSame(queue.words(), words)
  t.strictSame([queue.asked, queue.settlements.length], [asked, 0])
  await reader.drained()
})

t.test('what a confirmation lets the queue find is told to its host, so that it is found by no look', async t => {
  const { queue, reader } = house()
  reader.want(16)
  reader.flush()
  const [tag] = queue.handOut(1) as [number]
  beginAll(reader)
  reader.ack(tag)
  let told = -1
  queue.confirm = async () => {
    told = queue.told
  }
  await reader.confirm()
  t.strictSame(queue.ended(), ['0 acked'])
  t.equal(told, 1, 'before it is asked')
  await reader.confirm()
  t.equal(queue.told, 1, 'nothing more has ended')
  reader.close()
})
