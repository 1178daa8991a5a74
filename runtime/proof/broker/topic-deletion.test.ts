/** A topic is deleted, and its name used again: who used it is told, and nothing of it is left. Real threads and files. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import { type Broker, RejectError, type Topic } from '../../index.ts'
import { folderOf, openBroker, readAll, rejection, SMALL, until } from '../fixtures/broker.fixture.ts'

const DELETED = { code: 'MILL_TOPIC_DELETED' } as const

interface Census {
  readonly blocks: number
  readonly usedBytes: number
}

async function censusOf(broker: Broker): Promise<Census> {
  const { blocks, usedBytes } = await (sessions.get(broker) as Session).ask(control => control.census())
  return { blocks, usedBytes }
}

/** All shared memory that was taken since is given back, which may take the turns of some threads. */
async function backAt(broker: Broker, before: Census): Promise<void> {
  await until(async () => {
    const { blocks, usedBytes } = await censusOf(broker)
    return blocks === before.blocks && usedBytes === before.usedBytes
  }, 'the memory of before')
}

async function handle(topic: Topic<number>, group = 'g'): Promise<number[]> {
  const values: number[] = []
  const run = await topic.group(group).handle(({ value }) => void values.push(value))
  await run.idle()
  await run.stop()
  return values
}

/** One broker for all tests that call it, each of which finds no topic there, nor memory of one: those of the one before are deleted. */
function emptied(opening: () => Promise<Broker>): (t: Test) => Promise<Broker> {
  let opened: Promise<Broker> | undefined
  let empty: Census
  return async t => {
    const isFirst = opened === undefined
    opened ??= opening()
    const broker = await opened
    if (isFirst) empty = await censusOf(broker)
    t.teardown(async () => {
      for (const { name } of await broker.topics()) await (await broker.topic(name)).delete()
      await backAt(broker, empty)
    })
    return broker
  }
}

