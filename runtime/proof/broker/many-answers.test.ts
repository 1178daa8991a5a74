/** More frames of one thread than it has room for answers, taken together by a partition host that waits for its disk. */
import t from 'tap'
import { folderOf } from '../fixtures/broker.fixture.ts'

const RECORDS = 40_000

t.test('frames of many partitions on disk wait for room for their answers, and their host lives', async t => {
  const { open } = folderOf(t)
  const broker = await open({ partitionThreads: 1 })
  const restarted: string[] = []
  broker.on('restarted', ({ reason }) => restarted.push(reason))
  const topic = await broker.topic<string>('orders', { partitions: 16, durability: 'fsync' })
  const answers: Promise<unknown>[] = []
  for (let n = 0; n < RECORDS; n++) {
    answers.push(topic.publish({ key: `key-${n % 64}`, value: 'x' }))
    // Each goes in a frame of its own.
    await null
  }
  t.equal((await Promise.all(answers)).length, RECORDS)
  t.strictSame(restarted, [])
  const { partitions } = await topic.stats()
  t.equal(
    partitions.reduce((sum, { highWatermark }) => sum + highWatermark, 0),
    RECORDS,
  )
})
