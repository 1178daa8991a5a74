/** Limits of keys and of hand-outs, rule by rule. */
import t from 'tap'
import { QueueCore } from './queue-core.ts'
import { PLAIN_LOG, PLAIN_POLICY, prioritiesOnly } from './queue-plan.fixture.ts'
import type { ConsumerTerms, HandOut, QueueLog, QueuePolicy } from './queue-words.ts'
import { RUN_MAX } from './runs.ts'

const POLICY: QueuePolicy = { ...PLAIN_POLICY, attempts: 2, keyConcurrency: 1 }
const TERMS: ConsumerTerms = {
  priority: 0,
  prefetch: 100,
  prefetchBytes: Number.POSITIVE_INFINITY,
  ackTimeoutMs: Number.POSITIVE_INFINITY,
}
const at = (nowMs: number) => ({ nowMs, wallMs: 9_000_000 + nowMs })
const rng = (): number => 0
const A = 0xffff_fff0
const B = 7
const NO_KEY = 0

class Queue {
  readonly keys: number[] = []
  readonly priorities: number[] = []
  readonly log: QueueLog = {
    ...PLAIN_LOG,
    bytesOf: () => 10,
    priorityOf: offset => this.priorities[offset] ?? 0,
    keyOf: offset => this.keys[offset] ?? 0,
  }
  policy: QueuePolicy
  core: QueueCore

  constructor(options: Partial<QueuePolicy> = {}) {
    this.policy = { ...POLICY, ...options }
    this.core = QueueCore.create(this.policy, this.log)
    this.core.attach(0, TERMS)
    this.core.attach(1, { ...TERMS, priority: -1 })
  }

  send(keys: readonly number[], priorities: readonly number[] = keys.map(() => 0)): number {
    const { taken, takenBytes, dropped } = this.core.admit(
      keys.map(() => 10),
      null,
    )
    this.core.dropped(dropped.length)
    this.keys.push(...keys.slice(0, taken))
    this.priorities.push(...priorities.slice(0, taken))
    this.core.appended(taken, takenBytes, prioritiesOnly(priorities))
    return taken
  }

  takeAll(nowMs = 0): HandOut[] {
    const found: HandOut[] = []
    for (let next = this.core.take(nowMs); next !== null; next = this.core.take(nowMs)) found.push({ ...next })
    return found
  }

  offsets(nowMs = 0): number[] {
    return this.takeAll(nowMs).map(({ offset }) => offset)
  }

  takeOne(nowMs = 0): HandOut {
    return { ...(this.core.take(nowMs) as HandOut) }
  }

  ack({ consumer, slot, tag }: HandOut): void {
    this.core.ack(consumer, slot, tag)
  }

  rebuild(options: Partial<QueuePolicy> = {}): void {
    this.policy = { ...this.policy, ...options }
    this.core = QueueCore.from(this.policy, this.log, this.core.facts())
  }
}

// Source: https://github.com/timgit/pg-boss/issues/845
t.test('a key that has as many out as may be hides no other, however many of it stand first', async t => {
  const queue = new Queue()
  queue.send(Array.from({ length: 5_000 }, () => A))
  queue.send([B, NO_KEY, NO_KEY])
  t.strictSame(queue.offsets(), [0, 5_000, 5_001, 5_002])
  t.equal(queue.core.counters().ready, 4_999)
  t.same(queue.core.explain(4_999), {
    state: 'ready',
    ahead: 0,
    blockedBy: { key: A, behind: 0 },
    handOuts: 0,
    failedAttempts: 0,
  })
})

t.test('messages of a key go one after the other in their order, each at its own place', async t => {
  const queue = new Queue()
  queue.send([A, A, B, NO_KEY, A, B])
  const [first] = queue.takeAll() as [HandOut]
  queue.ack(first)
  // Later ones of other keys stand behind the next of A.
  queue.send([NO_KEY])
  t.strictSame(queue.offsets(), [1, 6])
  const line = new Queue()
  line.send([A, A, A, A, A])
  for (const offset of [0, 1, 2, 3, 4]) {
    const next = line.takeOne()
    t.equal(next.offset, offset)
    line.ack(next)
  }
  const fast = new Queue()
  fast.send([A, A, NO_KEY])
  const out = fast.takeOne()
  fast.ack(out)
  t.strictSame(fast.offsets(), [1, 2], 'not at the end')
})

