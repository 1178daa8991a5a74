/** What a thread publishes by exchanges: order, tables that are not fresh, producers that are not open, bounds, and what is written when. */
import t from 'tap'
import type { Target } from '../wire/route-changes.ts'
import type { ErrorCode } from '../words/error-codes.ts'
import { FullError, MillraceError, type PartlyRoutedError } from '../words/errors.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import { ExchangePublishes } from './exchange-publishes.ts'
import type { PendingPublish } from './pending-publish.ts'
import type { NamedExchange } from './route-finder.ts'
import { NO_HOLDS, ToyProducers, ToyRoutes } from './toy-routes.fixture.ts'
import { WaitingRoom } from './waiting-room.ts'

const EVENTS: NamedExchange = { name: 'events', id: 0 }
const q = (number: number): Target => ({ kind: 'queue', name: `q${number}` })

const places: Place[] = []
// What a test has sent and not confirmed keeps its process alive.
t.teardown(() => {
  for (const { room } of places) room.close()
})

class Place {
  readonly routes: ToyRoutes = new ToyRoutes()
  readonly producers: ToyProducers = new ToyProducers()
  readonly room: WaitingRoom = new WaitingRoom()
  readonly publishes: ExchangePublishes = new ExchangePublishes(this.routes, this.producers, this.room, NO_HOLDS)

  /** A topic exchange whose patterns lead to these queues. */
  constructor(
    bound: Readonly<Record<string, number>>,
    open: readonly string[] = Object.values(bound).map(n => `q${n}`),
  ) {
    this.routes.declare('events', 'topic')
    for (const [pattern, queue] of Object.entries(bound)) this.routes.bind('events', q(queue), pattern)
    this.routes.settle()
    for (const name of open) this.producers.open.add(name)
    places.push(this)
  }

  publish(key: string, value: unknown): Promise<RouteReceipt> {
    return this.publishes.publish(EVENTS, key, { value })
  }

  /** What each target got, as `q1:value`. */
  get got(): string[] {
    return this.producers.got.map(({ target, value }) => `${target}:${String(value)}`)
  }

  /** All that has been sent is confirmed. */
  confirm(): void {
    for (const { pending } of this.producers.got) take(pending)
  }
}

function take(pending: PendingPublish | undefined): void {
  pending?.appended({ partition: 0 }, 0, 0, 1, false)
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await undefined
}

async function rejected(promise: Promise<unknown>): Promise<MillraceError> {
  try {
    await promise
  } catch (error) {
    return error as MillraceError
  }
  return new MillraceError('MILL_SETTLED', 'it was not rejected')
}

t.test('a message goes to its targets at once, and is confirmed when all have it', async t => {
  const place = new Place({ 'a.#': 1, '*.b': 2, z: 3 })
  let confirmed: RouteReceipt | undefined
  const done = place.publish('a.b', 7).then(receipt => {
    confirmed = receipt
  })
  t.strictSame(place.got, ['q1:7', 'q2:7'])
  const [first, second] = place.producers.got
  take(first?.pending)
  await turns()
  t.equal(confirmed, undefined, 'one target has it')
  take(second?.pending)
  await done
  t.match(confirmed, { targets: ['q1', 'q2'], durability: 'memory' })
  t.equal(confirmed?.receipts.length, 2)
  t.equal(place.room.waiting, 0)
})

t.test('consumers find the routing key in a header, whatever was there before', async t => {
  const place = new Place({ '#': 1 })
  const headers = { type: 'x', 'millrace-routing-key': 'forged' }
  void place.publishes.publish(EVENTS, 'a.b', { value: 1, headers })
  t.strictSame({ ...place.producers.got[0]?.pending.message.headers }, { type: 'x', 'millrace-routing-key': 'a.b' })
  t.strictSame(headers, { type: 'x', 'millrace-routing-key': 'forged' })
})

