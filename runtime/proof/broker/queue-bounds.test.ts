/** What a full queue does, exactly at its bounds, and how fast a sender may send. Whole brokers. */
import t from 'tap'
import type { FullError, ManualQueueDelivery, Queue, QueueOptions, UnpublishedError } from '../../index.ts'
import { delay, rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

async function newQueue<V = number>(options: QueueOptions = {}): Promise<Queue<V>> {
  return (await sharedBroker()).queue<V>(newName(), options)
}

const messages = (count: number) => Array.from({ length: count }, (_, value) => ({ value }))

/** Takes so many messages and settles none. */
async function hold<V>(queue: Queue<V>, count: number) {
  const held: ManualQueueDelivery<V>[] = []
  const subscription = queue.observe({ window: count }).subscribe(delivery => held.push(delivery))
  await until(() => held.length === count, 'messages in hand')
  return { held, end: () => subscription.unsubscribe() }
}

t.test('a queue that rejects has as many messages as it may have, ready, unacked and waiting for a retry', async t => {
  const queue = await newQueue({ maxMessages: 5, onFull: 'reject', backoff: { initialMs: 60_000, maxMs: 60_000 } })
  await queue.sendBatch(messages(5))
  const full = (await rejection(queue.send({ value: 9 }))) as FullError
  t.equal(full.code, 'MILL_FULL')
  t.strictSame(full.refused, { value: 9 })
  t.match(full.message, new RegExp(`queue ${queue.name} is full: .* its onFull is 'reject'`))
  const { held, end } = await hold(queue, 2)
  t.equal((await rejection(queue.send({ value: 9 }))).code, 'MILL_FULL', 'unacked messages count')
  held[0]?.nack()
  await until(async () => (await queue.stats()).retrying === 1)
  t.equal((await rejection(queue.send({ value: 9 }))).code, 'MILL_FULL', 'those that wait for a retry count')
  held[1]?.ack()
  await until(async () => (await queue.stats()).acked === 1)
  await queue.send({ value: 5 })
  t.equal((await rejection(queue.send({ value: 9 }))).code, 'MILL_FULL')
  t.match(await queue.stats(), { accepted: 6, acked: 1, retrying: 1 })
  end()
})

t.test('of a batch that does not fit, the first ones are taken, and the others are handed back', async t => {
  const queue = await newQueue({ maxMessages: 3, onFull: 'reject' })
  const error = (await rejection(queue.sendBatch(messages(8)))) as UnpublishedError
  t.equal(error.code, 'MILL_UNPUBLISHED')
  t.match(error.message, new RegExp(`5 of 8 messages were not sent to queue ${queue.name}`))
  t.strictSame(error.unpublished, messages(8).slice(3))
  t.strictSame(error.unknown, [])
  t.match(await queue.stats(), { accepted: 3, ready: 3 })
})

t.test('bytes are counted exactly, with 112 for each of these messages', async t => {
  const options = { codec: 'string', maxMessageBytes: 3_900, maxBytes: 4_096, onFull: 'reject' } as const
  const queue = await newQueue<string>(options)
  const half = 'x'.repeat(2_048 - 112)
  await queue.send({ value: half })
  t.equal((await queue.stats()).bytes, 2_048)
  t.equal((await rejection(queue.send({ value: `${half}y` }))).code, 'MILL_FULL')
  await queue.send({ value: half })
  t.equal((await queue.stats()).bytes, 4_096)
  t.equal((await rejection(queue.send({ value: '' }))).code, 'MILL_FULL')
  t.equal((await rejection(queue.send({ value: 'x'.repeat(3_901) }))).code, 'MILL_TOO_LARGE')
})

t.test('a queue that waits lets senders wait, in their order, and goes on as messages are settled', async t => {
  const queue = await newQueue({ maxMessages: 4 })
  const sent: number[] = []
  const all = Promise.all(messages(12).map(message => queue.send(message).then(() => sent.push(message.value))))
  await until(() => sent.length === 4)
  await delay(30)
  t.strictSame(sent, [0, 1, 2, 3])
  const seen: number[] = []
  let most = 0
  const run = await queue.handle(async ({ value }) => {
    const { ready, unacked } = await queue.stats()
    most = Math.max(most, ready + unacked)
    seen.push(value)
  })
  await all
  await run.idle()
  t.strictSame(
    seen,
    messages(12).map(({ value }) => value),
  )
  t.ok(most <= 4, `${most} messages`)
  await run.stop()
})

t.test('a send that waits too long says what the queue waits for', async t => {
  const queue = await newQueue({ maxMessages: 1 })
  await queue.send({ value: 1 })
  const late = await rejection(queue.send({ value: 2 }, { timeoutMs: 50 }))
  t.equal(late.code, 'MILL_TIMEOUT')
  t.match(late.message, new RegExp(`sending to queue ${queue.name} took longer than 50 ms`))
  t.match(late.message, /has no consumer; 1 messages are ready, 0 unacked/)
  const control = new AbortController()
  const aborted = rejection(queue.send({ value: 3 }, { signal: control.signal }))
  control.abort()
  t.equal((await aborted).code, 'MILL_ABORTED')
})

t.test('a send that waits for what is scheduled says how much of that a queue in memory may have', async t => {
  const queue = await newQueue({ maxBytes: 65_536 })
  const later = Array.from({ length: 4_000 }, (_, value) => ({ value, delayMs: 3_600_000 }))
  const late = await rejection(queue.sendBatch(later, { timeoutMs: 200 }))
  t.match(late, { code: 'MILL_UNPUBLISHED' })
  t.match(
    late.message,
    /; \d+ are scheduled for later, for which a queue in memory has [\d,]+ bytes here: give it a larger `maxBytes`/,
  )
})

t.test('a queue that drops makes a dead letter of the oldest ready message of the lowest priority', async t => {
  const queue = await newQueue<string>({ maxMessages: 3, onFull: 'dropHead', priorities: 2 })
  await queue.send({ value: 'high', priority: 1 })
  await queue.send({ value: 'low 1' })
  await queue.send({ value: 'low 2' })
  await queue.send({ value: 'low 3' })
  await queue.send({ value: 'high 2', priority: 1 })
  t.match(await queue.stats(), { accepted: 5, ready: 3, deadLettered: 2, readyByPriority: [1, 2] })
  const letters: string[] = []
  for await (const { value, reason, failedAttempts } of (await sharedBroker()).deadLetters<string>(queue).browse())
    letters.push(`${value} ${reason} ${failedAttempts}`)
  t.strictSame(letters, ['low 1 maxlen 0', 'low 2 maxlen 0'])
  const { end } = await hold(queue, 3)
  const full = await rejection(queue.send({ value: 'no room' }))
  t.equal(full.code, 'MILL_FULL')
  t.match(full.message, /nothing that is ready can be dropped for it/)
  end()
})

t.test('what is dropped goes to the topic that was named, however large its own messages may be', async t => {
  const letters = await (await sharedBroker()).topic(newName())
  const queue = await newQueue({ maxMessages: 2, onFull: 'dropHead', deadLetter: letters.name })
  for (const message of messages(5)) await queue.send(message)
  t.match(await queue.stats(), { accepted: 5, ready: 2, deadLettered: 3, deadLetterDepth: 3 })
})

t.test('without dead letters what is dropped is counted', async t => {
  const queue = await newQueue({ maxMessages: 2, onFull: 'dropHead', deadLetter: false, attempts: 1 })
  for (const message of messages(5)) await queue.send(message)
  t.match(await queue.stats(), { accepted: 5, ready: 2, dropped: 3, deadLettered: 0 })
  const run = await queue.handle(() => {
    throw new Error('no')
  })
  await run.idle()
  t.match(await queue.stats(), { accepted: 5, ready: 0, dropped: 5, failures: 2 })
  t.match(await (await sharedBroker()).deadLetters(queue).stats(), { depth: 0, topics: [] })
  await run.stop()
})

t.test('`trySend` says what a full queue refused, later', async t => {
  const broker = await sharedBroker()
  const queue = await newQueue({ maxMessages: 2, onFull: 'reject' })
  const failed: number[] = []
  const off = broker.on('publishFailed', ({ topic, count }) => topic === queue.name && failed.push(count))
  for (const message of messages(3)) t.equal(queue.trySend(message), true)
  t.equal((await rejection(queue.flush())).code, 'MILL_FULL')
  t.equal(
    failed.reduce((sum, count) => sum + count, 0),
    1,
  )
  off()
  t.match(await queue.stats(), { accepted: 2 })
})

t.test('a sender has the rate of the queue', async t => {
  const queue = await newQueue({ sendRate: { max: 3, perMs: 60_000 }, onFull: 'reject' })
  await queue.sendBatch(messages(3))
  const refused = (await rejection(queue.send({ value: 4 }))) as FullError
  t.equal(refused.code, 'MILL_FULL')
  t.match(
    refused.message,
    new RegExp(`a producer may send 3 records in 60000 ms to queue ${queue.name} \\(sendRate\\)`),
  )
  t.ok((refused.retryAfterMs ?? 0) > 50_000)
  t.equal(queue.trySend({ value: 5 }), false)
  t.match(await queue.stats(), { accepted: 3 })
})

t.test('a queue as large as memory takes many messages, and none is lost', async t => {
  const queue = await newQueue()
  const seen = new Set<number>()
  const sending = (async () => {
    for (let from = 0; from < 30_000; from += 1_000)
      await queue.sendBatch(messages(1_000).map(({ value }) => ({ value: from + value })))
  })()
  const run = await queue.handle(({ value }) => void seen.add(value))
  await sending
  await run.idle()
  t.equal(seen.size, 30_000)
  t.match(await queue.stats(), { accepted: 30_000, acked: 30_000, bytes: 0 })
  await run.stop()
})
