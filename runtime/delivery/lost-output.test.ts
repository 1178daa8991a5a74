/** Outputs that could not be appended: the run fails, and what they came of is not committed. Real threads. */
import t from 'tap'
import { openBroker, rejection, SMALL, until } from '../broker.fixture.ts'

t.test('a run whose output refuses what it is given fails, and commits nothing of it', async t => {
  const broker = await openBroker(t)
  const orders = await broker.topic<number>('orders')
  await broker.topic('results', { ...SMALL, onFull: 'reject', groups: ['slow'] })
  await orders.publishBatch(Array.from({ length: 1_000 }, (_, value) => ({ key: 'a', value })))
  const run = await orders.group('g').handle(() => 'x'.repeat(2_000), { output: 'results' })
  t.match(await rejection(run.finished), { code: 'MILL_FULL', message: /topic results is full/ })
  t.ok((await orders.group('g').lag()) > 0)
})

t.test('outputs wait for room however much they are together, and nothing fails of that', async t => {
  const broker = await openBroker(t)
  const partitions = 24
  const orders = await broker.topic<number>('orders', { partitions })
  const results = await broker.topic<string>('results', { groups: ['slow'] })
  const called = new Set<number>()
  const run = await orders.group('g').handle(
    ({ partition }) => {
      called.add(partition)
      return 'x'.repeat(1_000_000)
    },
    { output: 'results' },
  )
  await orders.publishBatch(Array.from({ length: partitions }, (_, partition) => ({ partition, value: partition })))
  await until(() => called.size === partitions)
  t.equal((await run.stats()).failures, 0)
  let read = 0
  await results.group('slow').handle(() => void read++)
  await until(async () => read === partitions || (await run.stats()).failures > 0)
  t.match(await run.stats(), { processed: partitions, failures: 0, deadLettered: 0 })
})
