/** A queue on disk over the deaths of its host, of its process, and of the power: nothing lost, nothing back that was confirmed. */

import t from 'tap'
import type { TakenDelivery } from '../link/delivery-fetch.ts'
import type { SettleHow } from '../link/link.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { drawn } from '../proof/fixtures/portion.fixture.ts'
import { Chance } from '../proof/sim/chance.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import { type ConsumerEnd, type HouseOptions, QueueHouse } from './queue-house.fixture.ts'

const CRASH: SlotCrash = {
  reason: 'crashed',
  error: { name: 'Error', message: 'gone', retriable: false },
  executing: false,
}

/** The number stands at the end, wherever the value begins. */
function value(id: number, bytes = 40): Uint8Array {
  const made = Buffer.alloc(Math.max(8, bytes), id & 0xff)
  made.writeUInt32LE(id, made.length - 4)
  return made
}

function idOf(end: ConsumerEnd, delivery: TakenDelivery): number {
  const record = end.bytesOf.get(delivery) as Buffer
  return record.readUInt32LE(record.length - 4)
}

class Died extends Error {}

const POINTS = [
  FAULT_POINT.betweenAckAndFree,
  FAULT_POINT.beforeDeliveries,
  FAULT_POINT.betweenDeadLetterAndVerdict,
  FAULT_POINT.settledWritten,
  FAULT_POINT.segmentWritten,
  FAULT_POINT.journalWritten,
]

/** Producers, consumers, and hosts, processes and power that end, with what should be true of each message. */
class Play {
  readonly #chance: Chance
  readonly #options: HouseOptions
  #disk = new MemoryDisk()
  #house: QueueHouse
  /** The point at which the host dies next; 0: at none. */
  #deadly = 0
  /** Whether its process dies with it. */
  #isProcess = false
  readonly #holder = new Map<number, ConsumerEnd>()
  readonly #acked = new Set<number>()
  readonly #confirmed = new Set<number>()
  /** Also those whose acks ended with their process, and may have been written down. */
  readonly #everAcked = new Set<number>()
  /** Messages that were receipted, since the power was lost last. */
  readonly #promised = new Set<number>()
  /** Messages whose letters the process found. */
  #buried: ReadonlySet<number> = new Set()
  #waiting: number[] = []
  readonly #answered = new Set<number>()
  #sent = 0
  deaths = 0
  processes = 0
  losses = 0
  readonly found: string[] = []

  constructor(seed: number, options: HouseOptions) {
    this.#chance = new Chance(seed)
    this.#options = { windowBytes: 16_384, letterBytes: 16_384, segmentBytes: 16_384, ...options }
    this.#house = this.#open()
  }

  #open(): QueueHouse {
    const house = new QueueHouse({
      ...this.#options,
      disk: this.#disk,
      fault: point => {
        if (point !== this.#deadly) return
        this.#deadly = 0
        throw new Died()
      },
    })
    house.attach(4)
    this.#buried = new Set(lettersOf(house))
    return house
  }

