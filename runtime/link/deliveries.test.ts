/** Deliveries from a queue's partition host to a consumer, on one thread, against a naive list of who has what. */
import fc from 'fast-check'
import { ClaimReceiver, type HandedOut, Memory, ringBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import {
  CLAIM_ENTRIES_MAX,
  claimEntries,
  DELIVERY_RING_BYTES,
  DELIVERY_RING_BYTES_MIN,
  type DeliveryPlace,
  deliveryPlace,
  deliverySlotBytes,
} from '../wire/delivery-places.ts'
import { deliveriesOf } from './delivery-fetch.fixture.ts'
import type { TakenDelivery } from './delivery-fetch.ts'
import { DeliveryReader } from './delivery-reader.ts'
import { DeliverySlot, NOT_NOW } from './delivery-slot.ts'
import { DELIVERY_BYTES, DELIVERY_SUSPECT, type DeliveryHead } from './delivery-writer.ts'

/** What travels at once in the smallest ring. */
const INLINE_BYTES_MAX = DELIVERY_RING_BYTES_MIN / 4 - DELIVERY_BYTES

const head: DeliveryHead = { offset: 0, deliveryAttempt: 1, failedAttempts: 0, flags: 0, cohort: 0, timestamp: 0 }

function house(entries = 16, capacity = DELIVERY_RING_BYTES_MIN): { memory: Memory; place: DeliveryPlace } {
  const memory = Memory.allocate(deliverySlotBytes(entries, capacity))
  return { memory, place: deliveryPlace(1, 0, entries, capacity) }
}

/** Hands out a record of so many bytes, each of which is the low byte of its offset. */
function handOut(memory: Memory, slot: DeliverySlot, offset: number, bytes: number): number {
  const tag = slot.handOut({ ...head, offset }, bytes)
  if (tag !== NOT_NOW) memory.u8.fill(offset & 0xff, slot.address, slot.address + bytes)
  return tag
}

t.test('a delivery comes with all that was written, its record in private bytes or by reference', async t => {
  const { memory, place } = house()
  const slot = new DeliverySlot(memory, place)
  const reader = new DeliveryReader(memory, place)
  const large = { offset: 2 ** 53 - 1, deliveryAttempt: 70_000, failedAttempts: 0xffffff, flags: DELIVERY_SUSPECT }
  const given: DeliveryHead = { ...large, cohort: -8, timestamp: 1.5e12 + 0.25 }
  const [first, second] = [slot.handOut(given, 21), 0]
  memory.u8.fill(7, slot.address, slot.address + 21)
  t.notOk(reader.ready())
  t.equal(reader.take(), null, 'nothing is published')
  const third = handOut(memory, slot, 5, second)
  t.ok(slot.publish())
  t.notOk(slot.publish())
  t.ok(reader.ready())
  const fetch = reader.take()
  const deliveries = deliveriesOf(fetch)
  t.match(deliveries, [
    { tag: first, ...given },
    { tag: third, offset: 5 },
  ])
  const [inline, reference] = deliveries as unknown as readonly [TakenDelivery, TakenDelivery]
  memory.u8.fill(0, place.ring.address + ringBytes(0))
  t.same(fetch?.bytes.subarray(inline.start, inline.end), Buffer.alloc(21, 7))
  t.equal(reference.end, reference.start)
  t.equal(((fetch?.bytes.byteOffset ?? 1) + inline.start) % 8, 0)
  t.equal(reader.take(), null)
})

t.test('a run comes as its messages, each with its tag, its offset and its record', async t => {
  const { memory, place } = house()
  const slot = new DeliverySlot(memory, place)
  const reader = new DeliveryReader(memory, place)
  handOut(memory, slot, 1, 3)
  t.equal(slot.runMax(5), 5)
  const first = slot.handOutRun([2 ** 40 + 1, 2 ** 40 + 9], 0, 2, 2 ** 40, 77.5, 24 + 16)
  const at = slot.address >> 2
  memory.i32.set([21, 1, 5, 5], at)
  memory.i32.set([16, 9 | 0x10000, 6, 6], at + 6)
  slot.publish()
  const fetch = reader.take()
  const plain = { deliveryAttempt: 1, failedAttempts: 0, flags: 0, cohort: 0, timestamp: 77.5 }
  const deliveries = deliveriesOf(fetch)
  t.match(deliveries, [
    { offset: 1 },
    { tag: first, offset: 2 ** 40 + 1, ...plain },
    { tag: first + 1, offset: 2 ** 40 + 9, ...plain },
  ])
  const records = deliveries.map(({ start, end }) => [end - start, ((fetch?.bytes.byteOffset ?? 1) + start) % 8])
  t.strictSame(records, [
    [3, 0],
    [21, 0],
    [16, 0],
  ])
  t.match(
    new DeliverySlot(memory, place).takeOver(() => undefined),
    [
      { number: 1 },
      { tag: first, number: 2 ** 40 + 1, attempt: 1 },
      { tag: first + 1, number: 2 ** 40 + 9, attempt: 1 },
    ],
  )
})

t.test('hands out nothing when the ring or the claims are full, and goes on when there is room', async t => {
  const { memory, place } = house()
  const slot = new DeliverySlot(memory, place)
  const reader = new DeliveryReader(memory, place)
  const claims = new ClaimReceiver(memory, place.claims, place.entries)
  let offset = 0
  while (handOut(memory, slot, offset, INLINE_BYTES_MAX) !== NOT_NOW) offset++
  t.equal(offset, 4, 'four of the largest')
  t.equal(slot.used, 4)
  slot.publish()
  t.strictSame(
    deliveriesOf(reader.take()).map(({ offset }) => offset),
    [0, 1, 2, 3],
  )
  const tags: number[] = []
  for (let tag = handOut(memory, slot, offset, 0); tag !== NOT_NOW; tag = handOut(memory, slot, ++offset, 0))
    tags.push(tag)
  t.equal(slot.used, place.entries)
  slot.publish()
  const [any] = tags as [number]
  t.equal(slot.recall(any), 'recalled')
  t.equal(handOut(memory, slot, 99, 0), NOT_NOW, 'it keeps its entry')
  t.notOk(claims.begin(any))
  claims.publish()
  t.ok(slot.hasEnded())
  slot.ended({ acked: (first, count) => slot.freeRun(first, count), ended: tag => slot.free(tag) })
  t.not(handOut(memory, slot, 99, 0), NOT_NOW)
})

t.test('what was handed out to an earlier incarnation of the consumer is passed over', async t => {
  const { memory, place } = house()
  const slot = new DeliverySlot(memory, place)
  const tag = handOut(memory, slot, 1, 8)
  slot.publish()
  const next = { ...place, epoch: 2 }
  t.throws(() => new DeliverySlot(memory, next), /something is handed out/)
  slot.free(tag)
  const after = new DeliverySlot(memory, next)
  handOut(memory, after, 2, 8)
  after.publish()
  const fetch = new DeliveryReader(memory, next).take()
  const deliveries = deliveriesOf(fetch)
  t.strictSame(
    deliveries.map(({ offset }) => offset),
    [2],
  )
  const [{ start, end }] = deliveries as unknown as readonly [TakenDelivery]
  t.same(fetch?.bytes.subarray(start, end), Buffer.alloc(8, 2))
})

t.test('bytes that are no delivery end the thread, and are not released', async t => {
  for (const [length, tail] of [
    [DELIVERY_BYTES - 8, DELIVERY_BYTES - 8],
    [0, DELIVERY_BYTES],
    [64, DELIVERY_BYTES],
    [DELIVERY_BYTES, 2 * DELIVERY_RING_BYTES_MIN],
    [DELIVERY_BYTES, -8],
  ] as const) {
    const { memory, place } = house()
    const { address } = place.ring
    const slot = new DeliverySlot(memory, place)
    slot.handOut(head, 0)
    memory.i32[(slot.address - DELIVERY_BYTES) >> 2] = length
    memory.store(address, tail)
    t.throws(
      () => new DeliveryReader(memory, place).take(),
      /broken invariant: a ring of deliveries/,
      `${length} ${tail}`,
    )
    t.equal(memory.load(address + 128), 0)
  }
})

t.test('a slot for a prefetch: twice as many entries, within bounds', async t => {
  t.strictSame([1, 8, 9, 10, 100, 512, 100_000].map(claimEntries), [16, 16, 32, 32, 256, 1_024, CLAIM_ENTRIES_MAX])
  t.ok(deliverySlotBytes(32, DELIVERY_RING_BYTES_MIN) < 6_000)
  t.ok(deliverySlotBytes(CLAIM_ENTRIES_MAX, DELIVERY_RING_BYTES) < 94_000)
})

/** What a message is to the oracle: with the consumer, at the host, or ended. */
type State = 'unpublished' | 'out' | 'taken' | 'begun' | 'ended' | 'recalled'

/** Both ends and an oracle, which act as numbers say. */
class Play {
  readonly #memory: Memory
  readonly #place: DeliveryPlace
  #slot: DeliverySlot
  #reader: DeliveryReader
  #claims: ClaimReceiver
  readonly #states = new Map<number, { tag: number; state: State }>()
  #offset = 0
  readonly found: string[] = []

  constructor() {
    const { memory, place } = house(16, DELIVERY_RING_BYTES_MIN)
    this.#memory = memory
    this.#place = place
    this.#slot = new DeliverySlot(memory, place)
    this.#reader = new DeliveryReader(memory, place)
    this.#claims = new ClaimReceiver(memory, place.claims, place.entries)
  }

  #some(wanted: readonly State[], choice: number): [number, { tag: number; state: State }] | undefined {
    const all = [...this.#states].filter(([, { state }]) => wanted.includes(state))
    return all[choice % Math.max(1, all.length)]
  }

  #fail(what: string): void {
    this.found.push(what)
  }

  act(kind: number, choice: number): void {
    const acts = [
      this.#hand,
      this.#handRun,
      this.#publish,
      this.#take,
      this.#begin,
      this.#end,
      this.#recall,
      this.#collect,
    ]
    if (kind < acts.length) acts[kind]?.call(this, choice)
    else if (kind === acts.length) this.#hostDies()
    else this.#yieldAll()
    for (const [offset, { tag, state }] of this.#states) {
      const standing = this.#slot.standing(tag)
      const wanted = { unpublished: 'waiting', out: 'waiting', taken: 'waiting', begun: 'begun' }[state as string]
      if (wanted !== undefined && standing !== wanted) this.#fail(`${offset} is ${state}, and ${standing}`)
    }
  }

  #hand(choice: number): void {
    const bytes = choice % 3 === 0 ? 0 : choice % (INLINE_BYTES_MAX + 1)
    const tag = handOut(this.#memory, this.#slot, this.#offset, bytes)
    if (tag !== NOT_NOW) this.#states.set(this.#offset++, { tag, state: 'unpublished' })
    else if (this.#slot.used === 0 && !this.#reader.ready()) this.#fail('no room, and nothing is out')
  }

  /** Hands out a run of messages whose frame begins before them, with a gap behind each second one. */
  #handRun(choice: number): void {
    const wanted = 2 + (choice % 3)
    const base = Math.max(0, this.#offset - (choice % 5))
    const offsets = Array.from({ length: wanted }, (_, at) => this.#offset + at + (at >> 1))
    const lengths = offsets.map((_, at) => 8 + ((choice >> at) % 20))
    const end = Math.min(wanted, this.#slot.runMax(wanted))
    const bytes = lengths.slice(0, end).reduce((sum, length) => sum + ((length + 7) & ~7), 0)
    const first = end === 0 ? NOT_NOW : this.#slot.handOutRun(offsets, 0, end, base, 5, bytes)
    if (first === NOT_NOW) return
    let at = this.#slot.address
    for (const [index, offset] of offsets.slice(0, end).entries()) {
      const length = lengths[index] as number
      this.#memory.u8.fill(offset & 0xff, at, at + length)
      this.#memory.i32[at >> 2] = length
      this.#memory.i32[(at >> 2) + 1] = (offset - base) | 0xab0000
      at += (length + 7) & ~7
      this.#states.set(offset, { tag: first + index, state: 'unpublished' })
      this.#inRun.add(offset)
    }
    this.#offset = (offsets[end - 1] as number) + 1
  }

  readonly #inRun = new Set<number>()

  #publish(): void {
    this.#slot.publish()
    for (const each of this.#states.values()) if (each.state === 'unpublished') each.state = 'out'
  }

  #take(): void {
    const fetch = this.#reader.take()
    const wanted = [...this.#states]
      .filter(([, { state }]) => state === 'out' || state === 'recalled')
      .map(([offset]) => offset)
    const taken = deliveriesOf(fetch)
    const unseen = wanted.filter(offset => !this.#seen.has(offset))
    if (String(taken.map(({ offset }) => offset)) !== String(unseen)) this.#fail(`took other than ${unseen}`)
    for (const { offset, tag, start, end } of taken) {
      this.#seen.add(offset)
      const each = this.#states.get(offset)
      if (each?.tag !== tag) this.#fail(`${offset} came under ${tag}`)
      else if (each.state === 'out') each.state = 'taken'
      if (fetch?.bytes.subarray(start + (this.#inRun.has(offset) ? 8 : 0), end).some(byte => byte !== (offset & 0xff)))
        this.#fail(`${offset} has other bytes`)
    }
  }

  readonly #seen = new Set<number>()

  #begin(choice: number): void {
    const taken = [...this.#states].filter(
      ([offset, { state }]) => this.#seen.has(offset) && /taken|recalled/.test(state),
    )
    const [offset, each] = taken[choice % Math.max(1, taken.length)] ?? []
    if (each === undefined) return
    const begins = this.#claims.begin(each.tag)
    if (begins !== (each.state === 'taken')) this.#fail(`${offset} was ${each.state}, and begins: ${begins}`)
    each.state = begins ? 'begun' : 'ended'
  }

  #end(choice: number): void {
    const [, each] = this.#some(['begun'], choice) ?? []
    if (each === undefined) return
    const ends = [this.#claims.ack, this.#claims.release, this.#claims.report]
    if (ends[choice % 3]?.call(this.#claims, each.tag) !== true) this.#fail('an end was refused')
    if (this.#claims.ack(each.tag)) this.#fail('it ended twice')
    each.state = 'ended'
  }

  #recall(choice: number): void {
    const [offset, each] = this.#some(['out', 'taken', 'begun'], choice) ?? []
    if (each === undefined) return
    const standing = this.#slot.recall(each.tag)
    if (standing !== (each.state === 'begun' ? 'begun' : 'recalled'))
      this.#fail(`${offset} is ${each.state}: ${standing}`)
    if (standing === 'recalled') each.state = 'recalled'
  }

  #collect(): void {
    this.#claims.publish()
    const found = (tag: number, offset: number): void => {
      const each = this.#states.get(offset)
      if (each?.state !== 'ended' || each.tag !== tag) this.#fail(`${offset} is ended, and is ${each?.state}`)
      this.#states.delete(offset)
    }
    this.#slot.ended({
      acked: (first, count) => {
        for (let tag = first; tag < first + count; tag++) found(tag, this.#slot.offsetOf(tag))
        this.#slot.freeRun(first, count)
      },
      ended: (tag, offset) => {
        found(tag, offset)
        this.#slot.free(tag)
      },
    })
    for (const [offset, { state }] of this.#states)
      if (state === 'ended') this.#fail(`the end of ${offset} is not found`)
  }

  #hostDies(): void {
    this.#slot = new DeliverySlot(this.#memory, this.#place)
    const unsent = new Set<number>()
    const all: HandedOut[] = this.#slot.takeOver(offset => unsent.add(offset))
    for (const [offset, { state }] of this.#states) {
      if (unsent.has(offset) !== (state === 'unpublished'))
        this.#fail(`${offset} is ${state}, unsent: ${unsent.has(offset)}`)
      if (state === 'unpublished') this.#states.delete(offset)
    }
    const known = all.map(({ number }) => number).sort((a, b) => a - b)
    if (String(known) !== String([...this.#states.keys()])) this.#fail(`the next host knows ${known}`)
  }

  #yieldAll(): void {
    for (const [offset, each] of this.#states)
      if (this.#seen.has(offset) && (each.state === 'taken' || each.state === 'recalled')) {
        this.#claims.yield(each.tag)
        each.state = 'ended'
      }
  }

  /** Everything that is out comes to its end. */
  finish(): void {
    this.#publish()
    this.#take()
    this.#yieldAll()
    for (const each of this.#states.values()) if (each.state === 'begun') this.#end(0)
    this.#collect()
    if (this.#slot.used !== 0 || this.#states.size > 0) this.#fail(`${this.#slot.used} are left`)
  }
}

t.test('whatever both do, in any order, and whenever the host dies: a naive list says the same', async t => {
  const step = fc.tuple(fc.nat(9), fc.nat(9_999))
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), steps => {
      const play = new Play()
      for (const [kind, choice] of steps) play.act(kind, choice)
      play.finish()
      if (play.found.length > 0) throw new Error(play.found.join('; '))
    }),
    { numRuns: 120 },
  )
  t.pass('they agree')
})
