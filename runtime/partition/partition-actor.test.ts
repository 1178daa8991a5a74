import { RingProducer } from 'sharedarraybuffer-ring'
import t from 'tap'
import { FAULT_POINT } from '../layout.ts'
import { house } from './partition-house.fixture.ts'

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
