/** A member that is given a queue's consumer instead of a partition: with a handler, or with deliveries that the caller settles. */
import t from 'tap'
import type { Publishers } from '../publish/publishers.ts'
import { CURSOR, PlayedQueue } from '../reader/played-queue.fixture.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { RunShape } from '../wire/member-calls.ts'
import type { HandlerContext } from '../words/handler.ts'
import { HandlerMember } from './handler-member.ts'
import type { SettleableDelivery } from './manual-delivery.ts'
import { ManualMember } from './manual-member.ts'
import { settled, thrown } from './queue-handling.fixture.ts'

function attached(queue: PlayedQueue): AttachedThread {
  return Object.assign(queue.thread, {
    addTaker(_cursor: number, taker: PlayedQueue['taker']) {
      queue.taker = taker
      queue.turn()
    },
    removeTaker() {
      queue.taker = null
    },
  }) as unknown as AttachedThread
}

t.test('a handler has its start and stop for each consumer, and lets go in good order', async t => {
  const queue = new PlayedQueue()
  const shape: RunShape = {
    run: 1,
    topic: queue.assignment.topic,
    group: 'queue',
    handlerTimeoutMs: Number.POSITIVE_INFINITY,
    output: null,
    atMostOnce: false,
    retryOrder: 'none',
    concurrency: 1,
    batch: null,
    prefetch: 5,
    consumerPriority: 0,
  }
  const handler = {
    start: () => ({ sum: 0 }),
    message: ({ value }: { value: unknown }, state: { sum: number }) => {
      state.sum += value as number
    },
    stop: ({ sum }: { sum: number }) => sum,
  }
  const member = new HandlerMember(attached(queue), {} as Publishers, shape, handler as never, null)
  await member.assign(queue.assignment)
  t.equal(queue.wanted, 5)
  queue.handOut(1, 2, 3)
  queue.turn()
  t.strictSame(queue.ended(), ['0 acked', '1 acked', '2 acked'])
  member.pause()
  t.equal(queue.wanted, 0)
  t.strictSame(await member.revoke(CURSOR, 1, true), { held: true, result: 6 })
  t.equal(queue.taker, null)
  t.strictSame(await member.revoke(CURSOR, 1, true), { held: false })
})

t.test('batches of a handler are as large as asked for, and of up to 100 otherwise', async t => {
  const queue = new PlayedQueue(200)
  const shape = {
    run: 1,
    topic: queue.assignment.topic,
    group: 'queue',
    handlerTimeoutMs: 1_000,
    output: null,
  } as const
  const rest = { atMostOnce: false, retryOrder: 'none', concurrency: 1, consumerPriority: 0 } as const
  const sizes: number[] = []
  const handler = { batch: (deliveries: readonly unknown[]) => void sizes.push(deliveries.length) }
  const member = new HandlerMember(
    attached(queue),
    {} as Publishers,
    { ...shape, ...rest, batch: null, prefetch: null },
    handler as never,
    null,
  )
  await member.assign(queue.assignment)
  t.equal(queue.wanted, 200, 'two batches')
  queue.handOut(...Array.from({ length: 120 }, (_, n) => n))
  queue.turn()
  t.strictSame(sizes, [100, 20])
  member.abandon()
})

t.test('a handler that is at work when its run ends badly is told by its signal, and so is a start', async t => {
  const shape = { run: 1, group: 'queue', handlerTimeoutMs: 60_000, output: null, batch: null, prefetch: 2 } as const
  const rest = { atMostOnce: false, retryOrder: 'none', concurrency: 1, consumerPriority: 0 } as const
  const heard: string[] = []
  const listen = (who: string, { signal }: HandlerContext): Promise<never> => {
    signal.addEventListener('abort', () => heard.push(who))
    return new Promise(() => undefined)
  }
  const handlers = {
    message: { message: (_: unknown, __: unknown, context: HandlerContext) => listen('message', context) },
    start: { start: (context: HandlerContext) => listen('start', context), message: () => undefined },
  }
  for (const [who, handler] of Object.entries(handlers)) {
    const queue = new PlayedQueue()
    const { topic } = queue.assignment
    const member = new HandlerMember(
      attached(queue),
      {} as Publishers,
      { ...shape, ...rest, topic },
      handler as never,
      null,
    )
    const assigned = member.assign(queue.assignment)
    if (who === 'message') await assigned
    queue.handOut(1)
    if (who === 'message') queue.turn()
    t.strictSame(heard, [])
    member.abandon()
    t.strictSame(heard.splice(0), [who])
  }
})

t.test('deliveries that the caller settles are of the queue, in its time, and come again after a stop', async t => {
  const queue = new PlayedQueue(4)
  const out: SettleableDelivery[] = []
  const member = new ManualMember(
    attached(queue),
    4,
    'none',
    delivery => {
      if (delivery.begin()) out.push(delivery)
    },
    null,
    1_000,
  )
  await member.assign(queue.assignment)
  queue.handOut(1, 2)
  queue.turn()
  t.match(out[0], { queue: 'jobs', value: 1 })
  out[0]?.ack()
  await settled()
  t.strictSame(await member.revoke(CURSOR, 2), { held: false }, 'another incarnation')
  member.leaving()
  t.strictSame(await member.revoke(CURSOR, 1), { held: true })
  t.strictSame(queue.ended(), ['0 acked', '1 released'])
  t.match(
    thrown(() => out[1]?.ack()),
    { code: 'MILL_CLOSED' },
  )
  member.abandon()
})
