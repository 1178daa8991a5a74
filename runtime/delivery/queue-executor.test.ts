/** A queue's handler at one consumer, with the host played: who has begun, how it ended, and who is charged meanwhile. */
import t from 'tap'
import { DELIVERY_SUSPECT } from '../link/delivery-writer.ts'
import { delay, until } from '../proof/fixtures/broker.fixture.ts'
import type { Delivery } from '../words/delivery.ts'
import { MillraceError } from '../words/errors.ts'
import type { HandlerContext } from '../words/handler.ts'
import { handling, type Settleable, settleable, settled } from './queue-handling.fixture.ts'

/** Handlers that wait for the test. */
function waiting(): { calls: Settleable[]; message: () => Promise<unknown> } {
  const calls: Settleable[] = []
  const message = (): Promise<unknown> => {
    const one = settleable()
    calls.push(one)
    return one.promise
  }
  return { calls, message }
}

t.test('messages that end plainly are begun, handled and acked one after the other', async t => {
  const seen: unknown[] = []
  const { queue, executor } = handling({
    message(delivery: Delivery, state: unknown, context: HandlerContext) {
      seen.push([delivery.value, state, context.group, queue.onStack, queue.charged === tags[delivery.offset]])
    },
  })
  t.equal(queue.wanted, 16)
  const tags = queue.handOut(...Array.from({ length: 12 }, (_, n) => n))
  t.ok(executor.ready())
  queue.turn()
  t.strictSame(
    seen,
    Array.from({ length: 12 }, (_, n) => [n, 'state', 'queue', 1, true]),
  )
  t.strictSame(
    queue.ended(),
    Array.from({ length: 12 }, (_, n) => `${n} acked`),
  )
  t.strictSame([queue.onStack, queue.charged, queue.active], [0, 0, 0])
  t.notOk(executor.ready())
})

t.test('what throws, rejects, or does not decode is told, and what is behind it goes on', async t => {
  const { queue } = handling({
    message({ value }: Delivery) {
      if (value === 1) throw new Error('one')
      if (value === 2) return Promise.reject(new Error('two'))
      if (value === 3) throw new MillraceError('MILL_REJECTED', 'three')
      return undefined
    },
  })
  queue.handOut(0, 1, 2, 3, { value: '{bad' }, 5)
  queue.turn()
  await settled()
  t.strictSame(queue.said(), ['1 failed', '2 failed', '3 rejected', '4 decode'])
  t.match(queue.settlements[0]?.error, { message: 'one' })
  t.strictSame(queue.ended(), ['0 acked', '1 reported', '2 reported', '3 reported', '4 reported', '5 acked'])
})

t.test('so many calls as asked for are pending at a time, and the only pending one is charged', async t => {
  const { calls, message } = waiting()
  const { queue, executor } = handling({ message }, { concurrency: 2 })
  const tags = queue.handOut(0, 1, 2, 3)
  queue.turn()
  t.equal(calls.length, 2)
  t.strictSame([queue.charged, queue.active, queue.onStack], [0, 2, 0])
  t.notOk(executor.ready())
  calls[0]?.resolve()
  await settled()
  t.strictSame(queue.ended(), ['0 acked'])
  t.equal(calls.length, 3)
  calls[1]?.resolve()
  calls[2]?.resolve()
  await settled()
  t.strictSame([queue.charged, queue.active], [tags[3], 1])
  calls[3]?.reject(new Error('no'))
  await settled()
  t.strictSame([queue.charged, queue.active], [0, 0])
  t.strictSame(queue.said(), ['3 failed'])
  t.strictSame(queue.ended(), ['1 acked', '2 acked', '3 reported'])
})

t.test('what comes behind a time-out counts for nothing, and another message has its place', async t => {
  const { calls, message } = waiting()
  const { queue } = handling({ message }, { handlerTimeoutMs: 20 })
  queue.handOut(0, 1)
  queue.turn()
  await until(() => calls.length === 2)
  calls[0]?.resolve()
  calls[1]?.resolve()
  await delay(40)
  t.match(queue.settlements[0], { offset: 0, how: 'timeout' })
  t.equal(queue.ended()[0], '0 reported')
})

t.test('what is published and not awaited is waited for, and fails its message', async t => {
  const { queue, published } = handling({
    message({ value }: Delivery, _state: unknown, context: HandlerContext) {
      void context.publish('audit', { value }).catch(() => undefined)
      if (value === 2) throw new Error('by itself')
    },
  })
  queue.handOut(0, 1, 2, 3)
  queue.turn()
  t.equal(published.length, 1)
  published[0]?.confirm.resolve()
  await settled()
  published[1]?.confirm.reject(new Error('full'))
  await settled()
  published[2]?.confirm.reject(new Error('of another'))
  await settled()
  t.strictSame(queue.said(), ['1 failed', '2 failed'])
  t.match(queue.settlements[1]?.error, { message: 'by itself' })
  published[3]?.confirm.resolve()
  await settled()
  t.strictSame(queue.ended(), ['0 acked', '1 reported', '2 reported', '3 acked'])
})

t.test('of calls at the same time each has its own publishes', async t => {
  const { calls, message } = waiting()
  const { queue, published } = handling(
    {
      async message({ value }: Delivery, _state: unknown, context: HandlerContext) {
        await message()
        if (value === 0) {
          void context.publish('audit', { value }).catch(() => undefined)
          await message()
        }
      },
    },
    { concurrency: 2 },
  )
  queue.handOut(0, 1)
  queue.turn()
  calls[0]?.resolve()
  await settled()
  t.equal(published.length, 1)
  calls[1]?.resolve()
  await settled()
  t.strictSame(queue.ended(), ['1 acked'])
})

