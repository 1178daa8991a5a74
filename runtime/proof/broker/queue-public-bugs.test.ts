/** Bugs that other queues have had in public, on whole brokers: what may not happen here. Those of the core are beside it. */
import t from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import { RejectError } from '../../index.ts'
import { delay, folderOf, openBroker, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

const COUNT = 60

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/18
t.test('a letter has no time to live, nor has it when it is replayed', async t => {
  const broker = await sharedBroker()
  const queue = await broker.queue<number>(newName(), { messageTtlMs: 60_000 })
  await queue.send({ value: 7, ttlMs: 20 })
  await until(async () => (await queue.stats()).deadLettered === 1)
  await delay(60)
  const letters = broker.deadLetters<number>(queue.name)
  const found = await letters.browse().next()
  t.match(found.value, { value: 7, reason: 'expired' }, 'it is there after three times that')
  t.match(await letters.replay({}), { replayed: 1 })
  await delay(60)
  const seen: number[] = []
  const run = await queue.handle(({ value }) => void seen.push(value))
  await run.idle()
  await run.stop()
  t.strictSame(seen, [7])
  t.match(await queue.stats(), { deadLettered: 1, acked: 1, ready: 0 })
})

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/16652
t.test('letters that had no room are written in the end, though the partition host died meanwhile', async t => {
  const broker = await openBroker(t)
  const name = 'letters'
  await broker.topic(name, { windowBytes: 65_536, maxMessageBytes: 8_192, codec: 'string' })
  const queue = await broker.queue<string>('jobs', { deadLetter: name, maxMessageBytes: 4_096 })
  await queue.sendBatch(Array.from({ length: COUNT }, (_, at) => ({ value: `${at}`.padEnd(4_000) })))
  const run = await queue.handle(() => {
    throw new RejectError('poison')
  })
  await until(async () => (await queue.stats()).waitsForDeadLetters)
  const session = sessions.get(broker) as Session
  t.ok(await session.ask(control => control.killPartitionHost(0, 0)))
  const letters = broker.deadLetters<string>('jobs')
  // Each purge makes room for as many more.
  let purged = 0
  await until(async () => {
    purged += await letters.purge({})
    return (await queue.stats()).deadLettered === COUNT
  }, 'all letters')
  purged += await letters.purge({})
  t.equal(purged, COUNT, 'each is there once')
  await run.stop()
  t.equal((await queue.stats()).waitsForDeadLetters, false)
  t.match(await queue.stats(), { ready: 0, unacked: 0, accepted: COUNT })
})

// Source: https://github.com/nats-io/nats-server/issues/8239
// Source: https://github.com/nats-io/nats-server/issues/6828
t.test(
  'what was purged or has expired is not back after a close in good order, beside one that pins its segment',
  async t => {
    const { open } = folderOf(t, { journalBytes: 1_048_576, queueSegmentBytes: 4_096 })
    const first = await open()
    const queue = await first.queue<number>('jobs', { durability: 'os', deadLetter: false })
    // The first one pins its segment, which may be rewritten without the others.
    const keeping = queue.consume({ prefetch: 1 })
    await queue.send({ value: 0 })
    const kept = await keeping.next()
    await queue.sendBatch(Array.from({ length: 400 }, (_, at) => ({ value: 1 + at })))
    await queue.sendBatch(Array.from({ length: 200 }, (_, at) => ({ value: 1_000 + at, ttlMs: 1 })))
    await until(async () => (await queue.stats()).expired === 200)
    t.equal(await queue.purge(), 400)
    await queue.sendBatch(Array.from({ length: 50 }, (_, at) => ({ value: 2_000 + at })))
    await delay(50)
    if (kept.done !== true) kept.value.release()
    await keeping.return?.()
    await first.close()
    const second = await open()
    const again = await second.queue<number>('jobs')
    t.match(await again.stats(), { ready: 51, purged: 400, expired: 200 })
    const seen: number[] = []
    const run = await again.handle(({ value }) => void seen.push(value))
    await run.idle()
    await run.stop()
    t.strictSame(seen, [0, ...Array.from({ length: 50 }, (_, at) => 2_000 + at)])
  },
)
