/** Requests at a consumer of a queue: what is answered, what is too late to begin, and whose deadline is whose. */
import t from 'tap'
import { nowMs } from '../../actors/world.ts'
import type { Delivery } from '../words/delivery.ts'
import { isMillraceError } from '../words/errors.ts'
import type { HandlerContext } from '../words/handler.ts'
import type { ManualQueueDelivery } from '../words/queue-delivery.ts'
import { handling, settled } from './queue-handling.fixture.ts'

type Answers = ReturnType<typeof handling>['queue']['answers']

/** As `request kind text of claim`. */
function said(answers: Answers): string[] {
  return answers.map(({ tag, piece }) => {
    const { to, kind, bytes } = piece
    return `${to.request} ${kind} ${Buffer.from(bytes)}`.trim() + (tag === 0 ? ', acked before' : '')
  })
}

const soon = (): number => nowMs() + 60_000

t.test('each request is answered with what the handler gave back, and all else is acked plainly', async t => {
  const { queue } = handling(
    {
      async message({ value }: Delivery) {
        if (value === 2) return undefined
        if (value === 3) throw new Error('three')
        return { of: value }
      },
    },
    { concurrency: 8 },
  )
  queue.handOut({ value: 1, deadlineMs: soon() }, 9, { value: 2, deadlineMs: soon() }, { value: 3, deadlineMs: soon() })
  queue.turn()
  await settled()
  t.strictSame(said(queue.answers), ['1 json {"of":1}', '2 nothing'])
  t.strictSame(queue.said(), ['3 failed'], 'what becomes of a failure is said by its queue')
  t.strictSame(
    queue.ended().filter(end => end.endsWith(' acked')),
    ['1 acked'],
  )
})

t.test('a plain handler that gives back nothing answers, and one that was acked before has no claim', async t => {
  const plain = handling({ message: () => undefined })
  plain.queue.handOut(8, { value: 1, deadlineMs: soon() }, 9)
  plain.queue.turn()
  t.strictSame(said(plain.queue.answers), ['1 nothing'])
  const once = handling(
    {
      message({ value }: Delivery) {
        if (value === 2) throw new Error('two')
        return value
      },
    },
    { atMostOnce: true },
  )
  once.queue.handOut({ value: 1, deadlineMs: soon() }, { value: 2, deadlineMs: soon() })
  once.queue.turn()
  await settled()
  const [one, two] = said(once.queue.answers)
  t.equal(one, '1 json 1, acked before')
  t.match(two, /^2 failed \{"name":"Error","message":"two".*, acked before$/)
})

t.test('a request whose deadline is over is not begun, alone or in a batch', async t => {
  const begun: unknown[] = []
  const { queue } = handling({ message: ({ value }: Delivery) => void begun.push(value) })
  queue.handOut({ value: 1, deadlineMs: nowMs() - 1 }, { value: 2, deadlineMs: soon() }, 9)
  queue.turn()
  t.strictSame(begun, [2, 9])
  t.strictSame(queue.said(), ['0 late'])
  const batch = handling({ batch: deliveries => void begun.push(deliveries.map(({ value }) => value)) })
  batch.queue.handOut(
    { value: 3, deadlineMs: soon() },
    { value: 4, deadlineMs: nowMs() - 1 },
    { value: 5, deadlineMs: soon() },
  )
  batch.queue.turn()
  t.strictSame(begun[2], [3, 5])
  t.strictSame(batch.queue.said(), ['1 late'])
})

t.test('the deadline of one request is that of no other message', async t => {
  const signals: AbortSignal[] = []
  const { queue, executor } = handling(
    {
      message: (_: Delivery, __: unknown, { signal }: HandlerContext) => {
        signals.push(signal)
        return new Promise(() => undefined)
      },
    },
    { concurrency: 8 },
  )
  queue.handOut(8, { value: 1, deadlineMs: nowMs() + 30 }, 9, { value: 2, deadlineMs: soon() })
  queue.turn()
  await new Promise(resolve => signals[1]?.addEventListener('abort', resolve))
  t.strictSame(
    signals.map(({ aborted }) => aborted),
    [false, true, false, false],
  )
  t.ok(isMillraceError(signals[1]?.reason, 'MILL_TIMEOUT'))
  executor.abandon()
})

t.test('after a request that ended at once the next message has no deadline', async t => {
  const deadlines: number[] = []
  const { queue } = handling({
    message: (_: Delivery, __: unknown, context: HandlerContext) =>
      void deadlines.push((context as unknown as { deadlineMs: number }).deadlineMs),
  })
  const until = soon()
  queue.handOut({ value: 1, deadlineMs: until }, 9)
  queue.turn()
  t.strictSame(deadlines, [until, Number.POSITIVE_INFINITY])
})

t.test('a batch answers each by `reply`, by its place in an array, or with nothing', async t => {
  const { queue } = handling({
    batch(deliveries) {
      ;(deliveries[1] as unknown as ManualQueueDelivery).reply('own')
      return deliveries.map(({ value }) => Number(value) * 10)
    },
  })
  queue.handOut({ value: 1, deadlineMs: soon() }, { value: 2, deadlineMs: soon() }, 9)
  queue.turn()
  await settled()
  t.strictSame(said(queue.answers), ['2 json "own"', '1 json 10'])
})

t.test('an answer goes in pieces, and what is behind it waits until all of it has room', async t => {
  const { queue } = handling(
    { message: async ({ value }: Delivery) => (value === 1 ? 'x'.repeat(40_000) : 'short') },
    { concurrency: 4 },
  )
  // It may be as large as a message.
  Object.assign(queue.assignment.topic, { maxMessageBytes: 65_536 })
  queue.room = 2
  queue.handOut({ value: 1, deadlineMs: soon() }, { value: 2, deadlineMs: soon() })
  queue.turn()
  await settled()
  const pieces = (): number[][] =>
    queue.answers.map(({ piece }) => [piece.to.request, piece.before, piece.bytes.length])
  t.strictSame(pieces(), [
    [1, 0, 16_384],
    [1, 16_384, 16_384],
  ])
  queue.room = Number.POSITIVE_INFINITY
  await new Promise(resolve => setTimeout(resolve, 20))
  t.strictSame(pieces().slice(2), [
    [1, 32_768, 7_234],
    [2, 0, 7],
  ])
})
