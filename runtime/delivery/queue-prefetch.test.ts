/** How many messages a consumer asks for when nobody said it: learnt from a clock that is played here. */
import t from 'tap'
import * as node from '../../actors/world.ts'
import type { Delivery } from '../words/delivery.ts'
import { handling, type Settleable, settleable, settled } from './queue-handling.fixture.ts'

let now = 1_000

node.replaceWorld({ ...node, nowMs: () => now })

/** A handler that is done at once, by a clock that goes on by `ms` at each call. */
const taking = (ms: number) => (): void => {
  now += ms
}

function wantedAfter(rounds: number, ms: number): number {
  const { queue } = handling({ message: taking(ms) }, { most: 100, prefetch: null })
  for (let round = 0; round < rounds; round++) {
    queue.handOut(...Array.from({ length: Math.min(20, queue.wanted) }, (_, n) => n))
    queue.turn()
    queue.ended()
  }
  return queue.wanted
}

t.test('without a number it learns how many messages it is to have', async t => {
  t.equal(wantedAfter(0, 0.01), 2)
  t.equal(wantedAfter(8, 0.01), 100, 'as many as it may')
  t.equal(wantedAfter(8, 0), 100, 'of time that no clock sees')
  t.equal(wantedAfter(8, 0.5), 20, 'what it handles in 10 ms')
  t.equal(wantedAfter(8, 50), 1, 'one at a time')
  t.equal(handling({ message: () => undefined }, { most: 8, prefetch: 100 }).queue.wanted, 8)
})

t.test(
  'handlers that wait for something are busy all that time, and fewer than can begin are never asked for',
  async t => {
    const calls: Settleable[] = []
    const message = (): Promise<unknown> => {
      const one = settleable()
      calls.push(one)
      return one.promise
    }
    const { queue } = handling({ message }, { most: 100, prefetch: null, concurrency: 2 })
    t.equal(queue.wanted, 4)
    queue.handOut(0, 1, 2, 3)
    queue.turn()
    for (let round = 0; round < 2; round++) {
      now += 80
      for (const one of calls.splice(0)) one.resolve()
      await settled()
      queue.turn()
    }
    t.equal(queue.wanted, 2)
  },
)

t.test('a turn that only learns from the time that went by has done nothing', async t => {
  const { queue, executor } = handling(
    { message: ({ value }: Delivery) => (value === 0 ? undefined : new Promise(() => undefined)) },
    { most: 100, prefetch: null },
  )
  for (let round = 0; round < 8; round++) {
    queue.handOut(0)
    queue.turn()
    queue.ended()
  }
  queue.handOut(1)
  queue.turn()
  t.notOk(executor.ready())
  const { wanted } = queue
  now += 30
  t.notOk(executor.ready())
  t.notOk(executor.turn(0))
  t.ok(queue.wanted < wanted, `${queue.wanted} of ${wanted}`)
})
