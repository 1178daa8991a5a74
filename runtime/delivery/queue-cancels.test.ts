/** The signals of a queue's messages at one consumer: whose is aborted, by what, and what a cancel waits for. */
import t from 'tap'
import type { Publishers } from '../publish/publishers.ts'
import type { Delivery } from '../words/delivery.ts'
import { isMillraceError } from '../words/errors.ts'
import type { HandlerContext } from '../words/handler.ts'
import { CancelWaits } from './cancel-waits.ts'
import { DeliveryContext } from './delivery-context.ts'
import { handling, type Settleable, settleable, settled } from './queue-handling.fixture.ts'

t.test('each message has a signal of its own, whether it ends plainly, throws or is pending', async t => {
  const signals: AbortSignal[] = []
  const calls = new Map<number, Settleable>()
  const { queue, executor } = handling(
    {
      message({ offset }: Delivery, _: unknown, { signal }: HandlerContext) {
        signals.push(signal)
        if (offset === 1) throw new Error('one')
        if (offset < 2) return undefined
        const call = settleable()
        calls.set(offset, call)
        return call.promise
      },
    },
    { concurrency: 4 },
  )
  const tags = queue.handOut(0, 1, 2, 3, 4)
  queue.turn()
  t.equal(new Set(signals).size, 5)
  const cancelling = executor.cancel(tags[3] as number, 60_000)
  t.strictSame(
    signals.map(({ aborted }) => aborted),
    [false, false, false, true, false],
  )
  t.ok(isMillraceError(signals[3]?.reason, 'MILL_CANCELLED'))
  let isOver = false
  void cancelling.then(() => {
    isOver = true
  })
  await settled()
  t.notOk(isOver, 'its handler goes on')
  calls.get(3)?.reject(new Error('aborted'))
  await settled()
  t.ok(isOver)
  t.match(queue.said(), ['1 failed', '3 failed'])
  await executor.cancel(tags[0] as number, 60_000)
  t.notOk(signals[0]?.aborted, 'what is over has no signal any more')
  calls.get(2)?.resolve()
  calls.get(4)?.resolve()
  await settled()
})

t.test('of messages that end plainly one after the other none has the signal of another', async t => {
  const signals = new Set<AbortSignal>()
  const { queue } = handling(
    {
      message(_: Delivery, __: unknown, { signal }: HandlerContext) {
        signals.add(signal)
      },
    },
    { most: 64 },
  )
  queue.handOut(...Array.from({ length: 64 }, (_, offset) => offset))
  for (let turn = 0; turn < 8; turn++) queue.turn()
  t.equal(signals.size, 64)
})

t.test('an end of the consumer aborts all that is in hand, and nothing that is over', async t => {
  const signals: AbortSignal[] = []
  const call = settleable()
  const contexts: HandlerContext[] = []
  const consumer = new DeliveryContext('jobs', 'queue', 0, null, {} as Publishers, undefined, 'jobs')
  const { queue } = handling(
    {
      message({ offset }: Delivery, _: unknown, context: HandlerContext) {
        contexts.push(context)
        signals.push(context.signal)
        return offset === 0 ? undefined : call.promise
      },
    },
    { concurrency: 2, context: consumer },
  )
  queue.handOut(0, 1)
  queue.turn()
  consumer.abort()
  t.strictSame(
    signals.map(({ aborted }) => aborted),
    [false, true],
  )
  t.ok(contexts[1]?.signal.aborted)
  call.resolve()
  await settled()
})

t.test('who waits for a message waits until it is over, or for so long, and not for others', async t => {
  const waits = new CancelWaits()
  const told: string[] = []
  const wait = (tag: number, name: string, withinMs = 60_000): Promise<void> =>
    waits.until(tag, withinMs).then(() => void told.push(name))
  const all = [wait(1, 'a'), wait(1, 'b'), wait(2, 'c'), wait(3, 'late', 1)]
  waits.over(1)
  await Promise.all(all.slice(0, 2))
  t.strictSame(told, ['a', 'b'])
  await all[3]
  t.strictSame(told, ['a', 'b', 'late'])
  waits.over(3)
  waits.close()
  await all[2]
  t.strictSame(told, ['a', 'b', 'late', 'c'])
})