for (const [where, open] of [
  ['in memory', emptied(() => openBroker(t))],
  ['on disk', emptied(() => folderOf(t).open())],
] as const) {
  t.test(`${where}: what is made again under the name knows nothing of the topic before`, async t => {
    const broker = await open(t)
    const old = await broker.topic<number>('orders', { partitions: 3, ...SMALL })
    await old.publishBatch([1, 2, 3].map(value => ({ value, partition: 0 })))
    t.strictSame(await handle(old), [1, 2, 3])
    await old.delete()
    t.notOk((await broker.topics()).some(({ name }) => name === 'orders'))
    const next = await broker.topic<number>('orders', { partitions: 1, ...SMALL })
    t.not(next, old)
    t.strictSame(await next.groups(), [])
    t.match(await next.publish({ value: 4 }), { partition: 0, offset: 0 })
    t.strictSame(await handle(next), [4])
    for (const asked of [
      old.publish({ value: 5 }),
      old.publishBatch([{ value: 5 }]).catch(error => Promise.reject(error.cause ?? error)),
      old.flush(),
      old.stats(),
      old.groups(),
      old.group('g').stats(),
      old.group('g').lag(),
      old.group('g').seek('earliest'),
      old.group('g').handle(() => undefined),
    ])
      t.match(await rejection(asked), DELETED)
    t.throws(() => old.tryPublish({ value: 5 }), DELETED)
    await old.group('g').delete()
    await old.delete()
    t.strictSame(await handle(next, 'late'), [4], 'it is none of its business')
  })

  t.test(`${where}: topics that come and go leave no shared memory behind`, async t => {
    const broker = await open(t)
    const live = await broker.topic<number>('live', SMALL)
    await live.publish({ value: 1 })
    const before = await censusOf(broker)
    for (let turn = 0; turn < 3; turn++) {
      const topic = await broker.topic<number>('passing', { partitions: 5, ...SMALL })
      await topic.publishBatch(Array.from({ length: 50 }, (_, value) => ({ value, key: `${value}` })))
      t.equal((await handle(topic)).length, 50)
      await topic.delete()
      await backAt(broker, before)
    }
    t.strictSame(await handle(live), [1])
  })

  t.test(`${where}: a topic is not deleted under those who read it, or whose output or letters it takes`, async t => {
    const broker = await open(t)
    const orders = await broker.topic<number>('orders', SMALL)
    const results = await broker.topic<number>('results', SMALL)
    const run = await orders.group('g').handle(({ value }) => value + 1, { output: 'results' })
    const letters = await broker.topic('orders.g.dlq')
    t.match(await rejection(orders.delete()), { code: 'MILL_GROUP_BUSY', message: /group g is running/ })
    t.match(await rejection(results.delete()), {
      code: 'MILL_GROUP_BUSY',
      message: /group g of topic orders publishes its output/,
    })
    t.match(await rejection(letters.delete()), {
      code: 'MILL_GROUP_BUSY',
      message: /group g of topic orders has its dead letters there/,
    })
    await orders.publish({ value: 1 })
    await run.idle()
    t.strictSame(await handle(results), [2], 'nothing has changed')
    await run.stop()
    for (const topic of [orders, results, letters]) await topic.delete()
    t.strictSame(await broker.topics(), [])
  })

  t.test(`${where}: what is on its way into a full topic fails with the topic`, async t => {
    const broker = await open(t)
    const topic = await broker.topic<string>('full', { ...SMALL, durability: 'memory', groups: ['stuck'] })
    const value = 'x'.repeat(1_000)
    const sent = Array.from({ length: 400 }, () =>
      topic.publish({ value }).then(
        () => 'appended',
        error => error.code,
      ),
    )
    t.equal(await sent[0], 'appended')
    while (topic.tryPublish({ value }));
    await topic.delete()
    const outcomes = await Promise.all(sent)
    t.strictSame(new Set(outcomes), new Set(['appended', 'MILL_TOPIC_DELETED']))
    t.match(await (await broker.topic('next', SMALL)).publish({ value: 1 }), { offset: 0 })
  })

  t.test(`${where}: a handler that publishes to it is told, and finds the next one of the name`, async t => {
    const broker = await open(t)
    const before = await broker.topic<number>('results', SMALL)
    const orders = await broker.topic<number>('orders', SMALL)
    const messages: string[] = []
    t.teardown(broker.on('deadLettered', ({ message }) => messages.push(message)))
    const run = await orders.group('g').run({
      handler: new URL('../../delivery/fixtures/republishing.fixture.js', import.meta.url),
      threads: 1,
      attempts: 1,
    })
    await orders.publish({ value: 1 })
    await run.idle()
    await before.delete()
    await orders.publish({ value: 2 })
    await run.idle()
    t.match(await run.stats(), { processed: 1, deadLettered: 1 })
    t.match(messages, [/topic results was deleted|there is no topic or queue results/])
    const results = await broker.topic<number>('results', SMALL)
    await orders.publish({ value: 3 })
    await run.idle()
    t.strictSame(await handle(results), [3])
    await run.stop()
  })

  t.test(`${where}: an empty dead-letter topic goes with its group, and one with letters stays`, async t => {
    const broker = await open(t)
    const orders = await broker.topic<number>('orders', SMALL)
    const names = async (): Promise<string[]> => (await broker.topics()).map(({ name }) => name)
    const census = await censusOf(broker)
    await handle(orders, 'clean')
    t.ok((await names()).includes('orders.clean.dlq'))
    await orders.group('clean').delete()
    t.strictSame(await names(), ['orders'])
    await backAt(broker, census)

    const failing = async (group: string): Promise<void> => {
      const run = await orders.group(group).handle(() => {
        throw new RejectError('never')
      })
      await run.idle()
      await run.stop()
      await orders.group(group).delete()
    }
    await orders.publish({ value: 1 })
    await failing('failing')
    t.strictSame(await names(), ['orders', 'orders.failing.dlq'])
    t.equal(await broker.deadLetters(orders).count(), 1)

    await broker.topic('orders.watched.dlq')
    await handle(orders, 'watched')
    await orders.group('watched').delete()
    t.ok((await names()).includes('orders.watched.dlq'), 'somebody made it, or has opened it')

    await orders
      .group('shared')
      .handle(() => undefined, { deadLetter: 'shared' })
      .then(run => run.stop())
    await orders
      .group('other')
      .handle(() => undefined, { deadLetter: 'shared' })
      .then(run => run.stop())
    await orders.group('shared').delete()
    t.ok((await names()).includes('shared'), 'another group uses it')

    await broker.deadLetters(orders).purge({})
    await handle(orders, 'last')
    await orders.delete()
    t.strictSame(await names(), ['orders.failing.dlq', 'orders.watched.dlq', 'shared'])
  })

  t.test(`${where}: a partition host that is started again knows nothing of it`, async t => {
    const broker = await open(t)
    const session = sessions.get(broker) as Session
    const before = await censusOf(broker)
    const topic = await broker.topic<number>('passing', SMALL)
    await topic.publish({ value: 1 })
    await handle(topic)
    const [deleted, killed] = [topic.delete(), session.ask(control => control.killPartitionHost(0, 0))]
    await Promise.all([deleted, killed])
    await backAt(broker, before)
    const next = await broker.topic<number>('passing', SMALL)
    await session.ask(control => control.killPartitionHost(0, 0))
    t.match(await next.publish({ value: 2 }), { offset: 0 })
    t.strictSame(await handle(next), [2])
  })
}

