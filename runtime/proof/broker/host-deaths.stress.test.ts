/** Deaths of partition hosts at the moments at which a crash is charged, a run begins, or another host goes on. Real threads. */
import t from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import type { Broker, RunOptions } from '../../index.ts'
import { FAULT_POINT, type FaultPoint } from '../../wire/layout.ts'
import { delay, openBroker, until } from '../fixtures/broker.fixture.ts'
import type { OddHandlerData, Oddity } from '../stress/odd-handler.fixture.ts'
import { RecordedTopic } from '../stress/recorded-topic.fixture.ts'
import { within } from '../stress/within.fixture.ts'

const OFTEN = { intensity: 1_000, periodMs: 1_000 }

function odd(options: Partial<RunOptions> = {}): RunOptions & { readonly data: OddHandlerData } {
  const counts = new Int32Array(new SharedArrayBuffer(32))
  const times = new Float64Array(new SharedArrayBuffer(8_000))
  const handler = new URL('../stress/odd-handler.fixture.js', import.meta.url)
  return {
    handler,
    threads: 1,
    restart: OFTEN,
    backoff: { initialMs: 1, maxMs: 2 },
    ...options,
    data: { counts, times },
  }
}

function killHost(broker: Broker, point: 'none' | FaultPoint): Promise<boolean> {
  return (sessions.get(broker) as Session).ask(control => control.killPartitionHost(0, FAULT_POINT[point]))
}

for (const point of ['beforeCharge', 'betweenChargeAndAnswer'] as const) {
  t.test(`a crash is charged once when the partition host died ${point}`, async t => {
    const broker = await openBroker(t, { restart: OFTEN })
    const topic = await broker.topic<Oddity>('orders')
    const recorded = await RecordedTopic.open(topic, await broker.topic('dead'))
    const options = odd({ attempts: 3, deadLetter: 'dead', backoff: { initialMs: 500, maxMs: 500 } })
    const run = await topic.group('g').run({ ...options, data: { ...options.data, journal: recorded.journal } })
    const killed = killHost(broker, point)
    // Calls are answered in order: by now it is armed.
    await (sessions.get(broker) as Session).ask(control => control.census())
    await recorded.publish(['exit', 'return'])
    t.equal(await within(6_000, 'the kill', killed), true)
    await within(10_000, 'idle', run.idle())
    t.match(await run.stats(), { deadLettered: 1, failures: 3, restarts: 3 })
    t.strictSame(await recorded.judge(run, 'g', 3, 3), [])
  })
}

t.test('a run begins where the last one ended, in the middle of a frame, when the host died in between', async t => {
  const broker = await openBroker(t, { restart: OFTEN })
  const topic = await broker.topic<number>('orders')
  const seen: number[] = []
  let entered = false
  const first = await topic.group('g').handle(({ value }) => {
    entered = value === 5
    return entered ? new Promise(() => undefined) : undefined
  })
  // One turn, one frame: the window keeps all of it until its last record is settled.
  await topic.publishBatch(Array.from({ length: 10 }, (_, value) => ({ value })))
  await until(() => entered)
  await first.stop({ timeoutMs: 100 }).catch(() => undefined)
  t.match(await topic.group('g').stats(), { lag: 5 })
  await killHost(broker, 'none')
  const run = await topic.group('g').handle(({ value }) => void seen.push(value))
  await within(10_000, 'idle', run.idle())
  t.strictSame(seen, [5, 6, 7, 8, 9], 'nothing came again, and nothing was left out')
  await run.stop()
})

t.test('two partition hosts: the death of one leaves the partitions of the other alone', async t => {
  const broker = await openBroker(t, { restart: OFTEN, partitionThreads: 2 })
  const topic = await broker.topic<number>('orders', { partitions: 4 })
  const seen: number[][] = [[], [], [], []]
  const run = await topic.group('g').handle(({ partition, value }) => void seen[partition]?.push(value))
  let restarts = 0
  broker.on('restarted', ({ kind, thread }) => {
    t.strictSame({ kind, thread }, { kind: 'partition', thread: 0 })
    restarts++
  })
  const published: Promise<unknown>[] = []
  for (let value = 0; value < 400; value++) {
    published.push(topic.publish({ partition: value % 4, value }))
    if (value % 100 === 50) published.push(killHost(broker, value === 50 ? 'none' : 'beforeCommit'))
    if (value % 10 === 0) await delay(1)
  }
  await within(20_000, 'the receipts', Promise.all(published))
  await within(5_000, 'idle', run.idle())
  for (const [partition, values] of seen.entries())
    t.strictSame(
      values,
      Array.from({ length: 100 }, (_, at) => at * 4 + partition),
      `partition ${partition}`,
    )
  t.ok(restarts > 0)
  await run.stop()
})
