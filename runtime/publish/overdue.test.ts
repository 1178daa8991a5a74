import t from 'tap'
import { Overdue, type Waiter } from './overdue.ts'
import type { ProducerSurroundings } from './producer-surroundings.ts'

/** What waits, as far as it is looked at. */
function waiterUntil(deadline: number): { waiter: Waiter; readonly expired: string[]; answer(): void } {
  const expired: string[] = []
  const waiter = { done: false, since: 0, deadline, expire: (hold: string) => void expired.push(hold) }
  const answer = (): void => {
    waiter.done = true
  }
  return { waiter: waiter as unknown as Waiter, expired, answer }
}

function overdueOf(describeHold: () => Promise<string>, receive: () => void): Overdue {
  const drain = (then: () => void): void => {
    receive()
    then()
  }
  const surroundings = { describeHold, stalled: () => undefined } as unknown as ProducerSurroundings
  return new Overdue(
    1,
    surroundings,
    () => 0,
    drain,
    () => undefined,
  )
}

t.test('a publish whose receipt waits in the link when its time is over is not given up', async t => {
  const { waiter, expired, answer } = waiterUntil(50)
  const overdue = overdueOf(async () => 'somebody', answer)
  overdue.sweep([waiter], 60)
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(expired, [])
})

t.test('nor is it where nobody says what holds it', async t => {
  const { waiter, expired, answer } = waiterUntil(50)
  const overdue = overdueOf(() => new Promise(() => undefined), answer)
  overdue.sweep([waiter], 60)
  overdue.sweep([waiter], 5_000)
  t.strictSame(expired, [])
})

t.test('one that has no receipt is given up, with what holds it, or without where nobody says that', async t => {
  const known = waiterUntil(50)
  overdueOf(
    async () => 'somebody',
    () => undefined,
  ).sweep([known.waiter], 60)
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(known.expired, ['somebody'])
  const unknown = waiterUntil(50)
  const silent = overdueOf(
    () => new Promise(() => undefined),
    () => undefined,
  )
  for (const now of [60, 900, 1_060]) silent.sweep([unknown.waiter], now)
  t.strictSame(unknown.expired, [''])
})
