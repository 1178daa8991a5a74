/** Dead letters of topics on disk through the public door: in another broker, after a kill, after a host's death. Real threads. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openBroker, readAll, until } from '../broker.fixture.ts'
import { sessions } from '../broker.ts'
import { type Broker, parseDeadLetter, RejectError, type Topic } from '../index.ts'
import { FAULT_POINT, type FaultPoint } from '../layout.ts'
import type { Session } from '../session.ts'

const MAKER = fileURLToPath(new URL('./fixtures/letter-maker.fixture.js', import.meta.url))
const PARTITIONS = { partitions: 2 } as const
const OFTEN = { intensity: 1_000, periodMs: 1_000 } as const

t.setTimeout(60_000)

interface Order {
  readonly n: number
}

/** A broker in a folder; the topic is opened, and no group. */
async function opened(t: Test, dir: string, partitionThreads = 1): Promise<{ broker: Broker; topic: Topic<Order> }> {
  const broker = await openBroker(t, { dir, restart: OFTEN, partitionThreads })
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

async function numbers(broker: Broker, group?: string): Promise<number[]> {
  const found: number[] = []
  const letters = broker.deadLetters<Order>('orders', group === undefined ? {} : { group })
  for await (const { value } of letters.browse()) found.push(value.n)
  return found.sort((a, b) => a - b)
}

function killHost(broker: Broker, point: FaultPoint = 'none'): Promise<boolean> {
  return (sessions.get(broker) as Session).ask(control => control.killPartitionHost(0, FAULT_POINT[point]))
}

t.test('letters are there for the next broker, which has run no group', async t => {
  const dir = t.testdir()
  const first = await opened(t, dir)
  await failures(first.topic)
  t.strictSame(await numbers(first.broker), [1, 3, 5, 7, 9])
  await first.broker.close()

  const second = await opened(t, dir)
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

  const third = await opened(t, dir)
  t.strictSame(await numbers(third.broker), [1, 3, 9])
  t.equal(await third.broker.deadLetters('orders').purge({}), 3)
  t.equal(await third.broker.deadLetters('orders').purge({}), 0)
  await third.broker.close()

  const fourth = await opened(t, dir)
  t.match(await fourth.broker.deadLetters('orders').stats(), { depth: 0 })
  t.strictSame(await numbers(fourth.broker), [])
})

t.test('what a killed process had been told is settled stays so, and nothing else is', async t => {
  const dir = t.testdir()
  const child = fork(MAKER, [dir])
  t.teardown(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const told = await Promise.race([once(child, 'message'), exited])
  t.strictSame(told[0], { purged: 1, replayed: 1 })
  child.kill('SIGKILL')
  await exited

  const { broker, topic } = await opened(t, dir)
  t.strictSame(await numbers(broker, 'g'), [5, 7, 9])
  t.match(await broker.deadLetters(topic).stats(), { depth: 3 })
  const run = await topic.group('g').handle(() => undefined)
  await run.idle()
  t.match(await run.stats(), { deadLetterDepth: 3, deadLettered: 5 })
})

t.test('a partition host that dies forgets nothing that was settled, and counts it once', async t => {
  const { broker, topic } = await opened(t, t.testdir())
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
  const dir = t.testdir()
  const first = await opened(t, dir)
  const killed = killHost(first.broker, 'betweenDeadLetterAndVerdict')
  await failures(first.topic)
  t.equal(await killed, true)
  t.strictSame(await numbers(first.broker), [1, 3, 5, 7, 9])
  t.match(await first.topic.group('g').stats(), { deadLettered: 5, deadLetterDepth: 5 })
  await first.broker.close()
  const second = await opened(t, dir)
  t.strictSame(await numbers(second.broker), [1, 3, 5, 7, 9])
})

t.test('with another number of partition threads nothing that was settled is open again', async t => {
  const dir = t.testdir()
  const first = await opened(t, dir, 2)
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
    const { broker } = await opened(t, dir, threads)
    const topic = await broker.topic<Order>('all', PARTITIONS)
    t.match(await broker.deadLetters('all').stats(), { depth: 6 })
    const again = await topic.group('g').handle(() => undefined)
    await again.idle()
    t.match(await again.stats(), { deadLettered: 8, deadLetterDepth: 6, lag: 0 })
    await broker.close()
  }
})

t.test('letters are found also where their topic was opened by its name before', async t => {
  const dir = t.testdir()
  const first = await opened(t, dir)
  await failures(first.topic)
  await first.broker.close()
  const second = await opened(t, dir)
  await second.broker.topic('orders.g.dlq')
  t.strictSame(await numbers(second.broker), [1, 3, 5, 7, 9])
  t.match(await second.broker.deadLetters('orders').stats(), { depth: 5 })
})

t.test('letters of several groups in one topic keep apart through processes', async t => {
  const dir = t.testdir()
  const first = await opened(t, dir)
  await failures(first.topic, 'g', { deadLetter: 'dead' })
  await failures(first.topic, 'h', { deadLetter: 'dead' })
  t.equal(await first.broker.deadLetters('orders', { group: 'g' }).count(), 5)
  t.equal(await first.broker.deadLetters('orders', { group: 'h' }).count(), 10)
  await first.broker.close()
  const second = await opened(t, dir)
  t.equal(await second.broker.deadLetters('orders', { group: 'g' }).purge({}), 5)
  t.strictSame(await numbers(second.broker, 'h'), [1, 1, 3, 3, 5, 5, 7, 7, 9, 9])
  t.match(await second.broker.deadLetters('orders').stats(), { depth: 10, topics: [{ topic: 'dead', depth: 10 }] })
})

t.test('letters that a group has read are open no more; what another has not read waits for it', async t => {
  const dir = t.testdir()
  const first = await opened(t, dir)
  await failures(first.topic)
  const dead = await first.broker.topic<Order>('orders.g.dlq', { groups: ['fast', 'slow'] })
  t.equal((await readAll(dead, 'fast')).length, 5)
  t.match(await first.broker.deadLetters('orders').stats(), { depth: 5 })
  await first.broker.close()

  // Of the groups only one is opened by this process.
  const second = await opened(t, dir)
  const again = await second.broker.topic<Order>('orders.g.dlq', { groups: ['fast'] })
  t.strictSame(await numbers(second.broker), [1, 3, 5, 7, 9])
  t.equal((await readAll(again, 'slow')).length, 5)
  t.match(await second.broker.deadLetters('orders').stats(), { depth: 0 })
  t.strictSame(await numbers(second.broker), [])
})

t.test('a record whose letter was written is not handled again where its group had not kept that', async t => {
  const dir = t.testdir()
  const first = await opened(t, dir)
  const idle = await first.topic.group('g').handle(() => undefined)
  await idle.idle()
  await idle.stop()
  copyFileSync(join(dir, 'host-0.groups'), join(dir, 'older'))
  await failures(first.topic)
  await first.broker.close()
  copyFileSync(join(dir, 'older'), join(dir, 'host-0.groups'))

  const { broker, topic } = await opened(t, dir)
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
