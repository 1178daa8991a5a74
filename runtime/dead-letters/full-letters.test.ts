/** A dead-letter topic that is full: whoever could do something about it is told, and the group goes on when it was done. */
import t, { type Test } from 'tap'
import {
  type Broker,
  type BrokerEvents,
  type Group,
  RejectError,
  type Run,
  type Topic,
  type TopicOptions,
} from '../index.ts'
import { openBroker, readAll, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'

interface Stuck {
  readonly broker: Broker
  readonly topic: Topic<string>
  readonly group: Group<string>
  readonly run: Run
  readonly stalls: BrokerEvents['stalled'][]
  readonly depths: BrokerEvents['deadLetterDepth'][]
  readonly published: number
}

/** A group that rejects all that it gets, until there is no room for another letter. */
async function stuckGroup(t: Test, options: TopicOptions, bytes: number): Promise<Stuck> {
  const broker = await openBroker(t)
  const stalls: BrokerEvents['stalled'][] = []
  const depths: BrokerEvents['deadLetterDepth'][] = []
  broker.on('stalled', event => stalls.push(event))
  broker.on('deadLetterDepth', event => depths.push(event))
  const topic = await broker.topic<string>('orders', options)
  const group = topic.group('g')
  const run = await group.handle(() => {
    throw new RejectError('never')
  })
  const letters = await broker.topic('orders.g.dlq')
  const { windowBytes = 0 } = (await letters.stats()).partitions[0] ?? {}
  // No more than its window takes, in which the group has one record in hand.
  const published = Math.ceil(windowBytes / bytes)
  await topic.publishBatch(Array.from({ length: published }, () => ({ value: 'x'.repeat(bytes) })))
  await until(async () => (await group.stats()).waitsForDeadLetters)
  return { broker, topic, group, run, stalls, depths, published }
}

for (const [name, options, bytes] of [
  ['a small topic', { ...SMALL, windowBytes: 131_072 }, 500],
  ['a topic with its defaults', {}, 10_000],
] as const) {
  t.test(`${name}: the refused letter is told at once, and half of the bytes before`, async t => {
    const { broker, run, group, stalls, depths, published } = await stuckGroup(t, options, bytes)
    await until(() => stalls.length > 0)
    const { deadLettered, lag, partitions } = await group.stats()
    t.ok(deadLettered < published && deadLettered < 1_000, `${deadLettered} of ${published}`)
    t.match(stalls, [{ topic: 'orders', partition: 0, group: 'g', deadLetterTopic: 'orders.g.dlq' }])
    t.match(partitions, [{ waitsForDeadLetters: true }])
    t.match(depths, [{ topic: 'orders.g.dlq', rising: true, threshold: 1_000 }])
    const [{ depth = 0, filled = 0 } = {}] = depths
    t.ok(filled >= 0.5 && filled < 1 && depth < deadLettered, `${depth} letters, ${filled}`)
    t.equal(stalls.length, 1, 'once')
    // Whoever waits for the group hears of it, and nothing is lost.
    const error = await rejection(run.idle())
    t.match(error, { code: 'MILL_FULL', retriable: true, message: /orders\.g\.dlq is full.*purge/ })
    t.match(await group.stats(), { deadLettered, lag, waitsForDeadLetters: true })
    // Room appears: nothing else need be done.
    const letters = broker.deadLetters('orders')
    let purged = 0
    while (purged < published) purged += await letters.purge({})
    await run.idle()
    t.match(await group.stats(), { deadLettered: published, lag: 0, waitsForDeadLetters: false })
    await until(() => depths.at(-1)?.rising === false)
  })
}

t.test('a replay to another topic makes room as well, and takes the group on', async t => {
  const { broker, run, group, published } = await stuckGroup(t, { ...SMALL, windowBytes: 131_072 }, 500)
  const elsewhere = await broker.topic<string>('elsewhere')
  const letters = broker.deadLetters<string>('orders')
  let replayed = 0
  while (replayed < published) replayed += (await letters.replay({}, { to: elsewhere })).replayed
  await run.idle()
  t.match(await group.stats(), { deadLettered: published, lag: 0, waitsForDeadLetters: false })
  t.equal((await readAll(elsewhere)).length, published)
})

t.test('a topic of letters that is read is full for a moment, and nobody is told', async t => {
  const { broker, run, group, stalls, published } = await stuckGroup(t, { ...SMALL, windowBytes: 131_072 }, 500)
  await until(() => stalls.length > 0)
  t.equal(stalls.length, 1, 'before somebody reads it')
  const letters = await broker.topic('orders.g.dlq')
  const reading = await letters.group('r').handle(() => undefined)
  await run.idle()
  await reading.idle()
  t.match(await group.stats(), { deadLettered: published, lag: 0 })
  t.equal(stalls.length, 1)
})