  /** Something that the host does; it may die of it. */
  #host(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof Died)) throw error
      if (this.#isProcess) this.#endProcess(false)
      else {
        this.deaths++
        this.#house.open()
      }
    }
    this.#take()
  }

  /** One receipt for each message: it was sent in a frame of its own. */
  #take(): void {
    const { receipts } = this.#house
    for (const offset of receipts.splice(0)) {
      // A successor repeats the receipts of the last append.
      if (this.#answered.has(offset)) continue
      this.#answered.add(offset)
      const id = this.#waiting.shift() as number
      if (offset >= 0) this.#promised.add(id)
    }
  }

  /** Consumers and memory are gone; with `power`, also what was not synced. */
  #endProcess(power: boolean): void {
    this.processes++
    this.#take()
    if (power) {
      this.losses++
      this.#disk = this.#disk.losePower(() => this.#chance.below(1_000) / 1_000)
      this.#promised.clear()
      this.#answered.clear()
      this.#confirmed.clear()
    }
    this.#waiting = []
    this.#holder.clear()
    // What was acked and not confirmed may come again.
    this.#acked.clear()
    for (const id of this.#confirmed) this.#acked.add(id)
    this.#deadly = 0
    this.#house = this.#open()
  }

  step(): void {
    const { consumers } = this.#house
    const roll = this.#chance.below(1_000)
    const end = consumers[this.#chance.below(Math.max(1, consumers.length))]
    if (roll < 200) this.#send()
    else if (roll < 400) this.#host(() => this.#house.pass())
    else if (roll < 410) {
      this.deaths++
      this.#house.open()
    } else if (roll < 450) {
      this.#deadly = POINTS[this.#chance.below(POINTS.length)] as number
      this.#isProcess = this.#chance.below(4) === 0
    } else if (roll < 454) this.#endProcess(false)
    else if (roll < 456 && this.#chance.below(2) === 0) this.#endProcess(true)
    else if (end === undefined || roll < 490) {
      if (consumers.length < 4) this.#house.attach(1 + this.#chance.below(8), this.#chance.below(2))
    } else if (roll < 505) this.#end(end)
    else if (roll < 540) this.#confirm(end)
    else this.#consume(end)
  }

  #send(): void {
    for (let left = 1 + this.#chance.below(3); left > 0; left--) {
      const id = this.#sent++
      const bytes = this.#chance.below(40) === 0 ? 6_000 : 8 + this.#chance.below(200)
      const priority = this.#chance.below(3) === 0 ? this.#chance.below(4) : 0
      if (this.#house.send({ value: value(id, bytes), priority }) > 0) this.#waiting.push(id)
    }
  }

  /** All that this consumer has acked so far is kept for good. */
  #confirm(end: ConsumerEnd): void {
    const house = this.#house
    const acked = [...this.#acked].filter(id => this.#ackedBy.get(id) === end)
    end.claims.publish()
    this.#host(() => {
      house.links(end)
      house.queue.confirm(end.place.cursor)
      for (const id of acked) this.#confirmed.add(id)
    })
  }

  readonly #ackedBy = new Map<number, ConsumerEnd>()

  #end(end: ConsumerEnd): void {
    const house = this.#house
    const isCrash = this.#chance.below(2) === 0
    const held = [...end.begun]
    if (!isCrash) {
      end.yield()
      for (const delivery of held) end.end(delivery, 'release')
    }
    for (const delivery of held) this.#holder.delete(idOf(end, delivery))
    // The control thread calls again until it is answered.
    while (house === this.#house && house.consumers.includes(end))
      this.#host(() => house.close(end, isCrash ? CRASH : null))
  }

  #consume(end: ConsumerEnd): void {
    end.take()
    const kind = this.#chance.below(10)
    if (kind < 5) {
      const delivery = end.begin(this.#chance.below(Math.max(1, end.waiting.length)))
      if (delivery === null) return
      const id = idOf(end, delivery)
      if (this.#holder.has(id)) this.found.push(`${id} is held twice`)
      if (this.#acked.has(id)) this.found.push(`${id} comes after its end`)
      if (this.#buried.has(id)) this.found.push(`${id} has a letter, and comes`)
      const record = end.bytesOf.get(delivery) as Buffer
      if (record.subarray(-30, -4).some(byte => byte !== (id & 0xff) && record.length > 60))
        this.found.push(`${id} has other bytes`)
      this.#holder.set(id, end)
      return
    }
    if (kind === 5) {
      end.yield()
      end.claims.publish()
      return
    }
    const delivery = end.begun[this.#chance.below(Math.max(1, end.begun.length))]
    if (delivery === undefined) return
    const id = idOf(end, delivery)
    const how = (['ack', 'ack', 'ack', 'release', 'failed', 'rejected'] as const)[this.#chance.below(6)] as
      | 'ack'
      | 'release'
      | SettleHow
    this.#holder.delete(id)
    if (how === 'ack') {
      this.#acked.add(id)
      this.#everAcked.add(id)
      this.#ackedBy.set(id, end)
    }
    end.end(delivery, how)
    if (this.#chance.below(3) > 0) end.claims.publish()
  }

  /** All is drained: each message that was promised was acked, or is one dead letter. */
  finish(): void {
    this.#deadly = 0
    while (this.#house.consumers.length > 0) this.#end(this.#house.consumers[0] as ConsumerEnd)
    const house = this.#house
    const end = house.attach(16)
    for (let left = 10_000; left > 0; left--) {
      this.#host(() => house.pass())
      end.take()
      if (end.waiting.length === 0 && !end.reader.mayHaveStopped) break
      for (let delivery = end.begin(); delivery !== null; delivery = end.begin()) {
        const id = idOf(end, delivery)
        if (this.#acked.has(id)) this.found.push(`${id} comes after its end`)
        this.#acked.add(id)
        this.#everAcked.add(id)
        end.end(delivery, 'ack')
      }
      end.claims.publish()
    }
    house.pass()
    const letters = house.letterOffsets()
    if (new Set(lettersOf(house)).size !== letters.length) this.found.push(`a letter was written twice: ${letters}`)
    const { accepted, acked, deadLettered, dropped, ready, unacked, retrying, bytes } = house.queue.report()
    if (this.losses === 0) {
      const lost = [...this.#promised].filter(id => !this.#everAcked.has(id)).length
      if (lost > letters.length) this.found.push(`${lost} are nowhere, and ${letters.length} are letters`)
      if (letters.length !== deadLettered) this.found.push(`${letters.length} letters, and ${deadLettered} are said`)
    }
    if (accepted !== acked + deadLettered + dropped)
      this.found.push(`${accepted} accepted, ${acked} acked, ${deadLettered} dead, ${dropped} dropped`)
    if (ready + unacked + retrying + bytes !== 0)
      this.found.push(`${ready} ready, ${unacked} out, ${retrying} wait, ${bytes} bytes`)
  }
}

function lettersOf(house: QueueHouse): number[] {
  return house.letterValues().map(bytes => bytes.readUInt32LE(bytes.length - 4))
}

function plays(options: HouseOptions, seeds: Iterable<number>): { deaths: number; processes: number; losses: number } {
  const sum = { deaths: 0, processes: 0, losses: 0 }
  for (const seed of seeds) {
    const play = new Play(seed, options)
    for (let step = 0; step < 1_000; step++) play.step()
    play.finish()
    sum.deaths += play.deaths
    sum.processes += play.processes
    sum.losses += play.losses
    if (play.found.length > 0) throw new Error(`seed ${seed}: ${play.found.slice(0, 3).join('; ')}`)
  }
  return sum
}

const SEEDS = 80

// Source: https://github.com/nats-io/nats-server/issues/7384
// Source: https://github.com/nats-io/nats-server/issues/8456
t.test('whatever hosts, processes and the power die of: nothing lost, nothing back that was confirmed', async t => {
  const seeds = [...drawn(SEEDS)]
  const { deaths, processes, losses } = plays({}, seeds)
  const told = `${deaths} hosts, ${processes} processes, ${losses} losses in ${seeds.length}`
  t.ok(Math.min(deaths, processes) > 2 * seeds.length && losses > 0, told)
})

t.test('the same of a queue with one priority', async t => {
  const seeds = [...drawn(SEEDS / 2, 1)]
  const { deaths, processes } = plays({ queue: { priorities: 1 } }, seeds)
  t.ok(Math.min(deaths, processes) > seeds.length, `${deaths} hosts, ${processes} processes in ${seeds.length}`)
})
