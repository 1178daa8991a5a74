/** Requests to queues: what the caller gets, whatever becomes of the message, and what is not handled any more. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import {
  type Broker,
  isMillraceError,
  type Queue,
  type QueueDelivery,
  type QueueOptions,
  RejectError,
  type RequestError,
} from '../../index.ts'
import { folderOf, openBroker, rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'
import type { Job } from './fixtures/requests.fixture.ts'

const JOBS = new URL('./fixtures/requests.fixture.js', import.meta.url)
const LONG = { timeoutMs: 20_000 }

interface Places {
  readonly broker: Broker
  readonly queue: Queue<string>
}

let onDisk: Promise<Broker> | undefined

/** One for all tests of this file that need no other. */
function diskBroker(): Promise<Broker> {
  onDisk ??= folderOf(t).open()
  return onDisk
}

async function placesOf(where: string, options: QueueOptions = {}): Promise<Places> {
  const broker = where === 'in memory' ? await sharedBroker() : await diskBroker()
  return { broker, queue: await broker.queue<string>(newName(), { backoff: { initialMs: 1 }, ...options }) }
}

/** Why a request failed. */
async function reasonOf(request: Promise<unknown>): Promise<unknown> {
  const error = await rejection(request)
  return isMillraceError(error, 'MILL_REQUEST_FAILED') ? (error as RequestError).reason : error
}

