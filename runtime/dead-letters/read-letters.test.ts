/** Letters that groups read as a stream: what all of them have handled is settled. */
import t from 'tap'
import { type DeadLetter, RejectError } from '../index.ts'
import { SMALL } from '../proof/fixtures/broker.fixture.ts'
import { newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'

async function collect<V>(letters: AsyncIterable<DeadLetter<V>>): Promise<DeadLetter<V>[]> {
  const found: DeadLetter<V>[] = []
  for await (const letter of letters) found.push(letter)
  return found
}

t.test('letters that all groups of their topic have handled make room, and are listed no more', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<{ n: number; pad: string }>(SMALL)
  const watch = await (await broker.topic(`${topic.name}.g.dlq`)).group('watch').handle(() => undefined)
  const run = await topic.group('g').handle(() => {
    throw new RejectError('never')
  })
  const letters = broker.deadLetters<{ n: number }>(topic)
  const count = 2_000
  await topic.publishBatch(Array.from({ length: count }, (_, n) => ({ value: { n, pad: 'x'.repeat(500) } })))
  await run.idle()
  await watch.idle()
  t.strictSame(await collect(letters.browse()), [])
  t.equal((await letters.stats()).depth, 0)
  const dead = await broker.topic(`${topic.name}.g.dlq`)
  t.match((await dead.stats()).dropped, 0)
  await watch.stop()
  await dead.group('watch').delete()
  t.strictSame(await collect(letters.browse()), [], 'nor when that group is no more')
  await topic.publish({ value: { n: count, pad: '' } })
  await run.idle()
  t.strictSame(
    (await collect(letters.browse())).map(({ value }) => value.n),
    [count],
  )
})
