/** What is cancelled while a consumer has it: cancelled when it is let go of, and acked if it is acked. */
import t from 'tap'
import { QueueCore } from './queue-core.ts'
import { PLAIN_LOG, PLAIN_POLICY } from './queue-plan.fixture.ts'
import type { HandOut, QueuePolicy } from './queue-words.ts'

const POLICY: QueuePolicy = {
  ...PLAIN_POLICY,
  attempts: 1,
  backoff: { initialMs: 5, maxMs: 5, jitter: 0 },
  loopingAfter: 1,
}
const AT = { nowMs: 0, wallMs: 0 }
const rng = () => 0

/** Four messages of ten bytes, out at one consumer. */
function out(policy: Partial<QueuePolicy> = {}, keyOf: (offset: number) => number = () => 0) {
  const queue = QueueCore.create(
    { ...POLICY, ...policy },
    { ...PLAIN_LOG, keyOf, bytesOf: () => 10, priorityOf: () => 0 },
  )
  const terms = { priority: 0, prefetch: 4, prefetchBytes: 1_000, ackTimeoutMs: 50 }
  queue.attach(0, terms)
  queue.admit([10, 10, 10, 10], null)
  queue.appended(4, 40, null)
  const held: HandOut[] = []
  for (let next = queue.take(0); next !== null; next = queue.take(0)) held.push({ ...next })
  return { queue, held }
}

const GONE = { kind: 'cancelled', offset: 0 } as const

for (const [how, end] of [
  ['fails', (queue, { slot, tag }) => queue.nack(0, slot, tag, null, AT, rng)],
  ['is rejected', (queue, { slot, tag }) => queue.reject(0, slot, tag, 'rejected', AT)],
  ['is released', (queue, { slot, tag }) => queue.release(0, slot, tag)],
  ['goes back unbegun', (queue, { slot, tag }) => queue.takeBack(0, slot, tag)],
] as const satisfies readonly (readonly [string, (queue: QueueCore, message: HandOut) => unknown])[])
  t.test(`what was cancelled and then ${how} is cancelled`, async t => {
    const { queue, held } = out()
    const first = held[0] as HandOut
    t.ok(queue.cancelOut(0, first.slot, first.tag))
    t.match(queue.explain(0), { state: 'unacked' })
    t.strictSame(end(queue, first), GONE)
    t.match(queue.counters(), { cancelled: 1, deadLettered: 0, dying: 0, unacked: 3, ready: 0, retrying: 0, bytes: 30 })
    t.strictSame(queue.explain(0), { state: 'settled' })
    t.equal(queue.cancelOut(0, first.slot, first.tag), false, 'it is out no more')
    t.equal(queue.take(0), null, 'and never again')
  })

t.test('what was cancelled and then acked is acked, alone and in a run', async t => {
  const { queue, held } = out()
  for (const { slot, tag } of held) queue.cancelOut(0, slot, tag)
  const [first, ...others] = held as [HandOut, ...HandOut[]]
  t.ok(queue.ack(0, first.slot, first.tag))
  const [slots, tags] = [Int32Array.from(others, ({ slot }) => slot), Int32Array.from(others, ({ tag }) => tag)]
  t.equal(queue.ackRun(0, slots, tags, 0, 3), 3)
  t.match(queue.counters(), { acked: 4, cancelled: 0, unacked: 0 })
})

t.test('a death, a time-out, an end and a failed batch cancel it, and the next message in its slot is not', async t => {
  for (const end of [
    (queue: QueueCore, { tag }: HandOut) =>
      queue.died(0, { cause: 'crashed', executing: tag, withProcess: false }, AT, rng),
    (queue: QueueCore) => queue.detach(0),
    (queue: QueueCore, { slot, tag }: HandOut) => {
      queue.begun(0, slot, tag, 0)
      return queue.timeOut({ nowMs: 50, wallMs: 50 }, rng)
    },
    (queue: QueueCore, { slot, tag }: HandOut) => queue.failBatch(0, [{ slot, tag }], AT, rng),
  ]) {
    const { queue, held } = out()
    const first = held[0] as HandOut
    queue.cancelOut(0, first.slot, first.tag)
    const effects = end(queue, first)
    t.strictSame(effects[0], GONE)
    t.notOk(effects.slice(1).some(({ kind }) => kind !== 'returned'))
    t.match(queue.counters(), { cancelled: 1, deadLettered: 0, dying: 0 })
    queue.admit([10], null)
    queue.appended(1, 10, null)
    queue.detach(0)
    queue.attach(0, { priority: 0, prefetch: 4, prefetchBytes: 1_000, ackTimeoutMs: 50 })
    const next = queue.take(0) as HandOut
    t.match(queue.release(0, next.slot, next.tag), { kind: 'returned' })
  }
})

t.test('a key is free when its message is cancelled, and a suspect that is cancelled is in nobody’s way', async t => {
  const keys = out({ keyConcurrency: 1 }, () => 7)
  const [only] = keys.held as [HandOut]
  t.equal(keys.held.length, 1)
  keys.queue.cancelOut(0, only.slot, only.tag)
  t.strictSame(keys.queue.release(0, only.slot, only.tag), GONE)
  t.match(keys.queue.take(0), { offset: 1 })

  const { queue, held } = out({ attempts: 5 })
  const [first] = held as [HandOut]
  queue.begun(0, first.slot, first.tag, 0)
  queue.died(0, { cause: 'crashed', executing: first.tag, withProcess: false }, AT, rng)
  queue.attach(0, { priority: 0, prefetch: 4, prefetchBytes: 1_000, ackTimeoutMs: 50 })
  queue.due(5)
  const suspect = { ...(queue.take(5) as HandOut) }
  t.match(suspect, { offset: 0, suspect: true })
  t.equal(queue.take(5), null, 'it goes alone')
  queue.cancelOut(0, suspect.slot, suspect.tag)
  t.strictSame(queue.takeBack(0, suspect.slot, suspect.tag), GONE)
  t.match(queue.take(5), { offset: 1, suspect: false })
})
