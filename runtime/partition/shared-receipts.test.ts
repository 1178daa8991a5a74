/** Frames of one ring that share a receipt: each publish hears of its own offset, whatever became of its neighbours. */
import { Memory, RingConsumer, ringBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import type { HostLink } from '../link/host-link.ts'
import { RECEIPT_APPENDED, RECEIPT_DUPLICATE, RECEIPT_FAILED, RECEIPT_REFUSED } from '../link/link.ts'
import { markDuplicate, placeFrame, refuseFrame } from '../log/format/frame.ts'
import type { QueueFields } from '../log/format/queue-fields.ts'
import type { FrameObserver } from '../publish/frame-tickets.ts'
import { takeOut } from '../publish/joint-edits.ts'
import { messageFields } from '../publish/message-fields.ts'
import { PartitionWriter } from '../publish/partition-writer.ts'
import { writeRecord } from '../publish/record-writer.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import { IncomingRing } from './incoming-ring.ts'

type Receipt = Parameters<HostLink['receipt']>

const place: RingPlace = {
  ring: 1,
  partition: 0,
  host: 0,
  address: 128,
  capacity: 8_192,
  words: 32_768,
  widest: 8_192,
}

class House {
  readonly memory: Memory = Memory.allocate(65_536)
  readonly writer: PartitionWriter = new PartitionWriter(this.memory, place, 1)
  readonly receipts: Receipt[] = []
  readonly link = {
    promised: 0,
    room: () => 100,
    receipt: (...receipt: Receipt) => this.receipts.push(receipt),
    awaits: (records: number) => {
      this.awaited += records
    },
  }
  /** Records whose receipts somebody awaits. */
  awaited = 0
  readonly ring: IncomingRing
  /** What each frame's publish has heard, in their order. */
  readonly heard: (number | string)[] = []

  constructor() {
    const consumer = new RingConsumer(this.memory, place.address, place.capacity)
    this.ring = new IncomingRing(1, consumer, this.link as unknown as HostLink, 0, false)
  }

  /** Publishes a frame of so many records. */
  publish(records: number, fields: QueueFields | null = null): void {
    const at = this.heard.push('nothing') - 1
    const observer: FrameObserver = {
      done: false,
      appended: (_writer, offset, _first, _count, isDuplicate) => {
        this.heard[at] = isDuplicate ? `had ${offset}` : offset
      },
      failed: () => {
        this.heard[at] = 'failed'
      },
      refused: () => {
        this.heard[at] = 'refused'
      },
    }
    for (let record = 0; record < records; record++) {
      writeRecord(this.memory, this.writer, null, 'value', null, undefined, 1_000, fields)
      this.writer.observe(observer)
    }
    this.writer.seal()
  }

  /** Walks over what was published; each frame is dealt with by one of these. */
  walk(deals: readonly ((address: number) => void)[]): void {
    this.ring.consumer.poll()
    for (const deal of deals) {
      const address = this.ring.next()
      const length = this.memory.i32[address >> 2] as number
      deal(address)
      this.ring.advance(length)
    }
  }

  answer(failure: number | null = null): void {
    this.ring.answer(failure)
    this.ring.release()
    for (const receipt of this.receipts) this.writer.receipt(...receipt)
    // From a host that has died, and from its successor.
    for (const receipt of this.receipts) this.writer.receipt(...receipt)
  }

  readonly at =
    (offset: number) =>
    (address: number): void =>
      placeFrame(this.memory, address, offset)

  statuses(): [number, number, number][] {
    return this.receipts.map(([, , offset, status, more]) => [offset, status, more ?? 0])
  }
}

t.test('frames whose records follow each other have one receipt', async t => {
  const house = new House()
  t.ok(128 + ringBytes(place.capacity) < place.words)
  for (const records of [2, 1, 3]) house.publish(records)
  house.walk([house.at(5), house.at(7), house.at(8)])
  t.equal(house.link.promised, 3)
  house.answer()
  t.strictSame(house.statuses(), [[5, RECEIPT_APPENDED, 2]])
  t.strictSame(house.heard, [5, 7, 8])
  t.equal(house.link.promised, 0)
  t.equal(house.writer.unanswered, 0)
})

t.test('what was refused, was there already or does not follow has its own', async t => {
  const house = new House()
  for (let frame = 0; frame < 7; frame++) house.publish(1)
  house.walk([
    house.at(4),
    house.at(5),
    address => refuseFrame(house.memory, address),
    house.at(6),
    address => markDuplicate(house.memory, address, 7),
    house.at(7),
    house.at(9),
  ])
  house.answer()
  t.strictSame(house.statuses(), [
    [4, RECEIPT_APPENDED, 1],
    [0, RECEIPT_REFUSED, 0],
    [6, RECEIPT_APPENDED, 0],
    [7, RECEIPT_DUPLICATE, 0],
    [7, RECEIPT_APPENDED, 0],
    [9, RECEIPT_APPENDED, 0],
  ])
  t.strictSame(house.heard, [4, 5, 'refused', 6, 'had 7', 7, 9])
})

t.test('the first of a queue, behind one that was refused, has its own', async t => {
  const house = new House()
  for (let frame = 0; frame < 2; frame++) house.publish(1)
  house.walk([address => refuseFrame(house.memory, address), house.at(0)])
  house.answer()
  t.strictSame(house.heard, ['refused', 0])
})

t.test('a frame that a record was taken out of is the last of its receipt', async t => {
  const house = new House()
  for (const records of [1, 3, 1, 1]) house.publish(records)
  house.walk([
    house.at(0),
    address => {
      takeOut(house.memory, address, 1)
      placeFrame(house.memory, address, 1)
    },
    house.at(3),
    house.at(4),
  ])
  house.answer()
  t.strictSame(house.statuses(), [
    [0, RECEIPT_APPENDED, 1],
    [3, RECEIPT_APPENDED, 1],
  ])
  t.strictSame(house.heard, [0, 1, 3, 4])
})

t.test('receipts of single requests are not awaited, and all others are', async t => {
  const shape = { messageTtlMs: Number.POSITIVE_INFINITY, keyConcurrency: Number.POSITIVE_INFINITY }
  const priority = messageFields(3, {}, shape)
  const request = messageFields(0, {}, shape, null, { client: 1, request: 7, deadlineMs: 1 })
  for (const [awaited, ...frames] of [
    [1, [1, null]],
    [1, [1, priority]],
    [0, [1, request]],
    [4, [1, request], [4, null]],
    [2, [2, request]],
  ] as const) {
    const house = new House()
    for (const [records, fields] of frames) house.publish(records, fields)
    house.walk(frames.map(([records], frame) => house.at(frame * records)))
    house.answer()
    t.equal(house.awaited, awaited)
  }
})

t.test('a disk that fails is told to each', async t => {
  const house = new House()
  for (let frame = 0; frame < 3; frame++) house.publish(1)
  house.walk([house.at(0), house.at(1), house.at(2)])
  house.answer(RECEIPT_FAILED)
  t.strictSame(
    house.statuses(),
    Array.from({ length: 3 }, () => [0, RECEIPT_FAILED, 0]),
  )
  t.strictSame(house.heard, ['failed', 'failed', 'failed'])
})
