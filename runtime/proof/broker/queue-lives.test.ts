/** Lives of queues and of their consumers: threads that die, who comes first, deletion, the end of the broker, and memory. */
import t from 'tap'
import { sessions } from '../../api/broker.ts'
import { runNumbers } from '../../api/opened-run.ts'
import { createBroker, type ManualQueueDelivery, type Queue, type QueueOptions, type QueueRun } from '../../index.ts'
import { delay, openBroker, rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

const JOBS = new URL('./fixtures/queue-jobs.fixture.js', import.meta.url)
const QUICK = { backoff: { initialMs: 1, jitter: 0 } } as const

async function newQueue<V = number>(options: QueueOptions = {}): Promise<Queue<V>> {
  return (await sharedBroker()).queue<V>(newName(), options)
}

const messages = (count: number) => Array.from({ length: count }, (_, value) => ({ value }))

async function hold<V>(queue: Queue<V>, options: object = {}) {
  const held: ManualQueueDelivery<V>[] = []
  const subscription = queue.observe(options).subscribe(delivery => held.push(delivery))
  return { held, end: () => subscription.unsubscribe() }
}

type Held = Awaited<ReturnType<typeof hold<number>>>

async function lettersOf(queue: Queue<never> | Queue<string>): Promise<string[]> {
  const letters: string[] = []
  const found = (await sharedBroker()).deadLetters<string>(queue.name).browse()
  for await (const { value, reason, failedAttempts } of found) letters.push(`${value} ${reason} ${failedAttempts}`)
  return letters.sort()
}

// Source: https://github.com/taskforcesh/bullmq/issues/2857
t.test('threads handle messages, and what kills or blocks them is charged and nothing else', async t => {
  const broker = await sharedBroker()
  const queue = await newQueue<string>({ attempts: 2, ...QUICK })
  const results = await newQueue<string>()
  let restarts = 0
  const off = broker.on('restarted', ({ topic, group }) => {
    if (topic === queue.name && group === 'queue') restarts++
  })
  const run = await queue.run({ handler: JOBS, threads: 2, handlerTimeoutMs: 300, output: results.name, data: 'x' })
  const sent = Array.from({ length: 40 }, (_, index) => `job ${index}`)
  const values = [
    ...sent.slice(0, 10),
    'spins',
    ...sent.slice(10, 20),
    'exits',
    ...sent.slice(20, 30),
    'throws',
    ...sent.slice(30),
  ]
  await queue.sendBatch(values.map(value => ({ value })))
  await run.idle()
  t.strictSame(await lettersOf(queue), ['exits crashed 2', 'spins timeout 2', 'throws failed 2'])
  t.match(await run.stats(), {
    accepted: 43,
    acked: 40,
    deadLettered: 3,
    ready: 0,
    unacked: 0,
    failures: 6,
  })
  await until(async () => (await queue.stats()).consumers === 2, 'the last thread')
  t.ok(restarts >= 4, `${restarts} restarts`)
  t.equal((await queue.stats()).restarts, restarts)
  const { results: stopped } = await run.stop()
  t.equal(stopped.length, 2, 'each consumer says what it did')
  const done = new Set<string>()
  const counting = await results.handle(({ value }) => void done.add(value))
  await counting.idle()
  t.strictSame([...done].sort(), sent.map(job => `${job} x`).sort())
  await counting.stop()
  off()
})

t.test('a thread that is killed loses nothing, and what it had not begun is not charged', async t => {
  const broker = await openBroker(t)
  const queue = await broker.queue<string>('jobs', QUICK)
  const run = await queue.run({ handler: JOBS, threads: 2, prefetch: 10 })
  const session = sessions.get(broker)
  for (let round = 0; round < 5; round++) {
    await queue.sendBatch(messages(50).map(({ value }) => ({ value: `slow ${round}.${value}` })))
    await delay(15)
    await session?.ask(control => control.killHandler(runNumbers.get(run) as number, round % 2, 'any'))
  }
  await run.idle()
  t.match(await queue.stats(), { accepted: 250, acked: 250, deadLettered: 0, unacked: 0 })
  t.ok((await queue.stats()).failures <= 5)
  await run.stop()
})

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/15473
t.test('partition hosts that die leave each message where it was, and consumers with what they have', async t => {
  const broker = await openBroker(t, { partitionThreads: 2 })
  const session = sessions.get(broker)
  const queues: Queue<number>[] = []
  for (const name of ['a', 'b']) queues.push(await broker.queue<number>(name, { priorities: 2, ...QUICK }))
  const consumers: { queue: Queue<number>; first: Held; second: Held }[] = []
  for (const queue of queues) {
    await queue.sendBatch(messages(20))
    const first = await hold(queue, { window: 2 })
    await until(() => first.held.length === 2)
    const second = await hold(queue, { window: 1 })
    await until(() => second.held.length === 1)
    consumers.push({ queue, first, second })
  }
  let restarts = 0
  broker.on('restarted', ({ kind }) => {
    if (kind === 'partition') restarts++
  })
  for (const host of [0, 1]) await session?.ask(control => control.killPartitionHost(host, 0))
  await until(() => restarts === 2)
  for (const { queue, first, second } of consumers) {
    first.held[0]?.ack()
    await until(() => first.held.length === 3)
    second.held[0]?.ack()
    await until(() => second.held.length === 2)
    t.match(await queue.stats(), { accepted: 20, acked: 2, unacked: 3, ready: 15, consumers: 2 })
    await queue.send({ value: 100, priority: 1 })
    first.end()
    second.end()
    await until(async () => (await queue.stats()).unacked === 0)
    const seen: number[] = []
    const run = await queue.handle(({ value }) => void seen.push(value), { prefetch: 1 })
    await run.idle()
    t.strictSame(seen, [
      100,
      1,
      ...messages(20)
        .map(({ value }) => value)
        .slice(3),
    ])
    await run.stop()
  }
})

t.test('a consumer for which there is no memory is refused, and is in nobody’s way', async t => {
  const broker = await openBroker(t, { memoryMaxBytes: 4 * 1_024 * 1_024 })
  const queue = await broker.queue<number>('jobs', { deadLetter: false })
  const runs: QueueRun[] = []
  let refused: unknown
  while (refused === undefined && runs.length < 100) {
    try {
      runs.push(await queue.handle(() => undefined))
    } catch (error) {
      refused = error
    }
  }
  t.match(refused, { code: 'MILL_MEMORY', message: /a consumer of queue jobs needs \d+ bytes/ })
  t.equal((await queue.stats()).consumers, runs.length)
  for (const run of runs) await run.stop()
  await queue.delete()
})

t.test('one consumer at a time has a queue with `singleActive`, and the next takes over', async t => {
  const queue = await newQueue({ singleActive: true })
  const first: number[] = []
  const second: number[] = []
  const one = await queue.handle(({ value }) => void first.push(value))
  const two = await queue.handle(({ value }) => void second.push(value))
  await queue.sendBatch(messages(20))
  await one.idle()
  t.strictSame([first.length, second.length], [20, 0])
  await one.stop()
  await queue.sendBatch(messages(5))
  await two.idle()
  t.equal(second.length, 5)
  await two.stop()
})

t.test('a consumer of a lower priority gets what the other has no room for', async t => {
  const queue = await newQueue()
  const low = await hold(queue, { window: 100, consumerPriority: -1 })
  const high = await hold(queue, { window: 3 })
  await until(async () => (await queue.stats()).consumers === 2)
  let sent = 0
  while (high.held.length < 3) {
    await queue.send({ value: ++sent })
    await until(() => high.held.length + low.held.length === sent)
  }
  // The host counts a consumer before its thread says how many messages it wants: the first may go to the other one.
  t.ok(sent <= 4)
  const before = low.held.length
  await queue.send({ value: ++sent })
  await until(() => low.held.length === before + 1)
  high.held[0]?.ack()
  await until(async () => (await queue.stats()).acked === 1)
  await queue.send({ value: ++sent })
  await until(() => high.held.length === 4)
  t.equal(low.held.length, before + 1)
  high.end()
  low.end()
})

t.test('no consumer has more unsettled than it may have', async t => {
  const queue = await newQueue()
  await queue.sendBatch(messages(50))
  const { held, end } = await hold(queue, { window: 7 })
  await until(() => held.length === 7)
  for (let turn = 0; turn < 20; turn++) {
    held.at(-1)?.ack()
    await until(() => held.length >= 8 + turn)
    t.equal((await queue.stats()).unacked, 7)
  }
  end()
})

t.test('a queue with a consumer is not deleted, and one without is gone with its messages', async t => {
  const broker = await sharedBroker()
  const queue = await newQueue()
  const { name } = queue
  await queue.sendBatch(messages(3))
  const run = await queue.handle(() => undefined)
  await run.idle()
  const busy = await rejection(queue.delete())
  t.match(`${busy.code} ${busy.message}`, `MILL_GROUP_BUSY queue ${name} cannot be deleted while it has a consumer`)
  const output = await newQueue()
  const writing = await output.handle(() => 1, { output: name })
  await run.stop()
  t.equal((await rejection(queue.delete())).code, 'MILL_GROUP_BUSY', 'a run has its output there')
  await writing.stop()
  await queue.delete()
  await queue.delete()
  for (const call of [queue.send({ value: 1 }), queue.stats(), queue.handle(() => 1)]) {
    const { code, message } = await rejection(call)
    t.equal(code, 'MILL_TOPIC_DELETED', message)
  }
  t.throws(() => queue.trySend({ value: 1 }), {
    code: 'MILL_TOPIC_DELETED',
    message: new RegExp(`queue ${name} was deleted`),
  })
  t.notOk(
    (await broker.topics()).some(topic => topic.name === `${name}.dlq`),
    'its dead-letter topic went with it',
  )
  const again = await broker.queue(name, { priorities: 5 })
  t.match(await again.stats(), { accepted: 0, readyByPriority: [0, 0, 0, 0, 0] })
  const topic = await newQueue()
  await topic.delete()
  t.equal((await broker.topic(topic.name)).name, topic.name, 'the name may be a topic’s')
})

t.test('dead letters outlive their queue', async t => {
  const broker = await sharedBroker()
  const queue = await newQueue({ attempts: 1 })
  await queue.send({ value: 7 })
  const run = await queue.handle(() => {
    throw new Error('poison')
  })
  await run.idle()
  await run.stop()
  await queue.delete()
  const letters = (await broker.topics()).find(({ name }) => name === `${queue.name}.dlq`)
  t.ok(letters !== undefined)
  const read: unknown[] = []
  const reading = await (await broker.topic(`${queue.name}.dlq`))
    .group('g')
    .handle(({ value }) => void read.push(value))
  await reading.idle()
  t.strictSame(read, [7])
  await reading.stop()
})

t.test('a broker that closes lets handlers finish', async t => {
  const broker = await createBroker({ logger: false })
  const queue = await broker.queue<number>('jobs')
  let finished = 0
  const run = await queue.handle(
    async () => {
      await delay(20)
      finished++
    },
    { prefetch: 2 },
  )
  await queue.sendBatch(messages(200))
  await until(() => finished > 0)
  await broker.close()
  const atTheEnd = finished
  await run.finished
  await delay(40)
  t.equal(finished, atTheEnd)
  t.ok(finished < 200)
})

t.test('queues that are made and deleted one after the other leave memory as it was', async t => {
  const broker = await openBroker(t, { memoryMaxBytes: 64 * 1_024 * 1_024 })
  const session = sessions.get(broker)
  const census = async () => session?.ask(control => control.census())
  const round = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      const queue = await broker.queue<number>(`q${index % 3}`, { priorities: 2 })
      await queue.send({ value: index, priority: index % 2 })
      for await (const _ of queue.consume({ prefetch: 1 })) break
      await queue.delete()
    }
  }
  // The ring of the last one is free once its host has seen that it is closed.
  const least = { blocks: 0, usedBytes: 0, ...(await census()) }
  await round(5)
  await until(async () => (await census())?.usedBytes === least.usedBytes, 'memory of before')
  await round(40)
  await until(async () => (await census())?.usedBytes === least.usedBytes, 'memory of before')
  const before = await census()
  for (let index = 0; index < 3; index++) {
    await t.rejects(broker.queue('large', { maxBytes: 100_000_000, maxMessageBytes: 1_000 }), { code: 'MILL_MEMORY' })
    await t.rejects(broker.queue('x', { deadLetter: 'x' }), { code: 'MILL_INVALID_OPTION' })
  }
  // A ring of before may have been on its way back.
  const most = before?.usedBytes ?? 0
  await until(async () => ((await census())?.usedBytes ?? 0) <= most, 'what could not be made left nothing')
})

