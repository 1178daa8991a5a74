/** Queues on disk, by the public API: what the next broker on the folder finds. Real threads and files. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Broker, ManualQueueDelivery, Queue } from '../../index.ts'
import { folderOf, rejection, until } from '../fixtures/broker.fixture.ts'
import { twoLives } from '../fixtures/two-lives.fixture.ts'

const QUICK = { backoff: { initialMs: 1, jitter: 0 } } as const

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, at) => ({ value: from + at }))

/** Takes so many messages, and settles them; what is left is let go. */
async function take(
  queue: Queue<number>,
  count: number,
  settle: (delivery: ManualQueueDelivery<number>) => void = delivery => delivery.ack(),
): Promise<string[]> {
  const seen: string[] = []
  if (count === 0) return seen
  for await (const delivery of queue.consume({ prefetch: 8 })) {
    const { value, deliveryAttempt, failedAttempts, priority } = delivery
    seen.push(`${value} ${deliveryAttempt} ${failedAttempts} ${priority}`)
    settle(delivery)
    if (seen.length === count) break
  }
  return seen
}

async function lettersOf(broker: Broker, queue: string): Promise<string[]> {
  const letters: string[] = []
  for await (const { value, reason, failedAttempts } of broker.deadLetters<number>(queue).browse())
    letters.push(`${value} ${reason} ${failedAttempts}`)
  return letters.sort()
}

