/** Deliveries of a queue that the caller settles, with the host played: when they begin, how they end, and in what time. */
import t from 'tap'
import { DeliveryIterator } from '../api/delivery-iterator.ts'
import { delay, until } from '../proof/fixtures/broker.fixture.ts'
import { PlayedQueue } from '../reader/played-queue.fixture.ts'
import { QueueReader } from '../reader/queue-reader.ts'
import type { Run } from '../words/run.ts'
import { Credits } from './credits.ts'
import { settled, thrown } from './queue-handling.fixture.ts'
import { QueueManualReader } from './queue-manual-reader.ts'
import type { QueueSettleable } from './queue-settleable.ts'

interface Options {
  readonly window?: number
  readonly ackTimeoutMs?: number
  /** Of the consumer. */
  readonly most?: number
  /** Whether what is emitted has begun. */
  readonly begins?: boolean
}

function consuming({
  window = 16,
  ackTimeoutMs = Number.POSITIVE_INFINITY,
  most = window,
  begins = true,
}: Options = {}) {
  const queue = new PlayedQueue(most)
  const out: QueueSettleable[] = []
  const credits = new Credits(window)
  const reader = new QueueManualReader({
    thread: queue.thread,
    reader: new QueueReader(queue.thread, queue.assignment),
    credits,
    emit: delivery => {
      if (!begins || delivery.begin()) out.push(delivery as QueueSettleable)
    },
    ackTimeoutMs,
  })
  queue.taker = reader
  queue.turn()
  return { queue, reader, credits, out }
}

/** A loop over what the queue hands out. */
function looping(): { queue: PlayedQueue; loop: DeliveryIterator<number>; reader: QueueManualReader } {
  const { queue, reader, out } = consuming({ begins: false })
  const stop = async (): Promise<void> => {
    await reader.close()
  }
  const loop = new DeliveryIterator<number>(
    async emit => {
      out.push = delivery => {
        emit(delivery)
        return 0
      }
      return { stop, finished: new Promise(() => undefined) } as unknown as Run<unknown>
    },
    undefined,
    null,
  )
  return { queue, loop, reader }
}

t.test('deliveries begin as they are emitted, against a window, and are settled in any order', async t => {
  const { queue, out, credits } = consuming({ window: 4, most: 8 })
  t.equal(queue.wanted, 8)
  queue.handOut(0, 1, { value: 2, priority: 6 }, 3, 4, 5)
  queue.turn()
  t.strictSame(
    out.map(({ value }) => value),
    [0, 1, 2, 3],
  )
  t.match(out[2], { queue: 'jobs', id: '7.2', priority: 6, deliveryAttempt: 1 })
  t.equal((JSON.parse(JSON.stringify(out[2])) as { id: string }).id, '7.2')
  out[2]?.ack()
  out[1]?.nack(new Error('no'))
  out[3]?.reject('never')
  out[0]?.release()
  await settled()
  t.strictSame(queue.said(), ['1 failed', '3 rejected'])
  t.strictSame(queue.ended().sort(), ['0 released', '1 reported', '2 acked', '3 reported'])
  t.equal(out.length, 6)
  t.equal(credits.available, 2)
  t.match(
    thrown(() => out[2]?.ack()),
    { code: 'MILL_SETTLED' },
  )
  t.match(
    thrown(() => out[2]?.renew()),
    { code: 'MILL_SETTLED' },
  )
})

t.test('what was taken back before it was emitted is not, and costs no credit', async t => {
  const { queue, out, credits } = consuming()
  const tags = queue.handOut(0, 1, 2)
  queue.recall(tags[1] as number)
  queue.turn()
  t.strictSame(
    out.map(({ value }) => value),
    [0, 2],
  )
  t.equal(credits.available, 14)
  t.strictSame(queue.ended(), ['1 yielded'])
})

t.test('a loop begins what it takes, and only that: what waits may be taken back', async t => {
  const { queue, loop } = looping()
  const first = loop.next()
  await settled()
  const tags = queue.handOut(0, 1, 2)
  queue.turn()
  t.equal((await first).value?.value, 0)
  t.strictSame(
    tags.map(tag => queue.standing(tag)),
    ['begun', 'waiting', 'waiting'],
  )
  queue.recall(tags[1] as number)
  t.equal((await loop.next()).value?.value, 2)
  await settled()
  t.strictSame(queue.ended().sort(), ['0 acked', '1 yielded'])
  const waits = loop.next()
  const [taken] = queue.handOut(3)
  queue.recall(taken as number)
  queue.turn()
  queue.handOut(4, 5)
  queue.turn()
  t.equal((await waits).value?.value, 4, 'a turn that waits is not given what was taken back')
  await loop.return()
  t.strictSame(queue.ended().sort(), ['2 acked', '3 yielded', '4 released', '5 yielded'])
})