t.test('a message that comes back keeps its turn, and holds its key alone', async t => {
  const queue = new Queue({ attempts: 10 })
  queue.send([A, A, B, B])
  const [a, b] = queue.takeAll() as [HandOut, HandOut]
  queue.core.nack(a.consumer, a.slot, a.tag, 50, at(0), rng)
  queue.core.release(b.consumer, b.slot, b.tag)
  const again = queue.takeOne()
  t.equal(again.offset, 2)
  queue.ack(again)
  t.strictSame(queue.offsets(), [3], 'A waits for its retry, and B does not')
  queue.core.due(50)
  t.strictSame(queue.offsets(50), [0])
})

t.test('so many of a key are out as may be, in runs as well', async t => {
  const queue = new Queue({ keyConcurrency: 3 })
  queue.send(Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? A : B)))
  const run = queue.core.takeRun(RUN_MAX, () => Number.POSITIVE_INFINITY, 0)
  t.equal(run?.count, 6)
  t.equal(
    queue.core.takeRun(RUN_MAX, () => Number.POSITIVE_INFINITY, 0),
    null,
  )
  const [slots, tags] = [run?.slots.slice(0, 6) as Int32Array, run?.tags.slice(0, 6) as Int32Array]
  t.equal(queue.core.ackRun(0, slots, tags, 0, 3), 3)
  const next = queue.core.takeRun(RUN_MAX, () => Number.POSITIVE_INFINITY, 0)
  t.strictSame([...(next?.offsets.subarray(0, next.count) ?? [])], [6, 7, 8])
})

t.test('the first of a key goes by its own priority, and those behind it wait for it whatever theirs is', async t => {
  const queue = new Queue({ priorities: 3 })
  queue.send([A, A, B, NO_KEY], [0, 2, 1, 0])
  const out = queue.takeAll()
  t.strictSame(
    out.map(({ offset }) => offset),
    [2, 0, 3],
  )
  queue.ack(out[1] as HandOut)
  t.strictSame(queue.offsets(), [1])
})

/** Ways in which the first message of a key goes for good, or is let go. */
const ENDS: Record<string, (queue: Queue, first: HandOut) => void> = {
  acked: (queue, first) => queue.ack(first),
  rejected: ({ core }, { consumer, slot, tag }) => core.reject(consumer, slot, tag, 'rejected', at(0)),
  'failed for the last time': ({ core }, { consumer, slot, tag, offset }) => {
    core.nack(consumer, slot, tag, 0, at(0), rng)
    core.due(0)
    const again = core.take(0) as HandOut
    if (again.offset !== offset) throw new Error('another one went')
    core.nack(again.consumer, again.slot, again.tag, 0, at(0), rng)
  },
  'cancelled while it waits for a retry': ({ core }, { consumer, slot, tag, offset }) => {
    core.nack(consumer, slot, tag, null, at(0), rng)
    core.cancel(offset)
  },
  'cancelled while it is ready': ({ core }, { consumer, slot, tag, offset }) => {
    core.release(consumer, slot, tag)
    core.cancel(offset)
  },
}

for (const hasDeadLetters of [true, false])
  for (const [name, end] of Object.entries(ENDS))
    t.test(`a key is free when its message was ${name}${hasDeadLetters ? '' : ', without dead letters'}`, async t => {
      const queue = new Queue({ hasDeadLetters })
      queue.send([A, A, A])
      end(queue, queue.takeOne())
      // Whether the letter can be written or not.
      t.strictSame(queue.offsets(), [1])
      queue.rebuild()
      t.strictSame(queue.offsets(), [], 'also for who has the queue next')
    })

t.test('a key is free when its message has made room for others', async t => {
  const queue = new Queue({ onFull: 'dropHead', maxMessages: 3 })
  queue.send([A, A, A])
  queue.core.credit(0, 0, 0)
  t.equal(queue.send([B]), 1)
  t.same(queue.core.explain(0), { state: 'settled' })
  t.strictSame(queue.offsets(), [1, 3])
  // What waits for its turn makes room as well.
  t.equal(queue.send([B]), 1)
  t.same(queue.core.explain(2), { state: 'settled' })
  t.equal(queue.send([A]), 1)
  t.strictSame(queue.core.counters().ready, 1)
})

