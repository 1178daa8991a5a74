import fc from 'fast-check'
import t from 'tap'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { appendFrame, appendGap, FOLDER, frameOf, framesIn, readAll, SETTINGS } from '../format/log-frames.fixture.ts'
import { indexPath, segmentPath } from '../format/segment-format.ts'
import { PartitionLog } from '../store/partition-log.ts'
import { LogReader } from './log-reader.ts'

const LARGE = { ...SETTINGS, segmentBytes: 1_000_000, frameBytesMax: 500_000 }

interface House {
  readonly disk: MemoryDisk
  readonly log: PartitionLog
  readonly reader: LogReader
}

function house(settings = SETTINGS): House {
  const disk = new MemoryDisk()
  return { disk, log: PartitionLog.open(disk, FOLDER, settings, 0), reader: new LogReader(disk, FOLDER, settings) }
}

/** Records of a frame, bytes of their values, and time; frames without records are gaps over so many offsets. */
const shapes = fc.array(fc.tuple(fc.nat(5), fc.nat(350), fc.nat(900)), {
  minLength: 1,
  maxLength: 60,
})

function appendShape(log: PartitionLog, [records, valueBytes, time]: [number, number, number]): Buffer {
  return records === 0 ? appendGap(log, 1 + valueBytes) : appendFrame(log, records, valueBytes, time)
}

t.test('any offset is read by the frame that holds it and those after, up to the end and the size told', async t => {
  fc.assert(
    fc.property(
      shapes,
      fc.array(fc.tuple(fc.nat(200), fc.nat(60), fc.nat(3000)), { maxLength: 20 }),
      (written, fetches) => {
        const { log, reader } = house()
        const frames = written.map(shape => appendShape(log, shape))
        const known = framesIn(Buffer.concat(frames))
        for (const [from, upTo, bytesMax] of fetches) {
          const end = known[upTo % known.length]?.endOffset ?? 0
          const offset = from % log.endOffset
          const got = reader.read(offset, end, bytesMax)
          if (offset >= end) {
            t.equal(got.length, 0)
            continue
          }
          const first = known.findIndex(({ endOffset }) => endOffset > offset)
          const found = framesIn(got)
          t.ok(found.length >= 1 && (found.length === 1 || got.length <= bytesMax))
          t.ok((found.at(-1)?.endOffset ?? 0) <= end)
          t.same(
            found.map(({ bytes }) => bytes),
            frames.slice(first, first + found.length),
          )
        }
      },
    ),
  )
})

t.test('the first offset of a time is that of a plain search', async t => {
  fc.assert(
    fc.property(shapes, fc.array(fc.tuple(fc.nat(1000), fc.nat(60)), { maxLength: 10 }), (written, searches) => {
      const { log, reader } = house()
      const times: number[] = []
      const ends: number[] = []
      for (const [records, valueBytes, time] of written) {
        appendShape(log, [records, valueBytes, time])
        for (let at = 0; at < records; at++) times.push(time + at)
        while (times.length < log.endOffset) times.push(Number.NEGATIVE_INFINITY)
        ends.push(log.endOffset)
      }
      for (const [time, upTo] of searches) {
        const end = ends[upTo % ends.length] as number
        const at = times.findIndex((each, offset) => each >= time && offset < end)
        t.equal(reader.offsetAt(time, end), at === -1 ? end : at)
      }
    }),
  )
})

t.test('reading on costs one read for each fetch, also while the log grows', async t => {
  const { disk, log, reader } = house(LARGE)
  const frames = Array.from({ length: 300 }, () => appendFrame(log, 2, 300))
  let offset = framesIn(reader.read(0, log.endOffset, 5000)).at(-1)?.endOffset ?? 0
  let fetches = 0
  disk.reads = 0
  disk.bytesRead = 0
  const start = offset
  for (; offset < log.endOffset; fetches++) {
    offset = framesIn(reader.read(offset, log.endOffset, 5000)).at(-1)?.endOffset ?? 0
    if (fetches < 20) frames.push(appendFrame(log, 2, 300))
  }
  t.equal(disk.reads, fetches)
  const wanted = Buffer.concat(frames.slice(start / 2)).length
  t.ok(disk.bytesRead < wanted * 1.3, `${disk.bytesRead} bytes of ${wanted}`)
})

