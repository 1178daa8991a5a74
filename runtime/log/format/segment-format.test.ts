import { crc32 } from 'node:zlib'
import t from 'tap'
import { CorruptLogError, ForeignFileError, NewerFormatError } from '../disk/log-errors.ts'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { FOLDER, SETTINGS } from './log-frames.fixture.ts'
import { checkSegment, encodeSegmentHeader, indexBases, segmentBases, segmentPath } from './segment-format.ts'

const BASE = 2 ** 40 + 2 ** 31 + 5

function check(bytes: Uint8Array, identity = SETTINGS, baseOffset = BASE): unknown {
  const disk = new MemoryDisk()
  const path = segmentPath(FOLDER, BASE)
  disk.put(path, bytes)
  return checkSegment(disk.open(path, 'read'), identity, baseOffset)
}

/** A header with other bytes in it, signed anew. */
function signed(change: (bytes: Buffer) => void): Buffer {
  const bytes = encodeSegmentHeader(SETTINGS, BASE, 1.5)
  change(bytes)
  bytes.writeUInt32LE(crc32(bytes.subarray(4, 60)), 60)
  return bytes
}

t.test('the bytes are those of the drawing', async t => {
  const hex = encodeSegmentHeader(SETTINGS, BASE, 1.5).toString('hex')
  t.equal(hex.slice(0, 16), '4d524c5301000000')
  t.equal(
    hex.slice(16, 120),
    [
      '0102030405060708090a0b0c0d0e0f10',
      '07000000',
      '03000000',
      '0500008000010000',
      '000000000000f83f',
      '00'.repeat(12),
    ].join(''),
  )
})

t.test('a header comes back as it was', async t => {
  t.strictSame(check(encodeSegmentHeader(SETTINGS, BASE, 1.5)), {
    logId: SETTINGS.logId,
    topic: 7,
    partition: 3,
    baseOffset: BASE,
    createdMs: 1.5,
  })
})

t.test('names sort as offsets do, and other names are none', async t => {
  const names = ['00000000000000000007.index', '00000000000000000007.log', '00000000000000000123.log', '9.log', 'x']
  t.strictSame(segmentBases(names), [7, 123])
  t.strictSame(indexBases(names), [7])
  t.equal(segmentPath('/a', 12), '/a/00000000000000000012.log')
})

t.test('a file that is no segment of this log is refused as foreign', async t => {
  t.throws(() => check(Buffer.alloc(100, 'some text')), ForeignFileError)
  const good = encodeSegmentHeader(SETTINGS, BASE, 0)
  t.throws(() => check(good, { ...SETTINGS, logId: new Uint8Array(16) }), { name: 'ForeignFileError', position: 8 })
  t.throws(() => check(good, { ...SETTINGS, topic: 8 }), { name: 'ForeignFileError', position: 24 })
  t.throws(() => check(good, { ...SETTINGS, partition: 0 }), ForeignFileError)
  t.throws(() => check(good, SETTINGS, BASE + 1), { name: 'ForeignFileError', position: 32 })
})

t.test('a later format is refused, whatever else it says', async t => {
  t.throws(() => check(signed(bytes => bytes.writeUInt16LE(2, 4))), NewerFormatError)
})

t.test('a torn header is damage, and so is one of which any bit has changed', async t => {
  const good = encodeSegmentHeader(SETTINGS, BASE, 1.5)
  for (let bytes = 0; bytes < 64; bytes++) {
    t.throws(() => check(good.subarray(0, bytes)), CorruptLogError)
    t.throws(() => check(Buffer.concat([good.subarray(0, bytes), Buffer.alloc(64 - bytes)])), CorruptLogError)
  }
  t.throws(() => check(Buffer.alloc(64)), CorruptLogError)
  for (let bit = 0; bit < 64 * 8; bit++) {
    const bytes = Buffer.from(good)
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
    t.throws(() => check(bytes), CorruptLogError, `bit ${bit}`)
  }
})
