/** A queue that knows ids: of several messages of one id one is taken, over the deaths of hosts, processes and the power. */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { TakenDelivery } from '../link/delivery-fetch.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { delay } from '../proof/fixtures/broker.fixture.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import { type ConsumerEnd, type HouseAnswer, type HouseOptions, QueueHouse } from './queue-house.fixture.ts'

const IDS: Partial<QueueShape> = { dedupeMs: 3_600_000, dedupeMaxIds: 1_000 }

/** Sends messages with these ids, and says what came of each. */
function send(house: QueueHouse, ...ids: readonly string[]): string[] {
  const before = house.answers.length
  house.send(...ids.map(id => ({ value: Buffer.from(id), id })))
  house.pass()
  return house.answers.slice(before).map(({ how, offset }) => `${how} ${offset}`)
}

function ackOne(house: QueueHouse): void {
  const end = house.attach(1)
  house.pass()
  end.take()
  end.end(end.begin() as TakenDelivery, 'ack')
  end.claims.publish()
  house.close(end, null)
}

const both = (title: string, test: (t: Test, options: () => HouseOptions) => Promise<void>): void => {
  t.test(`in memory: ${title}`, t => test(t, () => ({})))
  t.test(`on disk: ${title}`, t => test(t, () => ({ disk: new MemoryDisk() })))
}

both('a second message of an id is not taken, and has the place of the first', async (t, options) => {
  const house = new QueueHouse({ ...options(), queue: IDS })
  t.strictSame(send(house, 'a', 'b', 'a'), ['took 0', 'took 1', 'has 0'], 'also in one append')
  house.send({ value: Buffer.from('x') }, { value: Buffer.from('x') })
  t.strictSame(send(house, 'b', 'c'), ['has 1', 'took 4'])
  t.match(house.queue.report(), { accepted: 5, ready: 5, duplicates: 2, forgottenIds: 0 })
  ackOne(house)
  ackOne(house)
  t.strictSame(send(house, 'b', 'a'), ['has 1', 'has 0'], 'also when it is settled')
  t.match(house.queue.report(), { accepted: 5, ready: 3, acked: 2, duplicates: 4 })
})

both('ids are known as long as they should be', async (t, options) => {
  const house = new QueueHouse({ ...options(), queue: { ...IDS, dedupeMs: 60 } })
  t.strictSame(send(house, 'a'), ['took 0'])
  const first = send(house, 'a')
  await delay(80)
  t.strictSame(send(house, 'a', 'a'), ['took 1', 'has 1'])
  t.strictSame(first, ['has 0'])
})

both('a message that was refused has no id', async (t, options) => {
  const house = new QueueHouse({ ...options(), queue: { ...IDS, maxMessages: 1, onFull: 'reject' } })
  t.strictSame(send(house, 'a', 'b', 'a', 'b'), ['took 0', 'full -1', 'has 0', 'full -1'])
  ackOne(house)
  t.strictSame(send(house, 'b', 'b'), ['took 1', 'has 1'])
})

t.test('who sends an id whose message the disk fails to take hears of that as well', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ disk, queue: IDS })
  t.strictSame(send(house, 'a'), ['took 0'])
  disk.failNext('write', /topics/)
  t.strictSame(send(house, 'b', 'b', 'c'), ['failed -1', 'failed -1', 'failed -1'])
})

both('of too many the oldest is forgotten, and counted', async (t, options) => {
  const house = new QueueHouse({ ...options(), queue: { ...IDS, dedupeMaxIds: 3 } })
  t.strictSame(send(house, 'a', 'b', 'c', 'd'), ['took 0', 'took 1', 'took 2', 'took 3'])
  t.strictSame(send(house, 'b', 'a'), ['has 1', 'took 4'])
  t.match(house.queue.report(), { forgottenIds: 2, duplicates: 1 })
  house.open()
  t.strictSame(send(house, 'a', 'b'), ['has 4', 'took 5'])
  t.match(house.queue.report(), { forgottenIds: 3, duplicates: 2 })
})

/** A number after another, the same each time. */
class Chance {
  #state: number
  constructor(seed: number) {
    this.#state = seed | 1
  }
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0
    return (this.#state >>> 8) % limit
  }
}

class Died extends Error {}

const POINTS = [
  FAULT_POINT.beforeCommit,
  FAULT_POINT.betweenWindowAndRing,
  FAULT_POINT.betweenRingAndReceipt,
  FAULT_POINT.betweenAckAndFree,
  FAULT_POINT.settledWritten,
  FAULT_POINT.segmentWritten,
  FAULT_POINT.journalWritten,
  FAULT_POINT.settledCut,
]

/** Messages of few ids, and hosts, processes and power that end; each answer is judged by those before it. */
class Play {
  readonly #chance: Chance
  readonly #options: HouseOptions
  #disk: MemoryDisk | null
  #house: QueueHouse
  #deadly = 0
  #isProcess = false
  #seen = 0
  /** Offset of the one that was taken, for sure. */
  readonly #places = new Map<string, number>()
  /** Offsets that were receipted as taken. */
  readonly #taken = new Map<number, string>()
  readonly found: string[] = []
  readonly counts = { deaths: 0, processes: 0, losses: 0, took: 0, has: 0 }

