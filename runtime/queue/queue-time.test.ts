/** Times in the core of a work queue, one rule after the other: delays, times to live, and what both mean for bounds and places. */
import t from 'tap'
import { QueueCore } from './queue-core.ts'
import { PLAIN_LOG, PLAIN_POLICY } from './queue-plan.fixture.ts'
import type { HandOut, QueuePolicy } from './queue-words.ts'
import { RUN_MAX } from './runs.ts'

const SIZE = 10
const INFINITE = Number.POSITIVE_INFINITY
const policy: QueuePolicy = { ...PLAIN_POLICY, heldMax: 10_000 }
const at = (nowMs: number) => ({ nowMs, wallMs: 9_000_000 + nowMs })
const none = (): number => 0

interface Timed {
  readonly dueMs?: number
  readonly expiresMs?: number
  readonly priority?: number
}

/** A queue to which messages with times are sent, with a consumer 0. */
class Queue {
  readonly #sent: Timed[] = []
  readonly core: QueueCore

  constructor(options: Partial<QueuePolicy> = {}) {
    const of = (offset: number): Timed => this.#sent[offset] as Timed
    const log = {
      ...PLAIN_LOG,
      bytesOf: () => SIZE,
      priorityOf: (offset: number) => of(offset).priority ?? 0,
      dueMsOf: (offset: number) => of(offset).dueMs ?? 0,
      expiresMsOf: (offset: number) => of(offset).expiresMs ?? INFINITE,
    }
    this.core = QueueCore.create({ ...policy, ...options }, log)
    this.core.attach(0, { priority: 0, prefetch: 1_000, prefetchBytes: INFINITE, ackTimeoutMs: INFINITE })
  }

  /** How many were taken. */
  send(...messages: Timed[]): number {
    const dueMs = messages.map(message => message.dueMs ?? 0)
    const { taken, takenBytes } = this.core.admit(
      messages.map(() => SIZE),
      dueMs,
    )
    const sent = messages.slice(0, taken)
    this.#sent.push(...sent)
    const priorities = sent.map(({ priority }) => priority ?? 0)
    const expiresMs = sent.map(message => message.expiresMs ?? 0)
    this.core.appended(taken, takenBytes, { priorities, dueMs: dueMs.slice(0, taken), expiresMs })
    return taken
  }

  due(nowMs: number): number[] {
    const { count, offsets } = this.core.due(nowMs)
    return [...offsets.subarray(0, count)]
  }

  take(nowMs: number, most = INFINITE): HandOut[] {
    const found: HandOut[] = []
    for (let out = this.core.take(nowMs); out !== null; out = found.length < most ? this.core.take(nowMs) : null)
      found.push({ ...out })
    return found
  }
}

const offsets = (handOuts: readonly HandOut[]): number[] => handOuts.map(({ offset }) => offset)

t.test('a message falls due behind all that are there, in the order of time, then of sending', async t => {
  const queue = new Queue()
  queue.send({ dueMs: 30 }, {}, { dueMs: 20 }, { dueMs: 20 }, {})
  t.match(queue.core.counters(), { scheduled: 3, ready: 2, bytes: 2 * SIZE })
  t.match(queue.core.explain(2), { state: 'scheduled', dueMs: 20 })
  t.equal(queue.core.dueMs, 20)
  t.strictSame(queue.due(19.5), [])
  t.strictSame(queue.due(20), [2, 3])
  queue.send({})
  t.strictSame(queue.due(31), [0])
  queue.send({})
  t.match(queue.core.explain(0), { state: 'ready', ahead: 5 })
  t.match(queue.core.explain(6), { state: 'ready', ahead: 6 })
  t.strictSame(queue.core.facts().due, [
    { offset: 2, place: 5 },
    { offset: 3, place: 5 },
    { offset: 0, place: 6 },
  ])
  t.strictSame(offsets(queue.take(31)), [1, 4, 2, 3, 5, 0, 6])
})