t.test('the folder has neither files nor entries of a topic that was deleted', async t => {
  const { dir, open } = folderOf(t)
  const first = await open()
  for (const durability of ['fsync', 'os'] as const) {
    const topic = await first.topic<number>(durability, { partitions: 2, ...SMALL, durability })
    await topic.publishBatch([1, 2, 3].map(value => ({ value, key: `${value}` })))
    await handle(topic)
    await topic.delete()
  }
  t.strictSame(readdirSync(join(dir, 'topics')), [])
  t.notOk(openFiles().some(path => path.startsWith(join(dir, 'topics'))))
  await first.close()
  const second = await open()
  t.strictSame(await second.topics(), [])
  const again = await second.topic<number>('os', SMALL)
  t.match(await again.publish({ value: 1 }), { offset: 0, durability: 'fsync' })
})

t.test('an empty dead-letter topic goes with a group that nobody has run in this process', async t => {
  const { open } = folderOf(t)
  const first = await open()
  await handle(await first.topic<number>('orders', SMALL))
  await first.close()
  const second = await open()
  t.strictSame(
    (await second.topics()).map(({ name }) => name),
    ['orders', 'orders.g.dlq'],
  )
  await (await second.topic('orders')).group('g').delete()
  t.strictSame(
    (await second.topics()).map(({ name }) => name),
    ['orders'],
  )
})

t.test('a named producer of a topic that is deleted fails, and its name begins at 0 in the next one', async t => {
  const { open } = folderOf(t)
  const broker = await open()
  const before = await censusOf(broker)
  const topic = await broker.topic<number>('orders', SMALL)
  const loader = await broker.producer<number>('file', topic)
  await loader.publishBatch([{ value: 1, key: 'a' }])
  await topic.delete()
  const failed = await rejection(loader.publish({ value: 2, key: 'a' }))
  t.match(failed, { code: 'MILL_UNPUBLISHED', cause: DELETED, message: /topic orders was deleted/ })
  await loader.close()
  await backAt(broker, before)
  const next = await broker.topic<number>('orders', SMALL)
  const again = await broker.producer<number>('file', next)
  t.equal(again.next, 0)
  await again.publish({ value: 3, key: 'a' })
  await again.close()
  t.strictSame(
    (await readAll(next)).map(({ value }) => value),
    [3],
  )
})

function openFiles(): string[] {
  if (!existsSync('/proc/self/fd')) return []
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  })
}
