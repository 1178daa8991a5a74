/** Handlers whose state is kept with the offset up to which it counts: each record counts once. Real threads and files. */
import t from 'tap'
import { sessions } from '../api/broker.ts'
import type { Session } from '../embedded/session.ts'
import { defineHandler, type Handler, RejectError } from '../index.ts'
import { delay, folderOf, openBroker, rejection, standStill, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { FAILURES_MAX } from '../wire/layout.ts'

const COUNTER = new URL('./fixtures/counting.fixture.js', import.meta.url)

interface Counted {
  readonly count: number
  readonly sum: number
}

function numbers(count: number, from = 0): { readonly key: string; readonly value: number }[] {
  return Array.from({ length: count }, (_, at) => ({ key: `key-${at % 7}`, value: from + at }))
}

function total(results: readonly unknown[]): Counted {
  let [count, sum] = [0, 0]
  for (const one of results as readonly Counted[]) {
    count += one.count
    sum += one.sum
  }
  return { count, sum }
}

t.test('a thread that dies costs the state nothing: it is restored, and read on from there', async t => {
  const broker = await openBroker(t, { restart: { intensity: 100, periodMs: 1_000 } })
  const orders = await broker.topic<number>('orders', { partitions: 3 })
  const run = await orders.group('g').run<Counted>({ handler: COUNTER, threads: 2 })
  const session = sessions.get(broker) as Session
  let published = 0
  const [id] = session.runs.numbers
  const kill = (index: number) => session.ask(control => control.killHandler(id as number, index, 'any'))
  for (let turn = 0; turn < 5; turn++) {
    await orders.publishBatch(numbers(2_000, published))
    published += 2_000
    await delay(30)
    // A thread that is still starting cannot be killed.
    await until(async () => (await kill(turn % 2)) !== null, 'a thread to kill')
  }
  await run.idle()
  const { restarts } = await run.stats()
  t.ok(restarts >= 2, `${restarts} restarts`)
  // The partition of a thread that has just died has nobody who could tell of it.
  await until(
    async () => (await run.stats()).partitions.length === 3 && (await run.stats()).threads === 2,
    'both threads',
  )
  const { results } = await run.stop()
  t.strictSame(total(results), { count: published, sum: (published * (published - 1)) / 2 })
})

t.test('the next process restores it, and so does another number of threads', async t => {
  const { open } = folderOf(t)
  let counted: Counted = { count: 0, sum: 0 }
  for (let turn = 0; turn < 3; turn++) {
    const broker = await open()
    const orders = await broker.topic<number>('orders', { partitions: 3 })
    await orders.publishBatch(numbers(1_000, turn * 1_000))
    const run = await orders.group('g').run<Counted>({ handler: COUNTER, threads: 1 + (turn % 2) })
    await run.idle()
    const { results } = await run.stop()
    counted = total(results)
    t.equal(counted.count, (turn + 1) * 1_000)
    await broker.close()
  }
  t.equal(counted.sum, (3_000 * 2_999) / 2)
})

t.test('what is handled is committed when it is kept, and kept at once when there is no more', async t => {
  const orders = await newTopic<number>()
  const kept: number[] = []
  const handler: Handler<number, number[]> = defineHandler<number, number[]>({
    start: () => [],
    message: ({ value }, seen) => void seen.push(value),
    snapshot: seen => {
      kept.push(seen.length)
      return seen
    },
    restore: (seen: number[]) => seen,
  })
  const run = await orders.group('g').handle(handler)
  await orders.publishBatch(numbers(10))
  await run.idle()
  t.equal(kept.at(-1), 10)
  t.match(await run.stats(), { lag: 0, processed: 10 })
  await run.stop()
  const again: number[][] = []
  const second = await orders.group('g').handle({
    ...handler,
    restore: (seen: number[]) => {
      again.push([...seen])
      return seen
    },
  })
  await orders.publish({ value: 10 })
  await second.idle()
  t.strictSame(again, [Array.from({ length: 10 }, (_, value) => value)])
})

t.test('a snapshot that cannot be kept fails the run, and commits nothing', async t => {
  const orders = await newTopic<number>()
  await orders.publish({ value: 1 })
  for (const [snapshot, code] of [
    [() => undefined, 'MILL_UNSERIALISABLE'],
    [() => 'x'.repeat(9_000_000), 'MILL_TOO_LARGE'],
  ] as const) {
    const run = await orders.group('g').handle({ message: () => undefined, snapshot, restore: () => undefined })
    t.match(await rejection(run.finished), { code })
    t.match(await orders.group('g').stats(), { lag: 1 })
  }
})

t.test('snapshots are for handlers of one record after the other, and need their restore', async t => {
  const group = (await newTopic<number>()).group('g')
  const both = { snapshot: () => 1, restore: () => undefined }
  const message = (): void => undefined
  for (const options of [{ concurrency: 2 }, { retryOrder: 'key' }, { delivery: 'at-most-once' }] as const)
    t.match(await rejection(group.handle({ message, ...both }, options)), { code: 'MILL_HANDLER', message: /snapshot/ })
  t.throws(() => defineHandler({ message, snapshot: both.snapshot }), { code: 'MILL_HANDLER', message: /restore/ })
})

t.test('more records fail between two snapshots than a group keeps in mind, and none waits for ever', async t => {
  const orders = await newTopic<number>({ partitions: 1 })
  const count = FAILURES_MAX + 200
  await orders.publishBatch(numbers(count))
  const run = await orders.group('g').handle(
    defineHandler<number, null>({
      start: () => null,
      message() {
        throw new RejectError('it is not wanted')
      },
      // So costly that the next one is long in coming.
      snapshot(state) {
        standStill(50)
        return state
      },
      restore: (state: null) => state,
    }),
  )
  await run.idle()
  t.match(await run.stats(), { lag: 0, deadLettered: count })
})
