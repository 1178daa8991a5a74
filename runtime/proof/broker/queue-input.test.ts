/** Wrong input of every kind: an error with a code and a sentence, and nothing has changed. Whole brokers. */
import t from 'tap'
import { createBroker, defineHandler, defineQueue, type Queue, type QueueMessage } from '../../index.ts'
import { folderOf, rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

async function codeAndText(promise: Promise<unknown>): Promise<string> {
  const { code, message } = await rejection(promise)
  return `${code} ${message}`
}

async function newQueue<V = unknown>(options = {}): Promise<Queue<V>> {
  return (await sharedBroker()).queue<V>(newName(), options)
}

t.test('topics and queues have one namespace', async t => {
  const broker = await sharedBroker()
  const [topic, queue] = [newName(), newName()]
  await broker.topic(topic)
  await broker.queue(queue)
  t.match(await codeAndText(broker.queue(topic)), new RegExp(`MILL_CONFIG_MISMATCH ${topic} is a topic, not a queue`))
  t.match(await codeAndText(broker.topic(queue)), new RegExp(`MILL_CONFIG_MISMATCH ${queue} is a queue, not a topic`))
  t.match(await codeAndText(broker.queue(`${queue}.dlq`)), /MILL_CONFIG_MISMATCH .* is a topic, not a queue/)
  const names = (await broker.topics()).map(({ name }) => name)
  t.ok(names.includes(topic) && names.includes(`${queue}.dlq`))
  t.notOk(names.includes(queue), 'a queue is no topic')
  const letters = (await broker.topics()).find(({ name }) => name === `${queue}.dlq`)
  t.strictSame(letters?.deadLettersOf, [queue])
})

t.test('a name that no topic may have, no queue may have', async t => {
  const broker = await sharedBroker()
  for (const name of ['', '.', '..', '../x', 'a/b', 'a\0', '%2e', 'x'.repeat(201), 'half \ud800', 'ü', 'CON', 7, null])
    t.match(await codeAndText(broker.queue(name as string)), /MILL_INVALID_NAME queue name/)
  for (const name of ['__proto__', 'constructor']) {
    const queue = await broker.queue(name)
    await queue.send({ value: 1 })
    t.match(await queue.stats(), { queue: name, ready: 1 })
    await queue.delete()
  }
})

t.test('who opens a queue again wants the same', async t => {
  const broker = await sharedBroker()
  const name = newName()
  const definition = defineQueue(name, { priorities: 3, attempts: 2, maxMessages: 10 })
  const queue = await broker.queue(definition)
  t.equal(await broker.queue(name), queue)
  t.equal(await broker.queue(definition), queue)
  const others = [
    [{ priorities: 4 }, /priorities 3, not 4/],
    [{ attempts: 5 }, /attempts 2, not 5/],
    [{ maxMessages: 11 }, /maxMessages 10, not 11/],
    [{ onFull: 'reject' }, /onFull wait, not reject/],
    [{ codec: 'bytes' }, /codec json, not bytes/],
    [{ maxMessageBytes: 100 }, /maxMessageBytes 65536, not 100/],
    [{ maxBytes: 100_000 }, /maxBytes Infinity, not 100000/],
    [{ singleActive: true }, /singleActive false, not true/],
    [{ messageTtlMs: 5 }, /messageTtlMs Infinity, not 5/],
    [{ keyConcurrency: 1 }, /keyConcurrency Infinity, not 1/],
    [{ keyConcurrency: 1, keyOrder: 'fair' }, /keyConcurrency Infinity, not 1/],
    [{ rate: { max: 1, perMs: 1 } }, /rate none, not \{ max: 1, perMs: 1 \}/],
    [{ deadLetter: false }, /deadLetter .*\.dlq, not false/],
    [{ backoff: { initialMs: 1 } }, /backoff \{ initialMs: 100, .* \}, not \{ initialMs: 1, /],
    [{ sendRate: { max: 1, perMs: 1 } }, /sendRate none, not \{ max: 1, perMs: 1 \}/],
  ] as const
  for (const [options, wanted] of others) {
    const said = await codeAndText(broker.queue(name, options))
    t.match(said, new RegExp(`^MILL_CONFIG_MISMATCH queue ${name} exists with`))
    t.match(said, wanted)
  }
})

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/16280
t.test('a message that cannot be sent is refused before anything is written', async t => {
  const queue = await newQueue({ priorities: 3 })
  const one = await newQueue()
  const deep: unknown[] = []
  deep.push(deep)
  const wrong: readonly (readonly [Queue, unknown, RegExp])[] = [
    [queue, { value: 1, priority: 3 }, /MILL_OUT_OF_RANGE `priority` must be an integer from 0 to 2, not 3/],
    [queue, { value: 1, priority: -1 }, /MILL_OUT_OF_RANGE `priority` .* not -1/],
    [queue, { value: 1, priority: 0.5 }, /MILL_OUT_OF_RANGE `priority` .* not 0.5/],
    [queue, { value: 1, priority: '1' }, /MILL_OUT_OF_RANGE `priority` .* not "1"/],
    [one, { value: 1, priority: 1 }, /MILL_OUT_OF_RANGE `priority` must be 0, not 1: queue .* has one priority/],
    [queue, { value: 1, priorty: 1 }, /MILL_UNKNOWN_OPTION a message to a queue has no field "priorty": did you mean/],
    [queue, { value: 1, partition: 0 }, /MILL_UNKNOWN_OPTION a message to a queue has no field "partition"/],
    [queue, { value: 1, timestamp: 5 }, /MILL_UNKNOWN_OPTION a message to a queue has no field "timestamp"/],
    [queue, { value: 1, delay: 5 }, /MILL_UNKNOWN_OPTION .*did you mean `delayMs`/],
    [
      queue,
      { value: 1, other: 5 },
      /MILL_UNKNOWN_OPTION .*it has `key`, `value`, `headers`, `priority`, `delayMs`, `d/,
    ],
    [queue, { value: 1, delayMs: -1 }, /MILL_OUT_OF_RANGE `delayMs` must be 0 or more/],
    [
      queue,
      { value: 1, delayMs: 1, deliverAt: new Date() },
      /MILL_INVALID_OPTION .*`delayMs` or `deliverAt`, not both/,
    ],
    [queue, { value: 1, deliverAt: 5 }, /MILL_INVALID_OPTION `deliverAt` must be a Date, not 5/],
    [queue, { value: 1, ttlMs: 0 }, /MILL_OUT_OF_RANGE `ttlMs` must be 1 or more/],
    [queue, { value: 1, key: 7 }, /MILL_INVALID_OPTION a key is a string or bytes/],
    [queue, { value: 1, key: 'half \ud800' }, /MILL_UNSERIALISABLE/],
    [queue, { value: deep }, /MILL_UNSERIALISABLE/],
    [queue, { value: () => 1 }, /MILL_UNSERIALISABLE/],
    [queue, { value: 1n }, /MILL_UNSERIALISABLE/],
    [queue, { value: 'x'.repeat(70_000) }, /MILL_TOO_LARGE/],
    [queue, 'text', /MILL_INVALID_OPTION a message is one object/],
    [queue, null, /MILL_INVALID_OPTION/],
    [queue, [{ value: 1 }], /MILL_(INVALID|UNKNOWN)_OPTION/],
  ]
  for (const [to, message, wanted] of wrong) {
    t.match(await codeAndText(to.send(message as QueueMessage)), wanted)
    t.throws(() => to.trySend(message as QueueMessage), { code: /^MILL_/ })
    const batch = to.sendBatch([{ value: 0 }, message as QueueMessage])
    t.match(await codeAndText(batch), /MILL_UNPUBLISHED none of 2 messages was sent to queue .* index 1/)
  }
  t.match(await codeAndText(queue.sendBatch({} as never)), /MILL_INVALID_OPTION sendBatch takes an array/)
  t.match(await codeAndText(queue.send({ value: 1 }, { timeout: 5 } as never)), /MILL_UNKNOWN_OPTION .*timeoutMs/)
  for (const to of [queue, one]) t.match(await to.stats(), { accepted: 0, bytes: 0 })
  await queue.send({ value: JSON.parse('{"__proto__":{"x":1}}') })
  for await (const { value } of queue.consume()) {
    t.ok(Object.hasOwn(value as object, '__proto__'))
    break
  }
})

t.test('what does not decode is a dead letter at once', async t => {
  const broker = await sharedBroker()
  const bytes = await newQueue<Uint8Array>({ codec: 'bytes' })
  await bytes.send({ value: Buffer.from('{ no JSON') })
  const target = await newQueue()
  // A replay takes the bytes as they are.
  const stop = await bytes
    .handle(() => {
      throw Object.assign(new Error('reject'), { code: 'MILL_REJECT' })
    })
    .then(run => () => run.stop())
  await until(async () => (await bytes.stats()).deadLettered + (await bytes.stats()).retrying > 0)
  await stop()
  if ((await bytes.stats()).deadLettered === 0) {
    for await (const delivery of bytes.consume()) {
      delivery.reject()
      break
    }
    await until(async () => (await bytes.stats()).deadLettered === 1)
  }
  await broker.deadLetters(bytes).replay({}, { to: target.name })
  const run = await target.handle(({ value }) => void value)
  await run.idle()
  t.match(await target.stats(), { deadLettered: 1, failures: 1 })
  for await (const { reason } of broker.deadLetters(target).browse()) t.equal(reason, 'decode')
  await run.stop()
})

t.test('a handler that cannot be used is refused before any message moves', async t => {
  const queue = await newQueue()
  await queue.send({ value: 1 })
  const kept = defineHandler({ message: () => undefined, snapshot: () => 1, restore: () => undefined })
  t.match(await codeAndText(queue.handle(kept)), /MILL_HANDLER .* cannot have `snapshot` and `restore`/)
  t.match(await codeAndText(queue.handle('x' as never)), /MILL_HANDLER .* queue\.run\(/)
  t.match(await codeAndText(queue.handle(() => 1, { batch: {} })), /MILL_HANDLER .*`batch`/)
  t.match(await codeAndText(queue.handle(() => 1, { output: newName() })), /MILL_INVALID_OPTION there is no topic/)
  t.match(await codeAndText(queue.handle(() => 1, { output: queue.name })), /MILL_INVALID_OPTION .* leads back/)
  t.match(await codeAndText(queue.run({ handler: '/nowhere/handler.js' })), /MILL_HANDLER .* does not exist/)
  t.match(await codeAndText(queue.run({ handler: 'http://x/y.js' })), /MILL_(HANDLER|INVALID_OPTION)/)
  t.match(await queue.stats(), { ready: 1, consumers: 0, failures: 0 })
})

t.test('dead letters may not lead back, and go to no queue', async t => {
  const broker = await sharedBroker()
  const [queue, other, letters] = [newName(), newName(), newName()]
  await broker.queue(other)
  t.match(
    await codeAndText(broker.queue(queue, { deadLetter: queue })),
    /MILL_INVALID_OPTION .* its own dead-letter topic/,
  )
  t.match(
    await codeAndText(broker.queue(queue, { deadLetter: other })),
    /MILL_CONFIG_MISMATCH .* which is a queue: name a topic/,
  )
  const opened = await broker.queue(queue, { deadLetter: letters })
  t.equal(opened.name, queue, 'what was refused left nothing')
  const group = (await broker.topic(letters)).group('g')
  t.match(await codeAndText(group.handle(() => 1, { deadLetter: queue })), /MILL_CONFIG_MISMATCH .* which is a queue/)
})

// Source: https://github.com/rails/solid_queue/issues/761
t.test('a settlement too many changes nothing', async t => {
  const queue = await newQueue<number>()
  await queue.send({ value: 1 })
  for await (const delivery of queue.consume()) {
    delivery.ack()
    for (const act of [() => delivery.ack(), () => delivery.nack(), () => delivery.reject(), () => delivery.release()])
      t.throws(act, { code: 'MILL_SETTLED' })
    break
  }
  await until(async () => (await queue.stats()).acked === 1)
  t.match(await queue.stats(), { acked: 1, failures: 0, deadLettered: 0 })
})

t.test('a queue is on disk where its broker has a folder, unless it is said otherwise', async t => {
  const inMemory = await sharedBroker()
  for (const durability of ['os', 'fsync'] as const)
    t.match(
      await codeAndText(inMemory.queue('nowhere', { durability })),
      new RegExp(`^MILL_INVALID_OPTION queue nowhere .* '${durability}': .* give createBroker a dir$`),
    )
  const folder = folderOf(t)
  const broker = await folder.open()
  for (const durability of [undefined, 'os', 'memory'] as const) {
    const queue = await broker.queue(`jobs-${durability}`, { durability })
    t.match(await queue.send({ value: 1 }), { durability: durability ?? 'fsync' })
    for await (const { value } of queue.consume()) {
      t.equal(value, 1)
      break
    }
  }
  t.match(await codeAndText(broker.queue('jobs-os', { durability: 'fsync' })), /MILL_CONFIG_MISMATCH .* durability os/)
  const once = (await broker.queue('jobs-os')).handle(() => undefined, { delivery: 'at-most-once' })
  t.match(await codeAndText(once), /MILL_INVALID_OPTION queue jobs-os is on disk, and cannot be handled at most once/)
  await broker.topic('kept')
  await broker.close()
  const again = await folder.open()
  t.match(await codeAndText(again.queue('kept', { durability: 'memory' })), /MILL_CONFIG_MISMATCH kept is a topic/)
  t.match(await codeAndText(again.topic('jobs-os')), /MILL_CONFIG_MISMATCH jobs-os is a queue/)
  t.match(await codeAndText(again.queue('other', { deadLetter: 'jobs-os' })), /MILL_CONFIG_MISMATCH .* is a queue/)
  t.strictSame(
    (await again.topics()).map(({ name }) => name),
    ['jobs-os.dlq', 'jobs-undefined.dlq', 'kept'],
  )
  const named = await codeAndText(again.producer('p', (await again.queue('jobs', { durability: 'memory' })).name))
  t.match(named, /MILL_INVALID_OPTION/)
  await again.close()
})

t.test('after its broker a queue takes nothing', async t => {
  const broker = await createBroker({ logger: false })
  const queue = await broker.queue('jobs')
  await queue.send({ value: 1 })
  const held: { ack(): void }[] = []
  queue.observe().subscribe(delivery => held.push(delivery))
  await until(() => held.length === 1)
  await broker.close()
  t.equal((await rejection(queue.send({ value: 2 }))).code, 'MILL_CLOSED')
  t.equal((await rejection(queue.sendBatch([{ value: 2 }]))).code, 'MILL_CLOSED')
  t.throws(() => queue.trySend({ value: 2 }), { code: 'MILL_CLOSED' })
  t.throws(() => held[0]?.ack(), { code: 'MILL_CLOSED' })
  for (const call of [broker.queue('x'), queue.stats(), queue.handle(() => 1), queue.delete(), queue.flush()])
    t.equal((await rejection(call)).code, 'MILL_CLOSED')
})
