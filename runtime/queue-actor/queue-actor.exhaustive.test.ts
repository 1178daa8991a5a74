/** A queue's actor over its own memory, with producers, consumers, and a host that dies at any point. */
import t from 'tap'
import type { TakenDelivery } from '../link/delivery-fetch.ts'
import type { SettleHow } from '../link/link.ts'
import { drawn } from '../proof/fixtures/portion.fixture.ts'
import { Chance } from '../proof/sim/chance.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { type ConsumerEnd, type HouseOptions, QueueHouse } from './queue-house.fixture.ts'

const CRASH: SlotCrash = {
  reason: 'crashed',
  error: { name: 'Error', message: 'gone', retriable: false },
  executing: true,
}

function value(id: number, bytes = 40): Uint8Array {
  const made = Buffer.alloc(Math.max(8, bytes), id & 0xff)
  made.writeUInt32LE(id, 0)
  return made
}

function idOf(end: ConsumerEnd, delivery: TakenDelivery): number {
  const record = end.bytesOf.get(delivery) as Buffer
  return record.readUInt32LE(16)
}

class Died extends Error {}

/** Producers, consumers and a host that dies, with what should be true of each message. */
class Play {
  readonly #chance: Chance
  readonly #house: QueueHouse
  readonly #attempts = 4
  /** The fault point at which the host dies next; 0: at none. */
  #deadly = 0
  readonly #holder = new Map<number, ConsumerEnd>()
  readonly #acked = new Set<number>()
  readonly #rejected = new Set<number>()
  readonly #failures = new Map<number, number>()
  #sent = 0
  deaths = 0
  readonly found: string[] = []

  constructor(seed: number, options: HouseOptions = {}) {
    this.#chance = new Chance(seed)
    this.#house = new QueueHouse({
      windowBytes: 32_768,
      letterBytes: 2 ** 20,
      ...options,
      policy: { attempts: this.#attempts, ...options.policy },
      fault: point => {
        if (point !== this.#deadly) return
        this.#deadly = 0
        throw new Died()
      },
    })
    this.#house.attach(4)
  }

