/** Threads of a program that are attached to a broker: all that they can do there, what is refused, and closing in both orders. */
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { attachBroker, type Broker, type Topic } from '../../index.ts'
import { type AttachedWorker, attached, freed, memoryOf, startAttached } from '../fixtures/attached-thread.fixture.ts'
import { folderOf, openBroker, readAll, rejection, until } from '../fixtures/broker.fixture.ts'
import { DOOR } from '../fixtures/door.fixture.ts'
import { newName } from '../fixtures/shared-broker.fixture.ts'

const sorted = (values: readonly unknown[]): unknown[] => [...(values as number[])].sort((a, b) => a - b)
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n)

async function valuesOf<V>(topic: Topic<V>): Promise<V[]> {
  return (await readAll(topic)).map(({ value }) => value)
}

/** A broker with two threads that are attached to it. */
async function house(t: Test, broker?: Broker): Promise<{ broker: Broker; a: AttachedWorker; b: AttachedWorker }> {
  const opened = broker ?? (await openBroker(t))
  const [a, b] = await Promise.all([attached(t, opened), attached(t, opened)])
  return { broker: opened, a, b }
}

let opening: ReturnType<typeof house> | undefined

/** The same for tests that leave all as it was, but for topics of their own. */
function sharedHouse(): ReturnType<typeof house> {
  opening ??= house(t)
  return opening
}

t.test('two threads publish what a group on the opening thread reads, in the order of each', async t => {
  const { broker, a, b } = await sharedHouse()
  const ordersName = newName()
  const orders = await broker.topic<number>(ordersName, { partitions: 4, groups: ['g'] })
  await Promise.all([a.tell('publish', ordersName, 0, 50), b.tell('tryPublish', ordersName, 1_000, 500)])
  t.equal(await a.tell('publishBatch', ordersName, 50, 2_000), 2_000)
  const seen: number[] = []
  const run = await orders.group('g').handle(({ value }) => void seen.push(value))
  await run.idle()
  t.strictSame(
    sorted(seen),
    [...numbers(0, 2_050), ...numbers(1_000, 1_500)].sort((x, y) => x - y),
  )
  // One key is one partition, in which a thread's records keep their order.
  for (const key of numbers(0, 7)) {
    const own = seen.filter(n => n < 50 && n % 7 === key)
    t.strictSame(own, sorted(own), `key ${key}`)
  }
})

t.test('loops on two threads share a group, and each group has all', async t => {
  const { broker, a, b } = await sharedHouse()
  const ordersName = newName()
  const orders = await broker.topic<number>(ordersName, { partitions: 2, groups: ['g', 'h', 'i', 'j'] })
  const loops = Promise.all([
    a.tell<number[]>('consume', ordersName, 'g', 100),
    b.tell<number[]>('consume', ordersName, 'g', 100),
  ])
  await until(async () => (await orders.group('g').stats()).partitions.length === 2)
  await orders.publishBatch(numbers(0, 200).map(value => ({ partition: value % 2, value })))
  t.strictSame(sorted((await loops).flat()), numbers(0, 200))
  t.strictSame(sorted(await a.tell<number[]>('stream', ordersName, 'h', 200)), numbers(0, 200))
  const [idleThere] = await Promise.all([a.tell('idle', ordersName, 'i'), b.tell('idle', ordersName, 'j')])
  t.equal(idleThere, 200, 'a run is idle there as well')
})

t.test('queues, requests and exchanges work from thread to thread', async t => {
  const { broker, a, b } = await sharedHouse()
  const [tasksName, askedName, routesName] = [newName(), newName(), newName()] as const
  await broker.queue(tasksName)
  await broker.queue(askedName)
  await a.tell('bind', routesName, tasksName, 'k')
  await b.tell('route', routesName, 'k', 1)
  await b.tell('send', tasksName, 2)
  t.strictSame(sorted(await a.tell<number[]>('consumeQueue', tasksName, 2)), [1, 2])
  await b.tell('answer', askedName)
  t.equal(await a.tell('request', askedName, 'hello'), 'hello!')
  const asked = await broker.queue<string, string>(askedName)
  t.equal(await asked.request({ value: 'main' }), 'main!', 'the opening thread is answered as well')
})

t.test('partitions that are added by one thread are known to all', async t => {
  const { broker, a, b } = await sharedHouse()
  const ordersName = newName()
  const orders = await broker.topic<number>(ordersName, { partitions: 2, groups: ['g'] })
  for (const thread of [a, b]) await thread.tell('publish', ordersName, 0, 10)
  await orders.addPartitions(1)
  for (const thread of [a, b]) await until(async () => (await thread.tell('partitions', ordersName)) === 3)
  t.equal(await a.tell('grow', ordersName), 5)
  await until(() => orders.partitions === 5)
  await until(async () => (await b.tell('partitions', ordersName)) === 5)
  await b.tell('publishBatch', ordersName, 0, 500)
  const used = (await orders.group('g').stats()).partitions.filter(({ lag }) => lag > 0)
  t.equal(used.length, 5)
})

