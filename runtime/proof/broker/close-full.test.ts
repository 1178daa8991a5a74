/** Closing in front of a topic that is full: what is waited for, for how long, and what is said of it. */
import { once } from 'node:events'
import t from 'tap'
import type { Broker, Topic } from '../../index.ts'
import { fillUp } from '../../publish/full-topic.fixture.ts'
import { delay, openBroker, rejection, SMALL } from '../fixtures/broker.fixture.ts'

const BIG = { value: 'x'.repeat(1_000) }

async function full(broker: Broker): Promise<Topic<string>> {
  return broker.topic<string>('orders', { ...SMALL, groups: ['never'] })
}

/** Publishes until nothing is taken; the last ones are told that they took too long, though their records lie in a ring. */
async function timedOut(topic: Topic<string>): Promise<number> {
  const codes = await Promise.all(
    Array.from({ length: 400 }, () =>
      topic.publish(BIG, { timeoutMs: 50 }).then(
        () => 'ok',
        ({ code }: { code: string }) => code,
      ),
    ),
  )
  return codes.filter(code => code === 'MILL_TIMEOUT').length
}

t.test('a publish that was told it took too long is not waited for', async t => {
  const broker = await openBroker(t)
  t.ok((await timedOut(await full(broker))) > 0)
  const since = performance.now()
  await broker.close({ timeoutMs: 60_000 })
  t.ok(performance.now() - since < 30_000, 'it has not used up its time')
})

t.test('nor is one that was aborted, in a batch or alone, also while the broker closes', async t => {
  const broker = await openBroker(t)
  const topic = await full(broker)
  await timedOut(topic)
  const abort = new AbortController()
  const { signal } = abort
  const waiting = [rejection(topic.publish(BIG, { signal })), rejection(topic.publishBatch([BIG, BIG], { signal }))]
  const closing = broker.close({ timeoutMs: 60_000 })
  t.equal(await Promise.race([closing, delay(400).then(() => 'waits')]), 'waits')
  abort.abort()
  t.match(await Promise.all(waiting), [{ code: 'MILL_ABORTED' }, { code: 'MILL_UNPUBLISHED' }])
  await closing
})

t.test('records that somebody waits for are, and the group that holds them is named', async t => {
  const broker = await openBroker(t)
  const topic = await full(broker)
  await fillUp(topic)
  t.match(await rejection(broker.close({ timeoutMs: 400 })), {
    code: 'MILL_TIMEOUT',
    message:
      /not all appended in time: \d+ for topic orders \(partition 0 of topic orders is held by group never \(not running\), which is \d+ records/,
  })
})

t.test('handlers keep a part of the time when records use up theirs', async t => {
  const broker = await openBroker(t)
  const topic = await full(broker)
  await fillUp(topic)
  const other = await broker.topic<number>('other')
  let handled = false
  const began = new Promise<void>(resolve => {
    void other.group('g').handle(async (_, { signal }) => {
      resolve()
      // Its run is told to stop when the records have used up their time.
      await once(signal, 'abort')
      await delay(100)
      handled = true
    })
  })
  await other.publish({ value: 1 })
  await began
  const error = await rejection(broker.close({ timeoutMs: 4_000 }))
  t.match(error.message, /not all appended/)
  t.notMatch(
    error.message,
    /did not stop/,
    'the handler, which ended later than the time of the records, was waited for',
  )
  t.ok(handled)
})
