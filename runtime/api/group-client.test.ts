/** Groups and runs as a user of the public door sees them: where they start, what they share, how they stop. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Broker, defineHandler, isMillraceError, type Topic } from '../index.ts'
import { delay, openBroker, readAll, rejection, SMALL, standStill, until } from '../proof/fixtures/broker.fixture.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { fillUp } from '../publish/full-topic.fixture.ts'

const QUICK = { backoff: { initialMs: 1, maxMs: 4, jitter: 0 } } as const

async function numbers(count: number, partitions = 1, broker?: Broker): Promise<Topic<number>> {
  const topic = await (broker ?? (await sharedBroker())).topic<number>(newName(), { partitions })
  await topic.publishBatch(Array.from({ length: count }, (_, value) => ({ value, partition: value % partitions })))
  return topic
}

t.test('a group starts at the earliest record that is kept, or at the latest', async t => {
  const topic = await numbers(10)
  const early: number[] = []
  const late: number[] = []
  const first = await topic.group('early').handle(({ value }) => void early.push(value))
  const second = await topic.group('late').handle(({ value }) => void late.push(value), { from: 'latest' })
  t.match(await topic.group('late').stats(), { processed: 0, lag: 0, partitions: [{ committed: 10 }] })
  await topic.publish({ value: 10 })
  await Promise.all([first.idle(), second.idle()])
  t.strictSame([early.length, late], [11, [10]])
  t.match(await second.stats(), { processed: 1, lag: 0 })
  await second.stop()
  await topic.publish({ value: 11 })
  const again = await topic.group('late').handle(({ value }) => void late.push(value), { from: 'latest' })
  await again.idle()
  t.strictSame(late, [10, 11], 'a group that exists goes on where it was')
})

t.test('groups do not share anything', async t => {
  const broker = await sharedBroker()
  const topic = await numbers(100, 2)
  const runs = await Promise.all(
    ['a', 'b', 'c'].map(name =>
      topic.group(name).handle(
        ({ value }) => {
          if (name === 'b' && value % 10 === 0) throw new Error('only b')
        },
        { attempts: 2, ...QUICK },
      ),
    ),
  )
  for (const run of runs) await run.idle()
  t.match(await Promise.all(runs.map(run => run.stats())), [
    { processed: 100, deadLettered: 0 },
    { processed: 90, deadLettered: 10, failures: 20 },
    { processed: 100, deadLettered: 0 },
  ])
  t.equal((await readAll(await broker.topic(`${topic.name}.b.dlq`))).length, 10)
  t.equal((await readAll(await broker.topic(`${topic.name}.a.dlq`))).length, 0)
})

t.test('lag and stats are exact', async t => {
  const topic = await numbers(30, 3)
  const group = topic.group('g')
  t.match(await group.stats(), { processed: 0, lag: 0, threads: 0, partitions: [] }, 'before it exists')
  let hold: () => void = () => undefined
  const held = new Promise<void>(resolve => {
    hold = resolve
  })
  const run = await group.handle(({ value }) => (value >= 15 ? held : undefined))
  await until(async () => (await run.lag()) === 15)
  t.match(await group.stats(), {
    processed: 15,
    lag: 15,
    threads: 1,
    partitions: [0, 1, 2].map(partition => ({ partition, committed: 5, highWatermark: 10, lag: 5 })),
  })
  await topic.publish({ value: 0, partition: 1 })
  t.equal(await group.lag(), 16)
  hold()
  await run.idle()
  t.match(await group.stats(), { processed: 31, lag: 0 })
})

t.test('a paused run hands nothing out, and goes on where it was', async t => {
  const topic = await numbers(0, 2)
  const seen: number[] = []
  const run = await topic.group('g').handle(({ value }) => void seen.push(value))
  await run.pause()
  await topic.publishBatch(Array.from({ length: 50 }, (_, value) => ({ value, partition: value % 2 })))
  await delay(20)
  t.strictSame(seen, [])
  let idle = false
  const waiting = run.idle().then(() => {
    idle = true
  })
  await delay(10)
  t.notOk(idle)
  await run.resume()
  await waiting
  t.equal(seen.length, 50)
  await run.pause()
  await run.stop()
})

t.test('two runs of one group share its partitions, and one goes on alone when the other stops', async t => {
  const topic = await numbers(0, 4)
  const seen: [number, number][] = []
  const group = topic.group('g')
  const make = (which: number): Promise<Awaited<ReturnType<typeof group.handle<number>>>> =>
    group.handle<number>(
      defineHandler({
        start: () => ({ count: 0 }),
        message({ value }: { readonly value: unknown }, state: { count: number }) {
          state.count++
          seen.push([which, value as number])
        },
        stop: state => state.count,
      }),
    )
  const publish = async (from: number, count: number): Promise<void> => {
    await topic.publishBatch(Array.from({ length: count }, (_, at) => ({ value: from + at, partition: at % 4 })))
  }
  const first = await make(1)
  await publish(0, 40)
  await first.idle()
  const second = await make(2)
  await publish(40, 40)
  await second.idle()
  t.strictSame(
    [1, 2].map(which => seen.slice(40).filter(([each]) => each === which).length),
    [20, 20],
  )
  t.equal((await group.stats()).threads, 2)
  t.strictSame(
    (await first.stop()).results.reduce((sum, count) => sum + count, 0),
    60,
    'also of what moved on',
  )
  await publish(80, 40)
  await second.idle()
  t.ok(seen.slice(80).every(([which]) => which === 2))
  t.equal(
    (await second.stop()).results.reduce((sum, count) => sum + count, 0),
    60,
  )
  t.strictSame(
    seen.map(([, value]) => value).sort((a, b) => a - b),
    Array.from({ length: 120 }, (_, n) => n),
  )
})

t.test('the same group with other options is a mismatch; without options it is joined', async t => {
  const topic = await numbers(5)
  const group = topic.group('g')
  const run = await group.handle(() => undefined, { attempts: 3, backoff: { initialMs: 7 }, deadLetter: 'letters' })
  for (const options of [
    { attempts: 4 },
    { backoff: { initialMs: 8 } },
    { deadLetter: 'others' },
    { from: 'latest' },
  ] as const) {
    const error = await rejection(group.handle(() => undefined, options))
    t.match(error, { code: 'MILL_CONFIG_MISMATCH', message: new RegExp(Object.keys(options)[0] as string) })
  }
  for (const options of [undefined, { attempts: 3 }, { deadLetter: 'letters' }])
    await (await group.handle(() => undefined, options)).stop()
  t.match(await rejection(group.handle(() => undefined, { attempts: 3, deadLetter: false })), {
    code: 'MILL_INVALID_OPTION',
  })
  t.match(await rejection(topic.group('self').handle(() => undefined, { deadLetter: topic.name })), {
    code: 'MILL_INVALID_OPTION',
    message: /its own dead-letter/,
  })
  await run.stop()
  await group.delete()
  await (await group.handle(() => undefined, { attempts: 4 })).stop()
})

t.test('a group that runs cannot be deleted; a deleted one no longer gates, and starts anew', async t => {
  const topic = await newTopic<number>(SMALL)
  const group = topic.group('g')
  await group.delete()
  const run = await group.handle(() => undefined)
  await topic.publish({ value: 0 })
  await run.idle()
  t.match(await rejection(group.delete()), { code: 'MILL_GROUP_BUSY' })
  await run.stop()
  const batch = topic.publishBatch(Array.from({ length: 6_000 }, (_, value) => ({ value })))
  await delay(50)
  t.equal((await topic.stats()).dropped, 0, 'it gates while it is stopped')
  await group.delete()
  await batch
  t.ok((await topic.stats()).dropped > 0)
  t.match(await group.stats(), { processed: 0, partitions: [] })
  const read = await readAll(topic, 'g')
  t.equal(read.length, 6_000 - (await topic.stats()).dropped)
  for (let round = 0; round < 20; round++) {
    const racing = topic.group('race')
    const joining = racing.handle(() => undefined)
    if (round % 2 === 1) await delay(0)
    const deleted = await racing.delete().catch((error: unknown) => error)
    t.ok(deleted === undefined || isMillraceError(deleted, 'MILL_GROUP_BUSY'))
    const joined = await joining
    await topic.publish({ value: 1 })
    await joined.idle()
    await joined.stop()
  }
})

t.test('stop lets the delivery in hand finish, and is the same stop however often it is asked for', async t => {
  const topic = await numbers(10)
  const finished: number[] = []
  const run = await topic.group('g').handle(async ({ value }) => {
    await delay(value === 0 ? 5 : 100)
    finished.push(value)
  })
  await until(() => finished.length === 1)
  await delay(5)
  const [first, second] = await Promise.all([run.stop(), run.stop()])
  t.equal(first, second)
  await run.finished
  t.match(await run.stats(), { processed: finished.length, threads: 0 })
  t.ok(finished.length < 5)
  await run.idle()
  t.match(await rejection(run.pause()), { code: 'MILL_CLOSED' })
  const rest: number[] = []
  const next = await topic.group('g').handle(({ value }) => void rest.push(value))
  await next.idle()
  t.strictSame(
    [...finished, ...rest],
    Array.from({ length: 10 }, (_, n) => n),
  )
  await using(next)
})

async function using(run: AsyncDisposable): Promise<void> {
  await run[Symbol.asyncDispose]()
}

t.test('a stop that waits for room in an output topic says that it may be that', async t => {
  const broker = await openBroker(t)
  const topic = await numbers(3, 2, broker)
  const out = await broker.topic<string>('out', { ...SMALL, groups: ['slow'] })
  await fillUp(out)
  let handled = 0
  const output = (): string => {
    handled++
    return 'x'.repeat(4_000)
  }
  const run = await topic.group('g').handle(output, { output: 'out' })
  await until(() => handled > 0)
  t.match(await rejection(run.stop({ timeoutMs: 50 })), {
    code: 'MILL_TIMEOUT',
    message: /busy.*, or topic out has no room for what it puts out/,
  })
})

t.test('stopping waits no longer than it is told to, and what was in hand comes again', async t => {
  const broker = await openBroker(t)
  const topic = await numbers(3, 2, broker)
  const stuck: (() => void)[] = []
  const run = await topic.group('g').handle(async ({ value }) => {
    if (value === 1) await new Promise<void>(resolve => stuck.push(resolve))
  })
  await until(() => stuck.length === 1)
  const error = await rejection(run.stop({ timeoutMs: 50 }))
  t.match(error, { code: 'MILL_TIMEOUT', message: /group g did not stop within 50 ms/ })
  const seen: number[] = []
  const next = await topic.group('g').handle(({ value }) => void seen.push(value))
  await next.idle()
  t.strictSame(seen, [1])
  stuck[0]?.()
  await delay(5)
  await topic.publishBatch([
    { value: 3, partition: 1 },
    { value: 4, partition: 0 },
  ])
  await next.idle()
  t.strictSame(seen.slice(1).sort(), [3, 4])
  t.match(await next.stats(), { processed: 5, lag: 0 })
  await next.stop({ timeoutMs: Number.POSITIVE_INFINITY })
  let starts = 0
  const start = (): Promise<never> => {
    starts++
    return new Promise(() => undefined)
  }
  const starting = topic.group('start').handle({ start, message() {} })
  await until(() => starts > 0)
  t.match(await rejection(broker.close({ timeoutMs: 100 })), {
    code: 'MILL_TIMEOUT',
    message: /group start did not stop/,
  })
  await starting.catch(() => undefined)
})

t.test('a stop function that throws is told of, and the group can be used again', async t => {
  const topic = await numbers(4, 2)
  const group = topic.group('g')
  const run = await group.handle({
    message() {},
    stop() {
      throw new Error('cannot stop')
    },
  })
  await run.idle()
  const error = await rejection(run.stop())
  t.match(error, { code: 'MILL_HANDLER', message: /cannot stop/, cause: { message: 'cannot stop' } })
  t.match(await group.stats(), { processed: 4, lag: 0, threads: 0 })
  await topic.publish({ value: 4 })
  t.equal((await readAll(topic, 'g')).length, 1)
})

t.test('a start function that throws ends the run, with an event and a rejection', async t => {
  const broker = await sharedBroker()
  const topic = await numbers(4, 2)
  const failures: unknown[] = []
  t.teardown(
    broker.on('failed', event => {
      if (event.topic === topic.name) failures.push(event)
    }),
  )
  const run = await topic.group('g').handle({
    start() {
      throw new Error('cannot start')
    },
    message() {},
  })
  t.match(await rejection(run.finished), { message: 'cannot start' })
  t.match(failures, [{ topic: topic.name, group: 'g', error: { message: 'cannot start' } }])
  t.match(await rejection(run.idle()), { message: 'cannot start' })
  t.strictSame(await run.stop(), { results: [] })
  t.equal((await readAll(topic, 'g')).length, 4)
})

t.test('a handler module that cannot be used is refused before any record moves', async t => {
  const topic = await numbers(3)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-handlers-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const bad: readonly (readonly [unknown, RegExp])[] = [
    [join(folder, 'missing.mjs'), /does not exist/],
    [folder, /./],
    [file('empty.mjs', ''), /default export/],
    [file('number.mjs', 'export default 5'), /default export/],
    [file('named.mjs', 'export const handler = () => {}'), /default export/],
    [file('syntax.mjs', 'export default ('), /failed to load/],
    [file('throws.mjs', 'throw new Error("at load")'), /at load/],
    [file('exits.mjs', 'process.exit(3)'), /./],
    [file('text.txt', 'hello'), /./],
    ['./relative.mjs', /file URL/],
    ['http://example.com/x.mjs', /file URL/],
    [new URL('data:text/javascript,export default () => {}'), /file URL/],
    [undefined, /is missing/],
    [() => undefined, /a function, which no other thread can be given/],
  ]
  for (const [handler, message] of bad) {
    const error = await rejection(topic.group('g').run({ handler: handler as string, threads: 1 }))
    t.match(error, { code: 'MILL_HANDLER', message }, String(handler))
  }
  t.match(
    await rejection(topic.group('g').run({ handler: file('ok.mjs', 'export default () => {}'), data: () => 1 })),
    { code: 'MILL_UNSERIALISABLE', message: /data/ },
  )
  t.match(await topic.group('g').stats(), { processed: 0, threads: 0 })
  const run = await topic.group('g').run({ handler: file('ok.mjs', 'export default () => {}'), threads: 1 })
  await run.idle()
  t.match(await run.stats(), { processed: 3, restarts: 0 })
})

t.test('a signal stops a run, or keeps it from beginning', async t => {
  const topic = await numbers(5)
  const group = topic.group('g')
  t.match(await rejection(group.handle(() => undefined, { signal: AbortSignal.abort(new Error('why')) })), {
    code: 'MILL_ABORTED',
    cause: { message: 'why' },
  })
  t.match(await rejection(group.run({ handler: '/nowhere.mjs', signal: AbortSignal.abort() })), {
    code: 'MILL_ABORTED',
  })
  const control = new AbortController()
  const run = await group.handle(() => undefined, { signal: control.signal })
  await run.idle()
  control.abort()
  await run.finished
  t.equal((await group.stats()).threads, 0)
})

t.test('a window that fills while its reader is at the end is freed, so that publishing goes on', async t => {
  for (const wait of [undefined, null, 0]) {
    const topic = await newTopic<string>({ ...SMALL, codec: 'string' })
    let seen = 0
    const run = await topic.group('g').handle(() => {
      seen++
      if (wait === null) return Promise.resolve()
      // Longer than a turn, so that turns end wherever they like in a fetch.
      if (wait === 0 && seen % 3 === 0) standStill(1)
      return undefined
    })
    for (let n = 0; n < 40; n++)
      await topic.publishBatch(Array.from({ length: 15 }, () => ({ value: 'x'.repeat(4_000) })))
    await run.idle()
    t.equal(seen, 600)
    // What is handled is settled at once; its room follows with the reader's next turn.
    await until(async () => (await topic.stats()).partitions[0]?.usedBytes === 0, 'an empty window')
    await run.stop()
  }
})

t.test('an output that leads back to the topic that is read is refused', async t => {
  const a = await newTopic<string>(SMALL)
  const b = await newTopic<string>(SMALL)
  const back = { code: 'MILL_INVALID_OPTION', message: /leads back/ }
  t.match(await rejection(a.group('self').handle(() => 'more', { output: a.name })), back)
  await a.group('forth').handle(() => 'more', { output: b.name })
  t.match(await rejection(b.group('back').handle(() => 'more', { output: a.name })), back)
  t.match(await rejection(b.group('nowhere').handle(() => 'more', { output: 'c' })), { message: /no topic c/ })
})