t.test('entering the next segment costs reads of its header, index and first frames, and no rescan', async t => {
  const { disk, log, reader } = house({ ...LARGE, segmentBytes: 50_000 })
  while (log.segments < 6) appendFrame(log, 2, 300)
  log.sync()
  disk.reads = 0
  let fetches = 0
  for (let offset = 0; offset < log.endOffset; fetches++)
    offset = framesIn(reader.read(offset, log.endOffset, 5000)).at(-1)?.endOffset ?? 0
  t.ok(disk.reads <= fetches + 6 * 4, `${disk.reads} reads for ${fetches} fetches`)
  t.equal(disk.opened, 2, 'the reader and the writer have one file each')
})

t.test('a frame larger than asked for is returned whole', async t => {
  const { disk, log, reader } = house(LARGE)
  const frame = appendFrame(log, 1, 400_000)
  t.same(reader.read(0, 1, 100), frame)
  t.equal(disk.opened, 2)
})

t.test('bytes behind the end that was told do not matter', async t => {
  const { disk, log, reader } = house()
  const frames = [appendFrame(log), appendFrame(log)]
  const path = segmentPath(FOLDER, 0)
  disk.put(path, Buffer.concat([disk.bytesOf(path), Buffer.alloc(90, 0xee)]))
  t.same(reader.read(0, 2, 10_000), Buffer.concat(frames))
  t.equal(reader.read(2, 2, 10_000).length, 0)
  t.equal(reader.offsetAt(5000, 2), 2)
  t.throws(() => reader.read(2, 3, 10_000), { name: 'CorruptLogError', position: disk.bytesOf(path).length - 90 })
})

t.test('a frame that goes beyond the end that was told is not returned', async t => {
  const { log, reader } = house()
  const frames = [appendFrame(log, 2), appendFrame(log, 3)]
  t.same(reader.read(0, 3, 10_000), frames[0])
  t.equal(reader.read(2, 3, 10_000).length, 0)
  t.same(reader.read(2, 5, 10_000), frames[1])
})

t.test('an offset that retention has removed is gone, with the earliest there is', async t => {
  const { log, reader } = house()
  const frames: Buffer[] = []
  while (log.segments < 4) frames.push(appendFrame(log, 1, 1500))
  t.same(reader.read(0, log.endOffset, 1000), frames[0])
  log.retain({ bytesMax: 5000 })
  t.equal(log.startOffset, 4)
  const late = new LogReader(new MemoryDisk(), FOLDER, SETTINGS)
  t.throws(() => late.read(0, 9, 100), { name: 'OffsetGoneError', offset: 0, earliest: 9 })
  t.throws(() => reader.read(0, log.endOffset, 1000), { name: 'OffsetGoneError', offset: 0, earliest: 4 })
  t.equal(reader.offsetAt(0, log.endOffset), 4)
  t.same(readAll(reader, 4, log.endOffset), frames.slice(4))
})

t.test('a file that retention removes while it is open is read to its end, and then the offset is gone', async t => {
  const { log, reader } = house()
  const frames: Buffer[] = []
  while (log.segments < 4) frames.push(appendFrame(log, 1, 1500))
  reader.read(0, log.endOffset, 1000)
  log.retain({ bytesMax: 5000 })
  t.same(reader.read(1, log.endOffset, 1000), frames[1])
  t.throws(() => reader.read(2, log.endOffset, 1000), { name: 'OffsetGoneError', offset: 2, earliest: 4 })
})

t.test(
  'a file that vanishes between the look at the folder and its opening is gone, and not an error of the disk',
  async t => {
    const { disk, log, reader } = house()
    while (log.segments < 4) appendFrame(log, 1, 1500)
    const { list } = disk
    disk.list = folder => {
      const names = list.call(disk, folder)
      disk.list = list
      log.retain({ bytesMax: 5000 })
      return names
    }
    t.throws(() => reader.read(0, log.endOffset, 1000), { name: 'OffsetGoneError', earliest: 4 })
    t.equal(framesIn(reader.read(4, log.endOffset, 1000)).length, 1)
  },
)

