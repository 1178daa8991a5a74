/** Ids of a queue over deaths of hosts and processes, and losses of power: of the messages of one id one is taken. */
import t from 'tap'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { drawn } from '../proof/fixtures/portion.fixture.ts'
import { Chance } from '../proof/sim/chance.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import { type ConsumerEnd, type HouseAnswer, type HouseOptions, QueueHouse } from './queue-house.fixture.ts'

const IDS: Partial<QueueShape> = { dedupeMs: 3_600_000, dedupeMaxIds: 1_000 }

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

function plays(options: HouseOptions, isOnDisk: boolean, seeds: Iterable<number>): Play['counts'] {
  const sum = { deaths: 0, processes: 0, losses: 0, took: 0, has: 0 }
  for (const seed of seeds) {
    const play = new Play(seed, { queue: IDS, ...options }, isOnDisk)
    for (let step = 0; step < 400; step++) play.step()
    for (const name of ['deaths', 'processes', 'losses', 'took', 'has'] as const) sum[name] += play.counts[name]
    if (play.found.length > 0) throw new Error(`seed ${seed}: ${play.found.slice(0, 3).join('; ')}`)
  }
  return sum
}

const SEEDS = 160

t.test('in memory: whatever hosts die of, of each id one message is taken', async t => {
  const seeds = [...drawn(SEEDS)]
  const { deaths, took, has } = plays({}, false, seeds)
  t.ok(Math.min(deaths / 2, took / 5, has / 20) > seeds.length, `${seeds.length}: ${deaths}, ${took}, ${has}`)
})

for (const [salt, durability] of (['os', 'fsync'] as const).entries())
  t.test(
    `at ${durability}: whatever hosts, processes and the power die of, of each id one message is taken`,
    async t => {
      const seeds = [...drawn(SEEDS, 1 + salt)]
      const counts = plays({ durability }, true, seeds)
      const { deaths, processes, losses, took, has } = counts
      const least = Math.min(deaths, processes, 8 * losses, took / 5, has / 20)
      t.ok(least > seeds.length, `${seeds.length}: ${JSON.stringify(counts)}`)
    },
  )
