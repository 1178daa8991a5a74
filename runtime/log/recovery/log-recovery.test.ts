import t from 'tap'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { appendFrame, FOLDER, readAll, SETTINGS } from '../format/log-frames.fixture.ts'
import { indexPath, segmentPath } from '../format/segment-format.ts'
import { LogReader } from '../read/log-reader.ts'
import { PartitionLog } from '../store/partition-log.ts'

const LARGE = { ...SETTINGS, segmentBytes: 100_000 }
const open = (disk: MemoryDisk, syncedTo: number, settings = SETTINGS): PartitionLog =>
  PartitionLog.open(disk, FOLDER, settings, syncedTo)

/** Segments of two frames each: offsets 0 and 1, 2 and 3, and so on. */
function written(segments: number): MemoryDisk {
  const disk = new MemoryDisk()
  const log = open(disk, 0)
  while (log.segments < segments || log.endOffset % 2 === 1) appendFrame(log, 1, 1500)
  log.sync()
  return disk.copy()
}

t.test(
  'looks at every byte from the last index entry before what was synced, and at summaries before that',
  async t => {
    const disk = new MemoryDisk()
    const log = open(disk, 0, LARGE)
    while (log.segments < 11) appendFrame(log, 1, 1000)
    const { endOffset } = log
    log.close()
    const cold = disk.copy()
    t.equal(open(cold, endOffset, LARGE).endOffset, endOffset)
    const headers = 11 * 64 + 10 * 64
    t.ok(cold.bytesRead < headers + 3 * 4096, `${cold.bytesRead} bytes`)
    const all = disk.copy()
    t.equal(open(all, 0, LARGE).endOffset, endOffset)
    t.ok(all.bytesRead >= log.bytes - 11 * 64, `${all.bytesRead} bytes`)
    const middle = disk.copy()
    open(middle, endOffset - 95, LARGE)
    t.ok(middle.bytesRead > 95 * 1000 && middle.bytesRead < 250_000, `${middle.bytesRead} bytes`)
  },
)

t.test('a torn tail is cut and told, and what was written above the synced offset is made durable', async t => {
  const disk = written(2)
  const path = segmentPath(FOLDER, 2)
  const good = disk.bytesOf(path)
  disk.put(path, Buffer.concat([good, Buffer.alloc(100, 7)]))
  const log = open(disk, 3)
  t.match(log.cuts, [{ file: path, position: good.length, bytes: 100, why: /./ }])
  t.equal(log.cuts.length, 1)
  t.strictSame(disk.trace, [
    'syncDirectory orders-3',
    'truncate 2.log',
    'sync 2.log',
    'sync 2.log',
    'syncDirectory orders-3',
  ])
  t.equal(log.endOffset, 4)
  t.same(disk.bytesOf(path), good)
})

t.test('a tear in front of later segments ends the log there, the newest being removed first', async t => {
  const disk = written(4)
  const path = segmentPath(FOLDER, 2)
  const good = disk.bytesOf(path)
  disk.put(path, good.subarray(0, good.length - 8))
  const log = open(disk, 3)
  t.strictSame(
    log.cuts.map(({ file, position }) => [file, position]),
    [
      [path, 64 + (good.length - 64) / 2],
      [segmentPath(FOLDER, 4), 0],
      [segmentPath(FOLDER, 6), 0],
    ],
  )
  t.strictSame(
    disk.trace.filter(line => /^remove .*log/.test(line)),
    ['remove 6.log', 'remove 4.log'],
  )
  t.match(log, { startOffset: 0, endOffset: 3, segments: 2 })
  t.throws(() => open(written(4).copy(), 9), { name: 'CorruptLogError' }, 'what was synced is not there')
})

t.test('the same tear below the synced offset is damage, with file and byte, and nothing is cut', async t => {
  const disk = written(4)
  const path = segmentPath(FOLDER, 2)
  const good = disk.bytesOf(path)
  disk.put(path, good.subarray(0, good.length - 8))
  t.throws(() => open(disk, 4), { name: 'CorruptLogError', file: path, position: 64 + (good.length - 64) / 2 })
  t.strictSame(disk.trace, [])
})

