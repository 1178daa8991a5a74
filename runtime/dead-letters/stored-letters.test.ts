/** Dead letters of topics on disk through the public door: in another broker, after a kill, after a host's death. Real threads. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { sessions } from '../api/broker.ts'
import type { Session } from '../embedded/session.ts'
import { type Broker, parseDeadLetter, RejectError, type Topic } from '../index.ts'
import { type Folder, folderOf, readAll, until } from '../proof/fixtures/broker.fixture.ts'
import { twoLives } from '../proof/fixtures/two-lives.fixture.ts'
import { FAULT_POINT, type FaultPoint } from '../wire/layout.ts'

const MAKER = fileURLToPath(new URL('./fixtures/letter-maker.fixture.js', import.meta.url))
const PARTITIONS = { partitions: 2 } as const
const OFTEN = { intensity: 1_000, periodMs: 1_000 } as const

interface Order {
  readonly n: number
}

/** A broker in a folder; the topic is opened, and no group. */
async function opened(folder: Folder, partitionThreads = 1): Promise<{ broker: Broker; topic: Topic<Order> }> {
  const broker = await folder.open({ restart: OFTEN, partitionThreads })
  return { broker, topic: await broker.topic<Order>('orders', PARTITIONS) }
}

/** Publishes ten orders, of which those with an odd number are rejected. */
async function failures(topic: Topic<Order>, group = 'g', options: { deadLetter?: string } = {}): Promise<void> {
  const run = await topic.group(group).handle(({ value: { n } }) => {
    if (n % 2 === 1) throw new RejectError(`${n} is odd`)
  }, options)
  await topic.publishBatch(Array.from({ length: 10 }, (_, n) => ({ key: `k${n}`, value: { n }, partition: n % 2 })))
  await run.idle()
  await run.stop()
}

async function numbers(broker: Broker, group?: string, topic = 'orders'): Promise<number[]> {
  const found: number[] = []
  const letters = broker.deadLetters<Order>(topic, group === undefined ? {} : { group })
  for await (const { value } of letters.browse()) found.push(value.n)
  return found.sort((a, b) => a - b)
}

function killHost(broker: Broker, point: FaultPoint = 'none'): Promise<boolean> {
  return (sessions.get(broker) as Session).ask(control => control.killPartitionHost(0, FAULT_POINT[point]))
}

t.test('letters are there for the next broker, which has run no group', async t => {
  const folder = folderOf(t)
  const first = await opened(folder)
  await failures(first.topic)
  t.strictSame(await numbers(first.broker), [1, 3, 5, 7, 9])
  await first.broker.close()

  const second = await opened(folder)
  const letters = second.broker.deadLetters<Order>('orders')
  t.match(await letters.stats(), { depth: 5, topics: [{ topic: 'orders.g.dlq', depth: 5 }] })
  t.equal(await letters.count({ key: 'k3' }), 1)
  t.strictSame(await numbers(second.broker, 'g'), [1, 3, 5, 7, 9])
  const lines: string[] = []
  for await (const line of letters.export()) lines.push(line)
  t.equal(lines.length, 5)
  t.match(parseDeadLetter(lines[0] as string), { topic: 'orders', group: 'g', reason: 'rejected' })
  t.equal(await letters.purge({ key: 'k7' }), 1)
  const repair = await second.broker.topic<Order>('repair', { partitions: 1, durability: 'memory', groups: ['reader'] })
  t.match(await letters.replay({ key: 'k5' }, { to: repair }), { replayed: 1 })
  t.match(
    (await readAll(repair)).map(({ value }) => value),
    [{ n: 5 }],
  )
  t.match(await letters.stats(), { depth: 3 })
  await second.broker.close()

  const third = await opened(folder)
  t.strictSame(await numbers(third.broker), [1, 3, 9])
  t.equal(await third.broker.deadLetters('orders').purge({}), 3)
  t.equal(await third.broker.deadLetters('orders').purge({}), 0)
  await third.broker.close()

  const fourth = await opened(folder)
  t.match(await fourth.broker.deadLetters('orders').stats(), { depth: 0 })
  t.strictSame(await numbers(fourth.broker), [])
})

