/** Consuming as an Observable: credit, acks in any order, and `settle`. */

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { firstValueFrom, lastValueFrom, tap, toArray } from 'rxjs'
import t from 'tap'
import { type Broker, type ManualDelivery, RejectError, settle, type Topic } from '../index.ts'
import { delay, openBroker, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { DOOR } from '../proof/fixtures/door.fixture.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'

const QUICK = { backoff: { initialMs: 1, maxMs: 4, jitter: 0 } } as const

async function numbers(count: number, partitions = 1, broker?: Broker): Promise<Topic<number>> {
  const topic = await (broker ?? (await sharedBroker())).topic<number>(newName(), { partitions })
  await topic.publishBatch(Array.from({ length: count }, (_, value) => ({ value, partition: value % partitions })))
  return topic
}

t.test('no more deliveries are out than the window allows, over all partitions', async t => {
  const topic = await numbers(1_000, 3)
  const out: ManualDelivery<number>[] = []
  const subscription = topic
    .group('g')
    .observe({ window: 10 })
    .subscribe(delivery => out.push(delivery))
  await until(() => out.length === 10)
  await delay(20)
  t.equal(out.length, 10)
  for (let acked = 0; acked < 990; acked++) {
    await until(() => out.length > acked)
    out[acked]?.ack()
    if (acked % 100 === 0) {
      await until(() => out.length === acked + 11)
      await delay(1)
      if (out.length > acked + 11) t.fail(`${out.length - acked - 1} are out`)
    }
  }
  await until(() => out.length === 1_000)
  for (const delivery of out.slice(990)) delivery.ack()
  await until(async () => (await topic.group('g').lag()) === 0)
  t.equal(new Set(out.map(({ value }) => value)).size, 1_000)
  subscription.unsubscribe()
})

t.test('acks in any order commit the settled prefix only', async t => {
  const topic = await numbers(10)
  const out: ManualDelivery<number>[] = []
  const subscription = topic
    .group('g')
    .observe()
    .subscribe(delivery => out.push(delivery))
  await until(() => out.length === 10)
  const committed = async (): Promise<number | undefined> => (await topic.group('g').stats()).partitions[0]?.committed
  for (const [ack, prefix] of [
    [1, 0],
    [5, 0],
    [0, 2],
    [3, 2],
    [2, 4],
    [9, 4],
  ] as const) {
    out[ack]?.ack()
    await until(async () => (await committed()) === prefix, `the prefix after ${ack}`)
    await delay(3)
    t.equal(await committed(), prefix)
  }
  subscription.unsubscribe()
  const again: number[] = []
  const next = topic
    .group('g')
    .observe()
    .subscribe(({ value }) => again.push(value))
  await until(() => again.length === 4)
  await delay(10)
  t.strictSame(again, [4, 6, 7, 8], 'what was acked beyond it does not come again')
  t.throws(() => out[6]?.ack(), { code: 'MILL_CLOSED' }, 'its reader has left')
  next.unsubscribe()
})

t.test('a failed delivery is retried before anything newer; once it is settled the rest goes on', async t => {
  const topic = await numbers(20)
  const order: string[] = []
  const held: ManualDelivery<number>[] = []
  const subscription = topic
    .group('g')
    .observe({ window: 3, ...QUICK })
    .subscribe(delivery => {
      const { value, deliveryAttempt, failedAttempts } = delivery
      order.push(`${value} ${deliveryAttempt} ${failedAttempts}`)
      if (value === 0) held.push(delivery)
      else if (value === 1 && failedAttempts < 2) delivery.nack(new Error('later'))
      else delivery.ack()
    })
  await until(() => order.length === 22)
  t.strictSame(
    order.slice(0, 6).filter(line => line.startsWith('1 ')),
    ['1 1 0', '1 2 1', '1 3 2'],
  )
  t.strictSame(
    order.filter(line => !line.startsWith('1 ')),
    Array.from({ length: 20 }, (_, n) => `${n} 1 0`).filter(line => !line.startsWith('1 ')),
  )
  held[0]?.ack()
  await until(async () => (await topic.group('g').lag()) === 0)
  t.match(await topic.group('g').stats(), { processed: 20, failures: 2 })
  subscription.unsubscribe()
})

t.test('a released delivery comes again with the next attempt, before newer ones', async t => {
  const topic = await numbers(4)
  const seen: string[] = []
  const subscription = topic
    .group('g')
    .observe({ window: 1 })
    .subscribe(delivery => {
      seen.push(`${delivery.value} ${delivery.deliveryAttempt} ${delivery.failedAttempts}`)
      if (delivery.value === 1 && delivery.deliveryAttempt < 3) delivery.release()
      else delivery.ack()
    })
  await until(() => seen.length === 6)
  t.strictSame(seen, ['0 1 0', '1 1 0', '1 2 0', '1 3 0', '2 1 0', '3 1 0'])
  subscription.unsubscribe()
})

t.test('settle acks, nacks and rejects, and emits what the function returned', async t => {
  const topic = await numbers(100, 2)
  let now = 0
  let most = 0
  const got: number[] = []
  const group = topic.group('g')
  const subscription = group
    .observe({ attempts: 3, ...QUICK })
    .pipe(
      settle(
        async ({ value, failedAttempts }) => {
          most = Math.max(most, ++now)
          await delay(1)
          now--
          if (value === 7) throw new RejectError('seven')
          if (value === 8 && failedAttempts < 2) throw new Error('eight')
          if (value === 9) throw new Error('nine')
          return value * 2
        },
        { concurrency: 4 },
      ),
    )
    .subscribe(result => got.push(result))
  // The last failure may be told after the last result.
  await until(async () => got.length === 98 && (await group.lag()) === 0)
  t.strictSame(
    got.sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, n) => n * 2).filter(n => n !== 14 && n !== 18),
  )
  t.equal(most, 4)
  t.match(await group.stats(), { deadLettered: 2, failures: 6 })
  subscription.unsubscribe()
})

