/** What has gone wrong with queues elsewhere, played on the core of a work queue: in all orders, or often enough. */
import t from 'tap'
import { QueueCore } from './queue-core.ts'
import { PLAIN_LOG, PLAIN_POLICY, prioritiesOnly } from './queue-plan.fixture.ts'
import type { HandOut, QueueEffect, QueuePolicy } from './queue-words.ts'

const SIZE = 10
const INFINITE = Number.POSITIVE_INFINITY
const POLICY: QueuePolicy = {
  ...PLAIN_POLICY,
  priorities: 32,
  backoff: { initialMs: 0, maxMs: 0, jitter: 0 },
  hasDeadLetters: false,
}
const AT = { nowMs: 0, wallMs: 0 }
const rng = (): number => 0

/** A queue with messages of these priorities, which expire at `expiresMs`. */
function queueOf(priorities: readonly number[], options: Partial<QueuePolicy> = {}, expiresMs = INFINITE): QueueCore {
  const log = {
    ...PLAIN_LOG,
    bytesOf: () => SIZE,
    priorityOf: (offset: number) => priorities[offset] as number,
    expiresMsOf: () => expiresMs,
  }
  const queue = QueueCore.create({ ...POLICY, ...options }, log)
  const sizes = priorities.map(() => SIZE)
  const { taken, takenBytes } = queue.admit(sizes, null)
  const times = expiresMs === INFINITE ? null : priorities.map(() => expiresMs)
  queue.appended(taken, takenBytes, { ...prioritiesOnly(priorities), expiresMs: times })
  return queue
}

function attach(queue: QueueCore, consumer: number, prefetch: number): void {
  queue.attach(consumer, { priority: 0, prefetch, prefetchBytes: INFINITE, ackTimeoutMs: INFINITE })
}

function takeAll(queue: QueueCore, nowMs = 0): HandOut[] {
  queue.due(nowMs)
  const found: HandOut[] = []
  for (let next = queue.take(nowMs); next !== null; next = queue.take(nowMs)) found.push({ ...next })
  return found
}

function* ordersOf<T>(items: readonly T[]): Generator<readonly T[]> {
  if (items.length === 0) yield []
  for (const [at, item] of items.entries())
    for (const others of ordersOf([...items.slice(0, at), ...items.slice(at + 1)])) yield [item, ...others]
}

// Source: https://github.com/taskforcesh/bullmq/issues/4261
t.test('messages of the lowest and of the highest priority come in the order in which they were sent', async t => {
  for (const priority of [0, 31]) {
    const queue = queueOf(Array.from({ length: 5_000 }, () => priority))
    attach(queue, 0, 1_000)
    const seen: number[] = []
    for (let taken = takeAll(queue); taken.length > 0; taken = takeAll(queue))
      for (const { slot, tag, offset } of taken) {
        seen.push(offset)
        queue.ack(0, slot, tag)
      }
    t.strictSame(
      seen,
      Array.from({ length: 5_000 }, (_, offset) => offset),
    )
  }
})

type Deed = 'nack' | 'release' | 'ack' | 'stop' | 'die' | 'attach'

/** Does it at consumer 0, which has the first two messages, or attaches the next consumer. */
function act(queue: QueueCore, deed: Deed, held: HandOut[]): readonly (QueueEffect | null)[] {
  if (deed === 'attach') attach(queue, 1, 2)
  if (deed === 'stop') return queue.detach(0)
  if (deed === 'die') return queue.died(0, { cause: 'crashed', executing: 0, withProcess: false }, AT, rng)
  if (deed === 'ack' || deed === 'nack' || deed === 'release') {
    const message = held.shift()
    if (message === undefined) return []
    const { slot, tag } = message
    if (deed === 'ack') queue.ack(0, slot, tag)
    else return [deed === 'nack' ? queue.nack(0, slot, tag, null, AT, rng) : queue.release(0, slot, tag)]
  }
  return []
}

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/12442
// Source: https://github.com/rabbitmq/rabbitmq-server/issues/14149
t.test('whoever returns, stops, dies or comes in whatever order, the next consumer gets all that is left', async t => {
  let orders = 0
  for (const singleActive of [false, true])
    for (const end of ['stop', 'die'] as const)
      for (const deeds of [
        ['nack', 'release', end, 'attach'],
        ['nack', 'nack', end, 'attach'],
        ['ack', 'nack', end, 'attach'],
        ['ack', 'ack', end, 'attach'],
        ['release', end, 'attach'],
      ] as const)
        for (const order of ordersOf<Deed>(deeds)) {
          const queue = queueOf([0, 0, 0, 0], { singleActive })
          attach(queue, 0, 2)
          const held = takeAll(queue)
          const seen: HandOut[] = []
          let acked = 0
          let hasEnded = false
          for (const deed of order) {
            // Of who has ended nothing is heard.
            if (hasEnded && deed !== 'attach') continue
            if (deed === 'ack') acked++
            act(queue, deed, held)
            if (deed === end) hasEnded = true
            for (const next of takeAll(queue)) (next.consumer === 0 ? held : seen).push(next)
          }
          for (let rounds = 0; rounds < 10 && seen.length > 0; rounds++) {
            for (const { consumer, slot, tag } of seen.splice(0)) if (queue.ack(consumer, slot, tag)) acked++
            seen.push(...takeAll(queue))
          }
          const { ready, unacked, retrying } = queue.counters()
          if (acked !== 4 || ready + unacked + retrying !== 0)
            t.fail(
              `${order} ${singleActive}: ${acked} of 4 are acked, ${ready} ready, ${unacked} out, ${retrying} retrying`,
            )
          orders++
        }
  t.equal(orders, 4 * (24 * 4 + 6))
})

// Source: https://github.com/nats-io/nats-server/issues/7984
// Source: https://github.com/nats-io/nats-server/issues/8156
t.test(
  'a consumer has the room of all that it does not hold, after a purge, a cancel and an expiry of what is out',
  async t => {
    for (const gone of ['purge', 'cancel', 'expire', 'death'] as const) {
      const queue = queueOf(
        Array.from({ length: 40 }, () => 0),
        {},
        gone === 'expire' ? 50 : INFINITE,
      )
      attach(queue, 0, 10)
      const held = takeAll(queue)
      t.equal(held.length, 10)
      if (gone === 'purge') queue.purge({ from: 0, to: 40, most: 40 }, () => undefined)
      for (const { slot, tag, offset } of held.slice(0, 6)) {
        if (gone === 'cancel') {
          queue.cancelOut(0, slot, tag)
          t.match(queue.release(0, slot, tag), { kind: 'cancelled', offset })
        } else if (gone === 'death') queue.takeBack(0, slot, tag)
        else queue.release(0, slot, tag)
      }
      if (gone === 'expire') queue.expire(60)
      const again = takeAll(queue, gone === 'expire' ? 60 : 0)
      const { unacked } = queue.counters()
      t.equal(unacked, 4 + again.length, `${gone}: nobody else has any`)
      t.equal(again.length, gone === 'expire' ? 0 : 6, `${gone}: room for as many as came back`)
    }
  },
)
