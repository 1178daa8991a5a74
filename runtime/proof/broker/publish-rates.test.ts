/** Who is a producer with a rate of its own, who has none, and how long a topic keeps its rate. Whole brokers. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type FullError, RejectError } from '../../index.ts'
import { delay, folderOf, openBroker, readAll, rejection, standStill, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

/** Longer than a test. */
const LONG_MS = 3_600_000
const numbers = (count: number) => Array.from({ length: count }, (_, value) => ({ key: 'k', value }))

t.test('outputs wait for the rate, whatever onFull says, and no attempt fails of it', async t => {
  const broker = await sharedBroker()
  const source = await broker.topic<number>(newName())
  const publishRate = { max: 4, perMs: 150 }
  const results = await broker.topic<number>(newName(), { publishRate, onFull: 'reject', groups: ['reader'] })
  const began = performance.now()
  const run = await source.group('g').handle(({ value }) => value, { output: results.name, attempts: 1 })
  await source.publishBatch(numbers(14))
  await run.idle()
  t.ok(performance.now() - began >= 450, 'three waits')
  t.match(await run.stats(), { processed: 14, failures: 0 })
  await run.stop()
  t.equal((await readAll(results)).length, 14)
})

t.test('whoever is refused is told a time to wait, though outputs wait and their timer is late', async t => {
  const broker = await sharedBroker()
  const source = await broker.topic<number>(newName())
  const publishRate = { max: 1, perMs: 300 }
  const results = await broker.topic<number>(newName(), { publishRate, onFull: 'reject' })
  const run = await source.group('g').handle(({ value }) => value, { output: results.name })
  await source.publishBatch(numbers(2))
  await until(async () => (await results.stats()).waitingForRate > 0)
  standStill(publishRate.perMs)
  const { code, retryAfterMs } = (await rejection(results.publish({ value: 9 }))) as FullError
  t.equal(code, 'MILL_FULL')
  t.ok(retryAfterMs !== undefined && retryAfterMs >= 1 && retryAfterMs <= publishRate.perMs, `${retryAfterMs}`)
  await run.stop()
})

t.test('what a handler publishes by itself is refused as anybody’s, and says so', async t => {
  const broker = await sharedBroker()
  const source = await broker.topic<number>(newName())
  const limited = await broker.topic<number>(newName(), { publishRate: { max: 1, perMs: LONG_MS }, onFull: 'reject' })
  const codes: unknown[] = []
  const run = await source.group('g').handle(async ({ value }, context) => {
    for (let count = 0; count < 2; count++)
      await context.publish(limited.name, { value }).catch(({ code }) => codes.push(code))
  })
  await source.publish({ value: 1 })
  await until(() => codes.length > 0)
  t.strictSame(codes, ['MILL_FULL'])
  await run.stop({ timeoutMs: 1_000 }).catch(() => undefined)
})

t.test('a named producer has a rate of its own, and waits for it, whatever onFull says', async t => {
  const folder = folderOf(t)
  const broker = await folder.open()
  const publishRate = { max: 3, perMs: LONG_MS }
  const topic = await broker.topic<number>('orders', { publishRate, onFull: 'reject' })
  t.equal(numbers(5).filter(message => topic.tryPublish(message)).length, 3)
  const loader = await broker.producer<number>('loader', topic)
  t.match(await loader.publishBatch(numbers(3)), { count: 3 })
  const held = [rejection(loader.publishBatch(numbers(2))), rejection(loader.publish({ key: 'k', value: 5 }))]
  t.match(await topic.stats(), { waitingForRate: 3 })
  await topic.delete()
  for (const error of await Promise.all(held)) t.match(error.message, /was deleted/)
})

