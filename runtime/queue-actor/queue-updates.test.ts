/** Updates of a queue's messages at its host, in memory and on disk, on clocks that the test moves: over deaths of host and process. */
import t, { type Test } from 'tap'
import * as node from '../../actors/world.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { Chance } from '../proof/sim/chance.ts'
import type { AskedUpdate } from '../wire/queue-asks.ts'
import { type ConsumerEnd, QueueHouse, type SentValue } from './queue-house.fixture.ts'
import { StoredUpdates } from './stored-updates.ts'

let now = 1_000
let wall = 1_700_000_000_000
node.replaceWorld({ ...node, nowMs: () => now, wallMs: () => wall })

function later(ms: number): void {
  now += ms
  wall += ms
}

const NOTHING: AskedUpdate = { priority: null, dueMs: null, livesMs: null }
type Sent = Omit<SentValue, 'value'>

/** A queue of three priorities that goes on in another host, or in another process where it is on disk. */
class Line {
  readonly #disk: MemoryDisk | null
  readonly #queue: object
  house: QueueHouse

  constructor(isOnDisk: boolean, queue: object = {}) {
    this.#disk = isOnDisk ? new MemoryDisk() : null
    this.#queue = { priorities: 3, ...queue }
    this.house = this.#open()
  }

  #open(): QueueHouse {
    const options = { queue: this.#queue, capacity: 65_536, policy: { initialMs: 40, maxMs: 40 } }
    return new QueueHouse({ ...options, ...(this.#disk === null ? {} : { disk: this.#disk }) })
  }

  /** The host dies, and on disk its process, if that is asked for. */
  dies(withProcess: boolean): void {
    if (this.#disk === null || !withProcess) this.house.open()
    else this.house = this.#open()
    this.house.pass()
  }

  send(count: number, sent: Sent = {}): void {
    for (let at = 0; at < count; at++) this.house.send({ value: Buffer.alloc(24, at), ...sent })
    this.house.pass()
  }

  update(offset: number, asked: Partial<AskedUpdate>): string {
    const answer = this.house.queue.asks.update(offset, { ...NOTHING, ...asked })
    this.house.pass()
    return answer
  }

  /** Offsets of what a consumer gets now, in order; it goes without having begun any. */
  order(): number[] {
    const end = this.house.attach(500)
    this.house.pass()
    end.take()
    const offsets = end.waiting.map(({ offset }) => offset)
    end.yield()
    end.claims.publish()
    this.house.close(end, null)
    this.house.pass()
    return offsets
  }

  /** Each message, as it is seen: where it waits and why, and its priority. */
  seen(): unknown[] {
    const { messages } = this.house.queue.asks.browse(0, 1e9)
    return messages.map(({ offset, priority, sight }) => ({ offset, priority, sight }))
  }
}

function eachPlace(name: string, test: (t: Test, isOnDisk: boolean) => void): void {
  for (const isOnDisk of [false, true])
    t.test(`${name}, ${isOnDisk ? 'on disk' : 'in memory'}`, async t => test(t, isOnDisk))
}

for (const withProcess of [false, true]) {
  const died = withProcess ? 'the process' : 'the host'
  eachPlace(`priorities are as updated after the death of ${died}`, (t, isOnDisk) => {
    const line = new Line(isOnDisk)
    line.send(4)
    line.send(1, { priority: 1 })
    t.equal(line.update(3, { priority: 2 }), 'updated')
    t.equal(line.update(1, { priority: 2 }), 'updated')
    t.equal(line.update(4, { priority: 0 }), 'updated')
    t.strictSame(line.order(), [1, 3, 0, 2, 4])
    line.dies(withProcess)
    t.strictSame(line.order(), [1, 3, 0, 2, 4])
    t.match(line.house.queue.report(), { readyByPriority: [3, 0, 2] })
  })

  eachPlace(`times are as updated after the death of ${died}`, (t, isOnDisk) => {
    const line = new Line(isOnDisk)
    line.send(3)
    line.send(1, { delayMs: 500 })
    line.send(1, { ttlMs: 30 })
    line.update(0, { dueMs: now + 100 })
    line.update(3, { dueMs: now + 200, livesMs: 50 })
    line.update(4, { livesMs: Number.POSITIVE_INFINITY })
    line.update(2, { livesMs: 150 })
    t.strictSame(line.order(), [1, 2, 4])
    line.dies(withProcess)
    t.strictSame(line.order(), [1, 2, 4])
    later(100)
    t.strictSame(line.order(), [1, 2, 4, 0])
    line.dies(withProcess)
    later(50)
    t.strictSame(line.order(), [1, 4, 0], 'the third one has expired')
    t.match(line.house.queue.report(), { dying: 0, deadLettered: 1 })
    later(50)
    t.strictSame(line.order(), [1, 4, 0, 3])
    line.update(1, { dueMs: now })
    t.strictSame(line.order(), [1, 4, 0, 3], 'one that is ready is so already')
    later(50)
    t.strictSame(line.order(), [1, 4, 0], 'its time to live began when it was due')
  })

  eachPlace(`one that fell due and is put off is due again only then, after the death of ${died}`, (t, isOnDisk) => {
    const line = new Line(isOnDisk)
    line.send(2, { delayMs: 10 })
    line.send(1)
    later(10)
    t.strictSame(line.order(), [2, 0, 1])
    line.update(0, { dueMs: now + 60 })
    line.update(1, { priority: 1 })
    t.strictSame(line.order(), [1, 2])
    line.dies(withProcess)
    t.strictSame(line.order(), [1, 2])
    later(60)
    t.strictSame(line.order(), [1, 2, 0])
    line.update(0, { priority: 2 })
    line.dies(withProcess)
    line.send(1)
    t.strictSame(line.order(), [0, 1, 2, 3])
    line.update(0, { priority: 0 })
    line.dies(withProcess)
    t.strictSame(line.order(), [1, 2, 0, 3], 'it has the place at which it fell due')
  })
}

eachPlace(
  'a message that a consumer has in advance comes back for an update, and one that it has begun stays',
  (t, isOnDisk) => {
    const line = new Line(isOnDisk)
    line.send(3)
    const end = line.house.attach(3)
    line.house.pass()
    end.take()
    const begun = end.begin() as NonNullable<ReturnType<ConsumerEnd['begin']>>
    t.equal(line.update(begun.offset, { priority: 2 }), 'unacked')
    t.equal(line.update(2, { dueMs: now + 40 }), 'updated')
    t.equal(end.begin(1), null, 'it is not there any more')
    t.match(line.house.queue.asks.explain(2), { state: 'scheduled' })
    end.end(begun, 'ack')
    end.claims.publish()
    t.equal(line.update(begun.offset, { priority: 2 }), 'settled')
    t.equal(line.update(99, { priority: 2 }), 'unknown')
  },
)

eachPlace('a new delay leaves a message the time to live that it had', (t, isOnDisk) => {
  const line = new Line(isOnDisk)
  line.send(1, { ttlMs: 100 })
  line.send(1, { delayMs: 1_000, ttlMs: 100 })
  later(40)
  line.update(0, { dueMs: now + 200 })
  line.update(1, { dueMs: now })
  t.strictSame(line.order(), [1])
  later(99)
  t.strictSame(line.order(), [1])
  later(1)
  t.strictSame(line.order(), [])
  later(100)
  t.strictSame(line.order(), [0])
  later(59)
  t.strictSame(line.order(), [0])
  later(1)
  t.strictSame(line.order(), [])
})

t.test('beyond as many updated messages as can be kept an update is refused, until some are settled', async t => {
  const line = new Line(false)
  line.send(20)
  // 1,024 messages have room there: one of 64 may be updated, and one entry stays free.
  for (let offset = 0; offset < 15; offset++) t.equal(line.update(offset, { priority: 1 }), 'updated')
  t.throws(() => line.update(15, { priority: 1 }), { code: 'MILL_FULL' })
  t.match(line.seen()[15], { offset: 15, priority: 0 })
  for (const priority of [0, 1, 0, 2]) t.equal(line.update(3, { priority }), 'updated', 'it was updated before')
  t.equal(line.house.queue.asks.cancel(7), 'cancelled')
  t.equal(line.update(15, { priority: 1 }), 'updated')
  line.dies(false)
  t.match(line.seen()[3], { offset: 3, priority: 2 })
  t.throws(() => line.update(16, { priority: 1 }), { code: 'MILL_FULL' }, 'a successor counts them too')
})

t.test('on disk those that are settled are dropped when there is no room for more', async t => {
  const settled = new Set<number>()
  const updates = new StoredUpdates([], { nowMs: now, wallMs: wall }, offset => settled.has(offset), 3)
  for (const offset of [1, 2, 3]) {
    t.ok(updates.hasRoomFor(offset))
    updates.put(offset, { priority: 1, dueMs: null, expiresMs: null })
  }
  t.strictSame([updates.hasRoomFor(4), updates.hasRoomFor(2)], [false, true])
  t.equal(updates.take()?.updates.length, 3)
  t.equal(updates.take(), null)
  settled.add(2)
  t.ok(updates.hasRoomFor(4))
  t.equal(updates.of(2), null)
  t.match(updates.of(3), { priority: 1 })
})

/** Plays updates between sends, hand-outs, ends, waits and deaths: what is seen of each message is the same after a death. */
function play(isOnDisk: boolean, seed: number): string | null {
  const chance = new Chance(seed)
  const keys = chance.happens(0.4) ? { keyConcurrency: 1, keyOrder: chance.pick(['fifo', 'fair']) } : {}
  const line = new Line(isOnDisk, keys)
  let sent = 0
  for (let step = 0; step < 60; step++) {
    const roll = chance.below(10)
    if (roll < 2) {
      const times = chance.happens(0.3)
        ? { delayMs: chance.pick([5, 50]), ...(chance.happens(0.5) ? { ttlMs: 60 } : {}) }
        : {}
      line.send(2, { priority: chance.below(3), key: chance.pick(['a', 'b', 'c']), ...times })
      sent += 2
    } else if (roll < 6) {
      const dueMs = chance.happens(0.4) ? now + chance.pick([-1, 0, 10, 90]) : null
      const livesMs = chance.happens(0.3) ? chance.pick([30, 300, Number.POSITIVE_INFINITY]) : null
      const priority = chance.happens(0.6) ? chance.below(3) : null
      try {
        line.update(chance.below(sent + 1), { priority, dueMs, livesMs })
      } catch {
        // As many are updated as can be kept.
      }
    } else if (roll < 7) later(chance.pick([1, 10, 40]))
    else if (roll < 8) {
      const end = line.house.attach(3)
      line.house.pass()
      end.take()
      for (let left = 2; left > 0; left--) {
        const begun = end.begin()
        if (begun !== null) end.end(begun, chance.pick(['ack', 'release', 'release']))
      }
      end.yield()
      end.claims.publish()
      line.house.close(end, null)
    }
    line.house.pass()
    const before = JSON.stringify(line.seen())
    line.dies(chance.happens(0.5))
    const after = JSON.stringify(line.seen())
    if (after !== before && keys.keyOrder !== 'fair')
      return `${isOnDisk} ${seed}, step ${step} roll ${roll} at ${wall}:\n${before}\n${after}`
  }
  return null
}

eachPlace('what was updated is known to each host that follows', (t, isOnDisk) => {
  for (let seed = 0; seed < 40; seed++) {
    const found = play(isOnDisk, seed)
    if (found !== null) t.fail(found)
  }
  t.pass()
})
