/** Frames from which a record is taken out: what is left is as if it had been written so. */
import { Memory, RingConsumer, ringBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { FRAME_COUNT, FRAME_HEADER_BYTES, FRAME_LAST_OFFSET_DELTA } from '../log/format/frame.ts'
import { isGap } from '../wire/joint-note.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import { takeOut } from './joint-edits.ts'
import { PartitionWriter } from './partition-writer.ts'
import { writeRecord } from './record-writer.ts'

const VALUES = ['a', 'bb'.repeat(30), '', 'dddddddddddd']

/** Records of the frame: their numbers in it, and values. */
function recordsIn({ i32, bytes }: Memory, frame: number): [number, string][] {
  const records: [number, string][] = []
  let at = frame + FRAME_HEADER_BYTES
  const end = frame + (i32[frame >> 2] as number)
  for (; at < end; at += ((i32[at >> 2] as number) + 7) & ~7)
    records.push([
      (i32[(at + 4) >> 2] as number) & 0xffff,
      bytes.toString('utf8', at + 16, at + (i32[at >> 2] as number)),
    ])
  return records
}

t.test('each record can be taken out, and what follows in the ring stays where it is', async t => {
  for (let at = 0; at < VALUES.length; at++) {
    const memory = Memory.allocate(65_536)
    const place: RingPlace = {
      ring: 1,
      partition: 0,
      host: 0,
      address: 128,
      capacity: 8_192,
      words: 32_768,
      widest: 8_192,
    }
    t.ok(128 + ringBytes(8_192) < 32_768)
    const writer = new PartitionWriter(memory, place, 1)
    for (const value of VALUES) writeRecord(memory, writer, null, value, null, undefined, 1_000)
    writer.seal()
    writeRecord(memory, writer, null, 'next', null, undefined, 1_000)
    writer.seal()
    const ring = new RingConsumer(memory, place.address, place.capacity)
    ring.poll()
    const frame = ring.next()
    takeOut(memory, frame, at)
    const left = VALUES.filter((_, index) => index !== at)
    t.strictSame(recordsIn(memory, frame), [...left.entries()], `without the ${at}th`)
    t.strictSame(memory.i32[(frame + FRAME_COUNT) >> 2], 3)
    t.strictSame(memory.i32[(frame + FRAME_LAST_OFFSET_DELTA) >> 2], 2)
    ring.advance(memory.i32[frame >> 2] as number)
    const gap = ring.next()
    t.ok(isGap(memory, gap))
    ring.advance(memory.i32[gap >> 2] as number)
    t.strictSame(recordsIn(memory, ring.next()), [[0, 'next']])
  }
})