t.test('dead letters and their replay are not limited, and replay goes before publishes that wait', async t => {
  const broker = await sharedBroker()
  const topic = await broker.topic<number>(newName(), { publishRate: { max: 20, perMs: LONG_MS } })
  let isRepaired = false
  const run = await topic.group('g').handle(() => {
    if (!isRepaired) throw new RejectError()
  })
  await topic.publishBatch(numbers(20))
  const waiting = rejection(topic.publish({ key: 'k', value: 99 }))
  await until(async () => (await run.stats()).deadLettered === 20)
  isRepaired = true
  const letters = broker.deadLetters(topic, { group: 'g' })
  t.match(await letters.replay({}, { timeoutMs: 4_000 }), { replayed: 20 })
  // Not `idle`, which waits for the publish as well.
  await until(async () => (await run.stats()).processed === 20)
  t.match(await run.stats(), { processed: 20, deadLettered: 20 })
  t.match(await topic.stats(), { waitingForRate: 1 })
  await run.stop()
  await topic.delete()
  t.match(await waiting, { code: 'MILL_TOPIC_DELETED' })
})

t.test('a topic keeps its rate while it is open, and another one is refused', async t => {
  const broker = await sharedBroker()
  const name = newName()
  const publishRate = { max: 5, perMs: 1_000 }
  await broker.topic(name, { publishRate })
  await broker.topic(name)
  await broker.topic(name, { publishRate: { perMs: 1_000, max: 5 } })
  t.match(await rejection(broker.topic(name, { publishRate: { max: 6, perMs: 1_000 } })), {
    code: 'MILL_CONFIG_MISMATCH',
    message: `topic ${name} exists with publishRate { max: 5, perMs: 1000 }, not { max: 6, perMs: 1000 }; leave the option out`,
  })
  const free = newName()
  await broker.topic(free)
  t.match(await rejection(broker.topic(free, { publishRate })), {
    code: 'MILL_CONFIG_MISMATCH',
    message: /with publishRate none, not/,
  })
  const listed = new Map((await broker.topics()).map(topic => [topic.name, topic.publishRate]))
  t.strictSame(listed.get(name), publishRate)
  t.equal(listed.get(free), null)
  const topic = await broker.topic(name)
  await topic.addPartitions(1)
  t.strictSame((await broker.topics()).find(each => each.name === name)?.publishRate, publishRate)
})

t.test('the folder does not keep the rate: the next process has the one that it names, or none', async t => {
  const folder = folderOf(t)
  const rates = [{ max: 1, perMs: LONG_MS }, undefined, { max: 2, perMs: LONG_MS }]
  for (const publishRate of rates) {
    const broker = await folder.open()
    const topic = await broker.topic<number>('orders', publishRate === undefined ? {} : { publishRate })
    t.equal(numbers(9).filter(message => topic.tryPublish(message)).length, publishRate?.max ?? 9)
    await topic.addPartitions(1)
    await broker.close()
    t.notMatch(readFileSync(join(folder.dir, 'catalog'), 'latin1'), /publishRate/)
  }
})

t.test('a close that comes before the rate allows the rest says what holds it', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<number>('orders', { publishRate: { max: 1, perMs: LONG_MS } })
  const published = numbers(3).map(message => topic.publish(message))
  const [, ...rest] = published.map(each => each.catch(({ code }) => code as unknown))
  await published[0]
  t.match(await rejection(broker.close({ timeoutMs: 400 })), {
    code: 'MILL_TIMEOUT',
    message: /2 for topic orders \(a producer may publish one record in \d+ ms to topic orders \(publishRate\)\)/,
  })
  t.strictSame(await Promise.all(rest), ['MILL_CLOSED', 'MILL_CLOSED'])
})

t.test('waiting for the rate is no stall, for a publish and for a flush', async t => {
  const broker = await openBroker(t)
  const stalls: string[] = []
  broker.on('stalled', ({ topic }) => stalls.push(topic))
  const topic = await broker.topic<number>('orders', { publishRate: { max: 1, perMs: 3_000 } })
  const published = numbers(3).map(message => topic.publish(message))
  const flushed = topic.flush()
  await delay(5_800)
  await Promise.all([...published, flushed])
  t.strictSame(stalls, [])
})
