/** Both kinds of batches that come into a partition, and what producers are answered over a link. */
import { Arena, Memory, RingConsumer, ringBytes, windowBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { HostLink } from '../link/host-link.ts'
import { RECEIPT_APPENDED, RECEIPT_FAILED, RECEIPT_REFUSED, TO_THREAD_BYTES } from '../link/link.ts'
import { placeFrame, refuseFrame } from '../log/format/frame.ts'
import { PartitionWriter } from '../publish/partition-writer.ts'
import { writeRecord } from '../publish/record-writer.ts'
import { PARTITION_BYTES } from '../wire/layout.ts'
import { elsewhere, testBatch, WINDOW } from './frame-batch.contract.fixture.ts'
import { IncomingRing } from './incoming-ring.ts'
import { frame } from './keeping.contract.fixture.ts'
import { MadeFrames } from './made-frames.ts'

const RING = 8_192
/** Answers that the link has room for. */
const ANSWERS = 8

/** Rings of one thread over one link, each with three frames, and what the thread is told. */
function rings(count: number) {
  const memory = Memory.allocate(1 << 17)
  const arena = new Arena(memory, 128)
  const link = (bytes: number) => ({ address: arena.allocate(ringBytes(bytes)), capacity: bytes })
  const place = { toThread: link(ANSWERS * TO_THREAD_BYTES), toHost: link(256) }
  const host = new HostLink(memory, 1, arena.allocate(128), place as never)
  const words = arena.allocate(PARTITION_BYTES)
  const made = Array.from({ length: count }, (_, at) => {
    const address = arena.allocate(ringBytes(RING))
    const shape = { ring: at + 1, partition: at, host: 0, address, capacity: RING, words, widest: RING }
    const writer = new PartitionWriter(memory, shape, 1)
    for (let n = 0; n < 3; n++) {
      if (writeRecord(memory, writer, null, 'x'.repeat(100), null, undefined, 1_000) !== 0) throw new Error('no room')
      writer.seal()
    }
    const ring = new IncomingRing(at + 1, new RingConsumer(memory, address, RING), host, 0, false)
    ring.consumer.poll()
    return ring
  })
  const back = new RingConsumer(memory, place.toThread.address, place.toThread.capacity)
  /** Ring, base offset and status of each receipt that the thread has not seen yet. */
  const receipts = (): number[][] => {
    const found: number[][] = []
    back.poll()
    for (let at = back.next(); at >= 0; at = back.next()) {
      const word = (index: number): number => memory.i32[(at >> 2) + index] as number
      found.push([word(2), word(4), word(6)])
      back.advance(TO_THREAD_BYTES)
    }
    back.release()
    return found
  }
  return { memory, arena, host, made, receipts }
}

function walk(ring: IncomingRing, place: (address: number, n: number) => void): void {
  for (let n = 0; ; n++) {
    const address = ring.next()
    if (address < 0) return
    place(address, n)
    ring.advance(ring.memory.i32[address >> 2] as number)
  }
}

testBatch('ring', () => {
  const { memory, arena, made } = rings(1)
  return {
    batch: made[0] as IncomingRing,
    window: { memory, address: arena.allocate(windowBytes(WINDOW)) },
  }
})
testBatch('made', () => ({
  batch: new MadeFrames(new Uint8Array([...frame(1, 100), ...frame(2, 300), ...frame(3, 40)])),
  window: elsewhere(),
}))

t.test('each frame of a ring is answered with its offset, or that it was refused, and seen when told', async t => {
  const { memory, made, receipts } = rings(1)
  const ring = made[0] as IncomingRing
  walk(ring, (address, n) => (n === 1 ? refuseFrame(memory, address) : placeFrame(memory, address, 40 + n)))
  ring.answer(null)
  t.strictSame(receipts(), [])
  ring.tell()
  t.strictSame(receipts(), [
    [1, 40, RECEIPT_APPENDED],
    [1, 0, RECEIPT_REFUSED],
    [1, 42, RECEIPT_APPENDED],
  ])
})

t.test('a failure is the answer to all that was walked over', async t => {
  const { memory, made, receipts } = rings(1)
  const ring = made[0] as IncomingRing
  walk(ring, (address, n) => placeFrame(memory, address, n))
  ring.answer(RECEIPT_FAILED)
  ring.tell()
  t.strictSame(
    receipts(),
    Array.from({ length: 3 }, () => [1, 0, RECEIPT_FAILED]),
  )
})

t.test('what is taken from several rings of a thread and waits for the disk has room for its answers', async t => {
  const { memory, host, made, receipts } = rings(4)
  let left = ANSWERS
  for (const ring of made) {
    t.equal(ring.room(), left)
    let answers = ring.room()
    for (let address = ring.next(); address >= 0 && answers > 0; address = ring.next(), answers--, left--) {
      placeFrame(memory, address, 0)
      ring.advance(memory.i32[address >> 2] as number)
    }
  }
  t.equal(left, 0)
  for (const ring of made) ring.answer(null)
  host.publish()
  t.equal(receipts().length, ANSWERS)
  t.equal(host.room(), ANSWERS)
})
