import t from 'tap'
import { Overdue, type Waiter } from './overdue.ts'
import type { ProducerUpcalls } from './producer-upcalls.ts'

/** What waits, as far as it is looked at. */
function waiterUntil(deadline: number): { waiter: Waiter; readonly expired: string[]; answer(): void } {
  const expired: string[] = []
  const waiter = { done: false, roomSince: 0, deadline, expire: (hold: string) => void expired.push(hold) }
  const answer = (): void => {
    waiter.done = true
  }
  return { waiter: waiter as unknown as Waiter, expired, answer }
}

const NO_FLUSH = { sinceMs: Number.POSITIVE_INFINITY }

function overdueOf(
  describeHold: () => Promise<string>,
  receive: () => void = () => undefined,
  stalled: ProducerUpcalls['stalled'] = () => undefined,
): Overdue {
  const drain = (then: () => void): void => {
    receive()
    then()
  }
  const upcalls = { describeHold, stalled } as unknown as ProducerUpcalls
  return new Overdue(
    1,
    upcalls,
    waiter => (waiter === null ? 7 : 0),
    drain,
    () => undefined,
    'its rate',
  )
}

t.test('a publish whose receipt waits in the link when its time is over is not given up', async t => {
  const { waiter, expired, answer } = waiterUntil(50)
  const overdue = overdueOf(async () => 'somebody', answer)
  overdue.sweep([waiter], 60, NO_FLUSH)
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(expired, [])
})

t.test('nor is it where nobody says what holds it', async t => {
  const { waiter, expired, answer } = waiterUntil(50)
  const overdue = overdueOf(() => new Promise(() => undefined), answer)
  overdue.sweep([waiter], 60, NO_FLUSH)
  overdue.sweep([waiter], 5_000, NO_FLUSH)
  t.strictSame(expired, [])
})

t.test('one that has no receipt is given up, with what holds it, or without where nobody says that', async t => {
  const known = waiterUntil(50)
  overdueOf(
    async () => 'somebody',
    () => undefined,
  ).sweep([known.waiter], 60, NO_FLUSH)
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(known.expired, ['somebody'])
  const unknown = waiterUntil(50)
  const silent = overdueOf(
    () => new Promise(() => undefined),
    () => undefined,
  )
  for (const now of [60, 900, 1_060]) silent.sweep([unknown.waiter], now, NO_FLUSH)
  t.strictSame(unknown.expired, [''])
})

t.test('what waits for 5 s is told once, and not of a thread that was too busy to take its receipts', t => {
  const told: unknown[] = []
  const overdue = overdueOf(
    async () => '',
    () => undefined,
    (...event) => told.push(event),
  )
  const { waiter, answer } = waiterUntil(Number.POSITIVE_INFINITY)
  overdue.sweep([waiter], 33_000, NO_FLUSH)
  answer()
  overdue.sweep([waiter], 33_250, NO_FLUSH)
  t.strictSame(told, [], 'its receipt came in between')
  const slow = waiterUntil(Number.POSITIVE_INFINITY).waiter
  for (const now of [4_750, 5_000, 5_250, 5_500, 5_750]) overdue.sweep([slow], now, NO_FLUSH)
  t.strictSame(told, [[1, 0, 5_250]])
  t.end()
})

t.test('so is a flush that waits for records whose publishes were answered', t => {
  const told: unknown[] = []
  const overdue = overdueOf(
    async () => '',
    () => undefined,
    (...event) => told.push(event),
  )
  for (const now of [1_000, 5_750, 6_000, 6_250, 6_500]) overdue.sweep([], now, { sinceMs: 1_000 })
  t.strictSame(told, [[1, 7, 5_250]])
  t.end()
})

t.test('a publish that its rate holds is not told of, and says so where its time is over', t => {
  const told: unknown[] = []
  const overdue = overdueOf(
    async () => t.fail('nobody is asked') as never,
    () => undefined,
    (...event) => told.push(event),
  )
  const { waiter, expired } = waiterUntil(9_000)
  waiter.roomSince = Number.POSITIVE_INFINITY
  for (const now of [5_000, 6_000, 7_000, 9_000]) overdue.sweep([waiter], now, NO_FLUSH)
  t.strictSame(told, [])
  t.strictSame(expired, ['its rate'])
  t.end()
})