t.test('settle dead-letters what does not decode at once', async t => {
  const raw = await newTopic<string>({ codec: 'string', ...SMALL })
  const letters = await newTopic<string>({ codec: 'json' })
  await raw.publishBatch([{ value: '{' }, { value: '"fine"' }])
  const moving = await raw.group('g').handle(
    () => {
      throw new RejectError('on')
    },
    { deadLetter: letters.name },
  )
  await moving.idle()
  t.equal(
    await firstValueFrom(
      letters
        .group('g')
        .observe()
        .pipe(settle(({ value }) => value)),
    ),
    'fine',
  )
  t.match(await letters.group('g').stats(), { deadLettered: 1, failures: 1 })
})

t.test(
  'an Observable ends with its signal and with its broker, and leaves its group with its subscription',
  async t => {
    const broker = await openBroker(t)
    const topic = await numbers(5, 1, broker)
    const control = new AbortController()
    let came = 0
    const counted = tap(() => void came++)
    const aborted = lastValueFrom(topic.group('g').observe({ signal: control.signal }).pipe(counted, toArray()))
    await until(async () => (await topic.group('g').stats()).threads === 1)
    t.match(await rejection(topic.group('g').delete()), { code: 'MILL_GROUP_BUSY' })
    await until(() => came === 5)
    control.abort()
    t.equal((await aborted).length, 5)
    t.strictSame(await lastValueFrom(topic.group('g').observe({ signal: AbortSignal.abort() }).pipe(toArray())), [])
    const source = topic.group('g').observe()
    t.equal((await firstValueFrom(source)).value, 0)
    t.equal((await firstValueFrom(source)).value, 0, 'each subscription joins anew')
    await until(async () => (await topic.group('g').stats()).threads === 0)
    await topic.group('g').delete()
    const open = lastValueFrom(topic.group('h').observe().pipe(toArray()))
    await until(async () => (await topic.group('h').stats()).threads === 1)
    await broker.close()
    await open
    t.match(await rejection(firstValueFrom(source)), { code: 'MILL_CLOSED' })
  },
)

t.test('what comes to an Observable that was left is no hand-out', async t => {
  const topic = await numbers(4)
  const seen: (readonly [value: number, deliveryAttempt: number])[] = []
  for (let round = 0; round < 4; round++) {
    const subscription = topic
      .group('g')
      .observe({ window: 3 })
      .subscribe(delivery => {
        if (seen.length > round) return
        seen.push([delivery.value, delivery.deliveryAttempt])
        delivery.ack()
        subscription.unsubscribe()
      })
    await until(async () => seen.length > round && (await topic.group('g').lag()) === 3 - round)
  }
  t.same(seen, [
    [0, 1],
    [1, 1],
    [2, 1],
    [3, 1],
  ])
})

t.test('settle does not call its function for what its subscription has lost meanwhile', async t => {
  const topic = await numbers(60, 2)
  const calls: { readonly who: string; readonly place: string; readonly lost: boolean }[] = []
  const observe = (who: string) =>
    topic
      .group('g')
      .observe({ window: 60 })
      .pipe(
        settle(async (delivery: ManualDelivery<number>) => {
          calls.push({ who, place: `${delivery.partition}/${delivery.offset}`, lost: delivery.settled })
          await delay(2)
        }),
      )
      .subscribe()
  const first = observe('first')
  await until(() => calls.length > 3)
  // It takes a partition, of which the first has records that wait for their turn.
  const second = observe('second')
  await until(async () => (await topic.group('g').lag()) === 0)
  first.unsubscribe()
  second.unsubscribe()
  t.ok(calls.some(({ who }) => who === 'second'))
  t.strictSame(
    calls.filter(({ lost }) => lost),
    [],
  )
  t.equal(new Set(calls.map(({ place }) => place)).size, calls.length, 'each is handled once')
})

t.test('importing the door loads no rxjs, which the first operator does', async t => {
  const program = `
    const { createRequire } = require('node:module')
    const { parentPort, workerData } = require('node:worker_threads')
    const { cache } = createRequire(workerData)
    const isLoaded = () => Object.keys(cache).some(path => path.includes('rxjs'))
    import(workerData).then(({ settle }) => {
      const before = isLoaded()
      settle(() => 1)
      parentPort.postMessage([before, isLoaded()])
    })`
  const workerData = DOOR
  const worker = new Worker(program, { eval: true, workerData, execArgv: [] })
  const [said] = await once(worker, 'message')
  t.strictSame(said, [false, true])
  await worker.terminate()
})
