/** An attached thread that ends with more partitions than a caller may have calls unanswered. */
import t from 'tap'
import { attached, freed, memoryOf } from '../fixtures/attached-thread.fixture.ts'
import { openBroker, SMALL } from '../fixtures/broker.fixture.ts'

const PARTITIONS = 1_024
const GROUPS = ['a', 'b', 'c', 'd', 'e']

t.test('more than 4,096 partitions of a thread that ends are free for others', async t => {
  const broker = await openBroker(t, { memoryMaxBytes: 1_024 ** 3, partitionThreads: 1 })
  const orders = await broker.topic<number>('orders', { partitions: PARTITIONS, groups: GROUPS, ...SMALL })
  const before = await memoryOf(broker)
  const a = await attached(t, broker)
  for (const group of GROUPS) await a.tell('consumeNothing', 'orders', group)
  t.equal((await orders.group('e').stats()).threads, 1)
  await a.worker.terminate()
  await freed(broker, before)
  await orders.publishBatch(Array.from({ length: PARTITIONS }, (_, value) => ({ value, partition: value })))
  for (const group of GROUPS) {
    const run = await orders.group(group).handle(() => undefined)
    await run.idle()
    t.match(await run.stats(), { processed: PARTITIONS, lag: 0 })
    await run.stop()
  }
  await broker.close({ timeoutMs: 20_000 })
})
