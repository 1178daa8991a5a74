/** What a broker does after a thread of it died, or a consumer misbehaved, at a moment that is known. Real threads. */
import t, { type Test } from 'tap'
import { sessions } from '../../api/broker.ts'
import { runNumbers } from '../../api/opened-run.ts'
import type { Session } from '../../embedded/session.ts'
import type { Broker, BrokerOptions, Delivery, Run, RunOptions } from '../../index.ts'
import { FAULT_POINT, type FaultPoint } from '../../wire/layout.ts'
import { delay, openBroker, rejection, SMALL, until } from '../fixtures/broker.fixture.ts'
import { newName, newTopic } from '../fixtures/shared-broker.fixture.ts'
import type { OddHandlerData, Oddity } from '../stress/odd-handler.fixture.ts'
import { RecordedTopic } from '../stress/recorded-topic.fixture.ts'
import { within } from '../stress/within.fixture.ts'

const ODD = new URL('../stress/odd-handler.fixture.js', import.meta.url)
const OFTEN = { intensity: 1_000, periodMs: 1_000 }

function open(t: Test, options: BrokerOptions = {}): Promise<Broker> {
  return openBroker(t, { restart: OFTEN, ...options })
}

let opening: Promise<Broker> | undefined

/** One broker for tests that leave its threads as they find them, however often these died meanwhile. */
function mortal(): Promise<Broker> {
  opening ??= open(t)
  return opening
}

function odd(options: Partial<RunOptions> = {}): RunOptions & { readonly data: OddHandlerData } {
  const counts = new Int32Array(new SharedArrayBuffer(32))
  const times = new Float64Array(new SharedArrayBuffer(8_000))
  return {
    handler: ODD,
    threads: 1,
    restart: OFTEN,
    backoff: { initialMs: 1, maxMs: 2 },
    ...options,
    data: { counts, times },
  }
}

function sessionOf(broker: Broker): Session {
  return sessions.get(broker) as Session
}

function killHost(broker: Broker, point: 'none' | FaultPoint): Promise<boolean> {
  return sessionOf(broker).ask(control => control.killPartitionHost(0, FAULT_POINT[point]))
}

function killHandler(broker: Broker, run: Run): Promise<unknown> {
  return sessionOf(broker).ask(control => control.killHandler(runNumbers.get(run) as number, 0, 'any'))
}

/** Calls are answered in order: by now the kill that was asked for is waiting for its moment. */
async function armed(broker: Broker): Promise<void> {
  await sessionOf(broker).ask(control => control.census())
}

async function blocks(broker: Broker): Promise<number> {
  await delay(100)
  return (await sessionOf(broker).ask(control => control.census())).blocks
}

t.test('when one of two groups on a thread stops, the other still hears of new records at once', async t => {
  const topic = await newTopic<number>()
  const seen: number[] = []
  let heard = (): void => undefined
  const hearing = new Promise<void>(resolve => {
    heard = resolve
  })
  const run = await topic.group('stays').handle(({ value }) => {
    seen.push(value)
    heard()
  })
  const other = await topic.group('leaves').handle(() => undefined)
  await other.stop()
  await delay(300) // nobody is awake for other reasons
  await topic.publish({ value: 1 })
  await within(300, 'hearing of it', hearing)
  t.strictSame(seen, [1])
  await run.stop()
})

t.test('idle resolves soon after the last promise of a handler', async () => {
  const topic = await newTopic<number>({ partitions: 3 })
  const run = await topic.group('g').handle(() => delay(3))
  for (let round = 0; round < 3; round++) {
    await topic.publishBatch(Array.from({ length: 9 }, (_, value) => ({ partition: value % 3, value })))
    await within(1_000, 'idle', run.idle())
  }
  await run.stop()
})

t.test('a window that holds one record at a time does not stand still behind a handler that awaits', async () => {
  const topic = await newTopic<Uint8Array>({
    codec: 'bytes',
    windowBytes: 65_536,
    maxMessageBytes: 32_768,
  })
  const run = await topic.group('g').handle(() => delay(1))
  const published = topic.publishBatch(Array.from({ length: 12 }, () => ({ value: new Uint8Array(32_600) })))
  await within(3_000, 'publishing', published)
  await within(3_000, 'idle', run.idle())
  await run.stop()
})

