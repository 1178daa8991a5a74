/** Queues that limit keys and hand-outs, as their users see it. Whole brokers. */
import t from 'tap'
import type { ManualQueueDelivery, Queue, QueueOptions } from '../../index.ts'
import { delay, rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'
import { twoLives } from '../fixtures/two-lives.fixture.ts'

async function newQueue<V = number>(options: QueueOptions = {}): Promise<Queue<V>> {
  return (await sharedBroker()).queue<V>(newName(), options)
}

/** Takes messages and settles none; how many come is seen after a while. */
async function hold<V>(queue: Queue<V>, window: number) {
  const held: ManualQueueDelivery<V>[] = []
  const subscription = queue.observe({ window }).subscribe(delivery => held.push(delivery))
  return { held, end: () => subscription.unsubscribe() }
}

t.test('jobs of a tenant go one after the other, and those of others beside them', async t => {
  const queue = await newQueue<{ readonly tenant: string; readonly job: number }>({ keyConcurrency: 1 })
  const tenants = ['a', 'b', 'c']
  for (let job = 0; job < 30; job++) {
    const tenant = tenants[job % 3] as string
    await queue.send({ value: { tenant, job }, key: job % 2 === 0 ? tenant : Buffer.from(tenant) })
  }
  const running = new Map<string, number>()
  const most = new Map<string, number>()
  const order = new Map<string, number[]>(tenants.map(tenant => [tenant, []]))
  let together = 0
  const run = await queue.handle(
    async ({ value: { tenant, job } }) => {
      const now = (running.get(tenant) ?? 0) + 1
      running.set(tenant, now)
      most.set(tenant, Math.max(now, most.get(tenant) ?? 0))
      together = Math.max(together, [...running.values()].filter(count => count > 0).length)
      order.get(tenant)?.push(job)
      await delay(1)
      running.set(tenant, now - 1)
    },
    { concurrency: 8, prefetch: 20 },
  )
  await run.idle()
  await run.stop()
  for (const tenant of tenants) {
    t.equal(most.get(tenant), 1)
    const jobs = order.get(tenant) ?? []
    t.equal(jobs.length, 10)
    t.strictSame(
      jobs,
      jobs.toSorted((a, b) => a - b),
    )
  }
  t.equal(together, 3)
})

t.test('explain says behind which message another one of its key waits', async t => {
  const queue = await newQueue({ keyConcurrency: 1 })
  const { ids } = await queue.sendBatch([
    { value: 0, key: 'tenant' },
    { value: 1, key: 'tenant' },
    { value: 2, key: 'other' },
  ])
  const [first, second, third] = ids as [string, string, string]
  const behind = { key: 'tenant', id: first }
  t.match(await queue.explain(second), { state: 'ready', blockedBy: behind })
  const { held, end } = await hold(queue, 10)
  await until(() => held.length === 2)
  t.match(await queue.explain(second), { state: 'ready', ahead: 0, blockedBy: behind })
  t.match(await queue.explain(third), { state: 'unacked' })
  t.match(await queue.stats(), { ready: 1, unacked: 2 })
  held[0]?.ack()
  await until(() => held.length === 3)
  t.equal(held[2]?.id, second)
  end()
})

t.test('no more is handed out in a time than the rate says, and explain says so', async t => {
  const slow = await newQueue({ rate: { max: 2, perMs: 3_600_000 } })
  const { ids } = await slow.sendBatch(Array.from({ length: 5 }, (_, value) => ({ value })))
  const first = await hold(slow, 10)
  await until(() => first.held.length === 2)
  t.match(await slow.explain(ids[2] as string), { state: 'ready', blockedBy: 'rate' })
  t.equal(first.held.length, 2)
  first.end()
  const queue = await newQueue({ rate: { max: 2, perMs: 400 } })
  await queue.sendBatch(Array.from({ length: 5 }, (_, value) => ({ value })))
  const began = performance.now()
  const { held, end } = await hold(queue, 10)
  await until(() => held.length === 5)
  t.ok(performance.now() - began >= 750, 'it took two more times')
  end()
})

t.test('a queue that limits keys is not handled at most once', async t => {
  const queue = await newQueue({ keyConcurrency: 2 })
  const error = await rejection(queue.handle(() => undefined, { delivery: 'at-most-once' }))
  t.equal(error.code, 'MILL_INVALID_OPTION')
  t.match(error.message, /limits keys, and cannot be handled at most once: leave `delivery` out/)
})

twoLives({
  async 'keys keep their order in the next process, which may let more of each be out'(t, first) {
    for (const name of ['same', 'wider']) {
      const queue = await first.queue<number>(name, { durability: 'os', keyConcurrency: 1, keyOrder: 'fair' })
      await queue.sendBatch([0, 1, 2, 3].map(value => ({ value, key: value === 3 ? 'b' : 'a' })))
      const { held } = await hold(queue, 10)
      await until(() => held.length === 2)
      t.strictSame(
        held.map(({ value }) => value),
        [0, 3],
      )
    }
    return async (t, second) => {
      const same = await hold(await second.queue<number>('same'), 10)
      await until(() => same.held.length === 2)
      t.strictSame(
        same.held.map(({ value }) => value),
        [0, 3],
      )
      same.held[0]?.ack()
      await until(() => same.held.length === 3)
      t.equal(same.held[2]?.value, 1)
      same.end()
      const wider = await hold(await second.queue<number>('wider', { keyConcurrency: 2 }), 10)
      await until(() => wider.held.length === 3)
      t.strictSame(
        wider.held.map(({ value }) => value),
        [0, 1, 3],
      )
      wider.end()
    }
  },
})