t.test('a message expires in queues when it is not worth its work any more, or before', async t => {
  const place = new Place({ '#': 1 })
  for (const ttlMs of [undefined, 3_600_000, 1])
    void place.publishes.publish(EVENTS, 'k', { value: 1, ttlMs }, { untilMs: 1_000_000 })
  const [first, second, third] = place.producers.got.map(({ pending }) => pending.message.fields?.expiresAt)
  t.strictSame([first, second], [1_000_000, 1_000_000])
  t.ok(typeof third === 'number' && third < 1_000_000)
})

t.test('what waits for tables goes before what comes after it, and in the order of the calls', async t => {
  const place = new Place({ '#': 1 })
  place.routes.bind('events', q(2), '#')
  place.producers.open.add('q2')
  const first = place.publish('k', 1)
  await turns()
  const second = place.publish('k', 2)
  t.strictSame(place.got, [])
  t.equal(place.routes.asked.length, 1, 'one call for all')
  place.routes.asked[0]?.answer()
  const third = place.publish('k', 3)
  await turns()
  const fourth = place.publish('k', 4)
  await turns()
  const expected = [1, 2, 3, 4].flatMap(n => [`q1:${n}`, `q2:${n}`])
  t.strictSame(place.got, expected)
  place.confirm()
  await Promise.all([first, second, third, fourth])
  t.equal(place.room.waiting, 0)
})

t.test('what waited goes by the tables that were asked for then, also if bindings go on changing', async t => {
  const place = new Place({ '#': 1 })
  place.routes.bind('events', q(2), 'never')
  void place.publish('k', 1)
  await turns()
  place.routes.asked[0]?.answer()
  place.routes.bind('events', q(3), 'never')
  await turns()
  t.strictSame(place.got, ['q1:1'])
  void place.publish('k', 2)
  await turns()
  t.strictSame(place.got, ['q1:1'], 'but what begins after that waits for the next')
  place.routes.asked[1]?.answer()
  await turns()
  t.strictSame(place.got, ['q1:1', 'q1:2'])
})

t.test('a producer that is not open is opened once, and what comes after it waits', async t => {
  const place = new Place({ a: 1, b: 2 }, ['q1'])
  void place.publish('b', 1)
  void place.publish('a', 2)
  void place.publish('b', 3)
  await turns()
  t.strictSame(place.got, [])
  t.strictSame(
    place.producers.opening.map(({ name }) => name),
    ['q2'],
  )
  place.producers.opening[0]?.answer()
  await turns()
  t.strictSame(place.got, ['q2:1', 'q1:2', 'q2:3'])
  await place.publishes.idle()
})

t.test('a target that is deleted while its producer is opened is looked for in newer tables', async t => {
  const place = new Place({ '#': 1, k: 2 }, ['q1'])
  void place.publish('k', 1)
  await turns()
  place.routes.forget('q2')
  place.producers.opening[0]?.fail(new Error('q2 was deleted'))
  await turns()
  place.routes.asked[0]?.answer()
  await turns()
  t.strictSame(place.got, ['q1:1'])
})

t.test('what waited behind an opening is not looked for in tables that are changing', async t => {
  const place = new Place({ a: 1, b: 2 }, ['q1'])
  void place.publish('b', 1)
  void place.publish('a', 2)
  await turns()
  place.routes.bind('events', q(1), 'b')
  place.producers.opening[0]?.answer()
  await turns()
  t.strictSame(place.got, [])
  place.routes.asked[0]?.answer()
  await turns()
  t.strictSame(place.got, ['q1:1', 'q2:1', 'q1:2'])
})

t.test('a producer that cannot be opened refuses the message, and the next goes on', async t => {
  const place = new Place({ a: 1, b: 2 }, ['q1'])
  const refused = rejected(place.publish('b', 1))
  void place.publish('a', 2)
  for (let attempt = 0; attempt < 3; attempt++) {
    await turns()
    place.producers.opening[attempt]?.fail(new Error('no memory'))
  }
  t.equal((await refused).message, 'no memory')
  await turns()
  t.strictSame(place.got, ['q1:2'])
})

