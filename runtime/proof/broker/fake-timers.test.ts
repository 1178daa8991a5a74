/** What tests of users put in place of timers and clocks once the runtime is loaded does not reach it. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { openBroker } from '../fixtures/broker.fixture.ts'

/** As fake timers of test frameworks that nobody advances. */
function fakeAll(): () => void {
  const timer = { ref: () => timer, unref: () => timer, hasRef: () => true }
  const real = new Map<object, Record<string, unknown>>()
  const fake = (target: object, fakes: Record<string, unknown>): void => {
    const before = Object.fromEntries(Object.keys(fakes).map(name => [name, Reflect.get(target, name) as unknown]))
    real.set(target, before)
    Object.assign(target, fakes)
  }
  const never = (): unknown => timer
  fake(globalThis, { setTimeout: never, setInterval: never, setImmediate: never, queueMicrotask: never })
  fake(globalThis.performance, { now: () => 5 })
  fake(globalThis.Date, { now: () => 5 })
  return () => {
    for (const [target, before] of real) Object.assign(target, before)
  }
}

t.test('retries, idle and close go on under fake timers that are installed later', async t => {
  const broker = await openBroker(t)
  const restore = fakeAll()
  try {
    const topic = await broker.topic<number>('orders')
    const run = await topic.group('g').handle(
      ({ failedAttempts }) => {
        if (failedAttempts === 0) throw new Error('once')
      },
      { backoff: { initialMs: 20, jitter: 0 } },
    )
    await topic.publish({ value: 1 })
    await run.idle()
    t.match(await run.stats(), { processed: 1, failures: 1, lag: 0 })
    await broker.close()
  } finally {
    restore()
  }
})

t.test('nor do fakes that are installed between importing millrace and the first broker', async t => {
  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    async function main() {
      const { createBroker } = await import(workerData)
      const timer = { ref: () => timer, unref: () => timer, hasRef: () => true }
      for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) globalThis[name] = () => timer
      performance.now = () => 5
      Date.now = () => 5
      const broker = await createBroker({ logger: false })
      const topic = await broker.topic('orders')
      const handler = ({ failedAttempts }) => { if (failedAttempts === 0) throw new Error('once') }
      const run = await topic.group('g').handle(handler, { backoff: { initialMs: 20, jitter: 0 } })
      await topic.publish({ value: 1 })
      await run.idle()
      const { processed, failures } = await run.stats()
      await broker.close()
      parentPort.postMessage({ processed, failures })
    }
    main()`
  const worker = new Worker(program, {
    eval: true,
    workerData: new URL('../../index.js', import.meta.url).href,
    execArgv: [],
  })
  t.strictSame(await once(worker, 'message'), [{ processed: 1, failures: 1 }])
  await worker.terminate()
})