  /** Something that the host does; it may die of it. */
  #host(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof Died)) throw error
      this.deaths++
      this.#house.open()
    }
  }

  step(): void {
    const { consumers } = this.#house
    const roll = this.#chance.below(100)
    const end = consumers[this.#chance.below(Math.max(1, consumers.length))]
    if (roll < 20) this.#send()
    else if (roll < 40) this.#host(() => this.#house.pass())
    else if (roll < 42) this.#die()
    else if (roll < 46) this.#deadly = [20, 21, 22, 23, 4][this.#chance.below(5)] as number
    else if (end === undefined || roll < 49) {
      if (consumers.length < 4)
        this.#house.attach(1 + this.#chance.below(8), this.#chance.below(2), 4_096 << this.#chance.below(3))
    } else if (roll < 51) this.#end(end)
    else for (let times = 1 + this.#chance.below(4); times > 0; times--) this.#consume(end)
    for (const each of consumers) {
      const has = each.waiting.length + each.begun.length
      if (has > (each.place.consumer?.prefetch ?? 0)) this.found.push(`${has} are out at a consumer`)
    }
  }

  #send(): void {
    const count = 1 + this.#chance.below(6)
    const bytes = (): number => (this.#chance.below(80) === 0 ? 5_000 : 8 + this.#chance.below(80))
    const from = this.#sent
    const values = Array.from({ length: count }, (_, at) => ({ value: value(from + at, bytes()) }))
    this.#sent += this.#house.send(...values)
  }

  #die(): void {
    this.deaths++
    this.#house.open()
  }

  #end(end: ConsumerEnd): void {
    const isCrash = this.#chance.below(2) === 0
    const held = [...end.begun]
    if (!isCrash) {
      end.yield()
      for (const delivery of held) end.end(delivery, 'release')
    }
    const failed = isCrash && held.length === 1 ? held[0] : undefined
    for (const delivery of held) this.#holder.delete(idOf(end, delivery))
    if (failed !== undefined) this.#failed(idOf(end, failed))
    const crash = isCrash ? { ...CRASH, executing: false } : null
    // The control thread calls again until it is answered.
    while (this.#house.consumers.includes(end)) this.#host(() => this.#house.close(end, crash))
  }

  #failed(id: number): void {
    this.#failures.set(id, (this.#failures.get(id) ?? 0) + 1)
  }

  #consume(end: ConsumerEnd): void {
    end.take()
    const kind = this.#chance.below(10)
    if (kind < 5) {
      const delivery = end.begin(this.#chance.below(Math.max(1, end.waiting.length)))
      if (delivery === null) return
      const id = idOf(end, delivery)
      if (this.#holder.has(id)) this.found.push(`${id} is held twice`)
      if (this.#acked.has(id) || this.#rejected.has(id)) this.found.push(`${id} comes after its end`)
      const failures = this.#failures.get(id) ?? 0
      if (delivery.failedAttempts !== failures)
        this.found.push(`${id} failed ${failures} times, and says ${delivery.failedAttempts}`)
      const record = end.bytesOf.get(delivery) as Buffer
      if (record.subarray(20).some(byte => byte !== (id & 0xff))) this.found.push(`${id} has other bytes`)
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
    if (how === 'ack') this.#acked.add(id)
    if (how === 'rejected') this.#rejected.add(id)
    if (how === 'failed' || how === 'rejected') this.#failed(id)
    end.end(delivery, how)
    if (this.#chance.below(3) > 0) end.claims.publish()
  }

  /** All is drained: each message was acked once, or is one dead letter. */
  finish(): void {
    this.#deadly = 0
    const house = this.#house
    while (house.consumers.length > 0) this.#end(house.consumers[0] as ConsumerEnd)
    const end = house.attach(16)
    for (let left = 5_000; left > 0; left--) {
      house.pass()
      end.take()
      if (end.waiting.length === 0 && !end.reader.mayHaveStopped) break
      for (let delivery = end.begin(); delivery !== null; delivery = end.begin()) {
        const id = idOf(end, delivery)
        if (this.#acked.has(id) || this.#rejected.has(id)) this.found.push(`${id} comes after its end`)
        this.#acked.add(id)
        end.end(delivery, 'ack')
      }
      end.claims.publish()
    }
    house.pass()
    const letters = house.letterOffsets().length
    const dead = new Set(this.#rejected)
    for (const [id, failures] of this.#failures) if (failures >= this.#attempts) dead.add(id)
    if (letters !== dead.size) this.found.push(`${letters} letters, and ${dead.size} died`)
    if (this.#acked.size + dead.size !== this.#sent)
      this.found.push(`${this.#acked.size} acked and ${dead.size} dead of ${this.#sent}`)
    const { accepted, acked, deadLettered, ready, unacked, bytes } = house.queue.report()
    const says = [accepted, acked, deadLettered, ready, unacked, bytes]
    const is = [this.#sent, this.#acked.size, dead.size, 0, 0, 0]
    if (String(says) !== String(is)) this.found.push(`the report says ${says}, and it is ${is}`)
  }
}

const SEEDS = 160

t.test('whatever producers, consumers and the host do or die of: nothing lost, nothing twice, all counted', async t => {
  const seeds = [...drawn(SEEDS)]
  let deaths = 0
  for (const seed of seeds) {
    const play = new Play(seed)
    for (let step = 0; step < 1_000; step++) play.step()
    play.finish()
    deaths += play.deaths
    if (play.found.length > 0) throw new Error(`seed ${seed}: ${play.found.slice(0, 3).join('; ')}`)
  }
  t.ok(deaths > 5 * seeds.length, `the host died ${deaths} times in ${seeds.length}`)
})