t.test('one that fell due comes back to its place, whatever came meanwhile', async t => {
  const queue = new Queue()
  queue.send({ dueMs: 5 }, {}, { dueMs: 5 })
  queue.due(5)
  queue.send({}, {})
  const out = queue.take(5, 4)
  t.strictSame(offsets(out), [1, 0, 2, 3])
  for (const { offset, slot, tag } of out.toReversed())
    if (offset === 0) t.match(queue.core.nack(0, slot, tag, 50, at(10), none), { kind: 'retrying', dueMs: 60 })
    else t.match(queue.core.release(0, slot, tag), { kind: 'returned' })
  t.equal(queue.core.due(60).retried, 1)
  t.strictSame(offsets(queue.take(60)), [1, 0, 2, 3, 4])
  for (const { slot, tag } of out) queue.core.ack(0, slot, tag)
})

t.test('runs take what fell due in its turn, and end where another kind is next', async t => {
  const queue = new Queue()
  queue.send(...Array.from({ length: 5 }, () => ({ dueMs: 5 })), { dueMs: 7 }, {}, {})
  queue.due(5)
  queue.send({}, {})
  queue.due(7)
  queue.send({})
  const runs: string[] = []
  for (;;) {
    const run = queue.core.takeRun(RUN_MAX, () => INFINITE, 5)
    if (run === null) break
    runs.push(run.offsets.slice(0, run.count).join(' '))
    queue.core.ackRun(0, run.slots, run.tags, 0, run.count)
  }
  t.strictSame(runs, ['6 7 0 1 2 3 4 8 9 5 10'])
  t.match(queue.core.facts(), { floor: 11, due: [] })
})

t.test('a queue with priorities hands out what fell due with its own', async t => {
  const queue = new Queue({ priorities: 3 })
  queue.send({ dueMs: 5, priority: 2 }, { priority: 1 }, { dueMs: 5, priority: 1 }, { priority: 2 }, { priority: 1 })
  queue.due(5)
  t.strictSame(queue.core.counters().readyByPriority, [0, 3, 2])
  t.strictSame(offsets(queue.take(5)), [3, 0, 1, 4, 2])
})

t.test('what is scheduled asks for no room, and is in when it falls due, whatever the bounds are', async t => {
  const queue = new Queue({ maxMessages: 2, maxBytes: 3 * SIZE })
  t.equal(queue.send({}, { dueMs: 5 }, { dueMs: 5 }, {}, { dueMs: 9 }, {}), 5)
  t.equal(queue.core.figures.messages, 2)
  t.equal(queue.core.figures.scheduledBytes, 3 * SIZE)
  queue.due(5)
  t.match(queue.core.counters(), { ready: 4, scheduled: 1, bytes: 4 * SIZE })
  t.equal(queue.send({}), 0)
  for (const { slot, tag } of queue.take(5, 2)) queue.core.ack(0, slot, tag)
  t.equal(queue.send({}), 0)
  for (const { slot, tag } of queue.take(5, 1)) queue.core.ack(0, slot, tag)
  t.equal(queue.send({}, {}), 1)
  const { counted, countedBytes } = queue.core.admit([SIZE, SIZE], [7, 7])
  t.strictSame([counted, countedBytes], [0, 0])
  t.match(queue.core.admit([4 * SIZE], [7]), { taken: 0, refused: 'tooLarge' })
})

// Source: https://github.com/rabbitmq/rabbitmq-delayed-message-exchange/issues/72
// Source: https://github.com/taskforcesh/bullmq/issues/2466
t.test('many that fall due at once do so in slices, each behind the one before', async t => {
  const queue = new Queue()
  const count = 3_000
  queue.send(...Array.from({ length: count }, (_, index) => ({ dueMs: 50 + (index % 2) })))
  const slices: number[] = []
  const order: number[] = []
  while (order.length < count) {
    t.ok(queue.core.dueMs <= 51)
    const slice = queue.due(51)
    slices.push(slice.length)
    order.push(...slice)
    queue.send({})
  }
  t.strictSame(slices, [1_024, 1_024, 952])
  t.strictSame(order, [
    ...Array.from({ length: count / 2 }, (_, index) => 2 * index),
    ...Array.from({ length: count / 2 }, (_, index) => 2 * index + 1),
  ])
  t.match(queue.core.explain(count), { state: 'ready', ahead: 1_024 })
})

