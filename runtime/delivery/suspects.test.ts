/** Records whose thread died while several were pending: which of them it was is found out. Real threads. */
import t from 'tap'
import { openBroker, readAll } from '../proof/fixtures/broker.fixture.ts'

const HANDLER = new URL('./fixtures/outputs.fixture.js', import.meta.url)

t.test('it is found behind records that come again because their output was not confirmed', async t => {
  const broker = await openBroker(t)
  await broker.topic('out')
  const orders = await broker.topic<string>('orders', { partitions: 2 })
  await orders.publishBatch([
    ...['a', 'never'].map(value => ({ partition: 0, value })),
    ...['once', 'exit', 'b'].map(value => ({ partition: 1, value })),
  ])
  const run = await orders.group('g').run({
    handler: HANDLER,
    output: 'out',
    threads: 1,
    attempts: 2,
    backoff: { initialMs: 1, maxMs: 1, jitter: 0 },
    handlerTimeoutMs: 1_000,
    restart: { intensity: 4, periodMs: 60_000 },
  })
  await run.idle()
  t.match(await run.stats(), { processed: 3, failures: 5, deadLettered: 2 })
  const letters = await readAll(await broker.topic<string>('orders.g.dlq'))
  t.same(letters.map(({ value, headers }) => [value, headers['millrace-reason']]).sort(), [
    ['exit', 'crashed'],
    ['never', 'timeout'],
  ])
  await run.stop()
})
