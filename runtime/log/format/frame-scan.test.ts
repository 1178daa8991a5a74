import t from 'tap'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { FrameScan, headerFault, SCAN_PIECE_BYTES } from './frame-scan.ts'
import { GAP_OFFSETS_MAX, gapFrame } from './gap-frame.ts'
import { asFirstVersion, frameOf } from './log-frames.fixture.ts'
import { sign } from './record-frames.fixture.ts'

const MAX = 1 << 20

function frames(count: number, valueBytes: number): Buffer[] {
  return Array.from({ length: count }, (_, at) =>
    frameOf({ baseOffset: 10 + at * 2, deltas: [at, 0], baseTimestamp: 500, valueBytes }),
  )
}

interface Scanned {
  readonly disk: MemoryDisk
  readonly scan: FrameScan
  readonly found: readonly { readonly position: number; readonly baseOffset: number; readonly bytes: Buffer }[]
}

function scanned(bytes: Uint8Array, from = { position: 0, offset: 10 }, frameBytesMax = MAX, piece?: number): Scanned {
  const disk = new MemoryDisk()
  disk.put('/f', bytes)
  const scan = new FrameScan(disk.open('/f', 'read'), from, bytes.length, frameBytesMax, piece)
  const found: { position: number; baseOffset: number; bytes: Buffer }[] = []
  for (let frame = scan.next(); frame !== null; frame = scan.next())
    found.push({ ...frame, bytes: Buffer.from(frame.bytes) })
  return { disk, scan, found }
}

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/14181
// Source: https://github.com/rabbitmq/rabbitmq-server/issues/14576
t.test('yields every frame as it was written, whatever the size of the pieces', async t => {
  const written = frames(20, 33)
  for (const piece of [1, 72, 100, 1000, SCAN_PIECE_BYTES]) {
    const { scan, found } = scanned(Buffer.concat(written), undefined, MAX, piece)
    t.same(
      found.map(({ bytes }) => bytes),
      written,
    )
    t.match(scan, { why: null, position: written.length * (written[0]?.length ?? 0), offset: 50 })
  }
  t.match(scanned(written[3] as Buffer, { position: 0, offset: 16 }).found, [
    { position: 0, baseOffset: 16, endOffset: 18, records: 2, maxTimestamp: 503, length: written[3]?.length },
  ])
})

t.test('reads in pieces of 256 KiB', async t => {
  const { disk, found } = scanned(Buffer.concat(frames(300, 2000)))
  t.equal(found.length, 300)
  t.equal(disk.reads, Math.ceil((300 * 4104) / SCAN_PIECE_BYTES))
})

/** A frame as it is written, as it was written before, and a gap in its place. */
const [first, plain] = frames(2, 8) as [Buffer, Buffer]
const seconds: readonly (readonly [string, Buffer])[] = [
  ['a frame', plain],
  ['a frame of before', asFirstVersion(plain)],
  ['a gap', gapFrame(12, 700_000)],
]

for (const [what, second] of seconds) {
  t.test(`stops at ${what} of which any bit has changed, and says where it begins`, async t => {
    for (let bit = 0; bit < second.length * 8; bit++) {
      const bytes = Buffer.concat([first, second])
      const at = first.length + (bit >> 3)
      bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7))
      const { scan, found } = scanned(bytes)
      if (found.length !== 1 || scan.position !== first.length || scan.offset !== 12 || scan.why === null)
        t.fail(`bit ${bit}`)
    }
  })

  t.test(`stops at ${what} that is cut short anywhere`, async t => {
    for (let length = 1; length < second.length; length++) {
      const { scan, found } = scanned(Buffer.concat([first, second.subarray(0, length)]))
      if (found.length !== 1 || scan.position !== first.length || !/cut short/.test(scan.why ?? '')) t.fail(`${length}`)
    }
  })
}

t.test('goes on behind a gap, and behind frames of before', async t => {
  const offset = 2 ** 40
  const behind = offset + GAP_OFFSETS_MAX
  const frame = frameOf({ baseOffset: behind, deltas: [0], baseTimestamp: 5, valueBytes: 8 })
  const { scan, found } = scanned(Buffer.concat([gapFrame(offset, GAP_OFFSETS_MAX), asFirstVersion(frame)]), {
    position: 0,
    offset,
  })
  t.match(scan, { why: null, offset: behind + 1 })
  t.match(found, [
    { position: 0, baseOffset: offset, endOffset: behind, length: 72, records: 0 },
    { position: 72, baseOffset: behind, endOffset: behind + 1, records: 1 },
  ])
  t.equal((found[0] as { readonly maxTimestamp?: number }).maxTimestamp, Number.NEGATIVE_INFINITY)
})

t.test('a frame without records that is no gap is refused', async t => {
  const changes: readonly ((frame: Buffer) => void)[] = [
    frame => frame.writeUInt8(1, 4),
    frame => frame.writeUInt16LE(1, 6),
    frame => frame.writeDoubleLE(0, 24),
    frame => frame.writeUInt32LE(0, 52),
    frame => frame.writeInt32LE(80, 0),
    frame => frame.writeUInt8(1, 5),
    frame => frame.writeUInt32LE(GAP_OFFSETS_MAX, 16),
    frame => frame.writeUInt32LE(1, 32),
    frame => frame.writeUInt32LE(1, 36),
    frame => frame.writeDoubleLE(7, 40),
    frame => frame.writeUInt32LE(1, 48),
    frame => frame.writeInt32LE(8, 56),
  ]
  for (const [at, change] of changes.entries()) {
    const frame = Buffer.concat([gapFrame(7, 3), Buffer.alloc(8)])
    const gap = frame.subarray(0, 72)
    sign(gap)
    t.equal(headerFault(frame, 0, 7, MAX), null)
    change(frame)
    sign(gap)
    t.match(headerFault(frame, 0, 7, MAX), /attributes|records do not fit/, `change ${at}`)
  }
})

t.test('stops where offsets have a hole or repeat', async t => {
  const [first, second, third] = frames(3, 8) as [Buffer, Buffer, Buffer]
  t.match(scanned(Buffer.concat([first, third])).scan, {
    position: first.length,
    why: /begins at offset 14, not at 12/,
  })
  t.match(scanned(Buffer.concat([first, second, second])).scan, { position: first.length * 2, why: /not at 14/ })
  t.match(scanned(first, { position: 0, offset: 9 }).scan, { position: 0, why: /not at 9/ })
})

t.test('believes no length that a frame may not have, and reads no such frame', async t => {
  const [frame] = frames(1, 400) as [Buffer]
  const { scan, disk } = scanned(frame, undefined, frame.length - 8, 72)
  t.match(scan.why, /not possible/)
  t.equal(disk.bytesRead, 72)
  const wild = Buffer.from(frame)
  wild.writeInt32LE(2 ** 30, 0)
  const huge = scanned(wild, undefined, 2 ** 31, 72)
  t.match(huge.scan.why, /CRC/)
  t.equal(huge.disk.bytesRead, 72)
})