t.test('what only the opening thread does is refused, and changes nothing', async t => {
  const { broker, a } = await sharedHouse()
  await broker.topic('orders', { groups: ['g'] })
  await broker.queue('tasks')
  await broker.exchange('routes', { type: 'direct' })
  t.strictSame(await a.tell('refused'), {
    deleteTopic: 'MILL_UNSUPPORTED',
    deleteGroup: 'MILL_UNSUPPORTED',
    deleteQueue: 'MILL_UNSUPPORTED',
    deleteExchange: 'MILL_UNSUPPORTED',
    schedule: 'MILL_UNSUPPORTED',
    schedules: 'MILL_UNSUPPORTED',
    on: 'MILL_UNSUPPORTED',
    ownEvent: 'done',
  })
  t.ok((await broker.topics()).some(({ name }) => name === 'orders'))
  t.equal((await (await broker.queue('tasks')).stats()).acked, 0)
  t.ok((await broker.exchanges()).some(({ name }) => name === 'routes'))
})

t.test('a topic that the opening thread deletes ends what others publish to it', async t => {
  const { broker, a, b } = await sharedHouse()
  const ordersName = newName()
  const orders = await broker.topic<number>(ordersName, { groups: ['g'] })
  const publishing = rejection(a.tell('publishOn', ordersName))
  await until(() => Atomics.load(a.words, 1) > 20)
  await orders.delete()
  t.match(await publishing, { code: 'MILL_TOPIC_DELETED' })
  await b.tell('publish', ordersName, 0, 3)
  t.strictSame(sorted(await valuesOf(await broker.topic<number>(ordersName))), [0, 1, 2], 'the name is a new topic')
})

t.test('a ticket that is none, or of another process, version or closed broker, is told what is wrong', async t => {
  const broker = await openBroker(t)
  const ticket = broker.ticket()
  const [kind, version, pid, thread, secret] = ticket.split(':')
  const attach = (text: unknown): Promise<unknown> => rejection(attachBroker(text as string))
  t.match(await attach(undefined), { code: 'MILL_INVALID_OPTION', message: /broker\.ticket\(\)/ })
  t.match(await attach({ ticket }), { code: 'MILL_INVALID_OPTION' })
  t.match(await attach([kind, version, Number(pid) + 1, thread, secret].join(':')), { message: /is of process/ })
  t.match(await attach([kind, '9.9.9', pid, thread, secret].join(':')), { code: 'MILL_CONFIG_MISMATCH' })
  t.match(await attach([kind, version, pid, thread, secret?.replace(/.$/, c => (c === '0' ? '1' : '0'))].join(':')), {
    code: 'MILL_CLOSED',
  })
  t.match(await rejection(attachBroker(ticket, { logging: false } as never)), { code: 'MILL_UNKNOWN_OPTION' })
  await broker.close()
  t.match(await attach(ticket), { code: 'MILL_CLOSED' })
  t.throws(() => broker.ticket(), { code: 'MILL_CLOSED' })
})

t.test('the thread that opened a broker may attach to it as well, and a ticket may be passed on', async t => {
  const broker = await openBroker(t)
  const second = await attachBroker(broker.ticket(), { logger: false })
  const third = await attachBroker(second.ticket(), { logger: false })
  const orders = await third.topic<number>('orders', { groups: ['g'] })
  await orders.publish({ value: 1 })
  await third.close()
  await second.close()
  t.strictSame(await valuesOf(await broker.topic('orders')), [1])
})

t.test('an attached thread that closes gives its memory back, and the broker goes on', async t => {
  const { broker, a, b } = await house(t)
  const orders = await broker.topic<number>('orders', { partitions: 4, groups: ['g'] })
  await orders.publish({ value: 0 })
  const loop = b.tell('consumeOn', 'orders', 'g')
  await until(async () => (await orders.group('g').stats()).processed === 1)
  await a.tell('close', 5_000)
  t.strictSame(await a.tell('afterClose'), [true, 'MILL_CLOSED', 'MILL_CLOSED'])
  const before = await memoryOf(broker)
  for (let round = 0; round < 3; round++) {
    const again = await attached(t, broker)
    await again.tell('publishBatch', 'orders', 0, 1_000)
    await again.tell('close', 5_000)
    await freed(broker, before)
  }
  await b.tell('close', 5_000)
  t.ok(Number(await loop) > 0, 'its loop has ended')
  await orders.publish({ value: 1 })
})