t.test('many queues with default options fit into the default memory', async t => {
  const broker = await createBroker({ logger: false })
  t.teardown(() => broker.close({ timeoutMs: 2_000 }))
  const queues = await Promise.all(Array.from({ length: 500 }, (_, index) => broker.queue<number>(`q${index}`)))
  for (const queue of queues.slice(0, 100)) await queue.send({ value: 1 })
  const runs = await Promise.all(queues.slice(0, 100).map(queue => queue.handle(() => undefined)))
  for (const run of runs) await run.idle()
  t.match(await (queues[99] as Queue<number>).stats(), { acked: 1 })
})

t.test('a queue lies beside the topic that takes its dead letters, on however many hosts', async t => {
  const broker = await openBroker(t, { partitionThreads: 2 })
  await broker.topic('letters', { maxMessageBytes: 200_000 })
  const options = { deadLetter: 'letters', attempts: 1, maxMessageBytes: 1_000 }
  const queues: Queue<number>[] = []
  for (let index = 0; index < 4; index++) queues.push(await broker.queue<number>(`q${index}`, options))
  for (let index = 0; index < 4; index++) queues.push(await broker.queue<number>(`own${index}`, { attempts: 1 }))
  for (const queue of queues) {
    await queue.send({ value: 1 })
    const run = await queue.handle(() => {
      throw new Error('no')
    })
    await run.idle()
    t.match(await run.stats(), { deadLettered: 1, deadLetterDepth: 1 })
    await run.stop()
  }
  t.match(await broker.deadLetters('q0').stats(), { depth: 4, topics: [{ topic: 'letters', depth: 4 }] })
  t.equal(await broker.deadLetters('q0').count(), 1, 'those of this queue')
})
