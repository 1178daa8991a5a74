import { Arena, Memory, RingConsumer, RingProducer, ringBytes, windowBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { FAULT_POINT } from '../layout.ts'
import type { TopicShape } from '../protocol.ts'
import { PartitionWriter } from '../publish/partition-writer.ts'
import { writeRecord } from '../publish/record-writer.ts'
import type { HostLink } from './host-link.ts'
import { type IncomingRing, PartitionActor, type PartitionSurroundings } from './partition-actor.ts'

const WINDOW = 65_536
const RING = 131_072

const topic: TopicShape = {
  id: 1,
  name: 'orders',
  partitions: 1,
  codec: 'string',
  maxMessageBytes: 16_000,
  windowBytes: WINDOW,
  onFull: 'wait',
}

/** Shared memory with one window and one ring, and what makes actors over them, one after another. */
function house() {
  const memory = Memory.allocate(1 << 20)
  const arena = new Arena(memory, 128)
  const window = { address: arena.allocate(windowBytes(WINDOW)), capacity: WINDOW }
  const place = { ring: 7, partition: 0, host: 0, address: arena.allocate(ringBytes(RING)), capacity: RING }
  const gate = arena.allocate(128)
  const receipts: number[] = []
  const link = {
    room: () => 1_000,
    receipt: (_ring: number, _ringEnd: number, baseOffset: number) => receipts.push(baseOffset),
    publish: () => undefined,
    wake: () => undefined,
  } as unknown as HostLink
  const actor = (surroundings: Partial<PartitionSurroundings> = {}): PartitionActor => {
    const made = new PartitionActor(memory, { topic: 1, partition: 0, host: 0, window }, topic, {
      fault: () => undefined,
      ringDrained: () => undefined,
      ...surroundings,
    })
    made.window.gates.push(gate)
    const ring: IncomingRing = {
      id: place.ring,
      consumer: new RingConsumer(memory, place.address, place.capacity),
      link,
      after: 0,
      orphaned: false,
      unsent: [],
    }
    made.addRing(ring)
    return made
  }
  const writer = new PartitionWriter(memory, place, 1)
  /** Publishes frames of one record each. */
  const publish = (frames: number): void => {
    for (let frame = 0; frame < frames; frame++) {
      t.equal(writeRecord(memory, writer, null, 'x'.repeat(15_000), null, undefined, topic.maxMessageBytes), 0)
      writer.seal()
    }
  }
  return { memory, place, gate, receipts, actor, publish }
}

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