t.test('a message is not handed out from its time on, and dies', async t => {
  const queue = new Queue()
  queue.send({ expiresMs: 20 }, {}, { expiresMs: 15 }, { expiresMs: 30 }, { expiresMs: 5.5 })
  t.equal(queue.core.dueMs, 6)
  t.strictSame(queue.core.expire(5.4), [])
  t.match(queue.core.expire(6), [{ kind: 'dying', offset: 4, failedAttempts: 0, reason: 'expired' }])
  t.match(queue.core.nextLetter(), { offset: 4, reason: 'expired', handOuts: 0 })
  queue.core.lettersWritten(1)
  t.strictSame(offsets(queue.take(19, 1)), [0], 'it is out')
  const run = queue.core.takeRun(RUN_MAX, () => INFINITE, 25)
  t.strictSame([...(run?.offsets.slice(0, run.count) ?? [])], [1], 'the next one has expired')
  t.equal(queue.core.take(25), null)
  t.match(queue.core.expire(25), [{ kind: 'dying', offset: 2 }])
  t.strictSame(offsets(queue.take(25)), [3])
  t.match(queue.core.counters(), { unacked: 3, dying: 1, deadLettered: 1 })
})

t.test('one that is out when it expires may be acked; one that comes back or fails dies', async t => {
  const queue = new Queue()
  queue.send({ expiresMs: 20 }, { expiresMs: 20 }, { expiresMs: 20 }, { expiresMs: 20 }, { expiresMs: 20 })
  const [acked, released, failed, back, rejected] = queue.take(10) as [HandOut, HandOut, HandOut, HandOut, HandOut]
  t.strictSame(queue.core.expire(30), [])
  t.equal(queue.core.dueMs, INFINITE)
  const out = [acked, released, failed, back, rejected]
  t.match(
    queue.core.overdue,
    out.map(({ offset, slot, tag }) => ({ offset, slot, tag })),
  )
  t.strictSame(queue.core.expire(30), [])
  t.strictSame(queue.core.overdue, [], 'it is told once')
  t.ok(queue.core.ack(0, acked.slot, acked.tag))
  t.match(queue.core.release(0, released.slot, released.tag), { kind: 'returned', offset: 1 })
  t.equal(queue.core.take(31), null)
  t.ok(queue.core.dueMs <= 31)
  t.match(queue.core.expire(31), [{ kind: 'dying', offset: 1, reason: 'expired' }])
  t.match(queue.core.nack(0, failed.slot, failed.tag, null, at(32), none), { kind: 'dying', reason: 'expired' })
  t.match(queue.core.takeBack(0, back.slot, back.tag), { kind: 'returned' })
  t.match(queue.core.reject(0, rejected.slot, rejected.tag, 'rejected', at(33)), { kind: 'dying', reason: 'rejected' })
  t.match(queue.core.expire(33), [{ kind: 'dying', offset: 3 }])
})

t.test('one that waits for a retry expires there, and where there are no dead letters it is counted', async t => {
  const queue = new Queue({ hasDeadLetters: false })
  queue.send({ expiresMs: 50 }, { expiresMs: 60 })
  for (const { slot, tag } of queue.take(0)) queue.core.nack(0, slot, tag, 1_000, at(1), none)
  t.equal(queue.core.dueMs, 50)
  t.strictSame(queue.core.expire(55), [{ kind: 'expired', offset: 0, failedAttempts: 1 }])
  t.strictSame(queue.core.expire(60), [{ kind: 'expired', offset: 1, failedAttempts: 1 }])
  t.match(queue.core.counters(), { accepted: 2, expired: 2, retrying: 0, dropped: 0, bytes: 0 })
  t.equal(queue.core.dueMs, INFINITE)
})

t.test('one that may have killed its thread is not handed out from its time on either', async t => {
  const queue = new Queue()
  queue.send({ expiresMs: 20 }, { expiresMs: 30 })
  for (const { slot, tag } of queue.take(5)) queue.core.begun(0, slot, tag, 5)
  queue.core.died(0, { cause: 'crashed', executing: 0, withProcess: false }, at(10), none)
  queue.core.attach(1, { priority: 0, prefetch: 5, prefetchBytes: INFINITE, ackTimeoutMs: INFINITE })
  t.equal(queue.core.take(25), null)
  t.match(queue.core.expire(25), [{ kind: 'dying', offset: 0 }])
  t.match(queue.core.take(25), { offset: 1, suspect: true })
})

t.test('one that falls due after its time never goes', async t => {
  const queue = new Queue()
  queue.send({ dueMs: 10, expiresMs: 20 })
  t.strictSame(queue.core.expire(25), [], 'it is scheduled')
  t.strictSame(queue.due(25), [0])
  t.equal(queue.core.take(25), null)
  t.match(queue.core.expire(25), [{ kind: 'dying', offset: 0 }])
})

