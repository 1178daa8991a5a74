/** Groups on disk that deliver at most once: what was handed out comes no more, in no process, and a clean end loses none. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sessions } from '../api/broker.ts'
import type { Session } from '../embedded/session.ts'
import type { Broker, Topic } from '../index.ts'
import { delay, folderOf, readAll, rejection, until } from '../proof/fixtures/broker.fixture.ts'
import { FAULT_POINT, type FaultPoint } from '../wire/layout.ts'
import { dyingOnce } from './at-most-once.fixture.ts'
import type { Scripted } from './fixtures/scripted.fixture.ts'

const ONCE = { delivery: 'at-most-once' } as const
const OFTEN = { restart: { intensity: 100, periodMs: 1_000 } } as const

function numbers(count: number, from = 0): { readonly value: number }[] {
  return Array.from({ length: count }, (_, n) => ({ value: from + n }))
}

function counted(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

function sorted(seen: readonly number[]): number[] {
  return [...seen].sort((a, b) => a - b)
}

function control<T>(broker: Broker, ask: Parameters<Session['ask']>[0]): Promise<T> {
  return (sessions.get(broker) as Session).ask(ask) as Promise<T>
}

/** What handlers wait for. */
class Gate {
  open: () => void = () => undefined
  readonly opened = new Promise<void>(resolve => {
    this.open = resolve
  })
}

function killHost(broker: Broker, point: 'none' | FaultPoint): Promise<boolean> {
  return control(broker, api => api.killPartitionHost(0, FAULT_POINT[point]))
}

const shared = folderOf(t)
let opening: Promise<Broker> | undefined

/** One broker of its own folder, for tests in which it neither ends nor fails; their topics have names of their own. */
function onDisk(): Promise<Broker> {
  opening ??= shared.open()
  return opening
}

t.test('the next process goes on exactly where a run was stopped, whatever it had ahead', async t => {
  const { open } = folderOf(t)
  const seen: number[] = []
  const events: unknown[] = []
  for (let life = 0; life < 4; life++) {
    const broker = await open()
    broker.on('passedOver', event => events.push(event))
    const orders = await broker.topic<number>('orders', { durability: 'fsync' })
    if (life === 0) await orders.publishBatch(numbers(4_000))
    const group = orders.group('g')
    const enough = life === 3 ? 4_000 : seen.length + 700
    const gate = new Gate()
    const run = await group.handle(({ value }) => {
      seen.push(value)
      return seen.length < enough || life === 3 ? undefined : gate.opened
    }, ONCE)
    await until(() => seen.length >= enough)
    const stopped = run.stop()
    gate.open()
    await stopped
    t.match(await group.stats(), { processed: seen.length, passedOver: 0, failures: 0, lag: 4_000 - seen.length })
    await broker.close()
  }
  t.strictSame(seen, counted(4_000))
  t.strictSame(events, [])
})

t.test('nothing is handed out before its claim is on disk', async t => {
  const { dir, open } = folderOf(t)
  const broker = await open(OFTEN)
  const orders = await broker.topic<number>('orders')
  await orders.publishBatch(numbers(10))
  const seen: number[] = []
  const halted = control<boolean>(broker, api => api.haltPartitionHost(0, FAULT_POINT.ceilingWritten))
  const run = await orders.group('g').handle(({ value }) => void seen.push(value), ONCE)
  t.ok(await halted)
  await delay(50)
  t.strictSame(seen, [])
  t.match(readFileSync(join(dir, 'host-0.groups'), 'latin1'), /"committed":0,"ceiling":1,/)
  t.ok(await killHost(broker, 'none'))
  await run.idle()
  t.strictSame(seen, counted(10), 'its successor goes on')
})

t.test('deaths of partition hosts, at any point of a claim, repeat nothing and lose nothing', async t => {
  const { open } = folderOf(t)
  const broker = await open(OFTEN)
  const orders = await broker.topic<number>('orders', { partitions: 3, durability: 'os' })
  const seen: number[] = []
  const run = await orders.group('g').handle(({ value }) => void seen.push(value), ONCE)
  let published = 0
  for (const point of ['ceilingWritten', 'none', 'statesSwept', 'ceilingWritten'] as const) {
    let isDead = false
    const killed = killHost(broker, point).finally(() => {
      isDead = true
    })
    while (!isDead) {
      await orders.publishBatch(numbers(500, published))
      published += 500
    }
    t.ok(await killed, point)
  }
  await run.idle()
  t.strictSame(sorted(seen), counted(published))
  t.match(await run.stats(), { processed: published, passedOver: 0, lag: 0 })
})

