/** What settled messages took of the disk is given back: when, in which order, and how much. */
import t from 'tap'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { seeded } from './journal.fixture.ts'
import { type QueueOptions, ReclaimedQueue, recordsIn, segmentBytesOf } from './reclaimed-queue.fixture.ts'

const FRAME_BYTES = 72 + 120

/** Frames of one message each, about ten in a segment. */
function filled(frames: number, options: QueueOptions = {}): { disk: MemoryDisk; queue: ReclaimedQueue } {
  const disk = new MemoryDisk()
  const queue = new ReclaimedQueue(disk, options)
  for (let frame = 0; frame < frames; frame++) queue.append(1, 100)
  return { disk, queue }
}

function traced(disk: MemoryDisk, act: () => void): string[] {
  disk.trace.length = 0
  act()
  return disk.trace.map(line => line.replace(/0{10,}/, '')).filter(line => !/marks|journal/.test(line))
}

t.test('segments below the floor go, after what is settled is durable', async t => {
  const { disk, queue } = filled(30)
  t.equal(queue.stored.log.segments, 3)
  queue.settle([0, 9])
  t.same(
    traced(disk, () => queue.tend(disk)).filter(line => /settled|remove/.test(line)),
    [],
    'a message of the first is not settled',
  )
  queue.settle([9, 15])
  const [first, ...rest] = traced(disk, () => queue.tend(disk))
  t.equal(first, 'sync host-0.settled')
  t.same(
    rest.filter(line => line.startsWith('remove')),
    ['remove 0.index', 'remove 0.log'],
  )
  t.equal(queue.stored.startOffset, 10)
  queue.settle([15, 30])
  queue.tend(disk)
  t.equal(queue.stored.startOffset, 20, 'the segment that grows stays')
  t.same(new ReclaimedQueue(disk.copy()).stored.startOffset, 20)
})

t.test('a segment of which less than a quarter is needed is rewritten, after what is settled is durable', async t => {
  const { disk, queue } = filled(60)
  const before = queue.read(disk)
  queue.rest(disk)
  queue.settle([11, 18])
  const all = queue.stored.bytes
  t.same(
    traced(disk, () => queue.rest(disk)).filter(line => line.includes('.log')),
    [],
    'three of ten are needed',
  )
  queue.settle([18, 20])
  const trace = traced(disk, () => queue.rest(disk)).filter(line => !/^write/.test(line))
  t.same(trace, [
    'create 10.log.new',
    'sync 10.log.new',
    'sync host-0.settled',
    'remove 10.index',
    'syncDirectory 5-0',
    'rename 10.log',
    'syncDirectory 5-0',
    'create 10.index',
  ])
  // One gap for the nine that are gone.
  t.equal(queue.stored.bytes, all - 9 * FRAME_BYTES + 72)
  t.equal(segmentBytesOf(disk), queue.stored.bytes)
  const left = queue.read(disk)
  t.same(
    [...before.keys()].filter(offset => !left.has(offset)),
    [11, 12, 13, 14, 15, 16, 17, 18, 19],
  )
  for (const [offset, record] of left) t.ok(before.get(offset)?.equals(record))
  t.same(
    traced(disk, () => queue.rest(disk)),
    [],
    'and then nothing is written any more',
  )
})

t.test('the segment that grows, and what the marks do not cover, stay as they are', async t => {
  const { disk, queue } = filled(30)
  queue.settle([1, 30])
  queue.rest(disk)
  t.same(
    queue.stored.log.all.map(({ bytes }) => bytes < 1_000),
    [true, true, false],
  )
  const other = filled(15, { durability: 'os' })
  other.queue.logs.wantCheckpoint(true)
  for (let frame = 0; frame < 10; frame++) other.queue.append(1, 100)
  other.queue.settle([1, 25])
  const { stored, reclaiming } = other.queue
  const trace = traced(other.disk, () => {
    for (let nowMs = 0; nowMs < 100; nowMs += 5) reclaiming.tend(nowMs)
  })
  t.same([trace.some(line => line === 'rename 0.log'), trace.some(line => line.includes('10.log'))], [true, false])
  t.equal(stored.syncedTo, 15)
  other.queue.tend(other.disk)
  t.equal(stored.syncedTo, 25, 'a checkpoint was asked for')
  const late = filled(60, { durability: 'os' })
  late.queue.settle([1, 60])
  late.queue.reclaiming.tend(0)
  t.equal(late.queue.stored.syncedTo, 60, 'and made at once where more than one segment waits for it')
})

