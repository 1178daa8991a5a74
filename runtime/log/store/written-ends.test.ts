/** How far logs were written that no journal has, as the next process finds it. */
import t from 'tap'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { framesIn } from '../format/log-frames.fixture.ts'
import { SEGMENT_HEADER_BYTES, segmentPath } from '../format/segment-format.ts'
import { CLICKS, contentOf, entryOf, ORDERS, ROOT, StoreBench } from './log-store.fixture.ts'
import type { StoredTopic } from './stored-topic.ts'
import { endsPath, WrittenEnds } from './written-ends.ts'

const LOG_ID = Buffer.from('0123456789abcdef')
const PATH = endsPath(ROOT, 0)

function open(disk: MemoryDisk): WrittenEnds {
  return WrittenEnds.open(disk, ROOT, 0, LOG_ID)
}

t.test(
  'the next process finds the last end of each partition, also of those that the one between did not open',
  async t => {
    const disk = new MemoryDisk()
    const first = open(disk)
    const partitions = Array.from({ length: 40 }, (_, partition) => ({ topic: 2, partition, endOffset: partition + 1 }))
    first.note(partitions)
    first.note([{ topic: 2, partition: 7, endOffset: 2 ** 40 }])
    first.close()
    const second = open(disk)
    second.note([{ topic: 3, partition: 0, endOffset: 5 }])
    second.close()
    const third = open(disk)
    t.same([third.of(2, 0), third.of(2, 7), third.of(2, 39), third.of(3, 0), third.of(4, 0)], [1, 2 ** 40, 40, 5, 0])
  },
)

t.test(
  'of partitions that are no more nothing is said, to nobody after this, and their places are used again',
  async t => {
    const disk = new MemoryDisk()
    const first = open(disk)
    first.note(Array.from({ length: 40 }, (_, partition) => ({ topic: 2, partition, endOffset: 9 })))
    const bytes = disk.bytesOf(PATH).length
    first.forget(2, [0, 1, 2, 77])
    first.note([3, 4, 5].map(partition => ({ topic: 3, partition, endOffset: 5 })))
    t.equal(disk.bytesOf(PATH).length, bytes)
    const second = open(disk)
    t.same(
      [0, 1, 2, 3, 39].map(partition => second.of(2, partition)),
      [0, 0, 0, 9, 9],
    )
    t.same(
      [3, 4, 5].map(partition => second.of(3, partition)),
      [5, 5, 5],
    )
    // Entries have moved: what they leave behind must not count.
    second.forget(
      2,
      Array.from({ length: 40 }, (_, partition) => partition),
    )
    second.note([{ topic: 3, partition: 4, endOffset: 6 }])
    open(disk).note([{ topic: 3, partition: 4, endOffset: 7 }])
    const last = open(disk)
    t.same([last.of(2, 39), last.of(3, 3), last.of(3, 4)], [0, 5, 7])
  },
)

t.test('an entry that is damaged, or of another folder, says nothing', async t => {
  const disk = new MemoryDisk()
  open(disk).note([
    { topic: 2, partition: 0, endOffset: 8 },
    { topic: 2, partition: 1, endOffset: 9 },
  ])
  const bytes = disk.bytesOf(PATH)
  bytes.writeUInt8(bytes.readUInt8(9) ^ 1, 9)
  disk.put(PATH, bytes)
  t.same([open(disk).of(2, 0), open(disk).of(2, 1)], [0, 9])
  t.equal(WrittenEnds.open(disk, ROOT, 0, Buffer.alloc(16)).of(2, 1), 0)
})

t.test('a log that ends between two frames, before it was written to, is told once', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const log = store.partition(CLICKS, 0)
  for (let each = 0; each < 4; each++) store.append([entryOf(log)])
  const bytes = contentOf(bench.disk, log).length
  bench.crash()
  const path = segmentPath(log.folder, 0)
  const file = bench.disk.open(path, 'write')
  const frameBytes = framesIn(contentOf(bench.disk, log))[0]?.length ?? 0
  file.truncate(SEGMENT_HEADER_BYTES + bytes - frameBytes)
  file.close()
  const opened = bench.open()
  const next = opened.partition(CLICKS, 0)
  t.equal(next.endOffset, 3)
  t.match(next.cuts, [{ file: path, bytes: 0, why: /ends at offset 3, and was written up to 4/ }])
  bench.crash()
  t.same(bench.open().partition(CLICKS, 0).cuts, [])
})

t.test('what a host cuts itself is not told', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const log = store.partition(CLICKS, 0)
  for (let each = 0; each < 4; each++) store.append([entryOf(log)])
  store.truncateTo(log, 2)
  bench.crash()
  t.same(bench.open().partition(CLICKS, 0).cuts, [])
})

t.test('where a log begins is durable before retention removes what lies before', async t => {
  const brief: StoredTopic = { ...ORDERS, topic: 8, durability: 'os', retention: { bytesMax: 9_000, ageMaxMs: null } }
  const bench = new StoreBench()
  const known = [{ topic: brief, partition: 0 }]
  const store = bench.open({}, known)
  const log = store.partition(brief, 0)
  while (log.bytes < 14_000) store.append([entryOf(log, 500)])
  bench.changes()
  store.tend(1_000_000)
  const changes = bench.changes()
  t.ok(changes.indexOf('sync host-0.marks') < changes.findIndex(change => change.startsWith('remove')), changes.join())
  const { startOffset } = log
  t.ok(startOffset > 0)
  bench.crash()
  t.equal(bench.open({}, known).partition(brief, 0).startOffset, startOffset)
  bench.crash()
  bench.disk.remove(segmentPath(log.folder, startOffset))
  t.throws(() => bench.open({}, known), { message: new RegExp(`nothing was removed from offset ${startOffset} on`) })
})
