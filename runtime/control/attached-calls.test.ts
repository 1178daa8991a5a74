/** Numbers of waits of attached threads, and what such a thread may not ask for. */
import t from 'tap'
import type { OwnerControlApi } from '../wire/control-calls.ts'
import { attachedCalls } from './attached-calls.ts'
import type { Caller } from './caller.ts'

/** A control thread whose waits last until they are left. */
function control(): { readonly api: OwnerControlApi; readonly waits: Map<number, () => void> } {
  const waits = new Map<number, () => void>()
  const api = {
    groupIdle: (_topic: number, _group: string, _butLater: boolean, wait: number) =>
      new Promise<void>(resolve => waits.set(wait, resolve)),
    leaveIdle: async (wait: number) => {
      waits.get(wait)?.()
      waits.delete(wait)
    },
  }
  return { api: api as unknown as OwnerControlApi, waits }
}

const CALLER = {} as Caller
const RUNS = { stopAll: async () => [] }

t.test('waits of two threads with the same number are two waits, and neither is one of the opening thread', async t => {
  const { api, waits } = control()
  const [a, b] = [attachedCalls(api, CALLER, RUNS), attachedCalls(api, CALLER, RUNS)]
  const over: string[] = []
  for (const [name, { api: calls }] of Object.entries({ a, b }))
    for (const wait of [1, 2]) void calls.groupIdle(1, 'g', false, wait).then(() => over.push(`${name}${wait}`))
  t.equal(waits.size, 4)
  t.ok([...waits.keys()].every(wait => wait < 0))
  await b.api.leaveIdle(1)
  t.strictSame(over, ['b1'])
  await b.api.leaveIdle(1)
  await b.api.leaveIdle(7)
  t.strictSame(over, ['b1'], 'what is over, or was never begun, ends nothing')
  a.leave()
  await new Promise(setImmediate)
  t.strictSame(over, ['b1', 'a1', 'a2'], 'a thread that has ended waits for nothing, and others go on')
  t.equal(waits.size, 1)
})

t.test('a thread that lets go is told what did not end in good order', async t => {
  const runs = { stopAll: async () => ['a handler is still busy'] }
  const { api } = attachedCalls(control().api, CALLER, runs)
  await t.rejects(api.close(10), { code: 'MILL_TIMEOUT', message: /let go.*still busy/ })
  await attachedCalls(control().api, CALLER, RUNS).api.close(10)
})
