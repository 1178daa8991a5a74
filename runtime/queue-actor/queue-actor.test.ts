/** A queue's actor over its own memory: messages in and out, their ends, and whatever its host dies of. */

import fc from 'fast-check'
import t from 'tap'
import type { TakenDelivery } from '../link/delivery-fetch.ts'
import type { HostLink } from '../link/host-link.ts'
import type { SettleHow } from '../link/link.ts'
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

function sendAll(house: QueueHouse, count: number, bytes = 40): void {
  for (let id = 0; id < count; id++) house.send({ value: value(id, bytes) })
  house.pass()
}

t.test('messages go out in their order, as many as are wanted, and come with their bytes', async t => {
  const house = new QueueHouse()
  sendAll(house, 5)
  const end = house.attach(3)
  house.pass()
  end.take()
  t.strictSame(
    end.waiting.map(({ offset, deliveryAttempt, failedAttempts }) => [offset, deliveryAttempt, failedAttempts]),
    [
      [0, 1, 0],
      [1, 1, 0],
      [2, 1, 0],
    ],
  )
  t.strictSame(
    end.waiting.map(delivery => idOf(end, delivery)),
    [0, 1, 2],
  )
  const first = end.begin() as TakenDelivery
  end.end(first, 'ack')
  end.claims.publish()
  house.pass()
  end.take()
  t.strictSame(
    end.waiting.map(({ offset }) => offset),
    [1, 2, 3],
  )
  t.match(house.queue.report(), { accepted: 5, acked: 1, unacked: 3, ready: 1, consumers: 1 })
  t.strictSame(house.receipts, [0, 1, 2, 3, 4])
})

t.test('what comes back stands where it stood; what was not begun was no hand-out', async t => {
  const house = new QueueHouse()
  sendAll(house, 4)
  const end = house.attach(4)
  house.pass()
  end.take()
  const [first, second] = [end.begin(), end.begin()] as TakenDelivery[]
  end.end(second as TakenDelivery, 'release')
  end.yield()
  end.claims.publish()
  house.pass()
  end.take()
  t.strictSame(
    end.waiting.map(({ offset, deliveryAttempt, failedAttempts }) => [offset, deliveryAttempt, failedAttempts]),
    [
      [1, 2, 0],
      [2, 1, 0],
      [3, 1, 0],
    ],
  )
  end.end(first as TakenDelivery, 'ack')
  end.claims.publish()
  house.pass()
  t.match(house.queue.report(), { acked: 1, unacked: 3 })
})

t.test(
  'a message that fails comes again, and is a dead letter at its last failure; a rejected one at once',
  async t => {
    const house = new QueueHouse({ policy: { attempts: 2 } })
    sendAll(house, 2)
    const end = house.attach(4)
    house.pass()
    end.take()
    end.end(end.begin() as TakenDelivery, 'failed')
    end.end(end.begin() as TakenDelivery, 'rejected')
    end.claims.publish()
    house.pass()
    end.take()
    t.match(end.waiting, [{ offset: 0, deliveryAttempt: 2, failedAttempts: 1 }])
    end.end(end.begin() as TakenDelivery, 'timeout')
    end.claims.publish()
    house.pass()
    t.strictSame(house.letterOffsets(), [0, 1])
    t.match(house.queue.report(), { deadLettered: 2, ready: 0, unacked: 0, acked: 0, failures: 3, deadLetterDepth: 2 })
    house.open()
    t.match(house.queue.report(), { deadLettered: 2, failures: 3 }, 'a successor knows')
    t.strictSame(house.told, ['failed 0 1', 'dead 1 rejected', 'dead 0 timeout'])
  },
)

t.test('a message that comes back again and again is told, and goes on', async t => {
  const house = new QueueHouse()
  sendAll(house, 1)
  const end = house.attach(1)
  for (let left = 200; left > 0; left--) {
    house.pass()
    end.take()
    end.end(end.begin() as TakenDelivery, 'release')
    end.claims.publish()
  }
  house.pass()
  t.strictSame(house.told, ['looping 1.0 100', 'looping 1.0 200'])
  end.take()
  t.match(end.waiting, [{ deliveryAttempt: 201, failedAttempts: 0 }])
})

t.test('a crash is charged to the one on the stack, or to the only one begun; of several they go alone', async t => {
  let house = new QueueHouse()
  sendAll(house, 6)
  const begin = (end: ConsumerEnd, count: number): TakenDelivery[] => {
    house.pass()
    end.take()
    return Array.from({ length: count }, () => end.begin() as TakenDelivery)
  }
  const first = house.attach(3)
  const [, stack] = begin(first, 2)
  first.stack((stack as TakenDelivery).tag)
  house.close(first, CRASH)
  house.pass()
  t.match(house.queue.report(), { failures: 1 })
  const second = house.attach(6)
  begin(second, 1)
  house.close(second, { ...CRASH, executing: false })
  t.match(house.queue.report(), { failures: 2 })
  house = new QueueHouse()
  sendAll(house, 6)
  const third = house.attach(6)
  begin(third, 3)
  house.close(third, { ...CRASH, executing: false })
  t.match(house.queue.report(), { failures: 0, ready: 6 }, 'nobody can tell')
  const fourth = house.attach(6)
  begin(fourth, 0)
  t.equal(fourth.waiting.length, 1, 'a suspect goes alone')
  t.match(fourth.waiting, [{ flags: 1 }])
})