t.test(
  'when the broker closes, what attached threads published is appended, and their loops and requests end',
  async t => {
    const folder = folderOf(t)
    const broker = await folder.open()
    await broker.topic<number>('orders', { groups: ['g'], durability: 'os' })
    await broker.queue('asked')
    const { a, b } = await house(t, broker)
    const loop = b.tell('consumeOn', 'orders', 'g')
    await until(async () => (await (await broker.topic('orders')).group('g').stats()).threads === 1)
    const request = rejection(a.tell('request', 'asked', 'nobody answers'))
    const publishing = rejection(a.tell('publishOn', 'orders'))
    await until(() => Atomics.load(a.words, 1) > 100)
    await broker.close()
    t.match(await request, { code: 'MILL_CLOSED' })
    t.match(await publishing, { code: 'MILL_CLOSED' })
    t.type(await loop, 'number')
    t.strictSame(await b.tell('afterClose'), [true, 'MILL_CLOSED', 'MILL_CLOSED'])
    const next = await folder.open()
    const there = new Set(await valuesOf(await next.topic<number>('orders')))
    t.strictSame(
      numbers(0, Atomics.load(a.words, 1)).filter(n => !there.has(n)),
      [],
      'all that was acknowledged',
    )
  },
)

t.test('a thread is told that the broker closes, and says so, while that goes on', async t => {
  const broker = await openBroker(t)
  const second = await attachBroker(broker.ticket(), { logger: false })
  const orders = await second.topic<number>('orders', { groups: ['g'] })
  let finish: (() => void) | undefined
  await orders.group('g').handle(
    () =>
      new Promise<void>(resolve => {
        finish = resolve
      }),
  )
  await orders.publish({ value: 1 })
  await until(() => finish !== undefined)
  t.equal(second.closed, false)
  let isOver = false
  const closing = broker.close().then(() => {
    isOver = true
  })
  await until(() => {
    try {
      return second.ticket() === ''
    } catch {
      return true
    }
  })
  t.equal(second.closed, true)
  t.match(await rejection(second.topic('others')), { code: 'MILL_CLOSED' })
  t.equal(isOver, false, 'its handler is waited for')
  finish?.()
  await closing
})

t.test('a thread whose loop is busy is not waited for longer than the close may take', async t => {
  const { broker, a } = await house(t)
  const spinning = a.tell('spin')
  await until(() => a.said.length === 1)
  t.match(await rejection(broker.close({ timeoutMs: 400 })), { code: 'MILL_TIMEOUT', message: /attached thread/ })
  Atomics.store(a.words, 0, 1)
  await spinning
  await until(async () => String(await a.tell('afterClose')) === 'true,MILL_CLOSED,MILL_CLOSED')
})

t.test('257 threads at a time are one too many', async t => {
  const broker = await openBroker(t, { memoryMaxBytes: 512 * 1024 * 1024 })
  const all = await Promise.all(numbers(0, 256).map(() => attachBroker(broker.ticket(), { logger: false })))
  t.match(await rejection(attachBroker(broker.ticket())), { code: 'MILL_FULL', retriable: true })
  await all[0]?.close()
  let again: Broker | undefined
  await until(async () => {
    again = await attachBroker(broker.ticket(), { logger: false }).catch(() => undefined)
    return again !== undefined
  })
  await Promise.all([...all, again].map(each => each?.close()))
})

t.test('a thread that only publishes ends by itself, and a ticket may come by any way', async t => {
  const broker = await openBroker(t)
  await broker.topic('orders', { groups: ['g'] })
  const code = `
    import { workerData, parentPort } from 'node:worker_threads'
    const { attachBroker } = await import(${JSON.stringify(DOOR)})
    const orders = await (await attachBroker(process.env.TICKET)).topic('orders')
    await orders.publish({ value: 'from a thread that ends' })
    orders.tryPublish({ value: 'and does not wait' })
    await orders.flush()
  `
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`)
  const worker = new Worker(url, { env: { ...process.env, TICKET: broker.ticket() } })
  const code0 = await new Promise((resolve, reject) => {
    worker.once('exit', resolve)
    worker.once('error', reject)
  })
  t.equal(code0, 0)
  t.strictSame(await valuesOf(await broker.topic('orders')), ['from a thread that ends', 'and does not wait'])
})

t.test('a thread that is not attached yet is told what is wrong there', async t => {
  const thread = startAttached(t, 'no ticket')
  t.match(await rejection(thread.tell('attach')), { code: 'MILL_INVALID_OPTION' })
})