  constructor(seed: number, options: HouseOptions, isOnDisk: boolean) {
    this.#chance = new Chance(seed)
    this.#disk = isOnDisk ? new MemoryDisk() : null
    this.#options = { windowBytes: 16_384, letterBytes: 16_384, segmentBytes: 16_384, ...options }
    this.#house = this.#open()
  }

  #open(): QueueHouse {
    const house = new QueueHouse({
      ...this.#options,
      ...(this.#disk === null ? {} : { disk: this.#disk }),
      fault: point => {
        if (point !== this.#deadly) return
        this.#deadly = 0
        throw new Died()
      },
    })
    house.attach(4)
    this.#seen = 0
    return house
  }

  #host(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof Died)) throw error
      if (this.#isProcess && this.#disk !== null) this.#endProcess(false)
      else {
        this.counts.deaths++
        this.#house.open()
      }
    }
    this.#judge()
  }

  #judge(): void {
    const { answers } = this.#house
    for (; this.#seen < answers.length; this.#seen++) {
      const { id, how, offset } = answers[this.#seen] as HouseAnswer
      this.#answered(id, offset, how)
    }
  }

  #answered(id: string, offset: number, how: HouseAnswer['how']): void {
    const before = this.#places.get(id)
    if (how === 'took') {
      this.counts.took++
      if (before !== undefined) this.found.push(`${id} was taken at ${before}, and again at ${offset}`)
      if (this.#taken.has(offset)) this.found.push(`${id} is at ${offset}, as ${this.#taken.get(offset)} is`)
      this.#taken.set(offset, id)
    } else if (how === 'has') {
      this.counts.has++
      // The receipt of the first may have been lost.
      if (before !== undefined && before !== offset)
        this.found.push(`${id} was taken at ${before}, and is at ${offset}`)
      const other = this.#taken.get(offset)
      if (other !== undefined && other !== id) this.found.push(`${id} is told to be at ${offset}, where ${other} is`)
    } else this.found.push(`${id} is answered with ${how}`)
    this.#places.set(id, offset)
  }

  #endProcess(power: boolean): void {
    this.counts.processes++
    this.#judge()
    if (power) {
      this.counts.losses++
      this.#disk = (this.#disk as MemoryDisk).losePower(() => this.#chance.below(1_000) / 1_000)
      // At `os` the power takes messages, and their ids with them.
      if (this.#options.durability !== 'fsync') {
        this.#places.clear()
        this.#taken.clear()
      }
    }
    this.#deadly = 0
    this.#house = this.#open()
  }

  step(): void {
    const { consumers } = this.#house
    const roll = this.#chance.below(1_000)
    const end = consumers[0] as ConsumerEnd
    if (roll < 400) this.#send()
    else if (roll < 700) this.#host(() => this.#house.pass())
    else if (roll < 710) {
      this.counts.deaths++
      this.#house.open()
      this.#judge()
    } else if (roll < 760) {
      this.#deadly = POINTS[this.#chance.below(POINTS.length)] as number
      this.#isProcess = this.#chance.below(3) === 0
    } else if (roll < 765 && this.#disk !== null) this.#endProcess(this.#chance.below(2) === 0)
    else if (roll < 770 && this.#disk !== null) this.#host(() => this.#house.queue.confirm(end.place.cursor))
    else {
      end.take()
      const delivery = end.begin()
      if (delivery !== null) end.end(delivery, 'ack')
      end.claims.publish()
    }
  }

  #send(): void {
    for (let left = 1 + this.#chance.below(4); left > 0; left--) {
      const id = `order ${this.#chance.below(60)}`
      const bytes = 1 + this.#chance.below(300)
      if (this.#house.send({ value: Buffer.alloc(bytes), id }) === 0) return
    }
  }
}

function plays(options: HouseOptions, isOnDisk: boolean, numRuns: number): Play['counts'] {
  const sum = { deaths: 0, processes: 0, losses: 0, took: 0, has: 0 }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 30 }), seed => {
      const play = new Play(seed, { queue: IDS, ...options }, isOnDisk)
      for (let step = 0; step < 400; step++) play.step()
      for (const name of ['deaths', 'processes', 'losses', 'took', 'has'] as const) sum[name] += play.counts[name]
      if (play.found.length > 0) throw new Error(play.found.slice(0, 3).join('; '))
    }),
    { numRuns },
  )
  return sum
}

t.test('in memory: whatever hosts die of, of each id one message is taken', async t => {
  const counts = plays({}, false, 40)
  t.ok(counts.deaths > 200 && counts.took > 500 && counts.has > 2_000, JSON.stringify(counts))
})

for (const durability of ['os', 'fsync'] as const)
  t.test(
    `at ${durability}: whatever hosts, processes and the power die of, of each id one message is taken`,
    async t => {
      const counts = plays({ durability }, true, 30)
      const { deaths, processes, losses, took, has } = counts
      t.ok(deaths > 60 && processes > 60 && losses > 15 && took > 500 && has > 1_000, JSON.stringify(counts))
    },
  )