t.test('a consumer that is fenced and lives begins nothing more', async t => {
  const house = new QueueHouse()
  sendAll(house, 3)
  const fenced = house.attach(3)
  house.pass()
  fenced.take()
  const held = fenced.begin() as TakenDelivery
  house.close(fenced, null)
  t.equal(fenced.begin(), null)
  t.equal(fenced.begin(), null)
  fenced.end(held, 'ack')
  fenced.claims.publish()
  house.pass()
  t.match(house.queue.report(), { ready: 3, acked: 0 }, 'what it says later counts for nothing')
})

t.test('a record that is larger than the ring goes in pieces, and its bytes are the same', async t => {
  const house = new QueueHouse()
  house.send({ value: value(1, 7_900) })
  house.send({ value: value(2, 40) })
  house.pass()
  const end = house.attach(4)
  for (let left = 10; left > 0; left--) {
    house.pass()
    end.take()
  }
  t.strictSame(
    end.waiting.map(delivery => idOf(end, delivery)),
    [1, 2],
  )
  const [large] = end.waiting as [TakenDelivery]
  const record = end.bytesOf.get(large) as Buffer
  t.same(record.subarray(record.length - 7_900), value(1, 7_900))
})

t.test('a host that dies with half of a record sent sends it again', async t => {
  const house = new QueueHouse()
  house.send({ value: value(1, 7_900) })
  house.pass()
  const end = house.attach(4)
  house.pass()
  end.take()
  house.open()
  for (let left = 10; left > 0; left--) {
    house.pass()
    end.take()
  }
  t.match(end.waiting, [{ offset: 0, deliveryAttempt: 1 }])
  t.equal(end.bytesOf.get(end.waiting[0] as TakenDelivery)?.length, 7_916)
})

t.test('an old message that is out does not stop the window', async t => {
  const house = new QueueHouse()
  sendAll(house, 1)
  const slow = house.attach(1)
  house.pass()
  slow.take()
  const held = slow.begin() as TakenDelivery
  const fast = house.attach(100)
  for (let id = 1; id < 2_000; id++) {
    house.send({ value: value(id, 200) })
    house.pass()
    fast.take()
    while (fast.waiting.length > 0) fast.end(fast.begin() as TakenDelivery, 'ack')
    fast.claims.publish()
    if (id % 500 === 0) house.open()
  }
  house.pass()
  t.match(house.queue.report(), { accepted: 2_000, acked: 1_999, unacked: 1 })
  slow.end(held, 'failed')
  slow.claims.publish()
  house.pass()
  fast.take()
  t.match(fast.waiting, [{ offset: 0, deliveryAttempt: 2, failedAttempts: 1 }])
  t.equal(idOf(fast, fast.waiting[0] as TakenDelivery), 0)
})

t.test('bounds are exact: wait', async t => {
  const house = new QueueHouse({ queue: { maxMessages: 3 } })
  sendAll(house, 5)
  t.strictSame(house.receipts, [0, 1, 2])
  const end = house.attach(1)
  house.pass()
  end.take()
  end.end(end.begin() as TakenDelivery, 'ack')
  end.claims.publish()
  house.pass()
  t.strictSame(house.receipts, [0, 1, 2, 3])
  t.match(house.queue.report(), { accepted: 4, acked: 1 })
})

t.test('bounds are exact: reject', async t => {
  const house = new QueueHouse({ queue: { maxMessages: 3, onFull: 'reject' } })
  sendAll(house, 5)
  t.strictSame(house.receipts, [0, 1, 2, -1, -1])
})

t.test('who has a queue with one active consumer keeps it when the host dies, also while it holds nothing', async t => {
  const house = new QueueHouse({ queue: { singleActive: true } })
  const first = house.attach(1)
  const higher = house.attach(1, 5)
  house.open()
  sendAll(house, 1)
  for (const end of [first, higher]) end.take()
  t.strictSame([first.waiting.length, higher.waiting.length], [1, 0])
  house.close(first, null)
  house.attach(1, 9)
  house.open()
  house.pass()
  higher.take()
  t.equal(higher.waiting.length, 1, 'the next one has it, and who came later has not')
})

t.test('one consumer too many is refused, and changes nothing', async t => {
  const house = new QueueHouse()
  const { place } = house.attach(1)
  const link = { wake: () => undefined } as unknown as HostLink
  const shape = place.consumer as NonNullable<typeof place.consumer>
  for (let more = 1; more < 4_096; more++) house.queue.openSlot({ ...place, cursor: 10_000 + more }, shape, link)
  t.throws(() => house.queue.openSlot({ ...place, cursor: 20_000 }, shape, link), { code: 'MILL_OUT_OF_RANGE' })
  t.strictSame([house.queue.report().consumers, [...house.queue.cursors()].includes(20_000)], [4_096, false])
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

t.test('whatever producers, consumers and the host do or die of: nothing lost, nothing twice, all counted', async t => {
  let deaths = 0
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 30 }), seed => {
      const play = new Play(seed)
      for (let step = 0; step < 1_000; step++) play.step()
      play.finish()
      deaths += play.deaths
      if (play.found.length > 0) throw new Error(play.found.slice(0, 3).join('; '))
    }),
    { numRuns: 40 },
  )
  t.ok(deaths > 300, `the host died ${deaths} times`)
})
