/** The core of a work queue against its naive model by seed, and its rules one by one. */
import t from 'tap'
import { QueueCore } from './queue-core.ts'
import { playSeed } from './queue-driver.fixture.ts'
import { PLAIN_LOG, PLAIN_POLICY, prioritiesOnly } from './queue-plan.fixture.ts'
import { allPairs, Visits } from './queue-visits.fixture.ts'
import type { ConsumerTerms, HandOut, QueuePolicy } from './queue-words.ts'
import { RUN_MAX } from './runs.ts'

const SEEDS = 24
const INPUTS = 1_000
/** Of all pairs of state and input, what so few seeds are to meet. */
const MET_SHARE = 0.8

t.test('core and model agree after each input of each seed', async t => {
  const visits = new Visits()
  let problem: string | null = null
  for (let seed = 1; seed <= SEEDS && problem === null; seed++) problem = playSeed(seed, INPUTS, visits)
  t.equal(problem, null)
  const pairs = allPairs()
  const told = (pair: readonly string[]): string => pair.join(' x ')
  const listed = new Set(pairs.map(told))
  t.strictSame(
    visits.pairs().filter(pair => !listed.has(told(pair))),
    [],
  )
  t.ok(pairs.filter(pair => visits.of(...pair) > 0).length >= MET_SHARE * pairs.length)
})

const SIZE = 10
const policy = (options: Partial<QueuePolicy> = {}): QueuePolicy => ({ ...PLAIN_POLICY, ...options })
const terms = (options: Partial<ConsumerTerms> = {}): ConsumerTerms => ({
  priority: 0,
  prefetch: 100,
  prefetchBytes: Number.POSITIVE_INFINITY,
  ackTimeoutMs: Number.POSITIVE_INFINITY,
  ...options,
})
const at = (nowMs: number) => ({ nowMs, wallMs: 9_000_000 + nowMs })
const rng = (): number => 0
const byItself = { cause: 'crashed', executing: 0, withProcess: false } as const

/** A queue with messages of these priorities, and a consumer 0. */
function queueOf(priorities: readonly number[], options: Partial<QueuePolicy> = {}): QueueCore {
  const log = { ...PLAIN_LOG, bytesOf: () => SIZE, priorityOf: (offset: number) => priorities[offset] ?? 0 }
  const queue = QueueCore.create(policy(options), log)
  send(queue, priorities)
  queue.attach(0, terms())
  return queue
}

function send(queue: QueueCore, priorities: readonly number[]): number {
  const { taken, takenBytes } = queue.admit(
    priorities.map(() => SIZE),
    null,
  )
  queue.appended(taken, takenBytes, prioritiesOnly(priorities))
  return taken
}

function takeAll(queue: QueueCore): HandOut[] {
  const found: HandOut[] = []
  for (let handOut = queue.take(0); handOut !== null; handOut = queue.take(0)) found.push({ ...handOut })
  return found
}

const offsets = (handOuts: readonly HandOut[]): number[] => handOuts.map(({ offset }) => offset)

t.test('what came back goes before what was never out, each at its old place', async t => {
  const queue = queueOf([0, 0, 0, 0, 0, 0])
  queue.credit(0, 4, Number.POSITIVE_INFINITY)
  const out = takeAll(queue)
  t.strictSame(offsets(out), [0, 1, 2, 3])
  for (const { consumer, slot, tag, offset } of out.reverse())
    if (offset !== 1) t.match(queue.release(consumer, slot, tag), { kind: 'returned', offset })
  queue.credit(0, 100, Number.POSITIVE_INFINITY)
  t.strictSame(offsets(takeAll(queue)), [0, 2, 3, 4, 5])
})

t.test(
  'a batch that fails comes again in halves until the bad message is alone, and only that one is charged',
  async t => {
    const queue = queueOf([0, 0, 0, 0, 0])
    const charged: number[] = []
    const batches: number[][] = []
    for (let rounds = 0; rounds < 20 && charged.length === 0; rounds++) {
      const out = takeAll(queue)
      for (const cohort of new Set(out.map(each => each.cohort))) {
        const batch = out.filter(each => each.cohort === cohort)
        batches.push(offsets(batch))
        if (batch.some(({ offset }) => offset === 3)) {
          for (const effect of queue.failBatch(0, batch, at(0), rng))
            if (effect.kind === 'retrying') charged.push(effect.offset)
        } else for (const { slot, tag } of batch) queue.ack(0, slot, tag)
      }
    }
    t.strictSame(batches, [[0, 1, 2, 3, 4], [0, 1], [2, 3, 4], [2], [3, 4], [3], [4]])
    t.strictSame(charged, [3])
    t.match(queue.explain(3), { state: 'retrying', dueMs: 100, handOuts: 4, failedAttempts: 1 })
  },
)

