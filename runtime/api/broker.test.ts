/** The life of a broker and of its process: closing, staying alive, ending by itself, and what it says meanwhile. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type BrokerEvents, createBroker, type Logger } from '../index.ts'
import { delay, openBroker, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { DOOR } from '../proof/fixtures/door.fixture.ts'
import { fillUp } from '../publish/full-topic.fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-broker-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
let scripts = 0

interface Finished {
  readonly code: number | string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program with this Node alone: tap puts a loader into NODE_OPTIONS of whatever it sees started. */
function program(body: string, timeoutMs = 120_000): Promise<Finished> {
  const path = join(folder, `script-${scripts++}.mjs`)
  const door = JSON.stringify(DOOR)
  writeFileSync(path, `import { createBroker } from ${door}\n${body}\n`)
  return new Promise(resolve => {
    execFile(
      'env',
      ['-u', 'NODE_OPTIONS', process.execPath, path],
      { timeout: timeoutMs, killSignal: 'SIGKILL' },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? 1), stdout, stderr }),
    )
  })
}

t.test('close flushes what was published, lets handlers finish, and refuses what comes after', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<number>('orders', { partitions: 2 })
  const other = await broker.topic<string>('other')
  const done: number[] = []
  let fromHandler: unknown
  const run = await topic.group('g').handle(async ({ value }, context) => {
    await delay(2)
    if (value === 0)
      fromHandler = await context.publish('other', { value: 'while closing' }).catch((error: unknown) => error)
    done.push(value)
  })
  const receipts = Promise.all([0, 1].map(value => topic.publish({ value, partition: value })))
  await until(async () => (await run.lag()) === 2 || done.length > 0)
  t.ok(topic.tryPublish({ value: 2, partition: 0 }))
  t.equal(broker.closed, false)
  const closing = broker.close()
  t.equal(broker.close(), closing, 'closing twice is closing once')
  t.equal(broker.closed, true)
  for (const refused of [
    () => topic.publish({ value: 3 }),
    () => topic.publishBatch([{ value: 3 }]),
    () => broker.topic('third'),
    () => topic.group('h').handle(() => undefined),
    () => topic.group('h').run({ handler: '/nowhere.mjs' }),
  ])
    t.match(await rejection(refused()), { code: 'MILL_CLOSED' })
  t.throws(() => topic.tryPublish({ value: 3 }), { code: 'MILL_CLOSED' })
  await closing
  t.equal((await receipts).length, 2)
  t.match(fromHandler, { topic: 'other', offset: 0 })
  t.ok(done.includes(0))
  await run.finished
  t.strictSame(await run.stop(), { results: [] })
  for (const refused of [
    () => topic.publish({ value: 3 }),
    () => topic.publishBatch([{ value: 3 }]),
    () => topic.flush(),
    () => topic.stats(),
    () => broker.topic('orders'),
    () => topic.group('g').stats(),
    () => topic.group('g').lag(),
    () => topic.group('g').delete(),
    () => run.pause(),
    () => other.publish({ value: 'x' }),
  ])
    t.match(await rejection(refused()), { code: 'MILL_CLOSED' }, String(refused))
  t.throws(() => topic.tryPublish({ value: 3 }), { code: 'MILL_CLOSED' })
  await broker.close()
})

t.test('closing with a handler that is stuck rejects in time, and says what it was', async t => {
  const broker = await createBroker({ memoryMaxBytes: 64 * 1024 * 1024, logger: false })
  const topic = await broker.topic<number>('orders')
  let entered = false
  await topic.group('stuck').handle(() => {
    entered = true
    return new Promise(() => undefined)
  })
  await topic.publish({ value: 1 })
  await until(() => entered)
  t.match(await rejection(broker.close({ timeoutMs: 80 })), {
    code: 'MILL_TIMEOUT',
    message: /group stuck did not stop/,
  })
  t.equal(broker.closed, true)
  t.match(await rejection(topic.publish({ value: 2 })), { code: 'MILL_CLOSED' })
})

t.test('closing while records wait for room rejects in time, says what holds them, and fails them', async t => {
  const broker = await createBroker({ memoryMaxBytes: 64 * 1024 * 1024, logger: false })
  const topic = await broker.topic<string>('orders', { ...SMALL, groups: ['slow'] })
  const pending = Array.from({ length: 300 }, () =>
    topic.publish({ value: 'x'.repeat(1_000) }).then(
      () => 'ok',
      (error: { code: string }) => error.code,
    ),
  )
  const batch = rejection(topic.publishBatch([{ value: 'y'.repeat(1_000) }]))
  const failed: BrokerEvents['publishFailed'][] = []
  broker.on('publishFailed', event => failed.push(event))
  await pending[0]
  t.match(await rejection(broker.close({ timeoutMs: 80 })), {
    code: 'MILL_TIMEOUT',
    message: /not all appended in time: \d+ for topic orders/,
  })
  const outcomes = await Promise.all(pending)
  t.ok(outcomes.includes('ok') && outcomes.includes('MILL_CLOSED'))
  t.strictSame([...new Set(outcomes)].sort(), ['MILL_CLOSED', 'ok'])
  t.match(await batch, { code: 'MILL_UNPUBLISHED', cause: { code: 'MILL_CLOSED' } })
  t.strictSame(failed, [], 'those had promises to tell of it')
})

