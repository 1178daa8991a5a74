/** One signal for many waits: told to all of them, with one listener, and none once nobody waits. */
import { getEventListeners } from 'node:events'
import t from 'tap'
import { delay, openBroker, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { fillUp } from '../publish/full-topic.fixture.ts'
import { offAbort, onAbort } from './abort-listeners.ts'

function warnings(t: { teardown(fn: () => void): unknown }): string[] {
  const heard: string[] = []
  const hear = ({ name }: Error): void => void heard.push(name)
  process.on('warning', hear)
  t.teardown(() => process.off('warning', hear))
  return heard
}

t.test('all are told, in order, by one listener; who has gone is not', async t => {
  const abort = new AbortController()
  const told: number[] = []
  const acts = [0, 1, 2].map(n => () => void told.push(n))
  for (const act of acts) onAbort(abort.signal, act)
  t.equal(getEventListeners(abort.signal, 'abort').length, 1)
  offAbort(abort.signal, acts[1] as () => void)
  abort.abort()
  t.strictSame(told, [0, 2])
})

t.test('nothing is left on a signal for which nobody waits, and it may be used again', async t => {
  const abort = new AbortController()
  let told = 0
  const act = (): void => void told++
  onAbort(abort.signal, act)
  offAbort(abort.signal, act)
  offAbort(abort.signal, act)
  t.equal(getEventListeners(abort.signal, 'abort').length, 0)
  onAbort(abort.signal, act)
  abort.abort()
  t.equal(told, 1)
})

t.test('a signal that many waiting publishes share is no leak, and ends them all', async t => {
  const heard = warnings(t)
  const broker = await openBroker(t)
  const topic = await broker.topic<string>('full', { ...SMALL, groups: ['never'] })
  await fillUp(topic)
  const abort = new AbortController()
  const codes = Array.from({ length: 50 }, () =>
    rejection(topic.publish({ value: 'x'.repeat(1_000) }, { signal: abort.signal })).then(({ code }) => code),
  )
  t.equal(getEventListeners(abort.signal, 'abort').length, 1)
  abort.abort()
  t.strictSame(new Set(await Promise.all(codes)), new Set(['MILL_ABORTED']))
  t.equal(getEventListeners(abort.signal, 'abort').length, 0)
  await delay(1)
  t.strictSame(heard, [])
})

t.test('each of many pending deliveries may listen to the signal of its context', async t => {
  const heard = warnings(t)
  const broker = await openBroker(t)
  const topic = await broker.topic<number>('many')
  let pending = 0
  const run = await topic.group('g').handle(
    (_, { signal }) =>
      new Promise<void>(resolve => {
        pending++
        signal.addEventListener('abort', () => resolve(), { once: true })
      }),
    { concurrency: 32, retryOrder: 'none' },
  )
  await topic.publishBatch(Array.from({ length: 32 }, (_, value) => ({ value })))
  await until(() => pending === 32)
  await run.stop()
  await delay(1)
  t.strictSame(heard, [])
})
