import { Arena, Memory, RingConsumer, ringBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import type { RingPlace } from '../wire/producer-places.ts'
import { PartitionWriter } from './partition-writer.ts'

const CAPACITY = 65_536

t.test('a larger ring that comes after the end is closed, and the old one’s memory is left alone', async t => {
  const memory = Memory.allocate(1 << 20)
  const arena = new Arena(memory, 128)
  const words = arena.allocate(128)
  const place = (ring: number): RingPlace => ({
    ring,
    partition: 0,
    host: 0,
    address: arena.allocate(ringBytes(CAPACITY)),
    capacity: CAPACITY,
    words,
    widest: CAPACITY,
  })
  const [old, larger] = [place(1), place(2)]
  const isDrained = ({ address }: RingPlace): boolean => new RingConsumer(memory, address, CAPACITY).drained
  const writer = new PartitionWriter(memory, old, 1)
  writer.close()
  t.equal(isDrained(old), true)
  // The partition has drained it, and its memory is another's by now.
  arena.free(old.address)
  const others = place(3)
  t.equal(others.address, old.address)
  memory.u8.fill(0, others.address, others.address + ringBytes(CAPACITY))
  writer.moveTo(larger)
  t.equal(isDrained(others), false)
  t.equal(isDrained(larger), true)
})