t.test('what a killed process had been told is settled stays so, and nothing else is', async t => {
  const folder = folderOf(t)
  const child = fork(MAKER, [folder.dir])
  t.teardown(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const told = await Promise.race([once(child, 'message'), exited])
  t.strictSame(told[0], { purged: 1, replayed: 1 })
  child.kill('SIGKILL')
  await exited

  const { broker, topic } = await opened(folder)
  t.strictSame(await numbers(broker, 'g'), [5, 7, 9])
  t.match(await broker.deadLetters(topic).stats(), { depth: 3 })
  const run = await topic.group('g').handle(() => undefined)
  await run.idle()
  t.match(await run.stats(), { deadLetterDepth: 3, deadLettered: 5 })
})

t.test('a partition host that dies forgets nothing that was settled, and counts it once', async t => {
  const { broker, topic } = await opened(folderOf(t))
  await failures(topic)
  const letters = broker.deadLetters(topic)
  t.equal(await letters.purge({ key: 'k3' }), 1)
  const events: unknown[] = []
  broker.on('restarted', event => events.push(event))
  t.ok(await killHost(broker))
  t.match(await letters.stats(), { depth: 4 })
  t.strictSame(await numbers(broker), [1, 5, 7, 9])
  t.equal(await letters.purge({}), 4)
  t.ok(await killHost(broker))
  t.match(await letters.stats(), { depth: 0 })
  await until(() => events.length === 2)
})

t.test('a record has one letter when the host died before it could say so', async t => {
  const folder = folderOf(t)
  const first = await opened(folder)
  const killed = killHost(first.broker, 'betweenDeadLetterAndVerdict')
  await failures(first.topic)
  t.equal(await killed, true)
  t.strictSame(await numbers(first.broker), [1, 3, 5, 7, 9])
  t.match(await first.topic.group('g').stats(), { deadLettered: 5, deadLetterDepth: 5 })
  await first.broker.close()
  const second = await opened(folder)
  t.strictSame(await numbers(second.broker), [1, 3, 5, 7, 9])
})

t.test('with another number of partition threads nothing that was settled is open again', async t => {
  const folder = folderOf(t)
  const first = await opened(folder, 2)
  const all = await first.broker.topic<Order>('all', PARTITIONS)
  const run = await all.group('g').handle(() => {
    throw new RejectError('all')
  })
  await all.publishBatch(Array.from({ length: 8 }, (_, n) => ({ key: `k${n}`, value: { n }, partition: n % 2 })))
  await run.idle()
  t.equal(await first.broker.deadLetters('all').purge({ key: 'k2' }), 1)
  t.equal(await first.broker.deadLetters('all').purge({ key: 'k3' }), 1)
  await first.broker.close()
  for (const threads of [1, 3]) {
    const { broker } = await opened(folder, threads)
    const topic = await broker.topic<Order>('all', PARTITIONS)
    t.match(await broker.deadLetters('all').stats(), { depth: 6 })
    const again = await topic.group('g').handle(() => undefined)
    await again.idle()
    t.match(await again.stats(), { deadLettered: 8, deadLetterDepth: 6, lag: 0 })
    await broker.close()
  }
})

twoLives({
  async 'letters are found also where their topic was opened by its name before'(_t, first) {
    await failures(await first.topic('named', PARTITIONS))
    return async (t, second) => {
      await second.topic('named', PARTITIONS)
      await second.topic('named.g.dlq')
      t.strictSame(await numbers(second, undefined, 'named'), [1, 3, 5, 7, 9])
      t.match(await second.deadLetters('named').stats(), { depth: 5 })
    }
  },

  async 'letters of several groups in one topic keep apart through processes'(t, first) {
    const topic = await first.topic<Order>('shared', PARTITIONS)
    await failures(topic, 'g', { deadLetter: 'dead' })
    await failures(topic, 'h', { deadLetter: 'dead' })
    t.equal(await first.deadLetters('shared', { group: 'g' }).count(), 5)
    t.equal(await first.deadLetters('shared', { group: 'h' }).count(), 10)
    return async (t, second) => {
      await second.topic('shared', PARTITIONS)
      t.equal(await second.deadLetters('shared', { group: 'g' }).purge({}), 5)
      t.strictSame(await numbers(second, 'h', 'shared'), [1, 1, 3, 3, 5, 5, 7, 7, 9, 9])
      t.match(await second.deadLetters('shared').stats(), { depth: 10, topics: [{ topic: 'dead', depth: 10 }] })
    }
  },

  async 'letters that a group has read are open no more; what another has not read waits for it'(t, first) {
    await failures(await first.topic('read', PARTITIONS))
    const dead = await first.topic<Order>('read.g.dlq', { groups: ['fast', 'slow'] })
    t.equal((await readAll(dead, 'fast')).length, 5)
    t.match(await first.deadLetters('read').stats(), { depth: 5 })
    return async (t, second) => {
      await second.topic('read', PARTITIONS)
      // Of the groups only one is opened by this process.
      const again = await second.topic<Order>('read.g.dlq', { groups: ['fast'] })
      t.strictSame(await numbers(second, undefined, 'read'), [1, 3, 5, 7, 9])
      t.equal((await readAll(again, 'slow')).length, 5)
      t.match(await second.deadLetters('read').stats(), { depth: 0 })
      t.strictSame(await numbers(second, undefined, 'read'), [])
    }
  },
})

t.test('a record whose letter was written is not handled again where its group had not kept that', async t => {
  const folder = folderOf(t)
  const first = await opened(folder)
  const idle = await first.topic.group('g').handle(() => undefined)
  await idle.idle()
  await idle.stop()
  copyFileSync(join(folder.dir, 'host-0.groups'), join(folder.dir, 'older'))
  await failures(first.topic)
  await first.broker.close()
  copyFileSync(join(folder.dir, 'older'), join(folder.dir, 'host-0.groups'))

  const { broker, topic } = await opened(folder)
  const handled: number[] = []
  const run = await topic.group('g').handle(({ value: { n } }) => {
    handled.push(n)
    if (n % 2 === 1) throw new RejectError(`${n} is odd`)
  })
  await run.idle()
  t.strictSame(
    handled.sort((a, b) => a - b),
    [0, 2, 4, 6, 8],
  )
  t.strictSame(await numbers(broker), [1, 3, 5, 7, 9])
  t.match(await run.stats(), { deadLettered: 5, deadLetterDepth: 5 })
})