for (const where of ['in memory', 'on disk']) {
  t.test(`a request resolves with what the handler returned, ${where}`, async t => {
    const { queue } = await placesOf(where, { maxMessageBytes: 1_048_576 })
    const values: Record<string, unknown> = {
      object: { a: [1, 'zwei', null] },
      text: 'a\ud800b ✓',
      nothing: undefined,
      null: null,
      false: false,
      bytes: new Uint8Array([1, 2, 255]),
      none: new Uint8Array(0),
      large: Buffer.alloc(1_000_001, 'abc'),
      'large text': 'ü'.repeat(300_000),
    }
    await queue.handle(async ({ value }) => values[value])
    for (const [name, value] of Object.entries(values)) {
      const got = await queue.request({ value: name }, LONG)
      if (value instanceof Uint8Array) t.ok(got instanceof Uint8Array && Buffer.from(value).equals(got), name)
      else t.equal(JSON.stringify(got), JSON.stringify(value), name)
    }
    t.match(await queue.stats(), { acked: Object.keys(values).length, failures: 0, ready: 0, unacked: 0 })
  })

  t.test(`what the handler throws is tried again, and rejects the caller at the end, ${where}`, async t => {
    const { broker, queue } = await placesOf(where, { attempts: 3 })
    const seen: string[] = []
    await queue.handle(({ value, failedAttempts }) => {
      seen.push(value)
      if (value === 'once' && failedAttempts === 0) throw new Error('not yet')
      if (value === 'never') throw new TypeError('it never works')
      if (value === 'rejected') throw new RejectError('no such thing')
      return 'done'
    })
    t.equal(await queue.request({ value: 'once' }, LONG), 'done')
    const never = await rejection(queue.request({ value: 'never' }, LONG))
    t.match(never, { name: 'RequestError', code: 'MILL_REQUEST_FAILED', reason: 'failed' })
    t.match(never.cause, { name: 'TypeError', message: 'it never works' })
    const rejected = await rejection(queue.request({ value: 'rejected' }, LONG))
    t.match(rejected, { reason: 'rejected', cause: { code: 'MILL_REJECTED', message: 'no such thing' } })
    t.strictSame(seen, ['once', 'once', 'never', 'never', 'never', 'rejected'])
    await until(async () => (await queue.stats()).deadLettered === 2)
    const letters: unknown[] = []
    for await (const { value, reason } of broker.deadLetters(queue).browse()) letters.push([value, reason])
    t.strictSame(letters, [
      ['never', 'failed'],
      ['rejected', 'rejected'],
    ])
  })

  t.test(`a request that nobody waits for any more is not begun, and leaves no dead letter, ${where}`, async t => {
    const { queue } = await placesOf(where)
    const late = await rejection(queue.request({ value: 'late' }, { timeoutMs: 30 }))
    t.match(late, { code: 'MILL_TIMEOUT', retriable: true })
    const gone = new AbortController()
    const aborted = rejection(queue.request({ value: 'aborted' }, { signal: gone.signal, ...LONG }))
    await until(async () => (await queue.stats()).accepted === 2)
    gone.abort('enough')
    t.match(await aborted, { code: 'MILL_ABORTED', cause: 'enough' })
    await until(async () => (await queue.stats()).cancelled === 1)
    await until(async () => (await queue.stats()).expired === 1)
    const atOnce = new AbortController()
    const unanswered = rejection(queue.request({ value: 'aborted at once' }, { signal: atOnce.signal, ...LONG }))
    atOnce.abort()
    t.match(await unanswered, { code: 'MILL_ABORTED' })
    await until(async () => (await queue.stats()).cancelled === 2, 'that one whose receipt was under way is cancelled')
    const seen: string[] = []
    const run = await queue.handle(({ value }) => void seen.push(value))
    await queue.send({ value: 'sent' })
    await run.idle()
    t.strictSame(seen, ['sent'])
    t.match(await queue.stats(), { accepted: 4, acked: 1, expired: 1, cancelled: 2, deadLettered: 0, bytes: 0 })
  })

  t.test(`one that is aborted while its queue is full is cancelled once it is there, ${where}`, async t => {
    const { queue } = await placesOf(where, { maxMessages: 1 })
    const { id } = await queue.send({ value: 'first' })
    const gone = new AbortController()
    const aborted = rejection(queue.request({ value: 'aborted' }, { signal: gone.signal, ...LONG }))
    await sleep(30)
    gone.abort()
    t.match(await aborted, { code: 'MILL_ABORTED' })
    t.equal((await queue.stats()).accepted, 1)
    await queue.cancel(id)
    await until(async () => (await queue.stats()).cancelled === 2)
    t.match(await queue.stats(), { accepted: 2, bytes: 0 })
  })

  t.test(`one that runs gets its signal, and is not tried again, ${where}`, async t => {
    const { queue } = await placesOf(where)
    const ended: unknown[] = []
    const begun: string[] = []
    const run = await queue.handle(async (delivery, { signal }) => {
      begun.push(delivery.value)
      await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
      ended.push([delivery.value, (signal.reason as { code: string }).code])
      throw signal.reason
    })
    // One whose time is over before its handler could begin is never begun, however slow the machine is: the next has more time.
    for (let timeoutMs = 60; begun.length === 0; timeoutMs *= 2)
      t.match(await rejection(queue.request({ value: 'late' }, { timeoutMs })), { code: 'MILL_TIMEOUT' })
    await run.idle()
    const gone = new AbortController()
    const aborted = rejection(queue.request({ value: 'aborted' }, { signal: gone.signal, ...LONG }))
    await until(() => begun.length === 2)
    gone.abort()
    t.match(await aborted, { code: 'MILL_ABORTED' })
    await run.idle()
    t.strictSame(ended, [
      ['late', 'MILL_TIMEOUT'],
      ['aborted', 'MILL_CANCELLED'],
    ])
    t.match(await queue.stats(), { acked: 0, deadLettered: 0, ready: 0, unacked: 0, bytes: 0 })
  })

  t.test(`a message that ends otherwise rejects its caller with the reason, ${where}`, async t => {
    const { queue } = await placesOf(where, { maxMessages: 2, onFull: 'dropHead', dedupeMs: 60_000 })
    const dropped = reasonOf(queue.request({ value: 'dropped' }, LONG))
    const purged = [queue.request({ value: 'purged', id: 'a' }, LONG), queue.request({ value: 'purged too' }, LONG)]
    const reasons = Promise.all(purged.map(reasonOf))
    t.equal(await dropped, 'maxlen')
    t.equal(await reasonOf(queue.request({ value: 'again', id: 'a' }, LONG)), 'duplicate')
    t.equal(await queue.purge(), 2)
    t.strictSame(await reasons, ['purged', 'purged'])
    const cancelled = reasonOf(queue.request({ value: 'cancelled', id: 'b' }, LONG))
    await until(async () => (await queue.stats()).ready === 1)
    t.equal(await queue.cancel('b'), 'cancelled')
    t.equal(await cancelled, 'cancelled')
    t.equal(await reasonOf(queue.request({ value: 'expired', ttlMs: 20 }, LONG)), 'expired')
    const deleted = rejection(queue.request({ value: 'deleted' }, LONG))
    await until(async () => (await queue.stats()).ready === 1)
    await queue.delete()
    t.match(await deleted, { code: 'MILL_TOPIC_DELETED' })
  })

  t.test(`on handler threads: values, requests of handlers, and deaths, ${where}`, async t => {
    const broker = where === 'in memory' ? await openBroker(t) : await folderOf(t).open()
    const queue = await broker.queue<Job>('jobs', { attempts: 2, backoff: { initialMs: 1 } })
    const inner = await broker.queue<number>('inner')
    await inner.handle(async ({ value, deadline }) => ({ value, deadline }))
    await queue.run({ handler: JOBS, threads: 2, handlerTimeoutMs: 300 })
    t.strictSame(await queue.request({ value: { what: 'double', number: 4 } }, LONG), { doubled: 8 })
    const before = Date.now()
    const asked = (await queue.request({ value: { what: 'asks', number: 5 } }, { timeoutMs: 5_000 })) as {
      readonly asked: { readonly value: number; readonly deadline: string }
    }
    t.equal(asked.asked.value, 5)
    const left = Date.parse(asked.asked.deadline) - before
    t.ok(left > 4_000 && left < 10_000, `the deadline of the first travels: ${left} ms`)
    const failed = await rejection(queue.request({ value: { what: 'throws', number: 6 } }, LONG))
    t.match(failed, { reason: 'failed', cause: { name: 'TypeError', message: 'no 6' } })
    t.equal(await reasonOf(queue.request({ value: { what: 'exits', number: 7 } }, LONG)), 'crashed')
    t.equal(await reasonOf(queue.request({ value: { what: 'spins', number: 8 } }, LONG)), 'timeout')
    t.strictSame(await queue.request({ value: { what: 'double', number: 9 } }, LONG), { doubled: 18 })
  })
}

