import { PIN_IDLE, ReaderPin, RingConsumer, RingProducer, ringBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import type { HostLink } from '../link/host-link.ts'
import { RECEIPT_FAILED } from '../link/link.ts'
import { loadHighWatermark } from '../log/store/high-watermark.ts'
import { PartitionWriter } from '../publish/partition-writer.ts'
import { writeRecord } from '../publish/record-writer.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import { IncomingRing } from './incoming-ring.ts'
import type { PartitionActor } from './partition-actor.ts'
import { house, takingLog } from './partition-house.fixture.ts'

t.test('bytes in a ring that are no record are reported, not followed', async t => {
  const { memory, place, actor } = house()
  const partition = actor()
  const producer = new RingProducer(memory, place.address, place.capacity)
  memory.i32[producer.claim(64) >> 2] = 0
  producer.advance(64)
  producer.publish()
  t.throws(() => partition.drain(), /broken invariant: ring 7 of topic orders/)
})

t.test('a successor does not look for the last receipts where the window has been given up', async t => {
  const { memory, gate, receipts, actor, publish } = house()
  let dies = false
  const first = actor({
    fault: point => {
      if (dies && point === FAULT_POINT.beforeCommit) throw new Error('died')
    },
  })
  publish(3)
  t.equal(first.drain(), true)
  // Everything is consumed, so the next append takes the place of what these receipts spoke of.
  memory.store(gate, first.window.end)
  publish(2)
  dies = true
  t.throws(() => first.drain(), /died/)
  receipts.length = 0
  const second = actor()
  t.strictSame(receipts, [])
  t.equal(second.drain(), true)
  t.strictSame(receipts, [3, 4])
  t.equal(second.highWatermark, 5)
})

t.test('a successor takes a ring up behind the padding at its end, where its predecessor was', async t => {
  const { memory, gate, receipts, actor, publish } = house()
  let dies = false
  const first = actor({
    fault: point => {
      if (dies && point === FAULT_POINT.betweenWindowAndRing) throw new Error('died')
    },
  })
  publish(4)
  t.equal(first.drain(), true)
  memory.store(gate, first.window.end)
  // The fifth of these does not fit before the ring's end, nor, then, into the window.
  publish(5)
  dies = true
  t.throws(() => first.drain(), /died/)
  receipts.length = 0
  const second = actor()
  t.strictSame(receipts, [4, 5, 6, 7])
  memory.store(gate, second.window.end)
  t.equal(second.drain(), true)
  t.strictSame(receipts, [4, 5, 6, 7, 8])
})

t.test(
  'nothing is appended before a dead predecessor’s answers are out, or a second death would lose them',
  async t => {
    const home = house()
    const { memory, arena, receipts } = home
    const first = home.actor({
      fault: point => {
        if (point === FAULT_POINT.betweenRingAndReceipt) throw new Error('died')
      },
    })
    home.publish(3)
    t.throws(() => first.drain(), /died/)
    const capacity = 65_536
    const place = {
      ring: 8,
      partition: 0,
      host: 0,
      address: arena.allocate(ringBytes(capacity)),
      capacity,
      words: home.place.words,
      widest: capacity,
    }
    const writer = new PartitionWriter(memory, place, 2)
    t.equal(writeRecord(memory, writer, null, 'of another', null, undefined, 1_000), 0)
    writer.seal()
    const link = { ...home.link, room: () => 1_000 } as unknown as HostLink
    const successor = (room: number): PartitionActor => {
      receipts.length = 0
      home.room = room
      const actor = home.actor()
      actor.addRing(new IncomingRing(8, new RingConsumer(memory, place.address, capacity), link, 0, false))
      return actor
    }
    const second = successor(1)
    t.strictSame(receipts, [0])
    t.equal(second.ready(), false)
    t.equal(second.drain(), false)
    t.equal(second.highWatermark, 3)
    const third = successor(1_000)
    t.strictSame(receipts, [0, 1, 2])
    t.equal(third.ready(), true)
    t.equal(third.drain(), true)
    t.strictSame(receipts, [0, 1, 2, 3])
  },
)

t.test('on disk the window overtakes its readers, and waits only while one is copying what it needs', async t => {
  const home = house(false)
  const partition = home.actor({ log: takingLog(home) })
  const [pin, idle] = [home.gate, home.arena.allocate(128)]
  for (const each of [pin, idle]) {
    home.memory.store(each, PIN_IDLE)
    partition.window.pins.add(each)
  }
  const append = (): boolean => {
    const worked = partition.drain()
    partition.commitStaged()
    return worked
  }
  home.publish(4)
  t.ok(append())
  const reader = new ReaderPin(home.memory, partition.window.address, pin)
  t.equal(reader.enterOldest(), 0)
  home.publish(1)
  t.notOk(append(), 'it is copying')
  t.ok(partition.full)
  t.ok(partition.ready(), 'the host tries again by itself')
  reader.leave()
  t.ok(append())
  t.equal(partition.highWatermark, 5)
  t.strictSame(home.receipts, [0, 1, 2, 3, 4])
  t.notOk(reader.enter(0), 'it has fallen out')
})

t.test('what the disk does not take is forgotten: readers see neither end of the window change', async t => {
  const home = house(false)
  const log = takingLog(home)
  const partition = home.actor({ log })
  home.publish(4)
  t.ok(partition.drain())
  partition.commitStaged()
  const { start, committedEnd } = partition.window
  home.publish(2)
  t.ok(partition.drain())
  t.equal(partition.reader.end(), committedEnd)
  partition.failStaged(RECEIPT_FAILED)
  t.equal(partition.reader.end(), committedEnd)
  t.equal(partition.highWatermark, 4)
  t.equal(loadHighWatermark(home.memory, log.words), 4)
  t.equal(partition.window.end, committedEnd)
  t.not(partition.window.start, start, 'what was overtaken for it is in the log')
  const kept = [...partition.frames()].length
  t.equal(home.actor({ log }).highWatermark, 4, 'a successor finds whole frames')
  t.equal([...home.actor({ log }).frames()].length, kept)
  t.notOk(partition.drain(), 'its ring is released')
})
