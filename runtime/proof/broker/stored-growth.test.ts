/** Partitions that a process before added: its groups, their states and dead letters, and what is found of them. Real threads and files. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import { type Broker, defineHandler, RejectError, type Topic } from '../../index.ts'
import { folderOf, readAll, rejection, SMALL } from '../fixtures/broker.fixture.ts'
import { twoLives } from '../fixtures/two-lives.fixture.ts'

/** One record into each partition from one on. */
async function fill(topic: Topic<number>, from = 0): Promise<void> {
  for (let partition = from; partition < topic.partitions; partition++)
    await topic.publish({ value: partition, partition })
}

/** The values that a group is handed next. */
async function handed(topic: Topic<number>, group: string, from?: 'latest'): Promise<number[]> {
  const values: number[] = []
  const run = await topic.group(group).handle(({ value }) => void values.push(value), { from })
  await run.idle()
  await run.stop()
  return values.sort()
}

const sums = defineHandler<number, { sum: number }, number>({
  start: () => ({ sum: 0 }),
  message({ value }, state) {
    state.sum += value
  },
  stop: ({ sum }) => sum,
  snapshot: state => state,
  restore: (state: { sum: number }) => state,
})

twoLives({
  async 'a group that nobody ran since reads them from their beginning'(t, first) {
    const topic = await first.topic<number>('late', { partitions: 2 })
    await fill(topic)
    t.strictSame(await handed(topic, 'latest', 'latest'), [])
    t.equal(await topic.addPartitions(2), 4)
    await fill(topic, 2)
    return async (t, second) => {
      const topic = await second.topic<number>('late')
      t.equal(topic.partitions, 4)
      t.match(await topic.group('latest').stats(), {
        lag: 2,
        partitions: [{ lag: 0 }, { lag: 0 }, { lag: 1 }, { lag: 1 }],
      })
      t.strictSame(await handed(topic, 'latest', 'latest'), [2, 3])
    }
  },

  async 'a group that the process which adds them knows by name only reads them from their beginning as well'(
    t,
    first,
  ) {
    const topic = await first.topic<number>('named', { partitions: 2 })
    t.strictSame(await handed(topic, 'latest', 'latest'), [])
    return async (t, second) => {
      const topic = await second.topic<number>('named')
      t.equal(await topic.addPartitions(1), 3)
      await fill(topic, 2)
      t.strictSame(await handed(topic, 'latest', 'latest'), [2])
      t.strictSame(await handed(topic, 'later', 'latest'), [], 'but not one that is new')
    }
  },

  async 'states of handlers are those of their partitions'(t, first) {
    const topic = await first.topic<number>('sums', { partitions: 1 })
    const run = await topic.group('g').handle(sums)
    await topic.publish({ value: 10, partition: 0 })
    await topic.addPartitions(1)
    await topic.publish({ value: 100, partition: 1 })
    await run.idle()
    t.strictSame((await run.stop()).results, [10, 100])
    await topic.addPartitions(1)
    await topic.publish({ value: 1_000, partition: 2 })
    return async (t, second) => {
      const topic = await second.topic<number>('sums')
      const run = await topic.group('g').handle(sums)
      await topic.publish({ value: 1, partition: 1 })
      await run.idle()
      t.strictSame((await run.stop()).results, [10, 101, 1_000])
    }
  },

  async 'letters are found in all partitions, and groups of dead letters go on'(t, first) {
    const topic = await first.topic<number>('lettered', { partitions: 1 })
    const run = await topic.group('g').handle(() => Promise.reject(new RejectError('bad')))
    await fill(topic)
    await run.idle()
    await run.stop()
    const dead = await first.topic<number>('lettered.g.dlq')
    await dead
      .group('watch')
      .seek('earliest')
      .catch(() => undefined)
    t.strictSame(await handed(dead, 'watch', 'latest'), [])
    await topic.addPartitions(2)
    t.equal(dead.partitions, 3)
    return async (t, second) => {
      const topic = await second.topic<number>('lettered')
      const run = await topic.group('g').handle(() => Promise.reject(new RejectError('bad')))
      await fill(topic)
      await run.idle()
      await run.stop()
      const dead = await second.topic<number>('lettered.g.dlq')
      t.strictSame(await handed(dead, 'watch', 'latest'), [0, 1, 2])
    }
  },

  async 'the count that is told is the new one, and no other is taken for it'(t, first) {
    const topic = await first.topic<number>('counted', { partitions: 2 })
    t.equal(await topic.addPartitions(1), 3)
    return async (t, second) => {
      t.match(
        (await second.topics()).find(({ name }) => name === 'counted'),
        { partitions: 3 },
      )
      t.match(await rejection(second.topic('counted', { partitions: 2 })), {
        code: 'MILL_CONFIG_MISMATCH',
        message: /exists with partitions 3, not 2/,
      })
      t.equal((await second.topic('counted', { partitions: 3 })).partitions, 3)
    }
  },

  async 'a topic that has grown is deleted with all of its folders'(t, first) {
    const topic = await first.topic<number>('gone', { partitions: 2 })
    await fill(topic)
    await handed(topic, 'g')
    t.equal(await topic.addPartitions(3), 5)
    await fill(topic)
    return async (t, second) => {
      const topic = await second.topic<number>('gone')
      await topic.delete()
      t.notOk((await second.topics()).some(({ name }) => name === 'gone'))
    }
  },
})

/** How many folders a broker's folder has for partitions. */
function foldersOf(dir: string): number {
  return readdirSync(join(dir, 'topics')).length
}

async function censusOf(broker: Broker): Promise<unknown> {
  return (sessions.get(broker) as Session).ask(control => control.census())
}

t.test('partitions that cannot all be made are none, and can be made once nothing is in the way', async t => {
  const { dir, open } = folderOf(t)
  const first = await open()
  const topic = await first.topic<number>('orders', { partitions: 2, ...SMALL })
  const run = await topic.group('g').handle(() => Promise.reject(new RejectError('bad')))
  await fill(topic)
  await run.idle()
  const [name] = readdirSync(join(dir, 'topics')).filter(each => each.endsWith('-1'))
  const inTheWay = join(dir, 'topics', (name as string).replace(/1$/, '4'))
  writeFileSync(inTheWay, 'in the way')
  const before = await censusOf(first)
  const folders = foldersOf(dir)
  for (let turn = 0; turn < 2; turn++) {
    t.match(await rejection(topic.addPartitions(3)), { code: 'MILL_DISK', message: /ENOTDIR/ })
    t.equal(topic.partitions, 2)
    t.equal(foldersOf(dir), folders)
    t.strictSame(await censusOf(first), before)
  }
  await fill(topic)
  await run.idle()
  t.match(await run.stats(), { deadLettered: 4, partitions: [{ committed: 2 }, { committed: 2 }] })
  t.ok(await (sessions.get(first) as Session).ask(control => control.killPartitionHost(0, 0)))
  t.equal(await topic.addPartitions(2), 4, 'as many as there is room for')
  await fill(topic)
  await run.idle()
  await first.close()
  const second = await open()
  const again = await second.topic<number>('orders')
  t.equal(again.partitions, 4)
  t.match(await rejection(again.addPartitions(1)), { code: 'MILL_DISK' })
  rmSync(inTheWay)
  t.equal(await again.addPartitions(1), 5)
  await fill(again)
  t.equal((await readAll(again)).length, 13)
  await second.close()
  const third = await open()
  await (await third.topic('orders')).delete()
  const [id] = (name as string).split('-')
  t.strictSame(
    readdirSync(join(dir, 'topics')).filter(each => each.startsWith(`${id}-`)),
    [],
  )
})