t.test('while letters have no room none expires beyond the bound, none goes, and nothing is due', async t => {
  const queue = new Queue({ heldMax: 2 })
  queue.send({ expiresMs: 10 }, { expiresMs: 10 }, { expiresMs: 20 })
  t.equal(queue.core.expire(10).length, 2)
  t.strictSame(queue.core.expire(20), [])
  t.equal(queue.core.dueMs, INFINITE)
  t.equal(queue.core.take(20), null)
  queue.core.nextLetter()
  queue.core.lettersWritten(1)
  t.ok(queue.core.dueMs <= 20)
  t.match(queue.core.expire(20), [{ kind: 'dying', offset: 2 }])
})

t.test('many that expire at once do so in slices, and those that stand first keep nothing from going', async t => {
  const queue = new Queue()
  const count = 5_000
  // Those that stand first expire last.
  queue.send(...Array.from({ length: count }, (_, offset) => ({ expiresMs: 6_000 - offset })), {})
  const dead = queue.core.expire(7_000).map(({ offset }) => offset)
  t.strictSame(dead.slice(0, 3), [4_999, 4_998, 4_997])
  t.strictSame(
    dead.slice(1_024),
    Array.from({ length: 1_024 }, (_, offset) => offset),
  )
  let calls = 1
  for (; queue.core.dueMs <= 7_000; calls++) queue.core.expire(7_000)
  t.equal(calls, 5)
  t.match(queue.core.counters(), { dying: count, ready: count + 1 })
  t.strictSame(offsets(queue.take(7_000)), [count])
})

t.test('the times of settled messages are dropped while others stay', async t => {
  const queue = new Queue()
  const count = 20_000
  queue.send({})
  for (let sent = 0; sent < count; sent += 1_000)
    queue.send(...Array.from({ length: 1_000 }, (_, index) => ({ expiresMs: 90_000 + sent + index })))
  for (let offset = 1; offset <= count; offset++) queue.core.cancel(offset)
  t.ok(queue.core.dueMs < 200_000)
  for (let calls = 0; calls < 20; calls++) queue.core.expire(1)
  t.equal(queue.core.dueMs, INFINITE)
  queue.send({ dueMs: 500_000 })
  for (let sent = 0; sent < count; sent += 1_000)
    queue.send(...Array.from({ length: 1_000 }, () => ({ dueMs: 400_000 })))
  for (let offset = 2 * count + 1; offset > count + 1; offset--) queue.core.cancel(offset)
  for (let calls = 0; calls < 20; calls++) queue.due(1)
  t.ok(queue.core.dueMs > 400_000)
  t.match(queue.core.counters(), { scheduled: 1, cancelled: 2 * count })
})

t.test('a new host knows what was scheduled, what fell due and where, and when all expire', async t => {
  const queue = new Queue()
  queue.send({ dueMs: 5 }, {}, { dueMs: 70, expiresMs: 80 }, { dueMs: 6, expiresMs: 90 }, { expiresMs: 40 })
  queue.due(6)
  queue.send({})
  const [out] = queue.take(6, 1)
  const facts = queue.core.facts()
  t.match(facts, { timed: true, bytes: 6 * SIZE, due: [{ offset: 0 }, { offset: 3 }] })
  const log = {
    ...PLAIN_LOG,
    bytesOf: () => SIZE,
    priorityOf: () => 0,
    dueMsOf: (offset: number) => [5, 0, 70, 6][offset] ?? 0,
    expiresMsOf: (offset: number) => [INFINITE, INFINITE, 80, 90, 40][offset] ?? INFINITE,
  }
  const next = QueueCore.from(policy, log, facts)
  t.strictSame(next.facts(), facts)
  t.match(next.counters(), { scheduled: 1, unacked: 1, ready: 4, bytes: 5 * SIZE })
  t.equal(next.dueMs, 40)
  t.match(next.expire(40), [{ offset: 4 }])
  next.release(0, out?.slot ?? -1, out?.tag ?? -1)
  t.equal(next.due(70).count, 1)
  const order: number[] = []
  for (let each = next.take(75); each !== null; each = next.take(75)) order.push(each.offset)
  t.strictSame(order, [1, 0, 3, 5, 2])
})
