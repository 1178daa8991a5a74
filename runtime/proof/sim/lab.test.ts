/** What the handlers of a simulation write down of a thread's end. */
import t from 'tap'
import type { Delivery } from '../../words/delivery.ts'
import type { Handler, HandlerContext } from '../../words/handler.ts'
import { type HandlerPlan, Lab, type Value } from './lab.ts'
import type { Scheduler, SimThread } from './scheduler.ts'

const PLAN = { name: 'g', handlerTimeoutMs: Number.POSITIVE_INFINITY, concurrency: 1 } as HandlerPlan

/** A handler's thread that is called with a record of each of these scripts, and ends by itself; what its end says. */
async function endOf(scripts: readonly string[], stopsBehind: number): Promise<unknown> {
  const thread = { id: 1, kind: 'handler', state: 'alive', ending: null } as unknown as SimThread
  const scheduler = {
    current: thread,
    now: 0,
    over: false,
    stamp: '0',
    chance: { happens: (share: number) => share > 0.5, below: () => 0 },
    mix: () => undefined,
    stop: (stopped: SimThread) => Object.assign(stopped, { state: 'dead', ending: { kind: 'exit', code: 1 } }),
    check: () => {
      throw new Error('the thread has ended')
    },
  }
  const lab = new Lab(scheduler as unknown as Scheduler)
  const handler = lab.handler(PLAN) as Required<Handler<Value, never, string>>
  const context = { topic: 'in', partition: 0 } as HandlerContext
  const state = (await handler.start(context)) as never
  for (const [offset, script] of scripts.entries()) {
    if (offset === stopsBehind) scheduler.stop(thread)
    const delivery = { topic: 'in', partition: 0, offset, key: null, deliveryAttempt: 1, failedAttempts: 0 }
    try {
      handler.message({ ...delivery, value: { id: `${offset}`, script, pad: '' } } as Delivery<Value>, state, context)
    } catch {}
  }
  lab.ended(thread, false)
  return lab.events.find(({ kind }) => kind === 'ended')
}

t.test('a thread that ends by itself had on its stack what it was called with', async t => {
  t.match(await endOf(['k', 'e'], -1), { executing: { group: 'g', topic: 'in', partition: 0, offset: 1 } })
  t.notMatch(await endOf(['k'], 1), { executing: {} }, 'it has returned')
})

t.test('what a thread is called with when it has stopped is on no stack', async t => {
  t.notMatch(await endOf(['k', 'k'], 1), { executing: {} })
})
