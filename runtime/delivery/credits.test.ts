/** Credits that partitions share: one that found none is told when there is one again, and all records come. */
import t from 'tap'
import { until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { Credits } from './credits.ts'

t.test('who waits for a credit is told once, unless it has left', async t => {
  const credits = new Credits(1)
  const told: string[] = []
  const one = (): void => void told.push('one')
  const other = (): void => void told.push('other')
  credits.take()
  credits.wait(one)
  credits.wait(one)
  credits.wait(other)
  credits.leave(other)
  t.equal(credits.available, 0)
  credits.giveBack()
  t.equal(credits.available, 1)
  credits.giveBack()
  t.strictSame(told, ['one'])
})

t.test('partitions that share one credit all hand out what they have', async t => {
  const topic = await newTopic<string>({ partitions: 4 })
  const records = 40
  for (let record = 0; record < records; record++) await topic.publish({ partition: record % 4, value: `${record}` })
  const acked: string[] = []
  const subscription = topic
    .group('one-by-one')
    .observe({ window: 1, from: 'earliest' })
    .subscribe(delivery =>
      setTimeout(() => {
        delivery.ack()
        acked.push(delivery.value)
      }, 1),
    )
  await until(() => acked.length === records)
  subscription.unsubscribe()
  t.equal(new Set(acked).size, records)
})
