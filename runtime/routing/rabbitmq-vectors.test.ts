import t from 'tap'
import { differences, readVectors } from './rabbitmq-vectors.fixture.ts'

t.test('5,000 messages go to the queues in which they arrived in RabbitMQ', async t => {
  const worlds = readVectors()
  t.strictSame(worlds.flatMap(differences), [])
  const all = worlds.flatMap(({ arrived }) => arrived)
  t.equal(all.length, 5_000)
  t.ok(all.filter(arrived => arrived !== '').length > 1_500)
  t.ok(all.filter(arrived => arrived.includes(' ')).length > 500)
})