twoLives({
  async 'what was acked is gone, and the rest is there at its place'(t, first) {
    const queue = await first.queue<number>('acked')
    t.match(await queue.sendBatch(numbers(100)), { count: 100, durability: 'fsync' })
    t.strictSame(
      await take(queue, 40),
      numbers(40).map(({ value }) => `${value} 1 0 0`),
    )
    return async (t, second) => {
      const again = await second.queue<number>('acked')
      t.match(await again.stats(), { accepted: 100, acked: 40, ready: 60, unacked: 0 })
      t.match(await again.send({ value: 100 }), { id: /\.100$/ })
      t.strictSame(
        await take(again, 61),
        numbers(61, 40).map(({ value }) => `${value} 1 0 0`),
      )
      t.match(await again.stats(), { accepted: 101, acked: 101, ready: 0, bytes: 0 })
    }
  },

  // Source: https://github.com/apache/pulsar/issues/758
  async 'of 30,000 messages each second one is acked, and none of them comes again'(_t, first) {
    const queue = await first.queue<number>('alternate', { durability: 'os', priorities: 2 })
    await queue.sendBatch(numbers(30_000).map(({ value }) => ({ value, priority: value % 2 })))
    let acked = 0
    for await (const delivery of queue.consume({ prefetch: 500 })) {
      delivery.ack()
      if (++acked === 15_000) break
    }
    return async (t, second) => {
      const again = await second.queue<number>('alternate')
      t.match(await again.stats(), { accepted: 30_000, acked: 15_000, ready: 15_000, readyByPriority: [15_000, 0] })
      let left = 0
      for await (const { value } of again.consume({ prefetch: 500 })) {
        if (value !== 2 * left) t.fail(`message ${value} came as number ${left}`)
        if (++left === 15_000) break
      }
    }
  },

  async 'priorities hold, also of what comes back'(t, first) {
    const queue = await first.queue<number>('priorities', { priorities: 3 })
    for (const [value, priority] of [0, 2, 1, 0, 2, 1].entries()) await queue.send({ value, priority })
    t.strictSame(await take(queue, 1, delivery => delivery.release()), ['1 1 0 2'])
    return async (t, second) => {
      const again = await second.queue<number>('priorities')
      t.match(await again.stats(), { readyByPriority: [2, 2, 2] })
      t.strictSame(await take(again, 6), ['1 2 0 2', '4 1 0 2', '2 1 0 1', '5 1 0 1', '0 1 0 0', '3 1 0 0'])
    }
  },

  async 'many messages with priorities take their time to open, and who asks meanwhile is answered'(_t, first) {
    const queue = await first.queue<number>('many', { priorities: 8, durability: 'os' })
    await queue.sendBatch(numbers(20_000).map(({ value }) => ({ value, priority: value % 8 })))
    const { id } = await queue.send({ value: -1, priority: 3 })
    await queue.send({ value: -2, priority: 7, delayMs: 3_600_000 })
    return async (t, second) => {
      const again = await second.queue<number>('many')
      const sent = again.send({ value: 20_000, priority: 7 })
      const [cancelled, sight, { ready, scheduled }] = await Promise.all([
        again.cancel(id),
        again.explain(id),
        again.stats(),
        sent,
      ])
      t.equal(cancelled, 'cancelled')
      t.match(sight, { state: 'settled' })
      t.equal(scheduled, 1)
      t.ok(ready === 20_000 || ready === 20_001, `${ready} are ready`)
      t.match(await again.stats(), { readyByPriority: [2_500, 2_500, 2_500, 2_500, 2_500, 2_500, 2_500, 2_501] })
      t.strictSame(await take(again, 2), ['7 1 0 7', '15 1 0 7'])
    }
  },

  async 'failures are counted over the lives of the process, and their waits go on'(t, first) {
    const queue = await first.queue<number>('failures', { attempts: 3, backoff: { initialMs: 200, maxMs: 60_000 } })
    await queue.sendBatch(numbers(3))
    t.strictSame(
      await take(queue, 3, delivery => (delivery.value === 1 ? delivery.nack(new Error('no')) : delivery.ack())),
      ['0 1 0 0', '1 1 0 0', '2 1 0 0'],
    )
    t.match(await queue.stats(), { retrying: 1, failures: 1 })
    return async (t, second) => {
      const again = await second.queue<number>('failures')
      const { retrying, ready, failures } = await again.stats()
      t.strictSame([retrying + ready, failures], [1, 1])
      t.strictSame(await take(again, 2, delivery => delivery.nack(new Error('no'))), ['1 2 1 0', '1 3 2 0'])
      await until(async () => (await again.stats()).deadLettered === 1)
      t.strictSame(await lettersOf(second, 'failures'), ['1 failed 3'])
    }
  },

  async 'a dead letter is written once, and found by the next broker'(_t, first) {
    const queue = await first.queue<number>('letters')
    await queue.sendBatch(numbers(3))
    await take(queue, 3, delivery => (delivery.value === 2 ? delivery.ack() : delivery.reject('no')))
    await until(async () => (await queue.stats()).deadLettered === 2)
    return async (t, second) => {
      const again = await second.queue<number>('letters')
      t.match(await again.stats(), { accepted: 3, acked: 1, deadLettered: 2, ready: 0, deadLetterDepth: 2 })
      t.strictSame(await lettersOf(second, 'letters'), ['0 rejected 1', '1 rejected 1'])
      t.match(await second.deadLetters<number>('letters').replay({}), { replayed: 2 })
      t.strictSame((await take(again, 2)).map(seen => seen[0]).sort(), ['0', '1'])
    }
  },

  async 'bounds are exact, and hold for the next broker'(t, first) {
    const queue = await first.queue<number>('bounds', { maxMessages: 5, onFull: 'reject' })
    for (const message of numbers(5)) await queue.send(message)
    t.match(await rejection(queue.send({ value: 5 })), { code: 'MILL_FULL' })
    return async (t, second) => {
      const again = await second.queue<number>('bounds')
      t.match(await rejection(again.send({ value: 5 })), { code: 'MILL_FULL' })
      await take(again, 1)
      await until(async () => (await again.stats()).acked === 1)
      await again.send({ value: 6 })
      t.match(await rejection(again.send({ value: 7 })), { code: 'MILL_FULL' })
      t.match(await again.stats(), { accepted: 6, acked: 1, ready: 5 })
    }
  },

  async 'what makes room is a dead letter'(_t, first) {
    const queue = await first.queue<number>('heads', { maxMessages: 3, onFull: 'dropHead' })
    for (const message of numbers(6)) await queue.send(message)
    await until(async () => (await queue.stats()).deadLettered === 3)
    return async (t, second) => {
      const again = await second.queue<number>('heads')
      t.match(await again.stats(), { accepted: 6, deadLettered: 3, ready: 3 })
      t.strictSame(await lettersOf(second, 'heads'), ['0 maxlen 0', '1 maxlen 0', '2 maxlen 0'])
      await again.send({ value: 6 })
      await until(async () => (await again.stats()).deadLettered === 4)
      t.strictSame(
        (await take(again, 3)).map(seen => seen[0]),
        ['4', '5', '6'],
      )
    }
  },

  async 'large messages, far behind their window'(_t, first) {
    const queue = await first.queue<string>('large', { maxMessageBytes: 2_000_000 })
    const value = 'x'.repeat(1_500_000)
    for (let at = 0; at < 4; at++) await queue.send({ value: `${at}${value}` })
    return async (t, second) => {
      const again = await second.queue<string>('large')
      const seen: string[] = []
      for await (const delivery of again.consume()) {
        t.equal(delivery.value.length, value.length + 1)
        seen.push(delivery.value[0] as string)
        delivery.ack()
        if (seen.length === 4) break
      }
      t.strictSame(seen, ['0', '1', '2', '3'])
    }
  },

  async 'a queue keeps what it was made with, and may be given other terms'(_t, first) {
    await first.queue('terms', { priorities: 2, codec: 'string', attempts: Number.POSITIVE_INFINITY, maxMessages: 7 })
    return async (t, second) => {
      for (const options of [
        { priorities: 3 },
        { codec: 'json' },
        { durability: 'os' },
        { maxMessageBytes: 10 },
      ] as const) {
        const refused = await rejection(second.queue('terms', options))
        t.match(refused, { code: 'MILL_CONFIG_MISMATCH', message: new RegExp(Object.keys(options)[0] as string) })
      }
      await second.queue('terms', { maxMessages: 9 })
      const same = await rejection(second.queue('terms', { maxMessages: 7 }))
      t.match(same, { code: 'MILL_CONFIG_MISMATCH', message: /maxMessages 9, not 7/ })
      await second.queue('terms', { attempts: Number.POSITIVE_INFINITY, priorities: 2 })
    }
  },

  async 'one that was deleted leaves nothing'(t, first) {
    const queue = await first.queue<number>('deleted')
    await queue.sendBatch(numbers(5))
    await take(queue, 2)
    await queue.delete()
    const again = await first.queue<number>('deleted')
    t.match(await again.stats(), { accepted: 0, acked: 0 })
    await again.send({ value: 9 })
    return async (t, second) => {
      const third = await second.queue<number>('deleted')
      t.match(await third.stats(), { accepted: 1, acked: 0, ready: 1 })
      t.strictSame(await take(third, 1), ['9 1 0 0'])
    }
  },

  async 'one in memory is gone, and one that nobody opens stays'(_t, first, open) {
    const fast = await first.queue<number>('fast', { durability: 'memory' })
    await fast.send({ value: 1 })
    void open
    return async (t, second) => {
      t.match(await (await second.queue('fast', { durability: 'memory' })).stats(), { accepted: 0 })
    }
  },
})

