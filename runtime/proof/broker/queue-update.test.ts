/** Updates of messages by their ids, in memory and on disk, and what cannot be. Whole brokers. */
import t from 'tap'
import type { MessageChange, Queue, QueueOptions } from '../../index.ts'
import { rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'
import { twoLives } from '../fixtures/two-lives.fixture.ts'

const HOUR_MS = 3_600_000

async function newQueue<V = string>(options: QueueOptions = {}): Promise<Queue<V>> {
  return (await sharedBroker()).queue<V>(newName(), options)
}

/** What a loop gets next, so many, each acked. */
async function taken<V>(queue: Queue<V>, count: number): Promise<V[]> {
  const values: V[] = []
  for await (const delivery of queue.consume({ prefetch: 1 })) {
    values.push(delivery.value)
    delivery.ack()
    if (values.length === count) break
  }
  return values
}

t.test('a message that waits gets another priority, another delay, or another time to live', async t => {
  const queue = await newQueue({ priorities: 5, messageTtlMs: HOUR_MS })
  const { ids } = await queue.sendBatch(['a', 'b', 'c'].map(value => ({ value })))
  const later = await queue.send({ value: 'later', delayMs: HOUR_MS })
  t.equal(await queue.update(ids[2] as string, { priority: 4 }), 'updated')
  t.equal(await queue.update(ids[0] as string, { delayMs: 60 }), 'updated')
  t.match(await queue.explain(ids[0] as string), { state: 'scheduled' })
  t.equal(await queue.update(later.id, { deliverAt: new Date(0), priority: 3 }), 'updated')
  await until(async () => (await queue.stats()).ready === 3)
  t.strictSame(await taken(queue, 4), ['c', 'later', 'b', 'a'])
  t.equal(await queue.update(ids[0] as string, { priority: 1 }), 'settled')
  t.equal(await queue.update('77.5', { priority: 1 }), 'unknown')
  const { id } = await queue.send({ value: 'old' })
  t.equal(await queue.update(id, { ttlMs: 1 }), 'updated')
  await until(async () => (await queue.stats()).deadLettered === 1)
})

t.test('an update of a message that has begun changes nothing, and the sender’s id names it as well', async t => {
  const queue = await newQueue({ priorities: 2, dedupeMs: HOUR_MS })
  await queue.send({ value: 'first', id: 'one' })
  await queue.send({ value: 'second', id: 'two' })
  for await (const delivery of queue.consume({ prefetch: 2 })) {
    t.equal(await queue.update('one', { priority: 1 }), 'unacked')
    t.equal(await queue.update('two', { priority: 1, delayMs: HOUR_MS }), 'updated', 'the loop had it in advance')
    t.match(await queue.explain('two'), { state: 'scheduled' })
    delivery.ack()
    break
  }
  for await (const { priority, explanation } of queue.browse()) t.match({ priority, explanation }, { priority: 1 })
  t.match(await queue.stats(), { scheduled: 1, acked: 1 })
})

t.test('a change that cannot be is refused, and the message stays as it is', async t => {
  const queue = await newQueue({ priorities: 2 })
  const { id } = await queue.send({ value: 'a' })
  const wrong: readonly (readonly [unknown, string])[] = [
    [undefined, 'MILL_INVALID_OPTION'],
    [{}, 'MILL_INVALID_OPTION'],
    [[1], 'MILL_INVALID_OPTION'],
    [{ delay: 5 }, 'MILL_UNKNOWN_OPTION'],
    [{ value: 'b' }, 'MILL_UNKNOWN_OPTION'],
    [{ priority: 2 }, 'MILL_OUT_OF_RANGE'],
    [{ priority: '1' }, 'MILL_OUT_OF_RANGE'],
    [{ priority: 0.5 }, 'MILL_OUT_OF_RANGE'],
    [{ delayMs: -1 }, 'MILL_OUT_OF_RANGE'],
    [{ delayMs: '1' }, 'MILL_INVALID_OPTION'],
    [{ delayMs: 1, deliverAt: new Date() }, 'MILL_INVALID_OPTION'],
    [{ deliverAt: 5 }, 'MILL_INVALID_OPTION'],
    [{ deliverAt: new Date(Number.NaN) }, 'MILL_OUT_OF_RANGE'],
    [{ ttlMs: 0 }, 'MILL_OUT_OF_RANGE'],
    [{ ttlMs: null }, 'MILL_INVALID_OPTION'],
  ]
  for (const [change, code] of wrong) {
    const error = await rejection(queue.update(id, change as MessageChange))
    t.match(error, { code }, JSON.stringify(change))
  }
  t.match(await rejection(queue.update(5 as unknown as string, { priority: 1 })), { code: 'MILL_INVALID_OPTION' })
  t.match(await queue.explain(id), { state: 'ready', ahead: 0 })
  t.match(await queue.stats(), { readyByPriority: [1, 0], scheduled: 0 })
})

twoLives({
  async 'what was updated is so for the next process'(t, first) {
    const queue = await first.queue<string>('updated', { priorities: 3, backoff: { initialMs: 1, maxMs: 1 } })
    const { ids } = await queue.sendBatch(['a', 'b', 'c', 'd'].map(value => ({ value })))
    for await (const delivery of queue.consume({ prefetch: 1 })) {
      delivery.nack(new Error('not yet'), { delayMs: HOUR_MS })
      await delivery.confirmed
      break
    }
    await until(async () => (await queue.stats()).retrying === 1)
    t.equal(await queue.update(ids[0] as string, { delayMs: 2 * HOUR_MS }), 'updated', 'it waits for its retry')
    t.equal(await queue.update(ids[1] as string, { delayMs: HOUR_MS }), 'updated')
    t.equal(await queue.update(ids[3] as string, { priority: 2, ttlMs: 1_000_000 }), 'updated')
    const at = await queue.explain(ids[0] as string)
    return async (t, second) => {
      const again = await second.queue<string>('updated')
      t.match(await again.stats(), { ready: 2, scheduled: 1, retrying: 1, readyByPriority: [1, 0, 1] })
      const then = await again.explain(ids[0] as string)
      if (at.state !== 'retrying' || then.state !== 'retrying') throw new Error(`${at.state}, then ${then.state}`)
      t.ok(Math.abs(then.at.getTime() - at.at.getTime()) < 1_000 && at.at.getTime() > Date.now() + 1.5 * HOUR_MS)
      t.equal(await again.update(ids[1] as string, { delayMs: 0 }), 'updated')
      await until(async () => (await again.stats()).ready === 3)
      t.strictSame(await taken(again, 3), ['d', 'c', 'b'])
    }
  },
})
