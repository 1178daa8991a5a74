import fc from 'fast-check'
import t from 'tap'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { FOLDER, SETTINGS } from './log-frames.fixture.ts'
import { indexPath, SEGMENT_HEADER_BYTES } from './segment-format.ts'
import { INDEX_EVERY_BYTES, readIndex, readIndexSummary, SegmentIndex, writeIndex } from './segment-index.ts'

const { logId } = SETTINGS

interface Noted {
  readonly offset: number
  readonly position: number
  readonly before: number
}

const framesArbitrary = fc
  .array(fc.record({ records: fc.integer({ min: 1, max: 9 }), kib: fc.integer({ min: 1, max: 12 }), at: fc.nat(20) }), {
    maxLength: 80,
  })
  .map(shapes => {
    const frames: Noted[] = []
    let next: Noted = { offset: 1000, position: SEGMENT_HEADER_BYTES, before: Number.NEGATIVE_INFINITY }
    for (const { records, kib, at } of shapes) {
      frames.push(next)
      next = { offset: next.offset + records, position: next.position + kib * 512, before: Math.max(next.before, at) }
    }
    return { frames, end: next }
  })

function indexOf(frames: readonly Noted[]): SegmentIndex {
  const index = new SegmentIndex(1000)
  for (const { offset, position, before } of frames) index.note(offset, position, before)
  return index
}

t.test('a search ends at the last entry that passes nothing, and entries are at least 4 KiB apart', async t => {
  fc.assert(
    fc.property(framesArbitrary, fc.nat(800), fc.nat(22), ({ frames }, ahead, timeMs) => {
      const index = indexOf(frames)
      const kept: Noted[] = []
      for (const frame of frames)
        if (frame.position - (kept.at(-1)?.position ?? SEGMENT_HEADER_BYTES) >= INDEX_EVERY_BYTES) kept.push(frame)
      const plain = ({ position, offset }: { readonly position: number; readonly offset: number }): number[] => [
        position,
        offset,
      ]
      const first = { position: SEGMENT_HEADER_BYTES, offset: 1000 }
      t.same([...index.places()].map(plain), kept.map(plain))
      t.same(plain(index.atOffset(1000 + ahead)), plain(kept.findLast(({ offset }) => offset <= 1000 + ahead) ?? first))
      t.same(plain(index.atTime(timeMs)), plain(kept.findLast(({ before }) => before < timeMs) ?? first))
    }),
  )
})

t.test('what is cut is forgotten, and what follows is noted again', async t => {
  fc.assert(
    fc.property(framesArbitrary, fc.nat(80), ({ frames }, at) => {
      const cut = indexOf(frames)
      const { position } = frames[Math.min(at, frames.length - 1)] ?? { position: SEGMENT_HEADER_BYTES }
      cut.cut(position)
      t.same([...cut.places()], [...indexOf(frames.filter(frame => frame.position < position)).places()])
      for (const frame of frames) if (frame.position >= position) cut.note(frame.offset, frame.position, frame.before)
      t.same([...cut.places()], [...indexOf(frames).places()])
    }),
  )
})

t.test('an index comes back from its file as it was, in place of the one before', async t => {
  fc.assert(
    fc.property(framesArbitrary, ({ frames, end }) => {
      const disk = new MemoryDisk()
      disk.put(indexPath(FOLDER, 1000), Buffer.alloc(5000, 1))
      const covers = { endOffset: end.offset, bytes: end.position, maxTimestamp: end.before }
      writeIndex(disk, FOLDER, logId, indexOf(frames), covers)
      const found = readIndex(disk, FOLDER, logId, 1000)
      t.match(found?.covers, covers)
      t.same([...(found?.index.places() ?? [])], [...indexOf(frames).places()])
      t.match(readIndexSummary(disk, FOLDER, logId, 1000), covers)
      t.equal(disk.opened, 0)
    }),
  )
})

t.test('an index that is missing, cut short, changed in any bit, or of something else is none', async t => {
  const disk = new MemoryDisk()
  t.equal(readIndex(disk, FOLDER, logId, 1000), null)
  const index = new SegmentIndex(1000)
  for (let at = 1; at <= 3; at++) index.note(1000 + at, 64 + at * 4096, at)
  writeIndex(disk, FOLDER, logId, index, { endOffset: 2000, bytes: 20_000, maxTimestamp: 9 })
  const path = indexPath(FOLDER, 1000)
  const good = disk.bytesOf(path)
  t.not(readIndex(disk, FOLDER, logId, 1000), null)
  t.equal(readIndex(disk, FOLDER, new Uint8Array(16), 1000), null)
  disk.put(indexPath(FOLDER, 1001), good)
  t.equal(readIndex(disk, FOLDER, logId, 1001), null)
  let taken = 0
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bytes = Buffer.from(good)
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
    disk.put(path, bytes)
    if (readIndex(disk, FOLDER, logId, 1000) !== null) taken++
  }
  for (let length = 0; length < good.length; length++) {
    disk.put(path, good.subarray(0, length))
    if (readIndex(disk, FOLDER, logId, 1000) !== null) taken++
  }
  t.equal(taken, 0)
  t.equal(disk.opened, 0)
})

t.test('entries that do not ascend within the segment are refused, though they are signed', async t => {
  const covers = { endOffset: 1002, bytes: 10_000, maxTimestamp: 9 }
  const refused = (...entries: readonly (readonly [number, number, number])[]): boolean => {
    const bytes = Buffer.alloc(entries.length * 16)
    for (const [at, [offset, position, before]] of entries.entries()) {
      bytes.writeUInt32LE(offset, at * 16)
      bytes.writeUInt32LE(position, at * 16 + 4)
      bytes.writeDoubleLE(before, at * 16 + 8)
    }
    return SegmentIndex.decode(1000, bytes, covers) === null
  }
  t.notOk(refused([1, 5000, 3]))
  t.ok(refused([2, 5000, 3]), 'offset behind the end')
  t.ok(refused([1, 10_000, 3]), 'position behind the end')
  t.ok(refused([0, 5000, 3]), 'offset of the first frame')
  t.ok(refused([1, 64, 3]), 'position of the first frame')
  t.ok(refused([1, 5000, Number.NaN]), 'no time')
})
