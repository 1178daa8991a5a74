/** One call of a handler: what it waits for, who is charged meanwhile, and that what comes behind its end counts for nothing. */
import t from 'tap'
import { delay } from '../proof/fixtures/broker.fixture.ts'
import type { Publishers } from '../publish/publishers.ts'
import { CallClock } from './call-clock.ts'
import { DeliveryContext } from './delivery-context.ts'
import { type CallOwner, HandlerCall } from './handler-call.ts'

interface Settleable {
  readonly promise: Promise<unknown>
  resolve(value?: unknown): void
  reject(error: unknown): void
}

function settleable(): Settleable {
  let resolve: Settleable['resolve'] = () => undefined
  let reject: Settleable['reject'] = () => undefined
  const promise = new Promise<unknown>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** A call whose owner writes down what it is told; `put` is what putting out gives back, or throws. */
function called(put: (value: unknown) => Promise<unknown> | null = () => null, timeoutMs = Number.POSITIVE_INFINITY) {
  const said: string[] = []
  let isOnStack = false
  const publishing: Settleable[] = []
  const publishers = {
    publish() {
      const one = settleable()
      publishing.push(one)
      return one.promise
    },
  } as unknown as Publishers
  const owner: CallOwner<string> = {
    onStack(_call, act) {
      isOnStack = true
      act()
      isOnStack = false
    },
    waits: call => void said.push(call.isHandling ? 'handling' : 'putting out'),
    putOut(_call, value) {
      said.push(`put ${String(value)}${isOnStack ? ', on stack' : ''}`)
      return put(value)
    },
    ended(call, failure) {
      const how = failure === null ? 'done' : `${failure.how}: ${(failure.error as Error).message}`
      said.push(`${call.records} ${how}${isOnStack ? ', on stack' : ''}`)
    },
  }
  const context = new DeliveryContext('orders', 'g', 0, null, publishers)
  return { call: new HandlerCall(owner, new CallClock(timeoutMs), context, 'record'), said, context, publishing }
}

t.test('what returns plainly is put out and done at once', t => {
  const { call, said } = called()
  call.returned('value')
  t.strictSame(said, ['put value', 'record done'])
  t.ok(call.over)
  t.end()
})

t.test('what a promise resolves with is looked at while its record is charged with that', async t => {
  const { call, said } = called()
  call.returned(Promise.resolve('value'))
  t.strictSame(said, ['handling'])
  await turn()
  t.strictSame(said, ['handling', 'put value, on stack', 'record done, on stack'])
})

t.test('what is thrown and what is rejected fail it', async t => {
  const thrown = called()
  thrown.call.threw(new Error('no'))
  t.strictSame(thrown.said, ['record failed: no'])
  const rejected = called()
  rejected.call.returned(Promise.reject(new Error('late')))
  await turn()
  t.strictSame(rejected.said, ['handling', 'record failed: late, on stack'])
})

t.test('publishes that nobody awaited are waited for, those made meanwhile as well, and fail it', async t => {
  const { call, said, context, publishing } = called()
  context.publish('audit', { value: 1 })
  call.returned('value')
  context.publish('audit', { value: 2 }).catch(() => undefined)
  publishing[0]?.resolve()
  await turn()
  t.strictSame(said, ['handling', 'handling'])
  publishing[1]?.reject(new Error('full'))
  await turn()
  t.strictSame(said.slice(2), ['record failed: full, on stack'])
})

t.test('its time is one, for its handler and for what that published', async t => {
  const handling = settleable()
  const { call, said, context, publishing } = called(() => null, 10_000)
  call.returned(handling.promise)
  const { dueMs } = call
  t.ok(dueMs > 0)
  context.publish('audit', { value: 1 })
  await delay(5)
  handling.resolve('value')
  await turn()
  t.strictSame(said, ['handling', 'handling'])
  t.equal(call.dueMs, dueMs)
  publishing[0]?.resolve()
  await turn()
  t.ok(call.over)
})

t.test('time in which it waits for room in an output is not held against it', async t => {
  const { call, said } = called(() => new Promise(() => undefined), 20)
  call.returned(Promise.resolve('value'))
  await delay(100)
  t.strictSame(said, ['handling', 'put value, on stack', 'putting out'])
  call.end()
})

t.test('an output that has no room is waited for, and then what was published behind it', async t => {
  const room = settleable()
  const { call, said, context, publishing } = called(value => (value === undefined ? null : room.promise))
  call.returned('value')
  t.strictSame(said, ['put value', 'putting out'])
  context.publish('audit', { value: 1 })
  room.resolve('a receipt')
  await turn()
  t.strictSame(said.slice(2), ['putting out'])
  publishing[0]?.resolve()
  await turn()
  t.strictSame(said.slice(3), ['record done, on stack'], 'nothing is put out twice')
})

t.test('an output that fails, or throws, fails it', async t => {
  const thrown = called(() => {
    throw new TypeError('no key')
  })
  thrown.call.returned('value')
  t.strictSame(thrown.said, ['put value', 'record failed: no key'])
  const failed = called(() => Promise.reject(new Error('closed')))
  failed.call.returned('value')
  await turn()
  t.strictSame(failed.said, ['put value', 'putting out', 'record failed: closed, on stack'])
})

t.test('what comes behind its time counts for nothing', async t => {
  const handling = settleable()
  const { call, said } = called(() => null, 1_000)
  call.returned(handling.promise)
  call.timedOut()
  t.strictSame(said, ['handling', 'record timeout: the handler did not settle within 1000 ms'])
  handling.resolve('value')
  await turn()
  t.equal(said.length, 2)
})

t.test('nothing counts once its owner has ended it', async t => {
  for (const settle of ['resolve', 'reject'] as const) {
    const handling = settleable()
    const { call, said } = called()
    call.returned(handling.promise)
    call.end()
    handling[settle](new Error('late'))
    await turn()
    t.strictSame(said, ['handling'], settle)
  }
})
