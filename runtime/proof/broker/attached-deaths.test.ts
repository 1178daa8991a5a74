/** Attached threads that end in all ways: what they were told is kept, what they had goes to others, and their memory is free. */
import t from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import type { NamedProducer } from '../../index.ts'
import { FAULT_POINT } from '../../wire/layout.ts'
import { type AttachedWorker, attached, freed, memoryOf } from '../fixtures/attached-thread.fixture.ts'
import { delay, folderOf, openBroker, readAll, rejection, until } from '../fixtures/broker.fixture.ts'

const HANDLER = new URL('../fixtures/no-handler.js', import.meta.url)

/** Ways in which a thread ends. */
const WAYS: Readonly<Record<string, (thread: AttachedWorker) => unknown>> = {
  'terminate()': ({ worker }) => worker.terminate(),
  'terminate() while it spins': async ({ worker, tell, said }) => {
    tell('spin').catch(() => undefined)
    await until(() => said.length > 0)
    return worker.terminate()
  },
  'process.exit': ({ tell }) => void tell('exit').catch(() => undefined),
  'an error that nothing catches': ({ tell }) => void tell('raise').catch(() => undefined),
}

for (const [way, end] of Object.entries(WAYS))
  t.test(`what a publisher was told is there when it ends by ${way}, and its memory is free`, async t => {
    const broker = await openBroker(t)
    const orders = await broker.topic<number>('orders', { partitions: 4, groups: ['reader'] })
    await orders.publish({ value: -1 })
    const before = await memoryOf(broker)
    const a = await attached(t, broker)
    a.tell('publishOn', 'orders').catch(() => undefined)
    await until(() => Atomics.load(a.words, 1) > 200)
    await end(a)
    await a.exited
    const told = Atomics.load(a.words, 1)
    await freed(broker, before)
    const there = new Set((await readAll(orders)).map(({ value }) => value))
    t.strictSame(
      Array.from({ length: told }, (_, n) => n).filter(n => !there.has(n)),
      [],
    )
    const b = await attached(t, broker)
    await b.tell('publish', 'orders', 0, 10)
  })

t.test('partitions of a loop whose thread is terminated go to others, with what it had not settled', async t => {
  const broker = await openBroker(t)
  const orders = await broker.topic<number>('orders', { partitions: 4, groups: ['g'] })
  const a = await attached(t, broker)
  a.tell('consumeOn', 'orders', 'g').catch(() => undefined)
  await orders.publishBatch(Array.from({ length: 100 }, (_, n) => ({ partition: n % 4, value: n })))
  await until(async () => (await orders.group('g').stats()).processed > 0)
  await a.worker.terminate()
  await orders.publishBatch(Array.from({ length: 100 }, (_, n) => ({ partition: n % 4, value: 100 + n })))
  const seen = new Set<number>()
  const run = await orders.group('g').handle(({ value }) => void seen.add(value))
  await run.idle()
  const { processed, failures } = await run.stats()
  t.ok(processed >= 200, `${processed}`)
  t.equal(failures, 0, 'no handler was on the stack')
  for (let n = 100; n < 200; n++) t.ok(seen.has(n))
})

t.test('a partition host that dies is followed by one that knows the attached threads', async t => {
  const broker = await openBroker(t)
  const orders = await broker.topic<number>('orders', { partitions: 2, groups: ['reader'] })
  const before = await memoryOf(broker)
  const a = await attached(t, broker)
  a.tell('publishOn', 'orders').catch(() => undefined)
  const told = (): number => Atomics.load(a.words, 1)
  await until(() => told() > 20)
  const session = sessions.get(broker) as Session
  t.ok(await session.ask(control => control.killPartitionHost(0, FAULT_POINT.betweenRingAndReceipt)))
  const then = told()
  await until(() => told() > then + 20)
  await a.worker.terminate()
  await freed(broker, before)
  const there = new Set((await readAll(orders)).map(({ value }) => value))
  t.strictSame(
    Array.from({ length: told() }, (_, n) => n).filter(n => !there.has(n)),
    [],
  )
})

