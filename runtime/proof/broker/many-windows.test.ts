/** Topics in memory with default options: many partitions, many topics, each with a group and its dead letters. Real threads. */
import t from 'tap'
import { createBroker } from '../../index.ts'

const RECORDS = 4_096

t.test('a topic may have as many partitions as there can be', async t => {
  const partitions = 1_024
  const broker = await createBroker()
  t.teardown(() => broker.close())
  const topic = await broker.topic<number>('orders', { partitions, groups: ['billing'] })
  await topic.publishBatch(Array.from({ length: RECORDS }, (_, value) => ({ value, partition: value % partitions })))
  let handled = 0
  const billing = await topic.group('billing').handle(() => void handled++)
  await billing.idle()
  t.equal(handled, RECORDS)
  t.match(await topic.stats(), { dropped: 0, partitions: { length: partitions } })
})

t.test('a broker may have hundreds of topics', async t => {
  const broker = await createBroker()
  t.teardown(() => broker.close())
  let handled = 0 // characters
  for (let number = 0; number < 400; number++) {
    const topic = await broker.topic<string>(`user-${number}`, { codec: 'string' })
    const run = await topic.group('billing').handle(({ value }) => {
      handled += value.length
    })
    await topic.publish({ value: 'x'.repeat(30_000) })
    await run.idle()
  }
  t.equal(handled, 400 * 30_000)
})

t.test('whose records may be as large as their windows allow', async t => {
  const broker = await createBroker()
  t.teardown(() => broker.close())
  const topic = await broker.topic<string>('orders', { codec: 'string', partitions: 256, groups: ['billing'] })
  const [{ maxMessageBytes, windowBytes } = { maxMessageBytes: 0, windowBytes: 0 }] = await broker.topics()
  t.strictSame([maxMessageBytes, windowBytes], [131_072, 262_144])
  t.match(await topic.publish({ value: 'x'.repeat(maxMessageBytes) }), { offset: 0 })
  await t.rejects(topic.publish({ value: 'x'.repeat(maxMessageBytes + 1) }), { code: 'MILL_TOO_LARGE' })
  const large = await broker.topic<string>('large', {
    codec: 'string',
    maxMessageBytes: 1_048_576,
    groups: ['billing'],
  })
  t.match(await large.publish({ value: 'x'.repeat(1_048_576) }), { offset: 0 })
  await t.rejects(broker.topic('larger', { partitions: 1_024, maxMessageBytes: 1_048_576 }), { code: 'MILL_MEMORY' })
  await broker.topic('orders', { partitions: 256 })
  await t.rejects(broker.topic('orders', { maxMessageBytes: 1_048_576 }), { code: 'MILL_CONFIG_MISMATCH' })
})