t.test('partitions that move among members take their claims along', async t => {
  const broker = await onDisk()
  const orders = await broker.topic<number>('orders', { partitions: 4, durability: 'os' })
  const group = orders.group('g')
  const seen: number[] = []
  const join = () => group.handle(({ value }) => void seen.push(value), ONCE)
  const publish = async (from: number) => {
    for (let n = from; n < from + 3_000; n += 100) await orders.publishBatch(numbers(100, n))
  }
  const first = await join()
  const publishing = publish(0)
  const second = await join()
  const third = await join()
  await first.stop()
  await publishing
  await second.stop()
  await publish(3_000)
  await third.idle()
  t.strictSame(sorted(seen), counted(6_000))
  t.match(await third.stats(), { processed: 6_000, passedOver: 0 })
})

t.test('a thread that dies loses what it was executing, and that is dead-lettered once', async t => {
  const { open } = folderOf(t)
  const broker = await open(OFTEN)
  const topic = await broker.topic<Scripted>('gauges', { partitions: 2, durability: 'os' })
  const { run, lost } = await dyingOnce(t, topic)
  t.match(await run.stats(), { processed: 60 - lost.length, deadLettered: lost.length, passedOver: 0, lag: 0 })
  await broker.close()
  const again = await (await open()).topic<Scripted>('gauges.g.dlq')
  t.strictSame(sorted((await readAll(again)).map(({ value }) => value.n)), lost)
})

t.test('a group that is moved back hands out again, also in another process', async t => {
  const { open } = folderOf(t)
  let broker = await open()
  let orders = await broker.topic<number>('orders')
  await orders.publishBatch(numbers(300))
  t.equal(await handled(orders), 300)
  await orders.group('g').seek(100, { partition: 0 })
  await broker.close()
  broker = await open()
  orders = await broker.topic<number>('orders')
  t.equal(await handled(orders), 200)
  await orders.group('g').seek('earliest')
  t.equal(await handled(orders), 300)
  await orders.group('g').seek('earliest')
  await orders.group('g').seek('latest')
  t.equal(await handled(orders), 0)
})

/** How many records the group `g` is handed until it has nothing left. */
async function handled(orders: Topic<number>): Promise<number> {
  let count = 0
  const run = await orders.group('g').handle(() => void count++, ONCE)
  await run.idle()
  await run.stop()
  return count
}

t.test('when the disk has failed the run fails, for nothing more can be claimed', async t => {
  const { dir, open } = folderOf(t)
  const broker = await open()
  const orders = await broker.topic<string>('orders', { segmentBytes: 65_536, durability: 'os' })
  await orders.publishBatch(Array.from({ length: 500 }, () => ({ value: 'x' })))
  let seen = 0
  const gate = new Gate()
  const run = await orders.group('g').handle(async () => {
    seen++
    await gate.opened
  }, ONCE)
  const finished = rejection(run.finished)
  await until(() => seen === 1)
  rmSync(join(dir, 'topics'), { recursive: true })
  writeFileSync(join(dir, 'topics'), '')
  const big = { value: 'x'.repeat(30_000) }
  t.match(await rejection(orders.publishBatch([big, big, big, big, big])), { cause: { code: 'MILL_DISK' } })
  gate.open()
  t.match(await finished, { code: 'MILL_DISK', message: /at most once/ })
  t.ok(seen < 500, `${seen} were handed out`)
  rmSync(join(dir, 'topics'))
})

t.test('a topic in memory needs no disk for that, beside others that do', async t => {
  const broker = await onDisk()
  const gauges = await broker.topic<number>('gauges', { durability: 'memory' })
  await gauges.publishBatch(numbers(500))
  t.equal(await handled(gauges), 500)
})
