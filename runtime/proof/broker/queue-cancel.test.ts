/** Cancelling what has begun: on handler threads, on the caller's thread, in batches, in memory and on disk. */
import t, { type Test } from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import {
  type Broker,
  isMillraceError,
  type ManualQueueDelivery,
  type Queue,
  type QueueOptions,
  type QueueStats,
} from '../../index.ts'
import { delay, folderOf, openBroker, rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

const JOBS = new URL('./fixtures/queue-cancels.fixture.js', import.meta.url)

type Outcome = Partial<QueueStats>

async function begunIn(queue: Queue<never> | Queue<string>, unacked: number): Promise<void> {
  await until(async () => (await queue.stats()).unacked === unacked)
}

/** Two threads with one message each, and neighbours in advance; how long a cancel took, and what the counts are in the end. */
async function cancelled(t: Test, broker: Broker, options: QueueOptions, value: string, graceMs: number) {
  const queue = await broker.queue<string>(newName(), options)
  const restarts: string[] = []
  const off = broker.on('restarted', ({ topic, reason }) => topic === queue.name && restarts.push(reason))
  const begun = new Int32Array(new SharedArrayBuffer(4))
  const run = await queue.run({ handler: JOBS, threads: 1, prefetch: 10, data: begun, handlerTimeoutMs: 60_000 })
  const { id } = await queue.send({ value })
  await until(() => Atomics.load(begun, 0) === 1)
  const { ids } = await queue.sendBatch(Array.from({ length: 5 }, () => ({ value: 'plain' })))
  await begunIn(queue, 6)
  const from = performance.now()
  const outcome = await queue.cancel(id, { graceMs })
  const tookMs = performance.now() - from
  await run.idle()
  const stats = await queue.stats()
  t.strictSame(await queue.explain(id), { state: 'settled' })
  t.strictSame(await queue.explain(ids[0] as string), { state: 'settled' })
  await run.stop()
  off()
  return { outcome, tookMs, stats, restarts }
}

const ALL: Outcome = { accepted: 6, ready: 0, unacked: 0, retrying: 0, failures: 0, deadLettered: 0, bytes: 0 }

for (const where of ['in memory', 'on disk'])
  t.test(`a handler that does not end loses its thread within its time of grace, ${where}`, async t => {
    const broker = where === 'on disk' ? await folderOf(t).open() : await sharedBroker()
    for (const value of ['spins', 'waits']) {
      const { outcome, tookMs, stats, restarts } = await cancelled(t, broker, {}, value, 60)
      t.equal(outcome, 'cancelled')
      // How late it may be is judged by npm run test:queue-cancels.
      t.ok(tookMs >= 59, `${value}: ${tookMs} ms`)
      t.match(stats, { ...ALL, acked: 5, cancelled: 1 }, 'its neighbours are handled, and not charged')
      t.match(restarts, [/message 0, which it handled, was cancelled/])
    }
  })

t.test('a handler that hears its signal ends by itself, and its thread lives', async t => {
  const broker = await sharedBroker()
  const aborted = await cancelled(t, broker, { attempts: 1 }, 'is aborted', 20_000)
  t.equal(aborted.outcome, 'cancelled')
  t.ok(aborted.tookMs < 10_000, 'it is not waited for any longer')
  t.match(aborted.stats, { ...ALL, acked: 5, cancelled: 1 }, 'it has not failed')
  t.strictSame(aborted.restarts, [])
  const finished = await cancelled(t, broker, {}, 'finishes', 20_000)
  t.equal(finished.outcome, 'settled', 'it was handled')
  t.match(finished.stats, { ...ALL, acked: 6, cancelled: 0 })
  t.strictSame(finished.restarts, [])
})

t.test('a thread that ends by itself meanwhile is not waited for', async t => {
  const broker = await sharedBroker()
  const { outcome, tookMs, stats, restarts } = await cancelled(t, broker, { attempts: 1 }, 'exits', 20_000)
  t.equal(outcome, 'cancelled')
  t.ok(tookMs < 10_000, `${tookMs} ms`)
  t.match(stats, { ...ALL, acked: 5, cancelled: 1 }, 'its end is charged to nothing that is left')
  t.equal(restarts.length, 1)
})

t.test('beside others on its thread one is cancelled, and the others begin again, uncharged', async t => {
  const broker = await sharedBroker()
  const queue = await broker.queue<string>(newName(), { attempts: 1 })
  const begun = new Int32Array(new SharedArrayBuffer(4))
  const run = await queue.run({ handler: JOBS, threads: 1, concurrency: 4, data: begun })
  const { ids } = await queue.sendBatch(['waits', 'waits', 'waits', 'plain'].map(value => ({ value })))
  await until(async () => Atomics.load(begun, 0) === 4 && (await queue.stats()).unacked === 3)
  t.equal(await queue.cancel(ids[1] as string, { graceMs: 50 }), 'cancelled')
  await until(() => Atomics.load(begun, 0) === 6, 'the others begin again')
  t.match(await queue.explain(ids[0] as string), { state: 'unacked', deliveryAttempts: 2, failedAttempts: 0 })
  t.match(await queue.stats(), { unacked: 2, cancelled: 1, acked: 1, failures: 0, deadLettered: 0 })
  for (const id of [ids[0], ids[2]]) t.equal(await queue.cancel(id as string, { graceMs: 0 }), 'cancelled')
  await run.idle()
  t.match(await queue.stats(), { unacked: 0, ready: 0, cancelled: 3, acked: 1, failures: 0 })
})

t.test("on the caller's thread a handler has its signal only, and the result says so", async t => {
  const broker = await sharedBroker()
  const queue = await broker.queue<string>(newName(), { attempts: 1 })
  const signals = new Map<string, AbortSignal>()
  const ends = new Map<string, (error?: Error) => void>()
  const run = await queue.handle(
    ({ value }, { signal }) =>
      new Promise<void>((resolve, reject) => {
        signals.set(value, signal)
        ends.set(value, error => (error === undefined ? resolve() : reject(error)))
      }),
    { concurrency: 3 },
  )
  const { ids } = await queue.sendBatch(['acks', 'throws', 'stays'].map(value => ({ value })))
  await until(() => ends.size === 3)
  const [acks, throws] = ids as [string, string]
  const both = Promise.all([queue.cancel(acks, { graceMs: 10 }), queue.cancel(throws, { graceMs: 0 })])
  t.strictSame(await both, ['unacked', 'unacked'])
  await until(() => signals.get('acks')?.aborted === true && signals.get('throws')?.aborted === true)
  t.ok(isMillraceError(signals.get('acks')?.reason, 'MILL_CANCELLED'))
  t.match(signals.get('throws')?.reason, { message: `message ${throws} of queue ${queue.name} was cancelled` })
  t.equal(signals.get('stays')?.aborted, false, 'each message has a signal of its own')
  ends.get('acks')?.()
  ends.get('throws')?.(new Error('aborted'))
  await until(async () => (await queue.stats()).unacked === 1)
  t.match(await queue.stats(), { acked: 1, cancelled: 1, failures: 0, deadLettered: 0, retrying: 0 })
  t.strictSame([await queue.cancel(acks), await queue.cancel(throws)], ['settled', 'cancelled'])
  const stopped = run.stop()
  await until(() => signals.get('stays')?.aborted === true)
  ends.get('stays')?.()
  await stopped
})

t.test('deliveries that the caller settles have a signal, in a loop, an Observable and a batch', async t => {
  const broker = await sharedBroker()
  const queue = await broker.queue<number>(newName(), { attempts: 1 })
  const { ids } = await queue.sendBatch(Array.from({ length: 6 }, (_, value) => ({ value })))
  const loop = queue.consume({ prefetch: 1 })
  const first = (await loop.next()).value as ManualQueueDelivery<number>
  t.equal(first.signal.aborted, false)
  t.equal(await queue.cancel(first.id, { graceMs: 1 }), 'unacked')
  await until(() => first.signal.aborted, 'it is told, also where its grace is shorter than that takes')
  t.ok(isMillraceError(first.signal.reason, 'MILL_CANCELLED'))
  await loop.return?.()
  await until(async () => (await queue.stats()).cancelled === 1)
  const held: ManualQueueDelivery<number>[] = []
  const subscription = queue.observe({ window: 2 }).subscribe(delivery => {
    held.push(delivery)
    delivery.signal.addEventListener('abort', () => delivery.nack(new Error('cancelled')))
  })
  await until(() => held.length === 2)
  t.equal(await queue.cancel(ids[1] as string, { graceMs: 20_000 }), 'cancelled', 'at once, when it is settled')
  subscription.unsubscribe()
  await until(async () => (await queue.stats()).unacked === 0)
  const batches: string[] = []
  const run = await queue.handle(
    {
      async batch(deliveries, _, { signal }) {
        batches.push(deliveries.map(({ value }) => value).join())
        if (batches.length > 1) return
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        t.strictSame(
          (deliveries as readonly ManualQueueDelivery<number>[]).map(delivery => delivery.signal.aborted),
          [false, true, false, false],
        )
        throw signal.reason
      },
    },
    { batch: { maxRecords: 10 } },
  )
  await until(() => batches.length === 1)
  t.equal(await queue.cancel(ids[3] as string, { graceMs: 20_000 }), 'cancelled')
  await run.idle()
  t.strictSame(batches, ['2,3,4,5', '2', '4,5'], 'the others come again, in two parts')
  t.match(await queue.stats(), { acked: 3, cancelled: 3, failures: 0, deadLettered: 0, unacked: 0, ready: 0 })
})

t.test('a message of a key that is cancelled lets the next go', async t => {
  const broker = await sharedBroker()
  const queue = await broker.queue<string>(newName(), { keyConcurrency: 1 })
  const begun = new Int32Array(new SharedArrayBuffer(4))
  const run = await queue.run({ handler: JOBS, threads: 1, data: begun })
  const { ids } = await queue.sendBatch(['spins', 'plain'].map(value => ({ value, key: 'one' })))
  await until(() => Atomics.load(begun, 0) === 1)
  t.equal(await queue.cancel(ids[0] as string, { graceMs: 0 }), 'cancelled')
  await run.idle()
  t.match(await queue.stats(), { acked: 1, cancelled: 1 })
})

t.test('two that cancel one message are told the same, and many are cancelled at once', async t => {
  const broker = await sharedBroker()
  const queue = await broker.queue<string>(newName())
  const begun = new Int32Array(new SharedArrayBuffer(4))
  const run = await queue.run({ handler: JOBS, threads: 2, data: begun, concurrency: 5 })
  const { ids } = await queue.sendBatch(Array.from({ length: 10 }, () => ({ value: 'waits' })))
  await until(() => Atomics.load(begun, 0) === 10)
  const asked = [...ids, ids[0]].map(id => queue.cancel(id as string, { graceMs: 30 }))
  t.strictSame(
    await Promise.all(asked),
    Array.from({ length: 11 }, () => 'cancelled'),
  )
  await run.idle()
  t.match(await queue.stats(), { acked: 0, cancelled: 10, failures: 0, unacked: 0, ready: 0 })
})

t.test('threads that are ended for it are no reason to give the run up', async t => {
  const broker = await sharedBroker()
  const queue = await broker.queue<string>(newName())
  const begun = new Int32Array(new SharedArrayBuffer(4))
  const restart = { intensity: 1, periodMs: 60_000 }
  const run = await queue.run({ handler: JOBS, threads: 1, concurrency: 2, data: begun, restart })
  const { id: neighbour } = await queue.send({ value: 'waits' })
  for (let round = 1; round <= 4; round++) {
    const { id } = await queue.send({ value: 'waits' })
    await until(() => Atomics.load(begun, 0) === 2 * round)
    t.equal(await queue.cancel(id, { graceMs: 0 }), 'cancelled')
  }
  t.match(await queue.explain(neighbour), { failedAttempts: 0 })
  t.equal(await queue.cancel(neighbour, { graceMs: 0 }), 'cancelled')
  await queue.send({ value: 'plain' })
  await run.idle()
  t.match(await queue.stats(), { acked: 1, cancelled: 5, failures: 0 })
})

for (const where of ['in memory', 'on disk'])
  t.test(`a partition thread that dies meanwhile changes nothing, ${where}`, async t => {
    const broker = where === 'on disk' ? await folderOf(t).open() : await openBroker(t)
    const queue = await broker.queue<string>('hosts', { attempts: 1 })
    const begun = new Int32Array(new SharedArrayBuffer(4))
    const run = await queue.run({ handler: JOBS, threads: 1, concurrency: 2, data: begun })
    const { ids } = await queue.sendBatch(['waits', 'waits'].map(value => ({ value })))
    await until(() => Atomics.load(begun, 0) === 2)
    const cancelling = queue.cancel(ids[0] as string, { graceMs: 300 })
    await delay(50)
    const session = sessions.get(broker) as Session
    t.ok(await session.ask(control => control.killPartitionHost(0, 0)))
    t.equal(await cancelling, 'cancelled')
    await until(() => Atomics.load(begun, 0) === 3, 'the other begins again')
    t.match(await queue.stats(), { cancelled: 1, unacked: 1, failures: 0, deadLettered: 0 })
    t.equal(await queue.cancel(ids[1] as string, { graceMs: 0 }), 'cancelled')
    await run.idle()
  })

t.test('options of cancel are checked, and a run that stops meanwhile ends the wait', async t => {
  const broker = await sharedBroker()
  const queue = await broker.queue<string>(newName())
  const { id } = await queue.send({ value: 'waits' })
  t.match(await rejection(queue.cancel(id, { graceMs: -1 })), { code: 'MILL_OUT_OF_RANGE' })
  t.match(await rejection(queue.cancel(id, { grace: 1 } as never)), { code: 'MILL_UNKNOWN_OPTION' })
  const begun = new Int32Array(new SharedArrayBuffer(4))
  const run = await queue.run({ handler: JOBS, threads: 1, data: begun })
  await until(() => Atomics.load(begun, 0) === 1)
  const cancelling = queue.cancel(id, { graceMs: 20_000 })
  await delay(50)
  await run.stop({ timeoutMs: 100 }).catch(() => undefined)
  t.equal(await cancelling, 'cancelled')
  t.match(await queue.stats(), { cancelled: 1, ready: 0, failures: 0 })
})
