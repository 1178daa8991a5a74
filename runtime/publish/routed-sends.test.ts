/** What an exchange's publish to several targets of one host, or to some that may refuse, does while it waits at the producer. */
import t, { type Test } from 'tap'
import type { RouteTarget } from '../wire/route-changes.ts'
import { MillraceError } from '../words/errors.ts'
import type { RouteOptions, RouteReceipt } from '../words/exchange.ts'
import { AppendReceipt } from './append-receipt.ts'
import { ExchangePublishes } from './exchange-publishes.ts'
import { PendingPublish } from './pending-publish.ts'
import type { EncodedMessage } from './record-writer.ts'
import { RouteOutcome } from './route-outcome.ts'
import { SingleSend } from './single-send.ts'
import type { TopicProducer } from './topic-producer.ts'
import { NO_HOLDS, ToyProducers, ToyRoutes } from './toy-routes.fixture.ts'
import { WaitingRoom } from './waiting-room.ts'

/** Queues behind a topic exchange; those of one list are on one host. */
class Place {
  readonly producers: ToyProducers = new ToyProducers()
  readonly room: WaitingRoom = new WaitingRoom()
  readonly publishes: ExchangePublishes

  constructor(t: Test, bound: Readonly<Record<string, readonly number[]>>) {
    const routes = new ToyRoutes()
    this.publishes = new ExchangePublishes(routes, this.producers, this.room, NO_HOLDS)
    routes.declare('events', 'topic')
    let host = 100
    for (const [pattern, queues] of Object.entries(bound)) {
      host++
      for (const queue of queues) {
        routes.bind('events', { kind: 'queue', name: `q${queue}` }, pattern)
        this.producers.open.add(`q${queue}`)
        this.producers.hosts.set(`q${queue}`, host)
      }
    }
    routes.settle()
    t.teardown(() => this.room.close())
  }

  publish(key: string, value: unknown, options?: RouteOptions): Promise<RouteReceipt> {
    return this.publishes.publish({ name: 'events', id: 0 }, key, { value }, options)
  }

  get got(): string[] {
    return this.producers.got.map(({ target, value }) => `${target}:${String(value)}`)
  }
}

async function rejected(promise: Promise<unknown>): Promise<MillraceError> {
  try {
    await promise
  } catch (error) {
    return error as MillraceError
  }
  return new MillraceError('MILL_SETTLED', 'it was not rejected')
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await undefined
}

for (const [onFull, title] of [
  ['wait', 'which wait'],
  ['reject', 'of which one refuses'],
] as const)
  t.test(
    `a publish that is aborted while it waits for targets ${title} is out of the way of the next`,
    { timeout: 5_000 },
    async t => {
      const place = new Place(t, { k: [1, 2], z: [3] })
      place.producers.shapes.set('q2', { onFull })
      place.producers.full.add('q1')
      const abort = new AbortController()
      const aborted = rejected(place.publish('k', 1, { signal: abort.signal }))
      const next = place.publish('z', 2)
      t.equal(place.room.waiting, 2)
      abort.abort()
      t.match(await aborted, { code: 'MILL_ABORTED', message: 'none of them has the message' })
      await turns()
      t.strictSame(place.got, ['q3:2'])
      t.equal(place.room.waiting, 0)
      place.producers.got[0]?.pending.appended({ partition: 0 }, 0, 0, 1, false)
      await Promise.all([next, place.publishes.idle()])
    },
  )

t.test('of several that are overdue at once none is sent after another was given up', async t => {
  const place = new Place(t, { k: [1, 2], z: [3] })
  place.producers.full.add('q1')
  const late = [place.publish('k', 1, { timeoutMs: 1 }), place.publish('z', 2, { timeoutMs: 1 })].map(rejected)
  t.match(await Promise.all(late), [{ code: 'MILL_TIMEOUT' }, { code: 'MILL_TIMEOUT' }])
  t.strictSame(place.got, [])
  await place.publishes.idle()
  t.equal(place.room.waiting, 0)
})

t.test(
  'a target to which a publish was not sent in time has not got it, also if it is its turn after that',
  async t => {
    const room = new WaitingRoom()
    t.teardown(() => room.close())
    const producers = new ToyProducers()
    producers.open.add('q1')
    const targets = ['q1', 'q2'].map((name, at) => ({ kind: 'queue' as const, name, id: at + 1 }))
    const producer = producers.openedFor(targets[0] as RouteTarget) as TopicProducer
    const answer = new Promise<RouteReceipt>((resolve, reject) => {
      const outcome = new RouteOutcome('events', targets, resolve, reject)
      const answered = (error: Error): void => outcome.answered(0, error)
      const message = { value: 1 } as unknown as EncodedMessage
      const pending = new PendingPublish(producer.topic, room, message, { value: 1 }, {}, answered, answered)
      const unit = new SingleSend(producer, pending, outcome, 0)
      unit.expire()
      t.equal(unit.send(), true)
      outcome.answered(1, new AppendReceipt('q2', 0, 0, 'memory'))
    })
    t.match(await rejected(answer), { code: 'MILL_PARTLY_ROUTED', taken: ['q2'], refused: ['q1'], unknown: [] })
    t.strictSame(producers.got, [])
  },
)

t.test('what waits for a full target holds all that comes by exchanges, until it has ended', async t => {
  const place = new Place(t, { k: [1, 2], z: [3] })
  place.producers.full.add('q1')
  const abort = new AbortController()
  const first = rejected(place.publish('k', 1, { signal: abort.signal }))
  for (const value of [2, 3]) void place.publish('z', value).catch(() => undefined)
  t.strictSame(place.got, [])
  abort.abort()
  await first
  await turns()
  t.strictSame(place.got, ['q3:2', 'q3:3'], 'in their order')
})
