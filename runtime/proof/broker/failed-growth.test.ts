/** Partitions that are added while something fails: what is asked meanwhile, and dead-letter topics that were not ready. Real threads and files. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BrokerDirectory, type StoredTopic } from '../../control/broker-directory.ts'
import { RejectError, type Topic } from '../../index.ts'
import { openDisk } from '../../log/disk/world-disk.ts'
import { folderOf, openBroker, rejection, SMALL } from '../fixtures/broker.fixture.ts'

const TURNS = 12

t.test('named producers, replays, statistics and dead letters are answered as if nothing had been tried', async t => {
  const { dir, open } = folderOf(t)
  const broker = await open({ partitionThreads: 2 })
  const topic = await broker.topic<number>('orders', { partitions: 2, ...SMALL })
  const run = await topic.group('g').handle(() => Promise.reject(new RejectError('bad')))
  for (let partition = 0; partition < 2; partition++) await topic.publish({ value: partition, partition })
  await run.idle()
  const [name] = readdirSync(join(dir, 'topics')).filter(each => each.endsWith('-1'))
  writeFileSync(join(dir, 'topics', (name as string).replace(/1$/, '4')), 'in the way')
  for (let turn = 0; turn < TURNS; turn++) {
    const growing = rejection(topic.addPartitions(3))
    // At another moment of it each time.
    for (let wait = 0; wait < turn; wait++) await new Promise(setImmediate)
    const [loader, replayed, stats, letters] = await Promise.all([
      broker.producer<number>(`loader-${turn}`, topic),
      (async () => {
        const values: number[] = []
        for await (const { value } of topic.replay({ from: 'earliest' })) values.push(value)
        return values.sort()
      })(),
      topic.group('g').stats(),
      broker.deadLetters(topic).count(),
    ])
    t.match(await growing, { code: 'MILL_DISK' })
    t.equal(loader.next, 0)
    t.match(replayed.slice(0, 2), [0, 1])
    t.equal(stats.partitions.length, 2)
    t.ok(letters >= 2)
    await loader.publish({ key: `key-${turn}`, value: 2 })
    await loader.close()
  }
})

/** One record into each partition, all of which become dead letters. */
async function reject(topic: Topic<number>): Promise<void> {
  const run = await topic.group('g').handle(() => Promise.reject(new RejectError('bad')))
  for (let partition = 0; partition < topic.partitions; partition++)
    await topic.publish({ value: partition, partition })
  await run.idle()
  await run.stop()
}

t.test(
  'a dead-letter topic grows with the topic of the group it was made for, also if that could not say so any more',
  async t => {
    const { dir, open } = folderOf(t)
    const first = await open({ partitionThreads: 2 })
    await reject(await first.topic<number>('orders', { partitions: 2, ...SMALL }))
    await first.close()
    const directory = new BrokerDirectory(openDisk(), dir)
    const letters = directory.topic('orders.g.dlq') as StoredTopic
    t.equal(letters.deadLettersOf.length, 1)
    directory.keepTopic({ ...letters, deadLettersOf: [] })
    directory.close()
    const second = await open({ partitionThreads: 2 })
    const topic = await second.topic<number>('orders')
    t.equal(await topic.addPartitions(3), 5)
    await reject(topic)
    t.equal((await second.topic('orders.g.dlq')).partitions, 5)
    t.equal(await second.deadLetters(topic).count(), 7)
  },
)

t.test('a topic that is too small for dead letters is refused, and can be given what it lacks', async t => {
  const broker = await openBroker(t, { partitionThreads: 2 })
  const topic = await broker.topic<number>('orders', { partitions: 2, ...SMALL })
  const letters = await broker.topic<number>('bin', { partitions: 1 })
  const group = topic.group('g')
  const handle = () => group.handle(() => Promise.reject(new RejectError('bad')), { deadLetter: 'bin' })
  t.match(await rejection(handle()), {
    code: 'MILL_CONFIG_MISMATCH',
    message:
      /bin has 1 partitions.* as orders \(2\) to take its dead letters: give it 1 more with topic\.addPartitions/,
  })
  await letters.addPartitions(1)
  const run = await handle()
  await topic.publish({ value: 1, partition: 1 })
  await run.idle()
  t.equal(await broker.deadLetters(topic).count(), 1)
})