t.test('records handed to tryPublish that cannot be appended are told of', async t => {
  const broker = await createBroker({ memoryMaxBytes: 64 * 1024 * 1024, logger: false })
  const topic = await broker.topic<string>('orders', { ...SMALL, groups: ['slow'] })
  const taken = await fillUp(topic)
  const { highWatermark } = (await topic.stats()).partitions[0] as { highWatermark: number }
  const flushed = rejection(topic.flush())
  const failed: BrokerEvents['publishFailed'][] = []
  broker.on('publishFailed', event => failed.push(event))
  await rejection(broker.close({ timeoutMs: 50 }))
  t.match(failed, [{ topic: 'orders', partition: 0, count: taken - highWatermark, error: { code: 'MILL_CLOSED' } }])
  t.match(await flushed, { code: 'MILL_CLOSED' })
})

t.test('two brokers in one process have nothing to do with each other', async t => {
  const [first, second] = await Promise.all([openBroker(t), openBroker(t)])
  const topics = await Promise.all([first, second].map(broker => broker.topic<string>('orders')))
  const seen: string[][] = [[], []]
  const runs = await Promise.all(
    topics.map((topic, index) => topic.group('g').handle(({ value }) => void seen[index]?.push(value))),
  )
  await Promise.all(topics.map((topic, index) => topic.publish({ value: `of ${index}` })))
  await Promise.all(runs.map(run => run.idle()))
  t.strictSame(seen, [['of 0'], ['of 1']])
  await first[Symbol.asyncDispose]()
  t.match(await rejection(topics[0]?.publish({ value: 'x' }) as Promise<unknown>), { code: 'MILL_CLOSED' })
  await topics[1]?.publish({ value: 'still there' })
  await runs[1]?.idle()
  t.equal(seen[1]?.length, 2)
})

t.test('options of a broker are checked', async t => {
  for (const [options, code] of [
    [{ memoryMaxByte: 5 }, 'MILL_UNKNOWN_OPTION'],
    [{ memoryMaxBytes: 5 }, 'MILL_OUT_OF_RANGE'],
    [{ partitionThreads: 0 }, 'MILL_OUT_OF_RANGE'],
    [{ logger: {} }, 'MILL_INVALID_OPTION'],
    [null, 'MILL_INVALID_OPTION'],
  ] as const)
    t.match(await rejection(createBroker(options as object)), { code })
  const given = { memoryMaxBytes: 64 * 1024 * 1024, logger: false as const }
  const opening = createBroker(given)
  given.memoryMaxBytes = 5
  await (await opening).close()
  const broker = await openBroker(t)
  t.throws(() => broker.on('deadLetter' as 'deadLettered', () => undefined), {
    code: 'MILL_UNKNOWN_OPTION',
    message: /deadLettered/,
  })
  t.throws(() => broker.on('failed', undefined as unknown as () => void), { code: 'MILL_INVALID_OPTION' })
  t.match(await rejection(broker.close({ timeout: 5 } as object)), { code: 'MILL_UNKNOWN_OPTION' })
  t.equal(broker.closed, false)
})

t.test('events go to listeners, or as one line to the logger where nobody listens', async t => {
  const lines: string[] = []
  const logger: Logger = { warn: line => lines.push(`warn ${line}`), error: line => lines.push(`error ${line}`) }
  const broker = await openBroker(t, { logger })
  const topic = await broker.topic<number>('orders')
  const run = await topic.group('g').handle(
    () => {
      throw new Error('no\nsecond line')
    },
    { attempts: 1 },
  )
  await topic.publishBatch(Array.from({ length: 20 }, (_, value) => ({ value })))
  await run.idle()
  await until(() => lines.length > 0)
  await delay(20)
  t.strictSame(lines.length, 1, 'one line of a kind, however many events')
  t.match(lines[0], /^warn millrace: orders\/0 offset 0 was dead-lettered by group g as failed: no/)
  const heard: number[] = []
  const stop = broker.on('deadLettered', ({ offset }) => heard.push(offset))
  const alsoStop = broker.on('deadLettered', () => {
    alsoStop()
  })
  await topic.publish({ value: 20 })
  await run.idle()
  await until(() => heard.length === 1)
  stop()
  stop()
  await topic.publish({ value: 21 })
  await run.idle()
  await delay(20)
  t.strictSame([heard, lines.length], [[20], 1])
})

