/** Times of a queue's messages: waits that their consumers ask for. Whole brokers. */
import t from 'tap'
import type { Queue } from '../../index.ts'
import { delay, folderOf, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'

const HOUR_MS = 3_600_000

async function newQueue<V = unknown>(options = {}): Promise<Queue<V>> {
  return (await sharedBroker()).queue<V>(newName(), options)
}

t.test('a message is tried again after the wait that its consumer asks for, of any length', async t => {
  const queue = await newQueue<number>({ backoff: { initialMs: HOUR_MS, maxMs: HOUR_MS } })
  await queue.sendBatch([1, 2, 3].map(value => ({ value })))
  const seen: string[] = []
  for await (const delivery of queue.consume({ prefetch: 1 })) {
    const { value, deliveryAttempt } = delivery
    seen.push(`${value} ${deliveryAttempt}`)
    if (value === 1 && deliveryAttempt === 1) delivery.nack(new Error('soon'), { delayMs: 0 })
    else if (value === 2) delivery.nack(new Error('much later'), { delayMs: 100 * 365 * 24 * HOUR_MS })
    else delivery.ack()
    if (seen.length === 4) break
  }
  t.strictSame(seen.toSorted(), ['1 1', '1 2', '2 1', '3 1'])
  await until(async () => (await queue.stats()).retrying === 1)
  t.match(await queue.stats(), { acked: 2, retrying: 1, failures: 2, ready: 0 })
})

t.test('a wait that cannot be is refused, and the message is not settled', async t => {
  const queue = await newQueue()
  await queue.send({ value: 1 })
  for await (const delivery of queue.consume()) {
    const wrong: readonly (readonly [object, string])[] = [
      [{ delayMs: -1 }, 'MILL_OUT_OF_RANGE'],
      [{ delayMs: Number.POSITIVE_INFINITY }, 'MILL_OUT_OF_RANGE'],
      [{ delayMs: '5' }, 'MILL_INVALID_OPTION'],
      [{ delay: 5 }, 'MILL_UNKNOWN_OPTION'],
    ]
    for (const [options, code] of wrong) t.throws(() => delivery.nack(new Error('no'), options), { code })
    t.equal(delivery.settled, false)
    delivery.ack()
    break
  }
})

t.test('the wait outlives the process, also where it is longer than the backoff', async t => {
  const { open } = folderOf(t)
  const name = newName()
  const first = await open()
  const queue = await first.queue<number>(name, { durability: 'os', backoff: { initialMs: 1, maxMs: 2 } })
  await queue.send({ value: 1 })
  for await (const delivery of queue.consume()) {
    delivery.nack(new Error('later'), { delayMs: HOUR_MS })
    await delivery.confirmed
    break
  }
  await first.close()
  const second = await open()
  const again = await second.queue<number>(name)
  const run = await again.handle(() => undefined)
  await delay(50)
  t.match(await again.stats(), { retrying: 1, acked: 0 })
  await run.stop()
  await second.close()
})