t.test('a delivery that is not settled in its time fails, and can be settled no more', async t => {
  const { queue, out, credits } = consuming({ ackTimeoutMs: 30 })
  queue.handOut(0, 1)
  queue.turn()
  out[1]?.ack()
  // Time in which the thread stood still is not charged, so that it may take longer.
  await until(() => queue.said().length > 0)
  t.strictSame(queue.said(), ['0 timeout'])
  t.match(queue.settlements[0]?.error, { message: /30 ms/ })
  t.strictSame(queue.ended(), ['1 acked', '0 reported'])
  t.ok(out[0]?.settled)
  t.equal(credits.available, 16)
  t.match(
    thrown(() => out[0]?.ack()),
    { code: 'MILL_SETTLED', message: /renew/ },
  )
  t.match(
    thrown(() => out[0]?.renew()),
    { code: 'MILL_SETTLED' },
  )
  t.equal(queue.said().length, 1)
})

t.test('renew restarts the time of a delivery', async t => {
  const { queue, out } = consuming({ ackTimeoutMs: 120 })
  queue.handOut(0, 1)
  queue.turn()
  for (let round = 0; round < 4 || queue.said().length === 0; round++) {
    await delay(50)
    out[0]?.renew()
  }
  t.strictSame(queue.said(), ['1 timeout'])
  out[0]?.ack()
  await settled()
  t.strictSame(queue.ended().sort(), ['0 acked', '1 reported'])
})

t.test('the time of a delivery begins when its consumer gets it', async t => {
  const { queue, out } = consuming({ ackTimeoutMs: 40, begins: false })
  queue.handOut(0)
  queue.turn()
  await delay(120)
  t.strictSame(queue.said(), [])
  t.ok(out[0]?.begin())
  await until(() => queue.said().length > 0)
  t.strictSame(queue.said(), ['0 timeout'])
})

t.test('a pause gives back what nobody has got', async t => {
  const { queue, reader, out } = consuming({ window: 2, most: 8, begins: false })
  const tags = queue.handOut(0, 1, 2)
  queue.turn()
  out[0]?.begin()
  reader.paused = true
  await settled()
  t.equal(queue.wanted, 0)
  t.strictSame(queue.ended().sort(), ['1 yielded', '2 yielded'])
  t.notOk(out[1]?.begin())
  queue.handOut(3)
  queue.turn()
  t.strictSame(queue.ended(), ['3 yielded'])
  t.equal(queue.standing(tags[0] as number), 'begun')
  reader.paused = false
  await settled()
  t.equal(queue.wanted, 8)
  out[0]?.ack()
  queue.handOut(4)
  queue.turn()
  t.equal(out.at(-1)?.value, 4)
})

t.test('a close hands everything back, says what has failed, and settlements after it are refused', async t => {
  const { queue, reader, out, credits } = consuming({ window: 3, most: 8 })
  queue.handOut(0, 1, 2, 3)
  queue.turn()
  queue.room = 0
  out[0]?.nack(new Error('no'))
  let isClosed = false
  const closed = reader.close().then(() => {
    isClosed = true
  })
  await delay(20)
  t.notOk(isClosed)
  queue.room = 1
  await closed
  t.strictSame(queue.ended().sort(), ['0 reported', '1 released', '2 released', '3 yielded'].sort())
  t.equal(credits.available, 3)
  t.match(
    thrown(() => out[1]?.ack()),
    { code: 'MILL_SETTLED' },
  )
  credits.ended = true
  t.match(
    thrown(() => out[2]?.ack()),
    { code: 'MILL_CLOSED' },
  )
  const words = queue.words()
  queue.turn()
  reader.paused = true
  t.strictSame(queue.words(), words)
  await reader.close()
})

t.test('once it is abandoned nothing is written, and nothing can be settled', async t => {
  const { queue, reader, out } = consuming({ ackTimeoutMs: 20 })
  queue.handOut(0)
  queue.turn()
  queue.ended()
  const words = queue.words()
  reader.abandon()
  t.match(
    thrown(() => out[0]?.ack()),
    { code: 'MILL_SETTLED' },
  )
  await delay(60)
  t.strictSame([queue.words(), queue.said()], [words, []])
})
