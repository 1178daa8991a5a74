/** Outputs that could not be appended: the run fails, and what they came of is not committed. Real threads. */
import t from 'tap'
import { openBroker, rejection, SMALL } from '../broker.fixture.ts'

t.test('a run whose output refuses what it is given fails, and commits nothing of it', async t => {
  const broker = await openBroker(t)
  const orders = await broker.topic<number>('orders')
  await broker.topic('results', { ...SMALL, onFull: 'reject', groups: ['slow'] })
  await orders.publishBatch(Array.from({ length: 1_000 }, (_, value) => ({ key: 'a', value })))
  const run = await orders.group('g').handle(() => 'x'.repeat(2_000), { output: 'results' })
  t.match(await rejection(run.finished), { code: 'MILL_FULL', message: /topic results is full/ })
  t.ok((await orders.group('g').lag()) > 0)
})