t.test('a record that ended its thread does not wait for ever to be alone, and holds up nobody meanwhile', async t => {
  const topic = await (await open(t)).topic<Oddity>('orders', { partitions: 3 })
  const run = await topic.group('g').run(odd({ attempts: 2, handlerTimeoutMs: Number.POSITIVE_INFINITY }))
  const settled = async (partition: number): Promise<void> => {
    for (;;) {
      const { partitions } = await run.stats()
      if (partitions[partition]?.lag === 0) return
      await delay(20)
    }
  }
  await topic.publish({ partition: 1, value: 'neverSettle' })
  await topic.publish({ partition: 0, value: 'exit' })
  await within(10_000, 'the dead letter of the record that ends its thread', settled(0))
  await topic.publish({ partition: 2, value: 'return' })
  await within(10_000, 'another partition', settled(2))
  t.match(await run.stats(), { processed: 1, deadLettered: 1, failures: 2 })
  await run.stop({ timeoutMs: 1 }).catch(() => undefined)
})

t.test('readers of the creating thread give their slots back', async t => {
  const broker = await open(t)
  const topic = await broker.topic<number>('orders', { partitions: 4 })
  const once = async (): Promise<void> => {
    const run = await topic.group('g').handle(() => undefined)
    await run.stop()
  }
  await once()
  const before = await blocks(broker)
  for (let round = 0; round < 5; round++) await once()
  t.equal(await blocks(broker), before)
})

t.test('a window that is full of what a dead thread had handled is emptied by its successor', async t => {
  const broker = await mortal()
  const topic = await broker.topic<Oddity>(newName(), SMALL)
  const run = await topic.group('g').run(odd())
  // It ends between the last record of a fetch and the commit that would free the window.
  const killed = sessionOf(broker).ask(control => control.killHandler(runNumbers.get(run) as number, 0, 'committing'))
  await armed(broker)
  const message = { value: 'return', headers: { padding: 'x'.repeat(3_900) } } as const
  const rest = Array.from({ length: 30 }, () => topic.publish(message))
  t.match(await within(5_000, 'the kill', killed), { phase: 'committing' })
  await within(5_000, 'publishing', Promise.all(rest))
  await within(5_000, 'idle', run.idle())
  await run.stop()
})

t.test('a run can be paused and resumed while a thread of it starts again', async () => {
  const broker = await mortal()
  const topic = await broker.topic<Oddity>(newName())
  const run = await topic.group('g').run(odd({ attempts: 50 }))
  // From before it is dead until after its successor lives.
  for (let round = 0; round < 5; round++) {
    const killed = killHandler(broker, run)
    await delay(round * 18)
    await run.pause()
    await run.resume()
    await killed
  }
  await topic.publish({ value: 'return' })
  await within(3_000, 'idle', run.idle())
  await run.stop()
})

t.test('a partition host that died with answers nobody had room for sends them again', async t => {
  const broker = await mortal()
  const partitions = 8
  const topic = await broker.topic<number>(newName(), { partitions, windowBytes: 524_288, maxMessageBytes: 4_096 })
  let restarts = 0
  t.teardown(broker.on('restarted', () => restarts++))
  const receipts: Promise<unknown>[] = []
  // A frame each, and no turn of this thread in between: the answers fill their ring.
  for (let value = 0; value < 700 * partitions; value++) {
    receipts.push(topic.publish({ partition: value % partitions, value }))
    await null
  }
  const killed = killHost(broker, 'none')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600)
  t.equal(await within(3_000, 'the kill', killed), true)
  await within(5_000, 'the receipts', Promise.all(receipts))
  t.equal(restarts, 1, 'and its successor lives')
})

for (const point of ['betweenDeadLetterAndVerdict', 'betweenVerdictAndRelease'] as const) {
  t.test(`a dead letter is there once when its host died ${point}`, async t => {
    const broker = await mortal()
    const topic = await broker.topic<Oddity>(newName())
    const dead: Delivery<unknown>[] = []
    const letters = await broker.topic<Oddity>(newName())
    const recorded = await RecordedTopic.open(topic, letters)
    const options = odd({ attempts: 1, deadLetter: letters.name })
    const run = await topic.group('g').run({ ...options, data: { ...options.data, journal: recorded.journal } })
    const reading = await letters.group('r').handle(delivery => void dead.push(delivery))
    const killed = killHost(broker, point)
    await armed(broker)
    await recorded.publish(['rejectError', 'return'])
    t.equal(await within(6_000, 'the kill', killed), true)
    await within(3_000, 'idle', run.idle())
    await within(3_000, 'idle of the reader', reading.idle())
    t.strictSame(
      dead.map(({ offset, headers }) => [offset, headers['millrace-reason']]),
      [[0, 'rejected']],
    )
    t.strictSame(await recorded.judge(run, 'g', 1, 0), [])
    await reading.stop()
  })
}