t.test('the segment in which the floor is waits for a second, for it is removed soon', async t => {
  const { disk, queue } = filled(60)
  queue.rest(disk)
  queue.settle([0, 9])
  const { bytes } = queue.stored
  queue.tend(disk)
  for (let tends = 0; tends < 50; tends++) queue.tend(disk, 10)
  t.equal(queue.stored.bytes, bytes)
  queue.rest(disk)
  t.ok(queue.stored.bytes < bytes)
})

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/14522
// Source: https://github.com/rabbitmq/rabbitmq-server/issues/13113
// Source: https://github.com/rabbitmq/rabbitmq-server/issues/12141
for (const durability of ['os', 'fsync'] as const)
  t.test(`the disk stays within four times what is not settled, and a few segments (${durability})`, async t => {
    for (let seed = 0; seed < 6; seed++) {
      const chance = seeded(seed)
      const disk = new MemoryDisk()
      const queue = new ReclaimedQueue(disk, { durability })
      const share = [0, 0.02, 0.2][seed % 3] as number
      let [peak, live, most] = [0, 0, 0]
      for (let round = 0; round < 250; round++) {
        const messages = 1 + Math.floor(chance() * 6)
        const base = queue.stored.endOffset
        queue.append(messages, 40 + Math.floor(chance() * 200))
        // The first one is never settled, nor are some others.
        for (let offset = base; offset < base + messages; offset++) {
          if (offset > 0 && chance() >= share) queue.settle([offset, offset + 1])
        }
        queue.tend(disk, 10)
        if (round % 20 > 0) continue
        const frames = [...queue.read(disk)].filter(([offset]) => !queue.isSettled(offset))
        live = frames.reduce((sum, [, record]) => sum + record.length + 80, 0)
        peak = segmentBytesOf(disk) - 4 * live
        most = Math.max(most, peak)
      }
      t.ok(most <= 4 * 2_048, `seed ${seed}: ${most} bytes beyond`)
      queue.rest(disk)
      const left = segmentBytesOf(disk) - 4 * live
      t.ok(left <= 2_600, `seed ${seed}: ${left} bytes beyond at rest`)
    }
  })

t.test('a rewriting that meets damage, or a file that may not be replaced, leaves all as it was', async t => {
  const damaged = filled(60)
  damaged.queue.settle([11, 20])
  damaged.queue.tend(damaged.disk)
  const path = damaged.disk.files.find(file => file.endsWith('0010.log')) as string
  const bytes = damaged.disk.bytesOf(path)
  bytes[bytes.length - 20] = (bytes[bytes.length - 20] as number) ^ 1
  damaged.disk.put(path, bytes)
  damaged.queue.rest(damaged.disk)
  t.ok(damaged.disk.bytesOf(path).equals(bytes))
  t.notOk(damaged.disk.files.some(file => file.endsWith('.new')))
  const busy = filled(60)
  busy.queue.settle([11, 20])
  const before = busy.queue.stored.bytes
  busy.disk.failNext('rename', /\.new$/, 'EPERM')
  busy.queue.rest(busy.disk)
  t.equal(busy.queue.stored.bytes, before)
  t.notOk(busy.disk.files.some(file => file.endsWith('.new')))
  t.equal(busy.queue.read(busy.disk).size, 60)
})

t.test(
  'frames of several messages are thinned, and the queue is read across gaps after it is opened again',
  async t => {
    const disk = new MemoryDisk()
    const queue = new ReclaimedQueue(disk)
    for (let frame = 0; frame < 40; frame++) queue.append(5, 60)
    const before = queue.read(disk)
    for (let offset = 0; offset < 160; offset++) if (offset % 20 !== 3) queue.settle([offset, offset + 1])
    queue.rest(disk)
    queue.close()
    const again = new ReclaimedQueue(disk)
    const found = again.read(disk)
    t.ok(found.size < 60, `${found.size} of 200 are there`)
    for (const [offset, record] of before)
      if (!again.isSettled(offset)) t.ok(found.get(offset)?.equals(record), `message ${offset}`)
    t.same(recordsIn([]), new Map())
    t.equal(disk.opened > 0, true)
    again.close()
    t.equal(disk.opened, 0)
  },
)
