import t from 'tap'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { appendFrame, FOLDER, SETTINGS } from '../format/log-frames.fixture.ts'
import { sign } from '../format/record-frames.fixture.ts'
import { indexPath, segmentPath } from '../format/segment-format.ts'
import { PartitionLog } from '../store/partition-log.ts'
import { verifyFolder } from './log-verify.ts'

const settings = { ...SETTINGS, segmentBytes: 10_000 }

function written(): MemoryDisk {
  const disk = new MemoryDisk()
  const log = PartitionLog.open(disk, FOLDER, settings, 0)
  while (log.segments < 4) appendFrame(log, 3, 500, 1000 + log.endOffset)
  log.close()
  return disk.copy()
}

t.test('reports what each file holds, and changes nothing', async t => {
  const disk = written()
  const report = verifyFolder(disk, FOLDER)
  const names = (kind: string): string[] => report.files.filter(file => file.kind === kind).map(({ file }) => file)
  t.strictSame(
    names('segment'),
    [0, 18, 36, 54].map(base => segmentPath(FOLDER, base)),
  )
  t.strictSame(
    names('index'),
    [0, 18, 36, 54].map(base => indexPath(FOLDER, base)),
  )
  t.match(report, { startOffset: 0, endOffset: 57, frames: 19, records: 57, damaged: 0 })
  t.match(report.files[2], {
    startOffset: 18,
    endOffset: 36,
    frames: 6,
    records: 18,
    bytes: 64 + 6 * 1632,
    damage: null,
  })
  t.strictSame(disk.trace, [])
  t.equal(disk.opened, 0)
})

t.test('an empty folder holds nothing and has no damage', async t => {
  t.match(verifyFolder(new MemoryDisk(), FOLDER), { files: [], frames: 0, startOffset: 0, endOffset: 0, damaged: 0 })
})

t.test('damage is reported at its byte, file by file, and the files after it are still checked', async t => {
  const disk = written()
  for (const base of [0, 36]) {
    const bytes = disk.bytesOf(segmentPath(FOLDER, base))
    bytes[64 + 1632 + 80] = 9
    disk.put(segmentPath(FOLDER, base), bytes)
  }
  const report = verifyFolder(disk, FOLDER)
  const damaged = report.files.filter(({ damage, kind }) => damage !== null && kind === 'segment')
  t.strictSame(
    damaged.map(({ file }) => file),
    [0, 36].map(base => segmentPath(FOLDER, base)),
  )
  for (const { damage, frames } of damaged) t.match([damage?.position, frames], [64 + 1632, 1])
  t.equal(report.frames, 1 + 6 + 1 + 1)
})

t.test('a gap, a foreign file, a wrong index and one without its segment are damage', async t => {
  const gap = written()
  gap.remove(segmentPath(FOLDER, 18))
  t.match(
    verifyFolder(gap, FOLDER).files.flatMap(({ file, damage }) => (damage === null ? [] : [[file, damage.why]])),
    [
      [segmentPath(FOLDER, 36), /begins at offset 36, and the one before ends at 18/],
      [indexPath(FOLDER, 18), /no segment/],
    ],
  )
  const foreign = written()
  foreign.put(segmentPath(FOLDER, 18), Buffer.alloc(100, 'x'))
  t.match(verifyFolder(foreign, FOLDER).files[2], { frames: 0, damage: { position: 0, why: /no segment of a log/ } })
  const swapped = written()
  const other = new MemoryDisk()
  const log = PartitionLog.open(other, FOLDER, settings, 0)
  while (log.segments < 2) appendFrame(log, 3, 500, 9000 - log.endOffset)
  swapped.put(indexPath(FOLDER, 0), other.bytesOf(indexPath(FOLDER, 0)))
  t.match(verifyFolder(swapped, FOLDER), { damaged: 1 })
})

t.test('an index from before the active segment grew is in order', async t => {
  const disk = written()
  const log = PartitionLog.open(disk, FOLDER, settings, 57)
  appendFrame(log)
  t.match(verifyFolder(disk, FOLDER), { damaged: 0, endOffset: 58 })
})

t.test('a frame that is signed and holds no records is damage, and frames behind it are still counted', async t => {
  const disk = written()
  const bytes = disk.bytesOf(segmentPath(FOLDER, 18))
  const frame = bytes.subarray(64, 64 + 1632)
  frame.writeUInt16LE(7, 72 + 4)
  sign(frame)
  disk.put(segmentPath(FOLDER, 18), bytes)
  const [damaged, ...others] = verifyFolder(disk, FOLDER).files.filter(({ damage }) => damage !== null)
  t.match(damaged, {
    frames: 6,
    damage: { position: 64, offset: 18, why: /record 0 of the frame has no offset in it/ },
  })
  t.strictSame(others, [])
})
