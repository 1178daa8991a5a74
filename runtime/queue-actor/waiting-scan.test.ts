/** How a queue with several priorities opens: slice by slice, with all that waits at its place, while others of its host go on. */
import t from 'tap'
import type { TakenDelivery } from '../link/delivery-fetch.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import type { PartitionDisk } from '../partition/partition-disk.ts'
import { Chance } from '../proof/sim/chance.ts'
import { type HouseOptions, QueueHouse } from './queue-house.fixture.ts'
import { WaitingScan } from './waiting-scan.ts'

const PRIORITIES = 4
const SMALL: HouseOptions = { windowBytes: 16_384, segmentBytes: 65_536, policy: { attempts: 1_000 } }
/** More than one slice of the log. */
const MANY = 5_000

/** A queue whose messages came in frames of some, with and without priorities. */
class Filled {
  readonly disk = new MemoryDisk()
  readonly house = new QueueHouse({ ...SMALL, disk: this.disk })
  readonly chance: Chance
  /** By offset. */
  readonly priorities: number[] = []
  readonly acked = new Set<number>()

  constructor(seed: number, count: number) {
    this.chance = new Chance(seed)
    while (this.priorities.length < count) this.#send()
  }

  #send(): void {
    const { chance } = this
    const isPlain = chance.happens(0.5)
    const messages = Array.from({ length: chance.between(1, 20) }, () => ({
      value: Buffer.alloc(chance.between(8, 200)),
      ...(isPlain ? {} : { priority: chance.below(PRIORITIES) }),
    }))
    const sent = this.house.send(...messages)
    this.priorities.push(...messages.slice(0, sent).map(({ priority = 0 }) => priority))
    this.house.pass()
  }

  /** Some are acked, some come back, and some stay out. */
  use(count: number): void {
    const { house, chance } = this
    const end = house.attach(16)
    for (let left = count; left > 0; left--) {
      house.pass()
      end.take()
      const delivery: TakenDelivery | null = end.begin(chance.below(Math.max(1, end.waiting.length)))
      if (delivery === null) continue
      const how = chance.pick(['ack', 'ack', 'ack', 'release', 'failed'] as const)
      if (how === 'ack') this.acked.add(delivery.offset)
      end.end(delivery, how)
      end.claims.publish()
    }
    house.pass()
  }

  /** Offsets that are not acked, by priority. */
  waiting(): number[][] {
    const waiting: number[][] = Array.from({ length: PRIORITIES }, () => [])
    for (const [offset, priority] of this.priorities.entries())
      if (!this.acked.has(offset)) waiting[priority]?.push(offset)
    return waiting
  }
}

t.test('what it gathers is all that is not settled, by priority, and what nothing else says of its bytes', async t => {
  for (let seed = 1; seed <= 12; seed++) {
    const filled = new Filled(seed, seed * 100)
    // Now and then down to those of the lowest priority.
    filled.use(seed * (seed % 2 === 0 ? 110 : 20))
    const log = filled.house.partition.disk as PartitionDisk
    const state = log.openSettled()
    const scan = new WaitingScan(scratch => log.reader(scratch), PRIORITIES, state)
    while (scan.end < log.endOffset) scan.step(log.endOffset)
    scan.close()
    const gathered = scan.gathered.byPriority.map(set =>
      set.ranges().flatMap(([from, to]) => Array.from({ length: to - from }, (_, at) => from + at)),
    )
    t.strictSame(gathered, filled.waiting(), `seed ${seed}`)
    t.equal((state.known?.bytes ?? 0) + scan.bytes, filled.house.queue.report().bytes)
  }
})

t.test('it says whether any message has times of which nothing is written down', async t => {
  const timesOf = (times: { readonly delayMs?: number; readonly ttlMs?: number }, known: number): boolean => {
    const house = new QueueHouse({ ...SMALL, disk: new MemoryDisk() })
    house.send({ value: Buffer.alloc(8), priority: 1 }, { value: Buffer.alloc(8), priority: 2, ...times })
    house.pass()
    const log = house.partition.disk as PartitionDisk
    const { settled } = log.openSettled()
    const scan = new WaitingScan(scratch => log.reader(scratch), PRIORITIES, {
      floor: 0,
      settled,
      known: { end: known, bytes: 0 },
    })
    scan.step(log.endOffset)
    scan.close()
    t.strictSame(
      scan.gathered.byPriority.map(({ size }) => size),
      [0, 1, 1, 0],
    )
    return scan.isTimed
  }
  t.equal(timesOf({}, 0), false)
  t.equal(timesOf({ delayMs: 60_000 }, 0), true)
  t.equal(timesOf({ ttlMs: 60_000 }, 1), true)
  t.equal(timesOf({ delayMs: 60_000, ttlMs: 60_000 }, 2), false, 'it is written down')
})

t.test(
  'a step is a slice of the log; what comes meanwhile waits in its ring, and who asks is told afterwards',
  async t => {
    const filled = new Filled(1, MANY)
    const { house } = filled
    house.open()
    house.receipts.length = 0
    house.send({ value: Buffer.alloc(8) })
    t.equal(house.queue.work(), true)
    t.not(house.queue.whenOpen(), null, 'one step is not enough')
    t.equal(house.queue.standing(), 'ready')
    t.notOk(house.partition.drain(), 'nothing is taken')
    t.equal(house.queue.settledTo(0), false)
    let isTold = false
    void house.queue.whenOpen()?.then(() => {
      isTold = true
    })
    let steps = 1
    while (house.queue.whenOpen() !== null) {
      house.queue.work()
      steps++
    }
    t.ok(steps > 2, `${steps} steps`)
    await Promise.resolve()
    t.notOk(isTold, 'it is not open before its next step')
    house.pass()
    await new Promise(setImmediate)
    t.ok(isTold, 'who waited is told')
    t.strictSame(house.receipts, [filled.priorities.length])
    t.equal(house.queue.whenOpen(), null)
    t.equal(house.queue.report().ready, filled.priorities.length + 1)
  },
)

t.test('one that is deleted while it opens, and one whose disk fails, keep nobody waiting', async t => {
  const { house, disk } = new Filled(1, MANY)
  house.open()
  house.queue.work()
  const told = house.queue.whenOpen()
  house.queue.close()
  await told
  const next = new QueueHouse({ ...SMALL, disk })
  const end = next.attach(1)
  next.queue.work()
  const failed = next.queue.whenOpen()
  disk.failNext('read', /\.log$/)
  next.pass()
  await failed
  t.equal(next.queue.standing(), 'rests')
  t.equal(next.queue.dueInMs(0), Number.POSITIVE_INFINITY)
  next.send({ value: Buffer.alloc(8) })
  next.pass()
  t.strictSame(next.receipts, [-1], 'what comes is refused')
  t.notOk(next.queue.settledTo(0), 'and the log is not gone through for that')
  next.close(end, null)
  t.strictSame([...next.queue.cursors()], [], 'a consumer may end')
})
