/** Functions that are taken out of the context of a handler, or out of a delivery, work as they do there. */
import t from 'tap'
import { newName, newTopic, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

t.test('a handler takes publish, send, route and request out of its context', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<number>()
  const output = await newTopic<number>()
  const queue = await broker.queue<string>(newName())
  const exchange = await broker.exchange(newName(), { type: 'direct' })
  await exchange.bind(queue, 'k')
  const got: string[] = []
  await queue.handle(({ value }) => {
    got.push(value)
    return `${value}!`
  })
  const run = await topic.group('g').handle(async ({ value }, { publish, send, route, request }) => {
    void publish(output.name, { value })
    await send(queue.name, { value: 'sent' })
    await route(exchange.name, 'k', { value: 'routed' })
    got.push(await request<string, string>(queue.name, { value: 'asked' }))
  })
  await topic.publish({ value: 7 })
  await run.idle()
  t.strictSame((await run.stats()).deadLettered, 0)
  t.strictSame([...got].sort(), ['asked', 'asked!', 'routed', 'sent'])
  t.equal((await output.stats()).partitions[0]?.highWatermark, 1, 'what was published belongs to the delivery')
})

t.test('what fails that was taken out of the context fails its delivery', async t => {
  const topic = await newTopic<number>()
  const run = await topic
    .group('g')
    .handle((_, { publish }) => void publish('of no topic', { value: 1 }), { attempts: 1 })
  await topic.publish({ value: 1 })
  await run.idle()
  t.equal((await run.stats()).deadLettered, 1)
})

t.test('a consumer takes the four acts out of a delivery', async t => {
  const topic = await newTopic<number>()
  await topic.publishBatch([0, 1, 2, 3].map(value => ({ value })))
  const seen: number[] = []
  const options = { attempts: 2, backoff: { initialMs: 1 }, retryOrder: 'none', until: 'caught-up' } as const
  for await (const { value, deliveryAttempt, ack, nack, reject, release } of topic.group('g').consume(options)) {
    seen.push(value)
    if (value === 0 || deliveryAttempt > 1) ack()
    else if (value === 1) nack(new Error('once'))
    else if (value === 2) reject('never')
    else release()
  }
  t.strictSame([...seen].sort(), [0, 1, 1, 2, 3, 3])
  t.match(await topic.group('g').stats(), { failures: 2, deadLettered: 1, lag: 0 })
})

t.test('and those of a queue out of its message', async t => {
  const broker = await sharedBroker()
  const queue = await broker.queue<string>(newName(), { backoff: { initialMs: 1 } })
  const answer = queue.request({ value: 'asked' })
  for await (const { reply, renew, nack, failedAttempts } of queue.consume()) {
    renew()
    if (failedAttempts === 0) nack(new Error('once'), { delayMs: 1 })
    else {
      reply('answered')
      break
    }
  }
  t.equal(await answer, 'answered')
})
