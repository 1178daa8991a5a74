/** Programs that write into a delivery what they read, `offset` included: what is settled is the record all the same. */
import t from 'tap'
import type { Topic } from '../index.ts'
import { until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'

const COUNT = 50
const numbers = Array.from({ length: COUNT }, (_, n) => n)

async function topicOf(): Promise<Topic<number>> {
  const topic = await newTopic<number>()
  await topic.publishBatch(numbers.map(value => ({ key: 'k', value })))
  return topic
}

/** Further on than any record, and back. */
const write = (delivery: object): object => Object.assign(delivery, { offset: COUNT * 1_000 })

for (const kind of ['message', 'late', 'batch'] as const)
  t.test(`a handler with ${kind}`, async t => {
    const topic = await topicOf()
    const seen: number[] = []
    const take = (delivery: { readonly value: number }): void => {
      seen.push(delivery.value)
      write(delivery)
    }
    const run = await topic
      .group('g')
      .handle(
        kind === 'batch'
          ? { batch: deliveries => deliveries.forEach(take) }
          : kind === 'late'
            ? { message: async delivery => take(delivery) }
            : { message: take },
      )
    await run.idle()
    await topic.publish({ key: 'k', value: COUNT })
    await until(() => seen.length > COUNT)
    t.strictSame(seen, [...numbers, COUNT])
    t.match(await run.stats(), { processed: COUNT + 1, failures: 0 })
    await run.stop()
  })

t.test('a handler that throws then: the same record comes again, and is the dead letter', async t => {
  const topic = await topicOf()
  const seen: number[] = []
  const run = await topic.group('g').handle(
    {
      message(delivery) {
        seen.push(delivery.value)
        write(delivery)
        if (delivery.value === 7) throw new Error('seven')
      },
    },
    { attempts: 2, backoff: { initialMs: 1, maxMs: 1, jitter: 0 } },
  )
  await until(async () => (await run.stats()).lag === 0)
  t.strictSame(seen, [...numbers.slice(0, 8), ...numbers.slice(7)])
  t.match(await run.stats(), { processed: COUNT - 1, deadLettered: 1 })
  await run.stop()
})

t.test('an observer', async t => {
  const topic = await topicOf()
  const seen: number[] = []
  const subscription = topic
    .group('g')
    .observe()
    .subscribe(delivery => {
      seen.push(delivery.value)
      write(delivery)
      delivery.ack()
    })
  await until(() => seen.length === COUNT)
  await topic.publish({ key: 'k', value: COUNT })
  await until(() => seen.length > COUNT)
  t.strictSame(seen, [...numbers, COUNT])
  subscription.unsubscribe()
  await until(async () => (await topic.group('g').lag()) === 0)
})
