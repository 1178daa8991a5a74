/** The time of calls that are pending: the first to begin is over first, and a thread that stood still is nobody's fault. */
import t from 'tap'
import { delay, until } from '../proof/fixtures/broker.fixture.ts'
import { CallClock, type TimedCall } from './call-clock.ts'

class Call implements TimedCall {
  dueMs = 0
  earlier: TimedCall | null = null
  later: TimedCall | null = null
  readonly name: string
  readonly #over: string[]

  constructor(name: string, over: string[]) {
    this.name = name
    this.#over = over
  }

  timedOut(): void {
    this.#over.push(this.name)
  }
}

function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

t.test('calls are over in the order in which they began, but for those that were stopped', async t => {
  const clock = new CallClock(40)
  const over: string[] = []
  const calls = ['a', 'b', 'c', 'd', 'e'].map(name => new Call(name, over))
  for (const call of calls) clock.start(call)
  for (const index of [2, 0, 4, 0]) clock.stop(calls[index] as Call)
  await until(() => over.length >= 2)
  t.strictSame(over, ['b', 'd'])
  const again = new Call('again', over)
  clock.start(again)
  await until(() => over.length >= 3, 'a clock that had nothing to time goes on')
  t.strictSame(over, ['b', 'd', 'again'])
})

t.test('time in which the thread stood still is held against no call', async t => {
  const clock = new CallClock(400)
  const over: string[] = []
  const [before, meanwhile] = [new Call('before', over), new Call('meanwhile', over)]
  const began = performance.now()
  clock.start(before)
  block(1_000)
  // It began behind the time at which the clock should have looked, and is charged with the rest only.
  clock.start(meanwhile)
  t.equal(Math.round(meanwhile.dueMs - before.dueMs), 100, 'the first look was due after a quarter of the time')
  await delay(0)
  await delay(0)
  t.strictSame(over, [], 'it could not have been seen to settle')
  await until(() => over.length === 2)
  t.strictSame(over, ['before', 'meanwhile'])
  t.ok(performance.now() - began >= 1_000 + 290, 'what was left of its time came after that')
})

t.test('what is timed for ever has no timer, and a closed clock none any more', async t => {
  const over: string[] = []
  new CallClock(Number.POSITIVE_INFINITY).start(new Call('never', over))
  const clock = new CallClock(10)
  clock.start(new Call('closed', over))
  clock.close()
  await delay(40)
  t.strictSame(over, [])
})