t.test('a settlement is confirmed, whatever it is', async t => {
  const { open } = folderOf(t)
  const broker = await open()
  const queue = await broker.queue<number>('jobs', QUICK)
  await queue.sendBatch(numbers(5))
  const acts = ['ack', 'nack', 'reject', 'release'] as const
  const seen: number[] = []
  for await (const delivery of queue.consume({ prefetch: 1 })) {
    const act = acts[seen.length]
    seen.push(delivery.value)
    if (act === undefined) {
      const early = delivery.confirmed
      delivery.ack()
      await early
      break
    }
    delivery[act]()
    await delivery.confirmed
    t.equal(delivery.confirmed, delivery.confirmed, 'it is asked once')
  }
  const { acked, failures } = await queue.stats()
  t.strictSame([acked, failures], [2, 2])
  const lost: Promise<Error>[] = []
  for await (const delivery of queue.consume()) {
    lost.push(rejection(delivery.confirmed))
    break
  }
  t.match(await lost[0], { code: 'MILL_CLOSED' }, 'what was not settled is the queue’s again')
})

t.test('other numbers of partition hosts find the same queues', async t => {
  const { open } = folderOf(t)
  for (const [turn, partitionThreads] of [2, 3, 1].entries()) {
    const broker = await open({ partitionThreads })
    for (const name of ['a', 'b', 'c']) {
      const queue = await broker.queue<number>(name)
      t.match(await queue.stats(), { accepted: 10 * turn, acked: 5 * turn })
      await queue.sendBatch(numbers(10, 10 * turn))
      t.strictSame(
        (await take(queue, 5)).map(seen => Number(seen.split(' ')[0])),
        numbers(5, 5 * turn).map(({ value }) => value),
      )
    }
    await broker.close()
  }
})

t.test('an idle queue writes nothing', async t => {
  const { open, dir } = folderOf(t)
  const broker = await open()
  const queue = await broker.queue<number>('jobs')
  await queue.sendBatch(numbers(10))
  await take(queue, 10)
  await until(async () => (await queue.stats()).acked === 10)
  const sizes = (): string[] =>
    readdirSync(dir, { recursive: true, encoding: 'utf8' }).map(name => {
      const { size, mtimeMs } = statSync(join(dir, name))
      return `${name} ${size} ${name.endsWith('.settled') ? mtimeMs : ''}`
    })
  // What was written is synced a moment later, which is noted in the file.
  let before = sizes()
  let sinceMs = performance.now()
  let looks = 0
  await until(() => {
    const now = sizes()
    if (now.join() !== before.join()) [before, sinceMs, looks] = [now, performance.now(), 0]
    // A process that was stopped for so long has not looked so often.
    return ++looks >= 50 && performance.now() - sinceMs >= 1_500
  }, 'that the files stay as they are')
  for (let turn = 0; turn < 50; turn++) {
    const subscription = queue.observe().subscribe(() => undefined)
    subscription.unsubscribe()
  }
  t.match(await queue.stats(), { acked: 10, consumers: 0 })
  t.strictSame(sizes(), before)
})