t.test(
  'several had begun when their consumer died: nobody is charged, and each goes alone until one dies again',
  async t => {
    const queue = queueOf([0, 0, 0])
    for (const { slot, tag, offset } of takeAll(queue)) if (offset < 2) queue.begun(0, slot, tag, 0)
    t.match(queue.died(0, byItself, at(0), rng), [
      { kind: 'returned', offset: 0, suspect: true },
      { kind: 'returned', offset: 1, suspect: true },
      { kind: 'returned', offset: 2, suspect: false },
    ])
    queue.attach(1, terms())
    const [first, ...others] = takeAll(queue)
    t.match(first, { offset: 0, suspect: true, deliveryAttempt: 2, failedAttempts: 0 })
    t.strictSame(others, [])
    t.ok(queue.ack(1, first?.slot ?? -1, first?.tag ?? -1))
    const [second] = takeAll(queue)
    queue.begun(1, second?.slot ?? -1, second?.tag ?? -1, 0)
    t.match(queue.died(1, byItself, at(0), rng), [{ kind: 'retrying', offset: 1, failedAttempts: 1 }])
    t.match(queue.explain(2), { state: 'ready', failedAttempts: 0 })
  },
)

t.test('a process died: what had begun goes alone, and is charged when it kills again', async t => {
  const whole = { cause: 'crashed', executing: 0, withProcess: true } as const
  const queue = queueOf([0], { attempts: 1 })
  for (const kind of ['returned', 'dying']) {
    const [out] = takeAll(queue)
    queue.begun(0, out?.slot ?? -1, out?.tag ?? -1, 0)
    t.match(queue.died(0, whole, at(0), rng), [{ kind, offset: 0 }])
    queue.attach(0, terms())
  }
  t.match(queue.nextLetter(), { offset: 0, reason: 'crashed', handOuts: 2, failedAttempts: 1 })
})

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/3620
// Source: https://github.com/rabbitmq/rabbitmq-server/issues/14926
t.test('dead letters keep the order of the verdicts, also those that were refused', async t => {
  const queue = queueOf([0, 0, 0], { attempts: 1 })
  for (const { slot, tag } of takeAll(queue).reverse()) queue.reject(0, slot, tag, 'rejected', at(5))
  t.match(queue.nextLetter(), { offset: 2, reason: 'rejected', firstFailureMs: 9_000_005 })
  t.match(queue.nextLetter(), { offset: 1 })
  queue.lettersWritten(1)
  queue.lettersRefused()
  t.match(queue.counters(), { ready: 2, dying: 2, deadLettered: 1 })
  t.match([queue.nextLetter(), queue.nextLetter(), queue.nextLetter()], [{ offset: 1 }, { offset: 0 }, null])
  t.throws(() => queue.lettersWritten(3), RangeError)
})

t.test('a full queue drops the oldest of the lowest priority, or takes what there is room for', async t => {
  const dropping = queueOf([1, 0, 2, 0], { priorities: 3, maxMessages: 4, onFull: 'dropHead' })
  t.match(dropping.admit([SIZE, SIZE], null), { taken: 2, refused: null, dropped: [{ offset: 1 }, { offset: 3 }] })
  t.equal(dropping.figures.messages, 4, 'none of them is gone yet')
  dropping.dropped(1)
  dropping.withdrawn(2, 2 * SIZE)
  t.match(dropping.counters(), { ready: 3, deadLettered: 1 })
  t.strictSame(
    takeAll(dropping).map(({ offset }) => offset),
    [2, 0, 3],
    'what had no letter has its place',
  )
  const waiting = queueOf([0, 0, 0], { maxMessages: 5 })
  t.match(waiting.admit([SIZE, SIZE, SIZE], null), { taken: 2, refused: 'full', dropped: [] })
})

t.test('a consumer that is busy gets nothing more, and the one that has waited longest is next', async t => {
  const queue = queueOf([0, 0, 0, 0, 0, 0])
  queue.credit(0, 1, Number.POSITIVE_INFINITY)
  queue.attach(1, terms({ prefetch: 2 }))
  queue.attach(2, terms({ priority: 1, prefetchBytes: 2 * SIZE }))
  t.strictSame(
    takeAll(queue).map(({ consumer }) => consumer),
    [2, 2, 0, 1, 1],
  )
  t.match(queue.explain(5), { state: 'ready', ahead: 0, blockedBy: 'prefetch' })
})

