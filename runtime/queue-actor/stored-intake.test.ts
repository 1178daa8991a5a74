/** What a queue on disk takes in a pass, as its consumers go through it. */
import t from 'tap'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { type ConsumerEnd, QueueHouse } from './queue-house.fixture.ts'

const MESSAGES = 100
const VALUE: Buffer = Buffer.alloc(100, 1)

/** A frame of MESSAGES messages, about 14 KB. */
function sendFrame(house: QueueHouse): void {
  house.send(...Array.from({ length: MESSAGES }, () => ({ value: VALUE })))
}

function settleAll(end: ConsumerEnd): void {
  end.take()
  for (let delivery = end.begin(); delivery !== null; delivery = end.begin()) end.end(delivery, 'ack')
  end.claims.publish()
  end.bytesOf.clear()
}

/** Bytes that it takes of eight frames, which are all that its ring has. */
function takesOfEight(house: QueueHouse): number {
  for (let frame = 0; frame < 8; frame++) sendFrame(house)
  const { partition } = house
  const before = partition.stats().diskBytes
  partition.drain()
  const frames = partition.staged
  if (frames !== null)
    house.host?.commit([
      { frames: [frames], committed: () => partition.commitStaged(), failed: status => partition.failStaged(status) },
    ])
  const bytes = partition.stats().diskBytes - before
  house.pass()
  return bytes
}

t.test(
  'it takes little at a time while more waits than its window keeps, and its consumers go through that',
  async t => {
    const house = new QueueHouse({ disk: new MemoryDisk(), queue: { priorities: 1 } })
    for (let frame = 0; frame < 40; frame++) {
      sendFrame(house)
      house.pass()
    }
    const all = takesOfEight(house)
    t.ok(all > 55_000, 'nobody goes through it')
    const end = house.attach(512, 0, 131_072)
    for (let step = 0; step < 40; step++) {
      for (let frame = 0; frame < 5; frame++) sendFrame(house)
      house.pass()
      settleAll(end)
    }
    const little = takesOfEight(house)
    t.ok(little > 32_768 && little < 50_000, `frames up to the one that comes to 32 KiB: ${little} bytes`)
    for (let left = 100; left > 0; left--) {
      house.pass()
      settleAll(end)
    }
    t.equal(house.queue.lagBytes, 0)
    t.equal(takesOfEight(house), all, 'nothing waits')
  },
)