t.test('values that wait are those of the call', async t => {
  const place = new Place({ '#': 1 })
  place.routes.bind('events', q(2), 'never')
  place.producers.shapes.set('q1', { codec: 'json' })
  const value = { n: 1 }
  void place.publish('k', value)
  value.n = 2
  await turns()
  place.routes.asked[0]?.answer()
  await turns()
  t.strictSame(place.got, ['q1:{"n":1}'])
})

t.test('bytes that wait are those of the call', async t => {
  const place = new Place({ '#': 1 })
  place.routes.bind('events', q(2), 'never')
  place.producers.shapes.set('q1', { codec: 'bytes' })
  const value = Uint8Array.of(1, 2)
  void place.publish('k', value)
  value[0] = 9
  await turns()
  place.routes.asked[0]?.answer()
  await turns()
  t.strictSame(place.got, ['q1:1,2'])
})

t.test('nothing is written if one of several targets cannot have the message', async t => {
  const place = new Place({ '#': 1, k: 2, n: 3 })
  place.producers.shapes.set('q2', { maxMessageBytes: 10 })
  place.producers.shapes.set('q3', { codec: 'bytes' })
  const tooLarge = rejected(place.publish('k', 'x'.repeat(20)))
  const noBytes = rejected(place.publish('n', 'text'))
  place.confirm()
  t.match(await tooLarge, { code: 'MILL_TOO_LARGE' })
  t.match(await noBytes, { code: 'MILL_UNSERIALISABLE' })
  t.strictSame(place.got, [])
})

t.test('a message without a target is refused, or dropped where its publisher says so', async t => {
  const place = new Place({ 'a.*': 1 })
  const error = await rejected(place.publish('b', 1))
  t.match(error, { code: 'MILL_UNROUTABLE', message: /exchange events .*"b".*alternate.*unroutable: 'drop'/ })
  const dropped = await place.publishes.publish(EVENTS, 'b', { value: 1 }, { unroutable: 'drop' })
  t.strictSame(JSON.parse(JSON.stringify(dropped)), { targets: [], receipts: [], durability: null })
  t.strictSame(place.got, [])
})

t.test('an exchange that is gone, and one that never was, are told apart', async t => {
  const place = new Place({ '#': 1 })
  const unknown: NamedExchange = { name: 'evnets', id: null }
  t.match(await rejected(place.publishes.publish(unknown, 'k', { value: 1 })), {
    code: 'MILL_INVALID_OPTION',
    message: /"evnets"/,
  })
  const byName: NamedExchange = { name: 'events', id: null }
  void place.publishes.publish(byName, 'k', { value: 1 })
  t.strictSame(place.got, ['q1:1'])
  place.routes.forget('events')
  place.routes.settle()
  t.match(await rejected(place.publish('k', 1)), { code: 'MILL_TOPIC_DELETED', message: /exchange events was deleted/ })
  t.match(await rejected(place.publishes.route(EVENTS, 'k')), { code: 'MILL_TOPIC_DELETED' })
})

t.test('if some targets refuse the message, the error names who has it and who has not', async t => {
  const place = new Place({ '#': 1, k: 2, '*': 3 })
  const failing = rejected(place.publish('k', 1))
  const [one, two, three] = place.producers.got.map(({ pending }) => pending)
  two?.settle(new FullError('queue q2 is full', undefined))
  await turns()
  take(one)
  three?.settle(Object.assign(new Error('too late'), { code: 'MILL_TIMEOUT' }))
  const error = (await failing) as PartlyRoutedError
  t.match(error, { code: 'MILL_PARTLY_ROUTED', taken: ['q1'], refused: ['q2'], unknown: ['q3'] })
  t.match(error.message, /q1 took it, q2 refused it, of q3 it is not known; queue q2 is full/)
  t.match(error.cause, { code: 'MILL_FULL' })
})

