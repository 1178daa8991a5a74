/** Topics whose partitions do not begin at the first partition host, in folders that are opened with other numbers of hosts. */
import { join } from 'node:path'
import t from 'tap'
import { BrokerDirectory } from '../../control/broker-directory.ts'
import { type Broker, RejectError, type Topic } from '../../index.ts'
import { NodeDisk } from '../../log/disk/node-disk.ts'
import { StateLog } from '../../log/store/state-log.ts'
import { folderOf } from '../fixtures/broker.fixture.ts'

const PARTITIONS = 3

/** The topic's first partition is to lie on the host after the first, from now on; nothing is in it yet. */
function place(dir: string, name: string): void {
  const directory = new BrokerDirectory(new NodeDisk(), dir)
  const topic = directory.topic(name)
  if (topic === undefined) throw new Error(`there is no topic ${name}`)
  directory.keepTopic({ ...topic, shape: { ...topic.shape, base: 1 } })
  directory.close()
}

/** The base of each topic in the folder. */
function basesIn(dir: string): Record<string, number | undefined> {
  const directory = new BrokerDirectory(new NodeDisk(), dir)
  const bases = Object.fromEntries(directory.topics().map(({ shape: { name, base } }) => [name, base]))
  directory.close()
  return bases
}

/** Members of groups whose states a host's file has. */
function membersOf(dir: string, host: number): number {
  const directory = new BrokerDirectory(new NodeDisk(), dir)
  const { logId } = directory
  directory.close()
  const log = StateLog.open(new NodeDisk(), join(dir, `host-${host}.groups`), { logId, syncs: false })
  const { length } = [...log.entries()]
  log.close()
  return length
}

async function handled(topic: Topic<number>): Promise<number[]> {
  const values: number[] = []
  const run = await topic.group('g').handle(({ value }) => {
    if (value % 10 === 9) throw new RejectError('no nine')
    values.push(value)
  })
  await run.idle()
  await run.stop()
  return values.sort((a, b) => a - b)
}

async function publish(topic: Topic<number>, from: number): Promise<void> {
  await topic.publishBatch(Array.from({ length: 30 }, (_, at) => ({ value: from + at, partition: at % PARTITIONS })))
}

const wanted = (from: number): number[] => Array.from({ length: 30 }, (_, at) => from + at).filter(n => n % 10 !== 9)

t.test('they are found wherever they were, and so are their groups and dead letters', async t => {
  const folder = folderOf(t)
  const open = async (partitionThreads: number): Promise<[Broker, Topic<number>]> => {
    const broker = await folder.open({ partitionThreads })
    return [broker, await broker.topic<number>('orders')]
  }
  const made = await folder.open({ partitionThreads: 2 })
  await made.topic('orders', { partitions: PARTITIONS })
  await made.close()
  place(folder.dir, 'orders')
  let letters = 0
  for (const [life, hosts] of [2, 1, 3, 2].entries()) {
    const [broker, orders] = await open(hosts)
    t.equal(await orders.group('g').lag(), 0, 'nothing comes again')
    await publish(orders, life * 30)
    t.strictSame(await handled(orders), wanted(life * 30), `life ${life} with ${hosts} hosts`)
    letters += 3
    t.equal((await orders.group('g').stats()).deadLetterDepth, letters)
    if (life === 1) await orders.addPartitions(1)
    await broker.close()
    if (life === 0) t.strictSame([membersOf(folder.dir, 0), membersOf(folder.dir, 1)], [1, 2], 'by their hosts')
  }
  t.strictSame(basesIn(folder.dir), { orders: 1, 'orders.g.dlq': 1 })
})

t.test('a topic that lies elsewhere takes no dead letters of one, and the error says so', async t => {
  const folder = folderOf(t)
  const first = await folder.open({ partitionThreads: 2 })
  for (const name of ['orders', 'elsewhere']) await first.topic(name, { partitions: PARTITIONS })
  await first.close()
  place(folder.dir, 'orders')
  const second = await folder.open({ partitionThreads: 2 })
  const orders = await second.topic<number>('orders')
  await second.topic('elsewhere', { windowBytes: 4_194_304 })
  await t.rejects(
    orders.group('g').handle(() => undefined, { deadLetter: 'elsewhere' }),
    { code: 'MILL_CONFIG_MISMATCH', message: /elsewhere lies on other partition threads than orders/ },
  )
})