t.test('a process with a broker and nothing open ends by itself', async t => {
  const bodies = [
    `await createBroker()`,
    `const broker = await createBroker()
     const topic = await broker.topic('orders', { partitions: 3 })
     await topic.publishBatch(Array.from({ length: 1_000 }, (_, value) => ({ value })))
     const run = await topic.group('g').handle(() => undefined)
     await run.idle()
     await run.stop()
     for await (const { ack } of topic.group('h').consume()) {
       ack()
       break
     }
     const subscription = topic.group('i').observe().subscribe(() => undefined)
     await new Promise(resolve => setTimeout(resolve, 20))
     subscription.unsubscribe()
     await topic.group('g').delete()
     await topic.stats()`,
    `const broker = await createBroker()
     const topic = await broker.topic('orders')
     void topic.publish({ value: 1 }).then(() => console.log('appended'))`,
    `const broker = await createBroker()
     const other = await createBroker()
     await broker.close()`,
  ]
  const ends = await Promise.all(bodies.map(body => program(body)))
  t.strictSame(
    ends.map(({ code, stderr }) => [code, stderr]),
    bodies.map(() => [0, '']),
  )
  t.equal(ends[2]?.stdout, 'appended\n', 'an unsettled publish keeps it alive')
})

t.test('an open run, loop or subscription keeps the process alive', async t => {
  const handler = fileURLToPath(new URL('../delivery/fixtures/totals.fixture.js', import.meta.url))
  const bodies = [
    `await topic.group('g').handle(({ value }) => { if (value === 'last') broker.close().then(() => console.log('closed')) })`,
    `for await (const { value, ack } of topic.group('g').consume()) if (value === 'last') { ack(); console.log('closed'); break }`,
    `const subscription = topic.group('g').observe().subscribe(delivery => { delivery.ack(); if (delivery.value === 'last') { subscription.unsubscribe(); console.log('closed') } })`,
    `await broker.topic('audit')
     const run = await topic.group('g').run({ handler: ${JSON.stringify(handler)}, threads: 1 })
     setTimeout(() => run.stop().then(() => console.log('closed')), 700).unref()`,
  ]
  const ends = await Promise.all(
    bodies.map(body =>
      program(`const broker = await createBroker()
        const topic = await broker.topic('orders')
        const timer = setTimeout(() => topic.publish({ value: 'last' }), 400)
        timer.unref()
        ${body}`),
    ),
  )
  t.strictSame(
    ends.map(({ code, stdout, stderr }) => [code, stdout, stderr]),
    bodies.map(() => [0, 'closed\n', '']),
  )
})

t.test('failures that nobody listens for are said once on stderr, and do not end the process', async t => {
  const { code, stdout, stderr } = await program(`
    const broker = await createBroker()
    const topic = await broker.topic('orders')
    const run = await topic.group('g').handle(() => { throw new Error('no') }, { attempts: 1 })
    await topic.publishBatch(Array.from({ length: 50 }, (_, value) => ({ value })))
    await run.idle()
    await run.stop()
    const failing = await topic.group('h').handle({ start() { throw new Error('cannot start') }, message() {} })
    await failing.finished.catch(() => undefined)
    await new Promise(resolve => setTimeout(resolve, 100))
    await broker.close()
    console.log('done')`)
  t.strictSame([code, stdout], [0, 'done\n'])
  const lines = stderr.trim().split('\n')
  t.equal(lines.length, 3, stderr)
  t.match(lines[0], /^millrace: orders\/0 offset 0 was dead-lettered/)
  t.match(lines[1], /^millrace: `start` of the handler of group h, topic orders, failed for partition 0: cannot start$/)
  t.match(lines[2], /^millrace: and 49 more lines like this: orders\/0 offset 0 was dead-lettered/)
})

t.test('a listener that throws is an uncaught exception of its own, and stops nothing of the broker', async t => {
  const { code, stdout, stderr } = await program(`
    process.on('uncaughtException', error => console.log('uncaught', error.message))
    const broker = await createBroker()
    const topic = await broker.topic('orders')
    broker.on('deadLettered', () => { throw new Error('from a listener') })
    const heard = new Promise(resolve => broker.on('deadLettered', () => { console.log('second listener'); resolve() }))
    const run = await topic.group('g').handle(() => { throw new Error('no') }, { attempts: 1 })
    await topic.publish({ value: 1 })
    await run.idle()
    await heard
    await new Promise(resolve => setTimeout(resolve, 50))
    await run.stop()
    await broker.close()
    console.log('done')`)
  t.strictSame([code, stderr], [0, ''])
  t.strictSame(stdout.trim().split('\n').sort(), ['done', 'second listener', 'uncaught from a listener'])
})

t.test('standard error that nobody reads any more is no end of the process', async t => {
  const { code, stdout } = await program(
    `import { spawn } from 'node:child_process'
     import { fileURLToPath } from 'node:url'
     if (process.argv[2] === 'inner') {
       const broker = await createBroker()
       const topic = await broker.topic('t')
       const run = await topic.group('g').handle(() => { throw new Error('told to nobody') }, { attempts: 1 })
       await topic.publish({ value: 1 })
       await run.idle()
       await broker.close()
       console.log('closed')
     } else {
       const inner = spawn(process.execPath, [fileURLToPath(import.meta.url), 'inner'], { stdio: ['ignore', 'inherit', 'pipe'] })
       inner.stderr.destroy()
       inner.on('close', code => console.log('inner ended with', code))
     }`,
  )
  t.equal(code, 0)
  t.strictSame(stdout.trim().split('\n'), ['closed', 'inner ended with 0'])
})
