import t from 'tap'
import { patience } from './patience.ts'

function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

/** Resolves with how long after `since` it was over. */
function overAfter(ms: number, since: number): Promise<number> {
  return new Promise(resolve => patience(ms, () => resolve(performance.now() - since)))
}

t.test('waits as long as it was told', async t => {
  t.ok((await overAfter(20, performance.now())) >= 19)
})

t.test('counts a thread that stood still for one slice at most', async t => {
  const since = performance.now()
  const over = overAfter(100, since)
  // Longer than all of the wait: without slices it would be over at once.
  setTimeout(() => block(150), 10)
  t.ok((await over) >= 150 + 75 - 1, 'three quarters were still to wait')
})

t.test('hears first what came while the thread stood still', async t => {
  const order: string[] = []
  const over = new Promise<void>(resolve =>
    patience(4, () => {
      order.push('over')
      resolve()
    }),
  )
  setTimeout(() => {
    setTimeout(() => order.push('heard'), 5)
    block(20)
  }, 3)
  await over
  t.same(order, ['heard', 'over'])
})

t.test('is over never when it was ended before, or is endless', async t => {
  let calls = 0
  patience(5, () => calls++)()
  patience(Number.POSITIVE_INFINITY, () => calls++)()
  await new Promise(resolve => setTimeout(resolve, 30))
  t.equal(calls, 0)
})
