/** Loops over queues that end by themselves: what waits for its time is left for later, all else is settled. */
import t, { type Test } from 'tap'
import { attempt, type Queue } from '../../index.ts'
import { delay, folderOf, openBroker, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

const QUICK = { backoff: { initialMs: 20, maxMs: 20, jitter: 0 } } as const
const CAUGHT_UP = { until: 'caught-up' } as const
const HOUR_MS = 3_600_000

async function drained(queue: Queue<number>): Promise<number[]> {
  const values: number[] = []
  for await (const { value } of queue.consume(CAUGHT_UP)) values.push(value)
  return values
}

for (const where of ['memory', 'disk'] as const) {
  const open = async (tap: Test): Promise<Queue<number>> => {
    const broker = where === 'memory' ? await sharedBroker() : await openBroker(tap, { dir: folderOf(tap).dir })
    return broker.queue<number>(newName(), { ...QUICK, attempts: 3 })
  }

  t.test(`ends when everything was handled (${where})`, async t => {
    const queue = await open(t)
    t.same(await drained(queue), [])
    await queue.sendBatch(Array.from({ length: 300 }, (_, value) => ({ value })))
    t.same(
      await drained(queue),
      Array.from({ length: 300 }, (_, value) => value),
    )
    t.match(await queue.stats(), { acked: 300, ready: 0, unacked: 0, consumers: 0 })
  })

  t.test(`retries are waited for, and dead letters are settled (${where})`, async t => {
    const queue = await open(t)
    await queue.sendBatch([0, 1, 2].map(value => ({ value })))
    const seen: number[] = []
    for await (const delivery of queue.consume(CAUGHT_UP))
      await attempt(delivery, ({ value, deliveryAttempt }) => {
        seen.push(value)
        if (value === 2 || (value === 0 && deliveryAttempt === 1)) throw new Error('no')
      })
    t.same(seen.toSorted(), [0, 0, 1, 2, 2, 2])
    t.match(await queue.stats(), { acked: 2, deadLettered: 1, retrying: 0 })
  })

  t.test(`what is to come later is left (${where})`, async t => {
    const queue = await open(t)
    await queue.send({ value: 1, delayMs: HOUR_MS })
    await queue.send({ value: 2 })
    await queue.send({ value: 3, delayMs: HOUR_MS })
    t.same(await drained(queue), [2])
    t.same(await drained(queue), [], 'also where nothing else is there')
    t.match(await queue.stats(), { acked: 1, scheduled: 2 })
  })
}

t.test('what comes later is left also where the queue is never empty', async t => {
  // What is scheduled has a quarter of its memory, however much of the broker's is left.
  const queue = await (await sharedBroker()).queue<number>(newName(), { maxBytes: 1_048_576 })
  await queue.sendBatch(Array.from({ length: 3_000 }, (_, value) => ({ value, delayMs: HOUR_MS })))
  await queue.sendBatch([3_000, 3_001].map(value => ({ value })))
  let sent = 3_002
  let seen = 0
  for await (const { value } of queue.consume({ ...CAUGHT_UP, prefetch: 2 })) {
    seen++
    if (value === 3_000) await queue.sendBatch([0, 0, 0, 0].map(() => ({ value: sent++ })))
    else await queue.send({ value: sent++ })
    if (seen === 5_000) break
  }
  t.ok(seen < 5_000, `${seen} messages`)
  t.match(await queue.stats(), { scheduled: 3_000 })
})

t.test('what another consumer has is waited for', async t => {
  const queue = await (await sharedBroker()).queue<number>(newName())
  await queue.sendBatch([1, 2, 3].map(value => ({ value })))
  const other = queue.consume({ prefetch: 1 })
  await other.next()
  let ended = false
  const values = drained(queue).finally(() => {
    ended = true
  })
  await until(async () => (await queue.stats()).acked === 2, 'the others are handled')
  await delay(100)
  t.notOk(ended)
  await other.return?.()
  t.same(await values, [2, 3, 1], 'it comes back, and is handled')
})

t.test('a queue with one active consumer ends those that wait for it', async t => {
  const queue = await (await sharedBroker()).queue<number>(newName(), { singleActive: true })
  await queue.sendBatch([1, 2, 3].map(value => ({ value })))
  const both = await Promise.all([drained(queue), drained(queue)])
  t.same(both.flat(), [1, 2, 3])
})