t.test('batches answer by a value for each, or one by one; a consumer by `reply`', async t => {
  const { queue } = await placesOf('in memory', { attempts: 1 })
  const run = await queue.handle(
    {
      batch(deliveries) {
        for (const each of deliveries) if (each.value === 'by itself') each.reply('own')
        for (const each of deliveries) if (each.value === 'acked') each.ack()
        for (const each of deliveries) if (each.value === 'rejected') each.reject('bad')
        return deliveries.map(({ value }) => `of ${value}`)
      },
    },
    { batch: { maxRecords: 10, maxWaitMs: 50 } },
  )
  const ask = (value: string): Promise<unknown> => queue.request({ value }, LONG)
  const asked = [ask('one'), queue.send({ value: 'sent' }), ask('by itself'), ask('acked'), ask('two')]
  const rejected = reasonOf(ask('rejected'))
  const [one, , own, acked, two] = await Promise.all(asked)
  t.strictSame([one, own, acked, two], ['of one', 'own', undefined, 'of two'])
  t.equal(await rejected, 'rejected')
  await run.stop()
  const answers = [ask('three'), ask('four'), ask('five')]
  let count = 0
  for await (const delivery of queue.consume()) {
    if (delivery.value === 'three') delivery.reply({ of: delivery.value })
    else if (delivery.value === 'four') delivery.ack()
    if (++count === 3) break
  }
  const later = queue.consume({ prefetch: 1 })
  const { value: again } = (await later.next()) as { value: QueueDelivery<string> & { reply(value: unknown): void } }
  t.equal(again.value, 'five', 'what the loop left has no answer yet')
  again.reply(5)
  t.strictSame(await Promise.all(answers), [{ of: 'three' }, undefined, 5])
  t.throws(() => again.reply(6), { code: 'MILL_SETTLED' })
  await later.return?.()
})

t.test('at most once, the caller hears of a failure as well', async t => {
  const { queue } = await placesOf('in memory')
  await queue.handle(
    async ({ value }) => {
      if (value === 'fails') throw new Error('it fails')
      return value
    },
    { delivery: 'at-most-once' },
  )
  t.equal(await queue.request({ value: 'works' }, LONG), 'works')
  const failed = await rejection(queue.request({ value: 'fails' }, LONG))
  t.match(failed, { code: 'MILL_REQUEST_FAILED', reason: 'failed', cause: { message: 'it fails' } })
  t.match(await queue.stats(), { acked: 2, failures: 1 })
})

t.test('what cannot be sent back is an error of the caller, and the work is done', async t => {
  const { queue } = await placesOf('in memory', { maxMessageBytes: 1_000 })
  const values: Record<string, unknown> = { circle: {}, large: 'x'.repeat(2_000), map: new Map([[1, 2]]) }
  ;(values.circle as { self?: unknown }).self = values.circle
  let calls = 0
  await queue.handle(async ({ value }) => {
    calls++
    return values[value]
  })
  const causes: unknown[] = []
  for (const value of Object.keys(values)) {
    const error = (await rejection(queue.request({ value }, LONG))) as RequestError
    t.equal(error.reason, 'reply')
    causes.push((error.cause as { code: string }).code)
  }
  t.strictSame(causes, ['MILL_UNSERIALISABLE', 'MILL_TOO_LARGE', 'MILL_UNSERIALISABLE'])
  t.equal(calls, 3)
  t.match(await queue.stats(), { acked: 3, failures: 0 })
})