t.test('a message that a terminated thread had is handed out again at once', async t => {
  const broker = await openBroker(t)
  const tasks = await broker.queue<string>('tasks')
  await tasks.send({ value: 'kept' })
  const a = await attached(t, broker)
  a.tell('takeOne', 'tasks').catch(() => undefined)
  await until(() => a.said[0] === 'kept')
  // No run that is given up ends as soon as that.
  await tasks.send({ value: 'later', delayMs: 1_500 })
  await a.worker.terminate()
  const seen: (readonly [string, number, number])[] = []
  await tasks.handle(({ value, deliveryAttempt, failedAttempts }) => {
    seen.push([value, deliveryAttempt, failedAttempts])
  })
  await until(() => seen.length === 1)
  t.strictSame(seen, [['kept', 2, 1]], 'it had begun that one alone')
})

t.test('a record that ends the thread which handles it is charged, and at last a dead letter', async t => {
  const broker = await openBroker(t)
  const orders = await broker.topic<string>('orders', { groups: ['g'] })
  await orders.publish({ value: 'exit' })
  for (let life = 0; life < 2; life++) {
    const a = await attached(t, broker)
    a.tell('handle', 'orders', 'g', 2).catch(() => undefined)
    t.equal(await a.exited, 3)
  }
  await until(async () => (await broker.deadLetters(orders).stats()).depth === 1)
  for await (const { reason, error } of broker.deadLetters(orders).browse()) {
    t.equal(reason, 'crashed')
    t.match(error.message, /attached thread ended/)
  }
})

t.test('a named producer of a thread that was terminated can be opened again, and goes on', async t => {
  const folder = folderOf(t)
  const broker = await folder.open()
  const orders = await broker.topic<number>('orders', { groups: ['reader'], durability: 'os' })
  const a = await attached(t, broker)
  const next = await a.tell<number>('named', 'orders', 'importer', 20)
  t.match(await rejection(broker.producer('importer', orders)), { code: 'MILL_LOCKED' })
  await a.worker.terminate()
  let producer: NamedProducer<number> | undefined
  await until(async () => {
    producer ??= await broker.producer<number>('importer', orders).catch(() => undefined)
    return producer !== undefined
  })
  const opened = producer as unknown as NamedProducer<number>
  t.ok(opened.next <= next)
  // As after any crash: again from there, and nothing is stored twice.
  for (let n = opened.next; n < 25; n++) await opened.publish({ partition: 0, value: n })
  const there = (await readAll(orders)).map(({ value }) => value)
  t.strictSame(
    there,
    Array.from({ length: 25 }, (_, n) => n),
  )
})

t.test('what a terminated thread has asked a queue for is handled by nobody', async t => {
  const broker = await openBroker(t)
  const asked = await broker.queue<string, string>('asked')
  const before = await memoryOf(broker)
  const a = await attached(t, broker)
  a.tell('request', 'asked', 'too late').catch(() => undefined)
  await until(async () => (await asked.stats()).ready === 1)
  await a.worker.terminate()
  await freed(broker, before)
  const handled: string[] = []
  const run = await asked.handle(({ value }) => {
    handled.push(value)
    return value
  })
  await asked.send({ value: 'next' })
  await run.idle()
  t.strictSame(handled, ['next'])
})

t.test('a run that an attached thread has started ends with it', async t => {
  const broker = await openBroker(t)
  const orders = await broker.topic('orders', { partitions: 2, groups: ['g'] })
  const a = await attached(t, broker)
  await a.tell('run', 'orders', 'g', HANDLER.href)
  await until(async () => (await orders.group('g').stats()).threads === 1)
  await a.worker.terminate()
  await until(async () => (await orders.group('g').stats()).threads === 0)
  await until(() =>
    orders
      .group('g')
      .delete()
      .then(
        () => true,
        () => false,
      ),
  )
})

t.test('memory of a thread that let go with a handler under way is kept until the thread ends', async t => {
  const broker = await openBroker(t)
  const tasks = await broker.queue<string>('tasks')
  await tasks.send({ value: 'long' })
  const before = await memoryOf(broker)
  const a = await attached(t, broker)
  await a.tell('stuck', 'tasks')
  await until(() => a.said[0] === 'long')
  t.match(await rejection(a.tell('close', 300)), { code: 'MILL_TIMEOUT' })
  // Longer than hosts take to let go of a thread.
  await delay(250)
  const kept = await memoryOf(broker)
  t.ok(kept.blocks > before.blocks, 'its handler may still write')
  await a.worker.terminate()
  await freed(broker, before)
  const seen: string[] = []
  const run = await tasks.handle(({ value }) => void seen.push(value))
  await run.idle()
  t.strictSame(seen, ['long'])
})