t.test('an output is confirmed before its message is acked; others are handled meanwhile', async t => {
  const { queue, published } = handling({ message: ({ value }: Delivery) => `${value}!` }, { puts: true })
  const tags = queue.handOut({ value: 'a', key: 'k' }, { value: 'b' }, { value: 'c' })
  queue.turn()
  t.match(published, [
    { value: 'a!', key: 'k' },
    { value: 'b!', key: null },
    { value: 'c!', key: null },
  ])
  t.strictSame([queue.active, queue.handled, queue.charged], [0, 3, 0])
  t.strictSame(
    tags.map(tag => queue.standing(tag)),
    ['begun', 'begun', 'begun'],
  )
  published[1]?.confirm.resolve()
  published[0]?.confirm.reject(new Error('gone'))
  await settled()
  t.strictSame(queue.ended().sort(), ['0 reported', '1 acked'])
  t.strictSame(queue.said(), ['0 failed'])
  t.equal(queue.handled, 1)
})

t.test('a message that failed before is charged until its output is confirmed, and holds its place', async t => {
  const { queue, published } = handling({ message: ({ value }: Delivery) => value }, { puts: true })
  const tags = queue.handOut(
    { value: 'a', head: { failedAttempts: 1 } },
    { value: 'b', head: { flags: DELIVERY_SUSPECT } },
    { value: 'c' },
  )
  queue.turn()
  for (const at of [0, 1]) {
    t.equal(published.length, at + 1)
    t.strictSame([queue.active, queue.handled, queue.charged], [1, 0, tags[at]])
    published[at]?.confirm.resolve()
    await settled()
  }
  t.strictSame([queue.active, queue.handled, queue.charged], [0, 1, 0])
})

t.test('at most once each message is acked before its handler, and a failure is news only', async t => {
  const standings: string[] = []
  const { queue, published } = handling(
    {
      message({ value, offset }: Delivery) {
        standings.push(queue.standing(tags[offset] as number))
        if (value === 1) throw new Error('one')
        return value === 2 ? Promise.reject(new Error('two')) : value
      },
    },
    { atMostOnce: true, puts: true },
  )
  const tags = queue.handOut(0, 1, 2, 3)
  queue.turn()
  t.strictSame(standings, ['acked'], 'what waits for the output holds its place: nothing else bounds it')
  published[0]?.confirm.resolve()
  await settled()
  t.strictSame(standings, ['acked', 'acked', 'acked', 'acked'])
  t.strictSame(queue.ended(), ['0 acked', '1 acked', '2 acked', '3 acked'])
  t.match(queue.settlements, [
    { offset: 1, how: 'failed', deliveryAttempt: 0 },
    { offset: 2, how: 'failed', deliveryAttempt: 0 },
  ])
})

t.test('a pause asks for none and gives back what has not begun, also what comes meanwhile', async t => {
  const { calls, message } = waiting()
  const { queue, executor } = handling({ message })
  queue.handOut(0, 1, 2)
  queue.turn()
  executor.pause()
  t.equal(queue.wanted, 0)
  await settled()
  t.strictSame(queue.ended(), ['1 yielded', '2 yielded'])
  queue.handOut(3)
  t.ok(executor.ready())
  queue.turn()
  t.strictSame(queue.ended(), ['3 yielded'])
  calls[0]?.resolve()
  await settled()
  t.strictSame(queue.ended(), ['0 acked'])
  executor.resume()
  await settled()
  t.equal(queue.wanted, 16)
  queue.handOut(4)
  queue.turn()
  t.equal(calls.length, 2)
})

t.test('a close gives back what has not begun, and waits for what has, and for room in the link', async t => {
  const { calls, message } = waiting()
  const { queue, executor } = handling({ message })
  queue.handOut(0, 1)
  queue.turn()
  let isClosed = false
  const closed = executor.close().then(() => {
    isClosed = true
  })
  t.strictSame([queue.wanted, queue.ended()], [0, ['1 yielded']])
  queue.room = 0
  calls[0]?.reject(new Error('no'))
  await delay(20)
  t.notOk(isClosed)
  t.equal(calls.length, 1)
  queue.room = 1
  await closed
  t.strictSame(queue.said(), ['0 failed'])
  t.strictSame(queue.ended(), ['0 reported'])
  const words = queue.words()
  queue.handOut(2)
  const now = queue.words()
  queue.turn()
  executor.pause()
  executor.resume()
  await settled()
  t.not(words, now)
  t.strictSame(queue.words(), now, 'nothing is written any more')
  await executor.close()
})

t.test('once it is abandoned nothing that its handlers do counts, and who waits for its close is let go', async t => {
  const { calls, message } = waiting()
  const { queue, executor } = handling({ message }, { concurrency: 2, handlerTimeoutMs: 30 })
  queue.handOut(0, 1, 2)
  queue.turn()
  const closed = executor.close()
  queue.ended()
  const words = queue.words()
  executor.abandon()
  await closed
  calls[0]?.resolve()
  calls[1]?.reject(new Error('late'))
  await delay(60)
  t.notOk(executor.ready())
  t.notOk(executor.turn(0))
  t.strictSame(queue.words(), words)
  t.strictSame(queue.said(), [])
})

t.test('of a handler on the stack it is known when it is over, if it returns or goes on', async t => {
  const held: unknown[] = []
  const { calls, message } = waiting()
  const { queue, executor } = handling({
    message({ value }: Delivery) {
      held.push(executor.calling)
      return value === 0 ? undefined : message()
    },
  })
  t.equal(executor.calling, null)
  queue.handOut(0, 1)
  queue.turn()
  t.match(held, [{ over: true }, { over: false }])
  calls[0]?.resolve()
  await settled()
  t.match(held[1], { over: true })
})