t.test('a target that refuses when it is full is asked first, and then no other one gets the message', async t => {
  const place = new Place({ '#': 1, k: 2, '*': 3 })
  place.producers.shapes.set('q2', { onFull: 'reject' })
  const failing = rejected(place.publish('k', 1))
  const next = place.publish('other', 2)
  const last = place.publish('k', 3)
  t.strictSame(place.got, ['q2:1', 'q2:3'], 'what comes for the others waits behind it')
  place.producers.got[0]?.pending.settle(new FullError('queue q2 is full', { value: 1 }))
  t.strictSame(place.got, ['q2:1', 'q2:3', 'q1:2', 'q3:2'])
  take(place.producers.got[1]?.pending)
  t.strictSame(place.got, ['q2:1', 'q2:3', 'q1:2', 'q3:2', 'q1:3', 'q3:3'])
  place.confirm()
  t.match(await failing, { code: 'MILL_FULL', message: 'queue q2 is full', refused: { value: 1 } })
  await Promise.all([next, last])
  t.equal(place.room.waiting, 0)
})

t.test('of several that refuse, one may have it; the others have not been sent it', async t => {
  const place = new Place({ '#': 1, k: 2, '*': 3 })
  for (const name of ['q2', 'q3']) place.producers.shapes.set(name, { onFull: 'reject' })
  const failing = rejected(place.publish('k', 1))
  take(place.producers.got[0]?.pending)
  place.producers.got[1]?.pending.settle(new MillraceError('MILL_TIMEOUT', 'too late'))
  t.match(await failing, { code: 'MILL_PARTLY_ROUTED', taken: ['q2'], refused: ['q1'], unknown: ['q3'] })
  t.strictSame(place.got, ['q2:1', 'q3:1'])
})

t.test('what is held for one target keeps its value, and is not sent after the end of the broker', async t => {
  const place = new Place({ '#': 1, k: 2 })
  place.producers.shapes.set('q2', { onFull: 'reject' })
  const value = { n: 1 }
  void place.publish('k', 0).catch(() => undefined)
  void place.publish('other', value)
  value.n = 2
  take(place.producers.got[0]?.pending)
  t.strictSame(place.got, ['q2:0', 'q1:0', 'q1:{"n":1}'])
  const held = [rejected(place.publish('k', 1)), rejected(place.publish('other', 2))]
  place.publishes.fail(new MillraceError('MILL_CLOSED', 'closed'))
  place.producers.got.at(-1)?.pending.settle(new MillraceError('MILL_CLOSED', 'closed'))
  t.match(await Promise.all(held), [{ code: 'MILL_CLOSED' }, { code: 'MILL_CLOSED' }])
  await place.publishes.idle()
})

t.test('if all targets refuse it, the error is that of the first', async t => {
  const place = new Place({ '#': 1, k: 2 })
  const failing = rejected(place.publish('k', 1))
  for (const { target, pending } of place.producers.got) pending.settle(new FullError(`${target} is full`, undefined))
  t.match(await failing, { code: 'MILL_FULL', message: 'q1 is full' })
})

t.test('what waits is bounded as all that waits in the thread is', async t => {
  const place = new Place({ '#': 1 })
  place.routes.bind('events', q(2), 'never')
  const failed: Promise<MillraceError>[] = []
  for (let n = 0; n < 10_000; n++) void place.publish('k', n).catch(() => undefined)
  failed.push(rejected(place.publish('k', 10_000)))
  t.match(await Promise.all(failed), [{ code: 'MILL_FULL', refused: { value: 10_000 }, message: /10,000 publishes/ }])
  t.equal(place.room.waiting, 10_000)
  place.routes.asked[0]?.answer()
  await place.publishes.idle()
  t.equal(place.room.waiting, 0)
  t.equal(place.got.length, 10_000)
})

