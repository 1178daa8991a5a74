/** Outputs that could not be appended: the run fails, and what they came of is not committed. Real threads. */
import t from 'tap'
import { folderOf, openBroker, readAll, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'

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
  // An output is read before its record counts as processed.
  await until(async () => {
    const { processed, failures } = await run.stats()
    return (read === partitions && processed === partitions) || failures > 0
  })
  t.match(await run.stats(), { processed: partitions, failures: 0, deadLettered: 0 })
})

t.test('what is in hand when the broker is closed may publish to topics its thread has not published to', async t => {
  const folder = folderOf(t)
  const settings = { partitions: 1, codec: 'string' } as const
  const broker = await folder.open()
  const orders = await broker.topic<string>('orders', settings)
  await broker.topic('late', settings)
  const data = new Int32Array(new SharedArrayBuffer(4))
  const handler = new URL('./fixtures/late-publisher.fixture.js', import.meta.url)
  const run = await orders.group('g').run({ handler, attempts: 1, data })
  await orders.publish({ value: 'a' })
  await until(() => Atomics.load(data, 0) === 1)
  await broker.close()
  t.match(await run.stats().catch(({ code }) => code), 'MILL_CLOSED')
  const again = await folder.open()
  const late = await again.topic<string>('late')
  t.strictSame(
    (await readAll(late)).map(({ value }) => value.length),
    [1, 900_000],
  )
  await again.topic('orders.g.dlq').then(async letters =>
    t.strictSame(
      (await readAll(letters)).map(({ headers }) => `${headers['millrace-error-message']}`),
      [],
      'nothing has failed',
    ),
  )
})