t.test('a segment that is missing below the synced offset is damage; above it ends the log', async t => {
  const disk = written(4)
  disk.remove(segmentPath(FOLDER, 2))
  disk.remove(indexPath(FOLDER, 2))
  t.throws(() => open(disk.copy(), 3), {
    name: 'CorruptLogError',
    file: segmentPath(FOLDER, 0),
    why: /next begins at 4/,
  })
  t.match(open(disk, 2), {
    endOffset: 2,
    segments: 1,
    cuts: [{ file: segmentPath(FOLDER, 4) }, { file: segmentPath(FOLDER, 6) }],
  })
})

t.test('a new segment whose header was lost goes, and its offsets are given again', async t => {
  for (const left of [Buffer.alloc(0), Buffer.alloc(64), Buffer.alloc(2000)]) {
    const disk = written(2)
    disk.put(segmentPath(FOLDER, 4), left)
    const log = open(disk, 4)
    t.match(log, { endOffset: 4, cuts: [{ file: segmentPath(FOLDER, 4), position: 0, bytes: left.length }] })
    appendFrame(log, 1, 1500)
    t.equal(open(disk, 5).endOffset, 5)
    t.throws(() => open(written(2), 5), { name: 'CorruptLogError' })
  }
})

t.test('a log of which only a lost header is left goes on at the offset in its name', async t => {
  const disk = new MemoryDisk()
  disk.put(segmentPath(FOLDER, 42), Buffer.alloc(0))
  t.throws(() => open(disk, 43), { name: 'CorruptLogError' })
  t.match(open(disk, 42), { startOffset: 42, endOffset: 42, segments: 1 })
})

t.test('files of another log or a later format are neither cut nor removed', async t => {
  const disk = written(3)
  disk.put(segmentPath(FOLDER, 6), Buffer.alloc(500, 'letters'))
  const before = disk.bytesOf(segmentPath(FOLDER, 4))
  disk.put(segmentPath(FOLDER, 4), before.subarray(0, 900))
  t.throws(() => open(disk, 0), { name: 'ForeignFileError', file: segmentPath(FOLDER, 6) })
  t.throws(() => PartitionLog.open(written(2), FOLDER, { ...SETTINGS, partition: 4 }, 0), { name: 'ForeignFileError' })
  t.strictSame(disk.trace, [])
})

t.test('an index that is missing or wrong is made again, and one without its segment is removed', async t => {
  for (const bytes of [null, Buffer.alloc(10), written(4).bytesOf(indexPath(FOLDER, 2))]) {
    const disk = written(4)
    const path = indexPath(FOLDER, 0)
    const good = disk.bytesOf(path)
    if (bytes === null) disk.remove(path)
    else disk.put(path, bytes)
    disk.put(indexPath(FOLDER, 99), good)
    t.equal(open(disk, 8).endOffset, 8)
    t.same(disk.bytesOf(path), good)
    t.throws(() => disk.bytesOf(indexPath(FOLDER, 99)), { name: 'DiskError', message: /ENOENT/ })
  }
})

t.test('an index left by a close leads into the active segment that has grown since', async t => {
  const disk = new MemoryDisk()
  const first = open(disk, 0, LARGE)
  const frames = Array.from({ length: 40 }, () => appendFrame(first, 1, 1000))
  first.close()
  const second = open(disk, 40, LARGE)
  for (let at = 0; at < 10; at++) frames.push(appendFrame(second, 1, 1000))
  const crashed = disk.copy()
  const third = open(crashed, 45, LARGE)
  t.ok(crashed.bytesRead < 20_000, `${crashed.bytesRead} bytes`)
  t.match(third, { endOffset: 50, cuts: [] })
  t.same(readAll(new LogReader(crashed, FOLDER, LARGE), 0, 50), frames)
})

t.test('an index left by a close says nothing of what is cut off after it', async t => {
  const disk = new MemoryDisk()
  const first = open(disk, 0, LARGE)
  const frames = Array.from({ length: 40 }, () => appendFrame(first, 1, 1000))
  first.close()
  const bytes = disk.bytesOf(segmentPath(FOLDER, 0))
  bytes[64 + (frames[0]?.length ?? 0) * 20 + 200] = 1
  disk.put(segmentPath(FOLDER, 0), bytes)
  const second = open(disk, 15, LARGE)
  t.equal(second.endOffset, 20)
  const kept = frames.slice(0, 20)
  // Other sizes than before: what the index said of them would lead into the middle of frames.
  while (second.endOffset < 60) kept.push(appendFrame(second, 1, 700))
  t.equal(second.truncateTo(45), 45)
  t.same(readAll(new LogReader(disk, FOLDER, LARGE), 0, 45), kept.slice(0, 45))
})