t.test('a file whose reading fails because it was removed is gone; other failures are told as they are', async t => {
  const { disk, log, reader } = house()
  while (log.segments < 4) appendFrame(log, 1, 1500)
  reader.read(0, log.endOffset, 1000)
  disk.failNext('read')
  t.throws(() => reader.read(1, log.endOffset, 1000), { name: 'DiskError' })
  reader.read(0, log.endOffset, 1000)
  log.retain({ bytesMax: 5000 })
  disk.failNext('read', /./, 'ESTALE')
  t.throws(() => reader.read(1, log.endOffset, 1000), { name: 'OffsetGoneError', earliest: 4 })
})

t.test('an index that leads to no frame is done without', async t => {
  const { disk, log, reader } = house({ ...SETTINGS, segmentBytes: 20_000 })
  const frames: Buffer[] = []
  while (log.segments < 2) frames.push(appendFrame(log, 1, 700))
  const other = house({ ...SETTINGS, segmentBytes: 20_000 })
  const sizes = frames.map(({ length }, at) => length + (at === 0 ? 8 : at === frames.length - 1 ? -8 : 0))
  for (const length of sizes) {
    const baseOffset = other.log.endOffset
    const frame = frameOf({ baseOffset, deltas: [0], baseTimestamp: 1000, valueBytes: length - 88 })
    other.log.append([frame], { baseOffset, endOffset: baseOffset + 1, maxTimestamp: 1000 }, frame.length)
  }
  appendFrame(other.log, 1, 700)
  disk.put(indexPath(FOLDER, 0), other.disk.bytesOf(indexPath(FOLDER, 0)))
  for (const [offset, frame] of frames.slice(0, -1).entries())
    t.same(new LogReader(disk, FOLDER, SETTINGS).read(offset, log.endOffset, 1), frame)
  t.equal(reader.offsetAt(1000, log.endOffset), 0)
})

t.test('damage is met with file and byte, and what is good in front of it is still read', async t => {
  const { disk, log, reader } = house()
  const frames = [appendFrame(log), appendFrame(log), appendFrame(log)]
  const path = segmentPath(FOLDER, 0)
  const bytes = disk.bytesOf(path)
  const position = 64 + (frames[0]?.length ?? 0)
  bytes[position + 100] = 1
  disk.put(path, bytes)
  t.same(reader.read(0, 3, 10_000), frames[0])
  t.throws(() => reader.read(1, 3, 10_000), { name: 'CorruptLogError', file: path, position })
  t.throws(() => reader.read(2, 3, 10_000), { name: 'CorruptLogError', file: path, position })
  t.throws(() => reader.offsetAt(5000, 3), { name: 'CorruptLogError', file: path, position })
  reader.close()
  t.equal(disk.opened, 1, 'the writer’s')
})

t.test('a segment of another log is refused', async t => {
  const { disk, log } = house()
  appendFrame(log)
  const reader = new LogReader(disk, FOLDER, { ...SETTINGS, logId: new Uint8Array(16) })
  t.throws(() => reader.read(0, 1, 100), { name: 'ForeignFileError', file: segmentPath(FOLDER, 0) })
})

t.test('frames are in the memory that is given to it, if they fit', async t => {
  const { log, reader } = house()
  const frames = [appendFrame(log, 2, 300, 1), appendFrame(log, 3, 300, 2), appendFrame(log, 1, 20, 3)]
  const bytes = frames.reduce((sum, frame) => sum + frame.length, 0)
  const large = new ArrayBuffer(bytes + 100)
  const small = new ArrayBuffer(100)
  for (const [offset, bytesMax] of [
    [0, bytes],
    [2, 1],
    [0, 0],
  ] as const) {
    const own = reader.read(offset, log.endOffset, bytesMax)
    const kept = Buffer.from(own)
    const given = reader.read(offset, log.endOffset, bytesMax, large)
    t.equal(given.buffer, large)
    t.same(given, kept)
    t.same(own, kept, 'what was read before stays')
    const refused = reader.read(offset, log.endOffset, bytesMax, small)
    t.not(refused.buffer, small)
    t.same(refused, kept)
  }
})
