/** What waits in a queue gets another priority, another time or another time to live. The core is also played against its model. */
import t from 'tap'
import { PagePool } from '../base/page-pool.ts'
import { Expiry } from './expiry.ts'
import { PlayedLog } from './played-log.fixture.ts'
import { QueueCore } from './queue-core.ts'
import { PLAIN_LOG, PLAIN_POLICY } from './queue-plan.fixture.ts'
import type { QueuePolicy } from './queue-words.ts'
import { Schedule } from './schedule.ts'
import type { MessageUpdate } from './updating.ts'

const TERMS = { priority: 0, prefetch: 10, prefetchBytes: 1_000, ackTimeoutMs: Number.POSITIVE_INFINITY }
const NOTHING: MessageUpdate = { priority: null, dueMs: null, expiresMs: null }

/** A queue with a message of ten bytes for each of these keys, one of them at a time out. */
function queueOf(keys: readonly number[], policy: Partial<QueuePolicy> = {}) {
  const log = new PlayedLog(0)
  const queue = QueueCore.create({ ...PLAIN_POLICY, priorities: 3, ...policy }, log)
  for (const key of keys) log.push({ bytes: 10, priority: 0, key, dueMs: 0, expiresMs: 0 })
  const sizes = keys.map(() => 10)
  queue.admit(sizes, null)
  queue.appended(keys.length, 10 * keys.length, null)
  queue.attach(0, TERMS)
  const update = (offset: number, what: Partial<MessageUpdate>, nowMs = 0): boolean =>
    queue.update(offset, { ...NOTHING, ...what }, nowMs, kept => log.update(offset, kept))
  const next = (nowMs = 0): number | null => queue.take(nowMs)?.offset ?? null
  return { log, queue, update, next }
}

t.test('a new priority keeps the place of a message among those of that priority', async t => {
  const { queue, update, next } = queueOf([0, 0, 0, 0])
  t.ok(update(3, { priority: 2 }))
  t.ok(update(1, { priority: 2 }))
  t.strictSame(queue.counters().readyByPriority, [2, 0, 2])
  t.strictSame([next(), next(), next(), next()], [1, 3, 0, 2])
  t.notOk(update(1, { priority: 0 }), 'what is out is not updated')
})

t.test('one that is put off gives up its turn of its key, and comes behind the others', async t => {
  const { queue, update, next } = queueOf([7, 7, 7], { keyConcurrency: 1 })
  t.ok(update(0, { dueMs: 50 }))
  t.match(queue.counters(), { scheduled: 1, ready: 2, bytes: 20 })
  const second = queue.take(0)
  t.match(second, { offset: 1 })
  t.equal(queue.due(50).count, 1)
  queue.ack(0, second?.slot ?? -1, second?.tag ?? -1)
  t.equal(next(), 2)
  t.match(queue.explain(0), { state: 'ready', blockedBy: { key: 7, behind: 2 } })
})

t.test('one that waits for its turn keeps it with a new priority, and loses it with a new time', async t => {
  const { queue, update } = queueOf([7, 7, 7], { keyConcurrency: 1 })
  t.ok(update(1, { priority: 2 }))
  t.ok(update(2, { dueMs: 9 }))
  t.match(queue.counters(), { scheduled: 1, ready: 2, readyByPriority: [1, 0, 1] })
  const first = queue.take(0)
  queue.ack(0, first?.slot ?? -1, first?.tag ?? -1)
  t.match(queue.take(0), { offset: 1, priority: 2 })
})

t.test('one that waits for a retry stays so, keeps its turn, and is tried again at the new time', async t => {
  const { queue, update, next } = queueOf([7, 7], { keyConcurrency: 1, attempts: 5 })
  const first = queue.take(0)
  queue.nack(0, first?.slot ?? -1, first?.tag ?? -1, 1_000, { nowMs: 0, wallMs: 1 }, () => 0)
  t.ok(update(0, { dueMs: 20, priority: 1 }))
  t.match(queue.explain(0), { state: 'retrying', dueMs: 20, failedAttempts: 1 })
  t.equal(next(), null, 'the other one of its key waits')
  t.equal(queue.due(20).retried, 1)
  t.match(queue.take(20), { offset: 0, priority: 1, deliveryAttempt: 2 })
})

t.test('what was released and is put off is scheduled, also once the queue is built again', async t => {
  const { queue, update, log } = queueOf([0, 0])
  const first = queue.take(0)
  queue.release(0, first?.slot ?? -1, first?.tag ?? -1)
  t.ok(update(0, { dueMs: 30 }))
  for (const core of [queue, QueueCore.from({ ...PLAIN_POLICY, priorities: 3 }, log, queue.facts())]) {
    t.strictSame(core.explain(0), { state: 'scheduled', dueMs: 30 })
    t.equal(core.due(29).count, 0)
    t.equal(core.due(30).count, 1)
    core.take(30)
    t.match(core.take(30), { offset: 0, deliveryAttempt: 2 })
  }
})

t.test('a scheduled one is due at its new time only, be that earlier or later', async t => {
  const { queue, update } = queueOf([0, 0])
  update(0, { dueMs: 100 })
  update(1, { dueMs: 100 })
  t.ok(update(0, { dueMs: 200 }))
  t.ok(update(1, { dueMs: 10 }))
  t.strictSame([queue.due(9).count, queue.due(10).count, queue.due(199).count, queue.due(200).count], [0, 1, 0, 1])
  t.match(queue.counters(), { scheduled: 0, ready: 2 })
  t.equal(queue.dueMs, Number.POSITIVE_INFINITY)
})

t.test('the time to live that a message had before neither ends it nor keeps it', async t => {
  const { queue, update } = queueOf([0, 0, 0])
  update(0, { expiresMs: 50 })
  update(1, { expiresMs: 50 })
  update(2, { expiresMs: 500 })
  t.ok(update(0, { expiresMs: 90 }))
  t.ok(update(1, { expiresMs: Number.POSITIVE_INFINITY }))
  t.ok(update(2, { expiresMs: 20 }))
  const died = (nowMs: number): number[] => queue.expire(nowMs).map(({ offset }) => offset)
  t.strictSame([died(19), died(20), died(89), died(90), died(1e9)], [[], [2], [], [0], []])
  t.match(queue.explain(1), { state: 'ready' })
})

t.test('entries of earlier times are dropped', async t => {
  const pool = new PagePool()
  const schedule = new Schedule(pool)
  const expiry = new Expiry({ ...PLAIN_LOG, bytesOf: () => 1, priorityOf: () => 0 }, true)
  const now = process.memoryUsage.rss()
  const offsets = new Float64Array(8)
  for (let round = 0; round < 3_000_000; round++) {
    schedule.addAgain(7, 1_000_000 + round, 1)
    expiry.update(7, 1_000_000 + round)
    if (round % 64 > 0) continue
    schedule.due(1, offsets)
    expiry.tend(1, () => true)
  }
  t.ok(process.memoryUsage.rss() - now < 40_000_000, 'two wheels would have 96 MB of entries')
  t.equal(schedule.due(3_999_998, offsets), 0)
  t.equal(expiry.due(3_999_998, offsets), 0)
  t.equal(schedule.due(4_000_000, offsets), 1)
  t.equal(expiry.due(4_000_000, offsets), 1)
})