t.test('a key is free when all that waited was purged', async t => {
  const queue = new Queue()
  queue.send([A, A, B, B])
  const out = queue.takeOne()
  t.equal(
    queue.core.purge({ from: 0, to: 4, most: 10 }, () => undefined),
    null,
  )
  queue.send([A, B])
  t.strictSame(queue.offsets(), [5], 'A is still out')
  queue.ack(out)
  t.strictSame(queue.offsets(), [4])
})

t.test('a key is free when its consumer has ended or died, and its message goes first', async t => {
  for (const death of ['detach', 'crash', 'process'] as const) {
    const queue = new Queue({ attempts: 10 })
    queue.send([A, A, B])
    const out = queue.takeOne()
    queue.core.begun(0, out.slot, out.tag, 0)
    if (death === 'detach') queue.core.detach(0)
    else queue.core.died(0, { cause: 'crashed', executing: 0, withProcess: death === 'process' }, at(0), rng)
    queue.core.due(10_000)
    const again = queue.takeOne(10_000)
    t.equal(again.offset, 0, death)
    t.strictSame(
      queue.offsets(10_000).filter(offset => offset < 2),
      [],
      'nothing else of its key goes meanwhile',
    )
    queue.core.ack(1, again.slot, again.tag)
    t.strictSame(queue.offsets(10_000).includes(1), true)
  }
})

t.test('who has the queue next lets no second one of a key go', async t => {
  const queue = new Queue()
  queue.send([A, A, B])
  const out = queue.takeOne()
  queue.rebuild()
  t.strictSame(queue.offsets(), [2])
  queue.ack(out)
  t.strictSame(queue.offsets(), [1])
})

t.test('where fewer of a key may be out than are, none goes until it is so', async t => {
  const queue = new Queue({ keyConcurrency: 3, attempts: 10 })
  queue.send([A, A, A, A, A])
  const out = queue.takeAll()
  queue.rebuild({ keyConcurrency: 1 })
  for (const each of out.slice(0, 2)) {
    queue.ack(each)
    t.strictSame(queue.offsets(), [])
  }
  queue.ack(out[2] as HandOut)
  t.strictSame(queue.offsets(), [3])
  const waiting = new Queue({ keyConcurrency: 2, attempts: 10 })
  waiting.send([A, A])
  for (const { consumer, slot, tag } of waiting.takeAll()) waiting.core.nack(consumer, slot, tag, 500, at(0), rng)
  waiting.rebuild({ keyConcurrency: 1 })
  t.match([waiting.core.explain(0), waiting.core.explain(1)], [{ state: 'retrying' }, { blockedBy: { behind: 0 } }])
})

t.test('keys take turns, inside a priority', async t => {
  const queue = new Queue({ keyOrder: 'fair' })
  queue.send([A, A, A, A, B, B, NO_KEY])
  queue.core.credit(0, 1, Number.POSITIVE_INFINITY)
  queue.core.credit(1, 0, 0)
  const went: number[] = []
  for (let index = 0; index < 7; index++) {
    const out = queue.takeOne()
    went.push(out.offset)
    // Once in a while one comes back, and keeps its turn.
    if (index === 1) queue.core.release(out.consumer, out.slot, out.tag)
    else queue.ack(out)
  }
  t.strictSame(went, [0, 4, 4, 6, 1, 5, 2])
})

t.test('no more is handed out within any time than the rate says', async t => {
  const queue = new Queue({ rate: { max: 3, perMs: 100 } })
  queue.send([NO_KEY, NO_KEY, NO_KEY, NO_KEY, NO_KEY, NO_KEY, NO_KEY])
  t.equal(queue.takeAll(1_000).length, 3)
  t.match(queue.core.explain(3), { state: 'ready', blockedBy: 'rate' })
  t.equal(queue.core.dueMs, 1_100)
  t.equal(queue.takeAll(1_099).length, 0)
  const run = queue.core.takeRun(RUN_MAX, () => Number.POSITIVE_INFINITY, 1_100)
  t.equal(run?.count, 3)
  t.match(queue.core.takeBack(0, run?.slots[2] as number, run?.tags[2] as number), { kind: 'returned' })
  t.strictSame(queue.offsets(1_100), [5], 'what was not handed out after all may go at once')
  queue.rebuild()
  t.equal(queue.takeAll(1_150).length, 0, 'who has the queue next goes on')
  t.strictSame(queue.offsets(1_200), [6])
  t.equal(queue.core.dueMs, Number.POSITIVE_INFINITY, 'nothing waits')
})