t.test(
  'an answer that outlives its caller is dropped, and a second process begins no request of the first',
  async t => {
    const folder = folderOf(t)
    const first = await folder.open()
    const queue = await first.queue<string>('asked')
    const orphan = rejection(queue.request({ value: 'orphan' }, LONG))
    await queue.send({ value: 'sent' })
    await first.close()
    t.match(await orphan, { code: 'MILL_CLOSED' })
    const second = await folder.open()
    const again = await second.queue<string>('asked')
    const seen: string[] = []
    const run = await again.handle(({ value }) => void seen.push(value))
    await run.idle()
    t.strictSame(seen, ['sent'])
    t.match(await again.stats(), { ready: 0, unacked: 0, acked: 1, cancelled: 1, deadLettered: 0 })
  },
)

t.test('no request of a thread that has ended begins', async t => {
  const broker = await openBroker(t)
  const outer = await broker.queue<Job>('jobs', { attempts: 1 })
  const inner = await broker.queue<number>('inner')
  const run = await outer.run({ handler: JOBS, threads: 1 })
  void outer.request({ value: { what: 'asks', number: 1 } }, LONG).catch(() => undefined)
  await until(async () => (await inner.stats()).ready === 1)
  await run.stop({ timeoutMs: 50 }).catch(() => undefined)
  await until(async () => (await outer.stats()).unacked === 0, 'the thread has ended')
  const seen: number[] = []
  const handling = await inner.handle(({ value }) => void seen.push(value))
  await handling.idle()
  t.strictSame(seen, [])
  t.match(await inner.stats(), { ready: 0, unacked: 0, cancelled: 1 })
})

t.test('what a handler sends on expires with the request that it handles', async t => {
  const { broker, queue } = await placesOf('in memory')
  const next = await broker.queue<string>(newName(), { messageTtlMs: 60_000 })
  await queue.handle(async ({ value }, context) => {
    await context.send(next.name, { value })
    await context.send(next.name, { value: `${value}, shorter`, ttlMs: 5_000 })
  })
  const now = Date.now()
  await queue.request({ value: 'asked' }, { timeoutMs: 20_000 })
  await queue.send({ value: 'sent' })
  const left = new Map<string, number>()
  for await (const { value, deadline } of next.consume()) {
    left.set(value, Number(deadline) - now)
    if (left.size === 4) break
  }
  const seconds = [...left].map(([value, ms]) => [value, Math.round(ms / 2_500) * 2.5])
  t.strictSame(seconds, [
    ['asked', 20],
    ['asked, shorter', 5],
    ['sent', 60],
    ['sent, shorter', 5],
  ])
})

t.test('a broker that is closed does not wait for the record of a request that was aborted', async t => {
  const broker = await openBroker(t)
  const queue = await broker.queue<string>('full', { maxMessages: 1 })
  await queue.send({ value: 'first' })
  const gone = new AbortController()
  const aborted = rejection(queue.request({ value: 'aborted' }, { signal: gone.signal, ...LONG }))
  await sleep(30)
  gone.abort()
  t.match(await aborted, { code: 'MILL_ABORTED' })
  await t.resolves(broker.close())
})

t.test('a wrong request is refused before anything is sent', async t => {
  const broker = await openBroker(t)
  const queue = await broker.queue<string>('asked')
  const wrong: readonly (readonly [object, object | undefined, object])[] = [
    [
      { value: 1, delayMs: 5 },
      undefined,
      { code: 'MILL_INVALID_OPTION', message: /neither `delayMs` nor `deliverAt`/ },
    ],
    [{ value: 1 }, { timeoutMs: Number.POSITIVE_INFINITY }, { code: 'MILL_OUT_OF_RANGE', message: /timeoutMs/ }],
    [{ value: 1 }, { timeoutMs: 0 }, { code: 'MILL_OUT_OF_RANGE' }],
    [{ value: 1 }, { timeout: 5 }, { code: 'MILL_UNKNOWN_OPTION', message: /timeoutMs/ }],
    [{ value: 1 }, { signal: 5 }, { code: 'MILL_INVALID_OPTION' }],
    [{ value: 1 }, { signal: AbortSignal.abort('before') }, { code: 'MILL_ABORTED', cause: 'before' }],
    [{ value: 1n }, undefined, { code: 'MILL_UNSERIALISABLE' }],
    [{ value: 1, ttlMs: 0 }, undefined, { code: 'MILL_OUT_OF_RANGE' }],
    [{ valu: 1 }, undefined, { code: 'MILL_UNKNOWN_OPTION' }],
  ]
  for (const [message, options, expected] of wrong)
    t.match(await rejection(queue.request(message as { value: string }, options)), expected)
  t.match(await queue.stats(), { accepted: 0 })
  await broker.close()
  t.match(await rejection(queue.request({ value: 'closed' })), { code: 'MILL_CLOSED' })
})