t.test('a publish that is aborted or too late while it waits is not sent', async t => {
  const place = new Place({ '#': 1 })
  place.routes.bind('events', q(2), 'never')
  const abort = new AbortController()
  const aborted = rejected(place.publishes.publish(EVENTS, 'k', { value: 1 }, { signal: abort.signal }))
  const late = rejected(place.publishes.publish(EVENTS, 'k', { value: 2 }, { timeoutMs: 1 }))
  void place.publish('k', 3)
  abort.abort()
  await new Promise(resolve => setTimeout(resolve, 5))
  place.routes.asked[0]?.answer()
  t.match(await aborted, { code: 'MILL_ABORTED' })
  t.match(await late, { code: 'MILL_TIMEOUT', retriable: true })
  await place.publishes.idle()
  t.strictSame(place.got, ['q1:3'])
})

t.test('if the tables cannot be had, all that waits fails, and the next asks again', async t => {
  const place = new Place({ '#': 1 })
  place.routes.bind('events', q(2), 'never')
  const failed = [rejected(place.publish('k', 1)), rejected(place.publish('k', 2))]
  await turns()
  place.routes.asked[0]?.fail(new Error('no answer'))
  t.strictSame(
    (await Promise.all(failed)).map(({ message }) => message),
    ['no answer', 'no answer'],
  )
  void place.publish('k', 3)
  await turns()
  place.routes.asked[1]?.answer()
  await turns()
  t.strictSame(place.got, ['q1:3'])
})

t.test('after the end of the broker nothing is taken, and what waits fails', async t => {
  const place = new Place({ '#': 1 })
  place.routes.bind('events', q(2), 'never')
  const waiting = rejected(place.publish('k', 1))
  place.publishes.fail(new Error('closed'))
  t.equal((await waiting).message, 'closed')
  t.equal((await rejected(place.publish('k', 1))).message, 'closed')
  place.routes.asked[0]?.answer()
  await place.publishes.idle()
  t.strictSame(place.got, [])
})

t.test('wrong keys and messages are refused before anything else', async t => {
  const place = new Place({ '#': 1 })
  const cases: readonly (readonly [unknown, unknown, ErrorCode, RegExp])[] = [
    [7, { value: 1 }, 'MILL_INVALID_OPTION', /a routing key is a string.*not 7/],
    ['x'.repeat(256), { value: 1 }, 'MILL_OUT_OF_RANGE', /at most 255 bytes in UTF-8, not 256/],
    ['\ud800', { value: 1 }, 'MILL_UNSERIALISABLE', /half a surrogate pair/],
    ['k', 5, 'MILL_INVALID_OPTION', /a message is one object/],
    [
      'k',
      { value: 1, prioritty: 1 },
      'MILL_UNKNOWN_OPTION',
      /a message to an exchange has no field "prioritty": did you mean `priority`/,
    ],
    ['k', { value: 1, partition: 1 }, 'MILL_UNKNOWN_OPTION', /no field "partition"/],
    ['k', { value: 1, priority: 32 }, 'MILL_OUT_OF_RANGE', /from 0 to 31, not 32/],
    ['k', { value: 1, delayMs: -1 }, 'MILL_OUT_OF_RANGE', /`delayMs`/],
    ['k', { value: 1, id: '' }, 'MILL_OUT_OF_RANGE', /`id`/],
    ['k', { value: 1, key: {} }, 'MILL_INVALID_OPTION', /a key is a string or bytes/],
    ['k', { value: 1n }, 'MILL_UNSERIALISABLE', /BigInt/],
  ]
  for (const [key, message, code, text] of cases)
    t.match(await rejected(place.publishes.publish(EVENTS, key as string, message as { value: 1 })), {
      code,
      message: text,
    })
  t.strictSame(place.got, [])
  void place.publishes.publish(EVENTS, 'é'.repeat(127), { value: 1, priority: 31 })
  t.equal(place.producers.got[0]?.pending.message.fields?.priority, 1, 'the highest that the queue has')
})
