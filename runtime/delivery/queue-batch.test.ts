/** Batches of a queue's messages at one consumer, with the host played. */
import t from 'tap'
import { DELIVERY_SUSPECT } from '../link/delivery-writer.ts'
import { delay, until } from '../proof/fixtures/broker.fixture.ts'
import type { ManualDelivery } from '../words/delivery.ts'
import {
  type HandlingOptions,
  handling,
  type Settleable,
  settleable,
  settled,
  thrown,
} from './queue-handling.fixture.ts'

type Batch = readonly ManualDelivery[]

/** Writes down the values of each batch, and handles it by `act`. */
function batches(act: (batch: Batch) => unknown = () => undefined, options: HandlingOptions = {}) {
  const seen: unknown[] = []
  const batch = (deliveries: Batch): unknown => {
    seen.push(deliveries.map(({ value }) => value))
    return act(deliveries)
  }
  return { seen, ...handling({ batch }, options) }
}

t.test('messages go in batches of a size, and all that a batch leaves is acked', async t => {
  const { seen, queue } = batches()
  queue.handOut(0, 1, 2, 3, 4, 5)
  queue.turn()
  t.strictSame(seen, [
    [0, 1, 2, 3],
    [4, 5],
  ])
  t.strictSame(
    queue.ended(),
    [0, 1, 2, 3, 4, 5].map(n => `${n} acked`),
  )
})

t.test('what failed before and a suspect go alone, and parts of a batch stay apart', async t => {
  const { seen, queue } = batches()
  const part = (value: number, cohort: number) => ({ value, head: { cohort } })
  queue.handOut(
    0,
    { value: 1, head: { failedAttempts: 1 } },
    2,
    3,
    { value: 4, head: { flags: DELIVERY_SUSPECT } },
    part(5, 8),
    part(6, 8),
    part(7, 9),
    8,
  )
  queue.turn()
  t.strictSame(seen, [[0], [1], [2, 3], [4], [5, 6], [7], [8]])
})

t.test('what the queue has taken back is in no batch', async t => {
  const { seen, queue } = batches()
  const tags = queue.handOut(0, 1, 2, { value: 3, head: { failedAttempts: 1 } }, 4)
  for (const at of [0, 2]) queue.recall(tags[at] as number)
  queue.turn()
  t.strictSame(seen, [[1], [3], [4]])
  t.strictSame(queue.ended().sort(), ['0 yielded', '1 acked', '2 yielded', '3 acked', '4 acked'])
})

t.test('a batch that fails is told as a whole, and one message alone is charged', async t => {
  const { queue } = batches(batch => {
    if (batch.some(({ value }) => value === 1)) throw new Error('one')
  })
  const tags = queue.handOut(0, 1, 2, 3)
  queue.turn()
  t.strictSame(queue.said(), [`halved ${JSON.stringify(tags)}`])
  t.strictSame(
    queue.ended(),
    [0, 1, 2, 3].map(n => `${n} reported`),
  )
  queue.handOut({ value: 1, head: { cohort: 5 } })
  queue.turn()
  t.strictSame(queue.said().slice(1), ['4 failed'])
})

t.test('single messages are settled by the handler, and what is left of a batch that fails goes by itself', async t => {
  const { queue } = batches(
    batch => {
      batch[0]?.ack()
      batch[1]?.nack(new Error('no'))
      batch[2]?.reject('never')
      if (batch.length === 4) throw new Error('of the last')
      batch[3]?.release()
      throw new Error('of the last two')
    },
    { batch: { maxRecords: 6, maxWaitMs: 0 } },
  )
  queue.handOut(0, 1, 2, 3)
  queue.turn()
  t.strictSame(queue.said(), ['1 failed', '2 rejected', '3 failed'])
  t.strictSame(queue.ended(), ['0 acked', '1 reported', '2 reported', '3 reported'])
  const tags = queue.handOut(4, 5, 6, 7, 8, 9)
  queue.turn()
  t.equal(queue.said().at(-1), `halved ${JSON.stringify(tags.slice(4))}`)
  t.strictSame(queue.ended().slice(3, 4), ['7 released'])
})

