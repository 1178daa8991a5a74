/** Delays and times to live of a queue at its host, in memory and on disk, on clocks that the test moves: over deaths of host and process. */
import t, { type Test } from 'tap'
import * as node from '../../actors/world.ts'
import type { TakenDelivery } from '../link/delivery-fetch.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import type { GivenTimes } from '../publish/message-fields.ts'
import type { Staged } from '../resident/resident.ts'
import { type ConsumerEnd, type HouseOptions, QueueHouse } from './queue-house.fixture.ts'

const WALL = 1_700_000_000_000
const HOUR_MS = 3_600_000
let now = 1_000
let wall = WALL

node.replaceWorld({ ...node, nowMs: () => now, wallMs: () => wall })

/** Both clocks go on. */
function later(ms: number): void {
  now += ms
  wall += ms
}

/** A queue that goes on in another host, or in another process where it is on disk. */
class Line {
  readonly #options: HouseOptions
  readonly #disk: MemoryDisk | null
  /** By offset. */
  readonly #ids: number[] = []
  house: QueueHouse

  constructor(isOnDisk: boolean, options: HouseOptions = {}) {
    this.#disk = isOnDisk ? new MemoryDisk() : null
    this.#options = options
    this.house = this.#open()
  }

  #open(): QueueHouse {
    return new QueueHouse({ ...this.#options, ...(this.#disk === null ? {} : { disk: this.#disk }) })
  }

  /** The host dies; on disk its process. */
  dies(): void {
    if (this.#disk === null) this.house.open()
    else this.house = this.#open()
    this.house.pass()
  }

  /** The host alone dies. */
  hostDies(): void {
    this.house.open()
    this.house.pass()
  }

  /** A message with this number as its value. */
  send(id: number, times: GivenTimes & { readonly priority?: number } = {}): void {
    this.house.send({ value: Buffer.alloc(40, id), ...times })
    this.house.pass()
    if (this.house.receipts.at(-1) !== -1) this.#ids.push(id)
  }

  attach(prefetch = 100): ConsumerEnd {
    return this.house.attach(prefetch)
  }

  /** What a consumer gets now, in order. */
  taken(end: ConsumerEnd): number[] {
    this.house.pass()
    end.take()
    return end.waiting.map(delivery => {
      const id = (end.bytesOf.get(delivery) as Buffer).at(-1) as number
      if (this.#ids[delivery.offset] !== id) throw new Error(`message ${id} came as ${delivery.offset}`)
      return id
    })
  }

  /** What waits, in order: a consumer takes it, and goes without having begun any. */
  order(): number[] {
    const end = this.attach()
    const taken = this.taken(end)
    end.yield()
    end.claims.publish()
    this.house.close(end, null)
    this.house.pass()
    return taken
  }
}

function eachPlace(name: string, test: (t: Test, isOnDisk: boolean) => void): void {
  for (const isOnDisk of [false, true])
    t.test(`${name}, ${isOnDisk ? 'on disk' : 'in memory'}`, async t => test(t, isOnDisk))
}

eachPlace('times that a host found behind what is written down are known to the next ones', (t, isOnDisk) => {
  const line = new Line(isOnDisk)
  line.send(1, { delayMs: HOUR_MS })
  line.send(2, { ttlMs: HOUR_MS })
  line.send(3)
  line.dies()
  t.strictSame(line.order(), [2, 3], 'which writes down how far the log is known')
  line.dies()
  t.strictSame(line.order(), [2, 3])
  t.match(line.house.queue.report(), { ready: 2, scheduled: 1 })
  later(HOUR_MS)
  t.strictSame(line.order(), [3, 1])
})

eachPlace('a delayed message is handed out when it is due, and not before', (t, isOnDisk) => {
  const line = new Line(isOnDisk)
  for (const [id, delayMs] of [
    [1, 100],
    [2, 0],
    [3, 50],
    [4, 2 ** 31 + 5],
    [5, 2 ** 32 + 5],
  ] as const)
    line.send(id, { delayMs })
  t.strictSame(line.order(), [2])
  t.match(line.house.queue.report(), { accepted: 5, ready: 1, scheduled: 4, expired: 0 })
  const dueInMs = line.house.queue.dueInMs(now)
  t.ok(dueInMs > 0 && dueInMs <= 50, `${dueInMs}`)
  later(49)
  t.strictSame(line.order(), [2])
  later(1)
  t.strictSame(line.order(), [2, 3])
  line.dies()
  t.ok(line.house.queue.dueInMs(now) <= 50)
  later(50)
  t.strictSame(line.order(), [2, 3, 1])
  later(2 ** 31)
  t.strictSame(line.order(), [2, 3, 1, 4])
  later(2 ** 31)
  line.dies()
  t.strictSame(line.order(), [2, 3, 1, 4, 5])
  t.match(line.house.queue.report(), { accepted: 5, ready: 5, scheduled: 0 })
})

eachPlace('what falls due goes behind all that is there, and before what comes later, whoever dies', (t, isOnDisk) => {
  for (const deaths of [0, 1, 2]) {
    const line = new Line(isOnDisk)
    line.send(1, { delayMs: 30 })
    line.send(2, { delayMs: 20 })
    line.send(3)
    line.send(4, { delayMs: 30 })
    if (deaths > 0) line.dies()
    line.send(5)
    later(30)
    if (deaths > 1) line.dies()
    line.house.pass()
    line.send(6)
    line.send(7, { delayMs: 5 })
    later(5)
    line.house.pass()
    line.send(8)
    const whole = [3, 5, 2, 1, 4, 6, 7, 8]
    t.strictSame(line.order(), whole, `${deaths} deaths`)
    line.dies()
    t.strictSame(line.order(), whole, 'after its death')
    line.hostDies()
    t.strictSame(line.order(), whole, 'after that of its host')
  }
})

eachPlace('one that comes back has the place at which it fell due', (t, isOnDisk) => {
  const line = new Line(isOnDisk)
  line.send(1, { delayMs: 10 })
  line.send(2)
  later(10)
  line.house.pass()
  line.send(3)
  const end = line.attach(2)
  t.strictSame(line.taken(end), [2, 1])
  for (let left = 2; left > 0; left--) {
    const delivery = end.begin()
    if (delivery !== null) end.end(delivery, left === 2 ? 'ack' : 'release')
  }
  end.claims.publish()
  line.house.pass()
  line.house.close(end, null)
  t.strictSame(line.order(), [1, 3])
  line.dies()
  t.strictSame(line.order(), [1, 3])
})

eachPlace('with priorities it is behind those of its own', (t, isOnDisk) => {
  const line = new Line(isOnDisk)
  line.send(1, { delayMs: 10, priority: 2 })
  line.send(2, { priority: 2 })
  line.send(3, { priority: 3 })
  line.send(4, { delayMs: 10, priority: 3 })
  later(10)
  line.house.pass()
  line.send(5, { priority: 2 })
  t.strictSame(line.order(), [3, 4, 2, 1, 5])
  line.dies()
  t.strictSame(line.order(), [3, 4, 2, 1, 5])
})

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/2007
// Source: https://github.com/rabbitmq/rabbitmq-server/issues/2074
eachPlace('what expires is a dead letter and is never handed out, also behind others', (t, isOnDisk) => {
  const line = new Line(isOnDisk)
  line.send(1)
  line.send(2, { ttlMs: 20 })
  line.send(3, { delayMs: 50, ttlMs: 20 })
  line.send(4, { ttlMs: HOUR_MS })
  later(19)
  t.strictSame(line.order(), [1, 2, 4])
  later(1)
  t.strictSame(line.order(), [1, 4])
  t.strictSame(line.house.told, ['dead 1 expired'])
  t.strictSame(line.house.letterOffsets(), [1])
  t.match(line.house.queue.report(), { accepted: 4, ready: 2, scheduled: 1, deadLettered: 1, expired: 0, failures: 0 })
  line.dies()
  later(30)
  t.strictSame(line.order(), [1, 4, 3])
  later(20)
  line.dies()
  t.strictSame(line.order(), [1, 4])
  t.strictSame(line.house.letterOffsets(), [1, 2])
  t.match(line.house.queue.report(), { accepted: 4, ready: 2, scheduled: 0, deadLettered: 2 })
})

eachPlace('without dead letters it is counted, and told', (t, isOnDisk) => {
  const line = new Line(isOnDisk, { policy: { hasDeadLetters: false } })
  line.send(1, { ttlMs: 20 })
  line.send(2)
  later(20)
  t.strictSame(line.order(), [2])
  t.strictSame(line.house.told, ['failed 0 0'])
  t.match(line.house.queue.report(), { accepted: 2, ready: 1, expired: 1, dropped: 0, failures: 0 })
  line.dies()
  t.match(line.house.queue.report(), { accepted: 2, ready: 1, acked: 0, expired: 1, dropped: 0 })
})

eachPlace('one that fails when its time is over dies of that, and its failure counts', (t, isOnDisk) => {
  for (const hasDeadLetters of [true, false]) {
    const line = new Line(isOnDisk, { policy: { hasDeadLetters } })
    line.send(1, { ttlMs: 20 })
    const end = line.attach()
    t.strictSame(line.taken(end), [1])
    const delivery = end.begin()
    later(30)
    if (delivery !== null) end.end(delivery, 'failed')
    end.claims.publish()
    line.house.pass()
    const counts = hasDeadLetters ? { deadLettered: 1, expired: 0 } : { deadLettered: 0, expired: 1 }
    t.match(line.house.queue.report(), { ...counts, accepted: 1, ready: 0, retrying: 0, acked: 0, failures: 1 })
    t.strictSame(line.house.told, [hasDeadLetters ? 'dead 0 expired' : 'failed 0 1'])
    line.dies()
    t.match(line.house.queue.report(), { ...counts, accepted: 1, ready: 0, acked: 0, failures: 1 })
  }
})

eachPlace('one that is out when it expires may be acked, and dies when it comes back', (t, isOnDisk) => {
  const line = new Line(isOnDisk)
  line.send(1, { ttlMs: 20 })
  line.send(2, { ttlMs: 20 })
  const end = line.attach()
  t.strictSame(line.taken(end), [1, 2])
  const [first, second] = [end.begin(), end.begin()]
  later(30)
  line.house.pass()
  t.match(line.house.queue.report(), { unacked: 2, deadLettered: 0 })
  if (first !== null) end.end(first, 'ack')
  if (second !== null) end.end(second, 'release')
  end.claims.publish()
  line.house.pass()
  t.match(line.house.queue.report(), { acked: 1, deadLettered: 1, ready: 0, failures: 0 })
  t.strictSame(line.house.letterOffsets(), [1])
})

eachPlace('what expires in several passes is taken back from its consumer in each of them', (t, isOnDisk) => {
  const line = new Line(isOnDisk, { queue: { priorities: 2 }, policy: { hasDeadLetters: false } })
  // In the order of their times, more than one pass looks at is between those that are out.
  const first = { value: Buffer.alloc(8), ttlMs: 20 }
  for (let count = 1_100; count > 0; count--) line.house.send(first)
  for (let count = 5; count > 0; count--) line.house.send({ ...first, priority: 1 })
  line.house.pass()
  const end = line.attach(6)
  for (let left = 10; left > 0; left--) line.house.pass()
  t.match(line.house.queue.report(), { unacked: 6 })
  later(20)
  for (let left = 10; left > 0; left--) {
    line.house.pass()
    end.take()
  }
  t.match(line.house.queue.report(), { unacked: 0, ready: 0, expired: 1_105 })
})

eachPlace('one that goes to its consumer in pieces when it expires does not begin any more', (t, isOnDisk) => {
  const line = new Line(isOnDisk)
  line.house.send({ value: Buffer.alloc(7_900, 1), ttlMs: 20 })
  line.house.pass()
  const end = line.attach()
  line.house.pass()
  end.take()
  t.strictSame(end.waiting, [], 'it has come in part')
  later(20)
  for (let left = 10; left > 0; left--) {
    line.house.pass()
    end.take()
  }
  t.equal(end.waiting.length, 1)
  t.equal(end.begin(), null)
  end.claims.publish()
  line.house.pass()
  t.match(line.house.queue.report(), { unacked: 0, deadLettered: 1, ready: 0, failures: 0 })
  t.strictSame(line.house.told, ['dead 0 expired'])
})

eachPlace('a step of the wall clock moves nothing while the host lives', (t, isOnDisk) => {
  const line = new Line(isOnDisk)
  line.send(1, { delayMs: 100 })
  line.send(2, { ttlMs: 100 })
  for (const step of [HOUR_MS, -3 * HOUR_MS, 2 * HOUR_MS]) {
    wall += step
    t.strictSame(line.order(), [2])
    line.send(step > 0 ? 7 : 8, { delayMs: 1_000 + Math.sign(step) })
  }
  later(99)
  t.strictSame(line.order(), [2])
  later(1)
  t.strictSame(line.order(), [1])
  later(898)
  t.strictSame(line.order(), [1])
  later(1)
  t.strictSame(line.order(), [1, 8])
  later(2)
  t.strictSame(line.order(), [1, 8, 7, 7])
})

t.test('in memory it moves nothing for a successor either', async t => {
  const line = new Line(false)
  line.send(1, { delayMs: 100, ttlMs: 100 })
  wall -= HOUR_MS
  line.hostDies()
  later(99)
  t.strictSame(line.order(), [])
  later(1)
  t.strictSame(line.order(), [1])
  wall += HOUR_MS
  line.hostDies()
  later(99)
  t.strictSame(line.order(), [1])
  later(1)
  t.strictSame(line.order(), [])
})

t.test('the next process waits for the rest of a wait, and never for longer than all of it', async t => {
  for (const [step, left] of [
    [0, 60],
    [20, 40],
    [60, 0],
    [HOUR_MS, 0],
    [-HOUR_MS, 100],
  ] as const) {
    const line = new Line(true)
    line.send(1, { delayMs: 100, ttlMs: HOUR_MS })
    later(40)
    wall += step
    line.dies()
    later(left - 1)
    if (left > 0) t.strictSame(line.order(), [], `${step}`)
    later(1)
    t.strictSame(line.order(), step === HOUR_MS ? [1] : [1], `${step}`)
  }
})

eachPlace(
  'what is scheduled counts in no bound, and is in whatever the bounds are when it falls due',
  (t, isOnDisk) => {
    const line = new Line(isOnDisk, { queue: { maxMessages: 2, onFull: 'reject' } })
    for (const id of [1, 2, 3]) line.send(id, { delayMs: 10 })
    for (const id of [4, 5, 6]) line.send(id)
    t.strictSame(line.house.receipts.splice(0), [0, 1, 2, 3, 4, -1])
    t.strictSame(line.order(), [4, 5])
    const { bytes } = line.house.queue.report()
    line.dies()
    t.match(line.house.queue.report(), { accepted: 5, ready: 2, scheduled: 3, bytes })
    later(10)
    t.strictSame(line.order(), [4, 5, 1, 2, 3])
    t.match(line.house.queue.report(), { accepted: 5, ready: 5, scheduled: 0 })
    line.send(7)
    t.strictSame(line.house.receipts.splice(0), [-1])
    line.dies()
    t.match(line.house.queue.report(), { accepted: 5, ready: 5, scheduled: 0 })
  },
)

t.test('what is scheduled in memory leaves room for all else, and waits for it itself', async t => {
  const line = new Line(false, { windowBytes: 16_384 })
  const sent = 100
  for (let id = 0; id < sent; id++) line.house.send({ value: Buffer.alloc(200, id), delayMs: 50 })
  line.house.pass()
  const { scheduled } = line.house.queue.report()
  t.ok(scheduled > 5 && scheduled < 20, `${scheduled}`)
  t.equal(line.house.receipts.length, scheduled, 'the others wait')
  const end = line.attach()
  let handled = 0
  for (let round = 0; round < 100 && handled < sent; round++) {
    later(50)
    line.house.pass()
    end.take()
    for (let delivery = end.begin(); delivery !== null; delivery = end.begin()) {
      end.end(delivery, 'ack')
      handled++
    }
    end.claims.publish()
    line.house.pass()
  }
  t.equal(handled, sent)
  t.match(line.house.queue.report(), { accepted: sent, acked: sent, scheduled: 0 })
})

t.test('a scheduled message is moved through its window, and keeps its time', async t => {
  const line = new Line(false, { windowBytes: 16_384 })
  line.send(99, { delayMs: 1_000, ttlMs: 1_000 })
  const end = line.attach()
  for (let id = 0; id < 300; id++) {
    line.house.send({ value: Buffer.alloc(200, 7) })
    line.house.pass()
    end.take()
    const delivery = end.begin()
    if (delivery !== null) end.end(delivery, 'ack')
    end.claims.publish()
    if (id % 100 === 50) line.hostDies()
  }
  line.house.pass()
  line.house.close(end, null)
  later(999)
  t.strictSame(line.order(), [])
  later(1)
  t.strictSame(line.order(), [99])
  line.hostDies()
  t.strictSame(line.order(), [99])
  later(1_000)
  t.strictSame(line.order(), [])
  t.strictSame(line.house.told.at(-1), 'dead 0 expired')
})

t.test('what dies has no letter before it is written down that it came back', async t => {
  const house = new QueueHouse({ disk: new MemoryDisk() })
  house.send({ value: Buffer.alloc(40), ttlMs: 1_000 })
  const end = house.attach(1)
  house.pass()
  end.take()
  const delivery = end.begin() as TakenDelivery
  later(2_000)
  end.end(delivery, 'release')
  end.claims.publish()
  house.queue.work()
  const staged = house.queue.stage() as Staged
  t.strictSame(house.letterOffsets(), [])
  house.host?.commit([staged])
  t.strictSame(house.letterOffsets(), [0], 'and it has at once then')
  house.pass()
  t.match(house.queue.report(), { deadLettered: 1, ready: 0, unacked: 0 })
})
