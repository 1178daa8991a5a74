/** What becomes of rings into a topic that was deleted, by what its producers have heard. */
import { Memory, RingConsumer, RingProducer } from 'sharedarraybuffer-ring'
import t from 'tap'
import type { HostLink } from '../link/host-link.ts'
import { GoneRings } from './gone-rings.ts'
import { IncomingRing } from './incoming-ring.ts'

const TOPIC = 7
const CAPACITY = 4_096

function house() {
  const memory = Memory.allocate(1 << 16)
  const told: number[] = []
  const state = { room: 1 }
  const link = { room: () => state.room, gone: (topic: number) => void told.push(topic) } as unknown as HostLink
  const producer = new RingProducer(memory, 128, CAPACITY)
  const ring = new IncomingRing(3, new RingConsumer(memory, 128, CAPACITY), link, 0, false)
  const drained: number[] = []
  const rings = new GoneRings()
  rings.add(TOPIC, ring)
  rings.add(TOPIC, ring)
  const tend = (): boolean => rings.tend(({ id }) => drained.push(id))
  const publish = (): void => {
    const address = producer.claim(64)
    memory.i32[address >> 2] = 64
    producer.advance(64)
    producer.publish()
  }
  return { told, state, ring, producer, rings, drained, tend, publish }
}

t.test('a producer that does nothing is told once, and its ring is kept until it has closed it', async t => {
  const { told, producer, rings, drained, tend } = house()
  t.ok(rings.ready())
  t.ok(tend())
  t.notOk(rings.ready())
  t.notOk(tend())
  t.strictSame([told, drained], [[TOPIC], []])
  t.notOk(rings.isEmpty)
  producer.close()
  t.ok(rings.ready())
  t.ok(tend())
  t.strictSame(drained, [3])
  t.ok(rings.isEmpty)
  t.notOk(tend())
})

t.test('a producer that has not heard goes on publishing into nothing, and is told again', async t => {
  const { told, drained, tend, publish, producer } = house()
  tend()
  for (let turn = 0; turn < 3 * (CAPACITY / 64); turn++) {
    publish()
    t.ok(tend())
  }
  t.ok(told.length > 1)
  t.equal(producer.used(), 0)
  publish()
  producer.close()
  tend()
  t.strictSame(drained, [3])
})

t.test('who has no room to be told is told later', async t => {
  const { told, state, rings, tend } = house()
  state.room = 0
  t.notOk(rings.ready())
  t.notOk(tend())
  state.room = 1
  t.ok(rings.ready())
  tend()
  t.strictSame(told, [TOPIC])
})

t.test('the ring of a thread that has ended is given back, whatever is in it', async t => {
  const { rings, ring, drained, tend, publish } = house()
  publish()
  ring.orphaned = true
  t.ok(rings.ready())
  t.ok(tend())
  t.strictSame(drained, [3])
})