t.test('of a batch in which a value does not decode that message is charged, and the others come again', async t => {
  const { queue } = batches()
  queue.handOut(0, { value: '{bad' }, 2)
  queue.turn()
  t.strictSame(queue.said(), ['1 decode'])
  t.strictSame(queue.ended(), ['0 released', '2 released', '1 reported'])
})

t.test('a pending batch counts each of its messages, and the last one left is charged', async t => {
  const call: Settleable = settleable()
  let batch: Batch = []
  const { queue } = batches(deliveries => {
    batch = deliveries
    return call.promise
  })
  const tags = queue.handOut(0, 1, 2)
  queue.turn()
  t.strictSame([queue.active, queue.charged], [3, 0])
  batch[0]?.ack()
  batch[2]?.nack()
  t.strictSame([queue.active, queue.charged], [1, tags[1]])
  await settled()
  t.strictSame(queue.ended(), ['0 acked', '2 reported'])
  call.reject(new Error('no'))
  await settled()
  t.strictSame([queue.active, queue.charged, queue.said()], [0, 0, ['2 failed', '1 failed']])
  t.match(
    thrown(() => batch[1]?.ack()),
    { code: 'MILL_SETTLED' },
  )
})

t.test('several messages on the stack are charged with nothing, one alone is', async t => {
  const seen: unknown[] = []
  const { queue } = batches(() => void seen.push([queue.onStack, queue.charged]))
  queue.handOut(0, 1)
  const [tag] = queue.handOut({ value: 2, head: { failedAttempts: 1 } })
  queue.turn()
  t.strictSame(seen, [
    [-1, 0],
    [1, tag],
  ])
})

t.test('a batch waits to be filled, but for no longer than it may, and not for what cannot come', async t => {
  const { seen, queue, executor } = batches(undefined, { batch: { maxRecords: 3, maxWaitMs: 60_000 } })
  queue.handOut(0)
  queue.turn()
  t.strictSame(seen, [])
  t.notOk(executor.ready(), 'its thread sleeps meanwhile')
  queue.handOut(1, 2)
  queue.turn()
  t.strictSame(seen, [[0, 1, 2]])
  const brief = batches(undefined, { batch: { maxRecords: 3, maxWaitMs: 40 } })
  brief.queue.handOut(3)
  brief.queue.turn()
  await until(() => brief.seen.length > 0)
  t.strictSame(brief.seen, [[3]])
  queue.handOut({ value: 4, head: { failedAttempts: 1 } })
  queue.turn()
  t.strictSame(seen.at(-1), [4], 'it goes alone anyway')
  const few = batches(undefined, { batch: { maxRecords: 3, maxWaitMs: 10_000 }, most: 2 })
  few.queue.handOut(0, 1)
  few.queue.turn()
  t.strictSame(few.seen, [[0, 1]], 'it may not have three')
})

t.test('an output of a batch is one value for each message, and all are confirmed before the acks', async t => {
  const { queue, published } = batches(batch => batch.map(({ value }) => (value === 1 ? undefined : value)), {
    puts: true,
  })
  queue.handOut(0, 1, 2)
  queue.turn()
  t.strictSame(
    published.map(({ value }) => value),
    [0, 2],
  )
  t.strictSame([queue.active, queue.handled], [0, 3])
  published[0]?.confirm.resolve()
  await settled()
  t.strictSame(queue.ended(), [])
  published[1]?.confirm.resolve()
  await settled()
  t.strictSame(queue.ended(), ['0 acked', '1 acked', '2 acked'])
  t.equal(queue.handled, 0)
})

t.test('renew restarts the time of the batch', async t => {
  const call = settleable()
  let batch: Batch = []
  const { queue } = batches(
    deliveries => {
      batch = deliveries
      return call.promise
    },
    { handlerTimeoutMs: 120 },
  )
  queue.handOut(0, 1)
  queue.turn()
  for (let round = 0; round < 4; round++) {
    await delay(50)
    ;(batch[0] as unknown as { renew(): void }).renew()
  }
  call.resolve()
  await settled()
  t.strictSame(queue.ended(), ['0 acked', '1 acked'])
})