t.test('consumers get in runs what they would get one by one, and none that came back', async t => {
  const queue = queueOf(Array.from({ length: 11 }, () => 0))
  queue.attach(1, terms())
  queue.attach(2, terms({ priority: -1 }))
  const runs: string[] = []
  const all = (): void => {
    for (;;) {
      const run = queue.takeRun(RUN_MAX, () => Number.POSITIVE_INFINITY, 0)
      if (run === null) return
      runs.push(`${run.first.consumer}: ${run.offsets.slice(0, run.count).join(' ')}`)
    }
  }
  all()
  t.strictSame(runs, ['0: 0 1 2 3 4 5', '1: 6 7 8 9 10'])
  t.equal(
    queue.takeRun(RUN_MAX, () => 0, 0),
    null,
  )
  for (const slot of [1, 4]) queue.release(0, slot, slot + 1)
  send(queue, [0, 0, 0, 0])
  runs.length = 0
  all()
  t.strictSame(runs, ['0: 1', '1: 4', '0: 11 12', '1: 13 14'])
  const holed = queueOf([0, 0, 0, 0, 0])
  t.ok(holed.cancel(2))
  const run = holed.takeRun(RUN_MAX, () => 100, 0)
  t.strictSame([...(run?.offsets.subarray(0, run.count) ?? [])], [0, 1, 3, 4])
  const mixed = queueOf([1, 0, 1, 1, 0, 0], { priorities: 2 })
  mixed.attach(1, terms())
  t.equal(mixed.takeRun(RUN_MAX, () => 100, 0)?.count, 2)
  t.equal(mixed.takeRun(RUN_MAX, () => 100, 0)?.count, 1, 'a run has one priority')
  t.equal(mixed.takeRun(RUN_MAX, () => 100, 0)?.count, 2)
  send(mixed, [0, 0, 0, 0, 0, 0])
  t.equal(mixed.takeRun(RUN_MAX, () => 100, 0)?.count, 4, 'what came is divided anew')
  t.throws(() => queue.takeRun(RUN_MAX + 1, () => 0, 0), RangeError)
})

t.test('acks that come together settle what is held of them, and nothing between them', async t => {
  const queue = queueOf([0, 0, 0, 0, 0, 0])
  const run = queue.takeRun(RUN_MAX, () => Number.POSITIVE_INFINITY, 0)
  const [slots, tags] = [run?.slots.slice(0, 6) as Int32Array, run?.tags.slice(0, 6) as Int32Array]
  t.ok(queue.ack(0, slots[0] as number, tags[0] as number))
  t.equal(queue.ackRun(0, slots.subarray(0, 3), tags.subarray(0, 3), 0, 3), 2)
  t.equal(queue.ackRun(0, slots, tags, 4, 6), 2)
  t.match(queue.facts(), { floor: 3, settled: [[4, 6]] })
  t.match(queue.explain(3), { state: 'unacked' })
  t.match(queue.counters(), { acked: 5, unacked: 1, bytes: SIZE })
  t.equal(queue.ackRun(7, slots, tags, 3, 4), 0)
})

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/9046
t.test('a time-out is a failure, and the settlement that comes too late changes nothing', async t => {
  const queue = queueOf([0])
  queue.attach(1, terms({ priority: 1, ackTimeoutMs: 50 }))
  const out = queue.take(0)
  const { slot, tag } = { slot: out?.slot ?? -1, tag: out?.tag ?? -1 }
  t.equal(queue.dueMs, Number.POSITIVE_INFINITY, 'it has not begun')
  queue.begun(1, slot, tag, 100)
  queue.renew(1, slot, tag, 120)
  t.strictSame(queue.timeOut(at(169), rng), [])
  t.match(queue.timeOut(at(170), rng), [{ kind: 'retrying', offset: 0, failedAttempts: 1 }])
  const before = queue.facts()
  t.equal(queue.ack(1, slot, tag), false)
  t.equal(queue.nack(1, slot, tag, null, at(171), rng), null)
  t.strictSame(queue.facts(), before)
})

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/10499
// Source: https://github.com/rabbitmq/rabbitmq-website/issues/1731
t.test('with 9,000 messages, whatever comes back, the lowest place of the highest priority is next', async t => {
  const count = 9_000
  const priorities = Array.from({ length: count }, (_, offset) => (offset * 7919) % 3)
  const queue = queueOf(priorities, { priorities: 3 })
  queue.credit(0, 1_000, Number.POSITIVE_INFINITY)
  const handled: number[] = []
  for (let round = 0; handled.length < count; round++) {
    const out = takeAll(queue)
    for (const [index, { slot, tag, offset, deliveryAttempt }] of out.entries()) {
      if (deliveryAttempt === 1 && (index * 31 + round) % 3 === 0) queue.release(0, slot, tag)
      else {
        handled.push(offset)
        queue.ack(0, slot, tag)
      }
    }
  }
  const inOrder = Array.from({ length: count }, (_, offset) => offset)
  t.strictSame(
    handled.toSorted((a, b) => a - b),
    inOrder,
  )
  // What came back is handled within the next thousand: at its place among those that are out with it.
  const place = new Map(
    inOrder
      .toSorted((a, b) => (priorities[b] as number) - (priorities[a] as number) || a - b)
      .map((offset, index) => [offset, index]),
  )
  t.ok(handled.every((offset, index) => Math.abs((place.get(offset) as number) - index) <= 1_000))
  t.match(queue.counters(), { accepted: count, acked: count, ready: 0, unacked: 0, bytes: 0 })
})

t.test('who asks for too much is refused, and nothing changes', async t => {
  const queue = queueOf([0])
  const before = queue.facts()
  t.throws(() => queue.attach(0, terms()), { message: 'consumer 0 is attached already' })
  t.throws(() => queue.attach(1, terms({ prefetch: 1_025 })), { message: /0 to 1024 messages, not 1025/ })
  t.throws(() => queue.credit(0, Number.NaN, 1), RangeError)
  t.strictSame(queue.facts(), before)
})