t.test('a dead letter that waited for room reaches its reader when the host died in between', async t => {
  const broker = await mortal()
  const topic = await broker.topic<Oddity>(newName(), { ...SMALL })
  const full = await broker.topic<Uint8Array>(newName(), {
    codec: 'bytes',
    windowBytes: 65_536,
    maxMessageBytes: 4_096,
  })
  const hold = await full.group('r').handle(() => undefined)
  await hold.pause()
  // A ring that is full is not yet a topic that is: its host has answered, so it has had a turn.
  for (let quiet = 0; quiet < 5; await full.stats(), await delay(10))
    for (quiet++; full.tryPublish({ value: new Uint8Array(4_000) }); ) quiet = 0
  const run = await topic.group('g').run(odd({ attempts: 1, deadLetter: full.name }))
  await topic.publishBatch([{ value: 'rejectError' }, { value: 'return' }])
  await delay(100)
  const killed = killHost(broker, 'betweenDeadLetterAndVerdict')
  await armed(broker)
  await hold.resume()
  t.equal(await within(6_000, 'the kill', killed), true)
  await within(3_000, 'idle', run.idle())
  t.equal((await run.stats()).deadLettered, 1)
  await run.stop()
  await hold.stop()
})

t.test('a verdict that is repeated does not let the next record pass the one that failed', async t => {
  const broker = await mortal()
  const topic = await broker.topic<number>(newName())
  const seen: string[] = []
  let fails = true
  const handler = async ({ value, deliveryAttempt }: Delivery<number>): Promise<void> => {
    seen.push(`${value}.${deliveryAttempt}`)
    if (value === 0 && fails) {
      fails = false
      throw new Error('once')
    }
    await delay(400)
    seen.push(`${value} done`)
  }
  const run = await topic.group('g').handle(handler, { backoff: { initialMs: 600, maxMs: 600, jitter: 0 } })
  const killed = killHost(broker, 'betweenVerdictAndRelease')
  await armed(broker)
  await topic.publishBatch([{ value: 0 }, { value: 1 }])
  t.equal(await within(6_000, 'the kill', killed), true)
  await within(5_000, 'idle', run.idle())
  t.strictSame(seen, ['0.1', '0.2', '0 done', '1.1', '1 done'])
  await run.stop()
})

t.test('a run whose handler throws in stop says so, and leaves nothing behind', async t => {
  const broker = await open(t)
  const topic = await broker.topic<Oddity>('orders')
  const options = odd()
  options.data.counts[4] = 1
  const run = await topic.group('g').run(options)
  t.match((await within(3_000, 'stop', rejection(run.stop()))).message, /stop went wrong/)
  t.equal((await sessionOf(broker).ask(control => control.census())).threads, 1, 'only the partition host lives')
  const again = await topic.group('g').run(odd())
  await topic.publish({ value: 'return' })
  await within(3_000, 'idle', again.idle())
  await again.stop()
})

t.test('stop ends in time when a handler on this thread never settles', async t => {
  const topic = await newTopic<number>()
  let entered = false
  const run = await topic.group('g').handle(
    () => {
      entered = true
      return new Promise(() => undefined)
    },
    { handlerTimeoutMs: Number.POSITIVE_INFINITY },
  )
  await topic.publish({ value: 1 })
  await until(() => entered)
  t.equal((await within(3_000, 'stop', rejection(run.stop({ timeoutMs: 200 })))).code, 'MILL_TIMEOUT')
  const seen: number[] = []
  const again = await topic.group('g').handle(({ value }) => void seen.push(value))
  await within(3_000, 'idle', again.idle())
  t.strictSame(seen, [1], 'what was not finished is delivered again')
  await again.stop()
})
