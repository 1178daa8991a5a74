import t from 'tap'
import type { ScannedFrame } from './frame-scan.ts'
import { frameOf, framesIn } from './log-frames.fixture.ts'
import { firstRecordSince } from './record-times.ts'

function frame(deltas: readonly number[]): ScannedFrame {
  return framesIn(frameOf({ baseOffset: 40, deltas, baseTimestamp: 1000, valueBytes: 3 }))[0] as ScannedFrame
}

t.test('finds the first record at or after a time, also where times are not in order', async t => {
  const mixed = frame([5, -10, 20, 0])
  t.equal(firstRecordSince(mixed, 990), 40)
  t.equal(firstRecordSince(mixed, 1005), 40)
  t.equal(firstRecordSince(mixed, 1006), 42)
  t.equal(firstRecordSince(mixed, 1020), 42)
  t.equal(firstRecordSince(mixed, 1021), null)
})

t.test('does not loop over a record without length', async t => {
  const broken = frame([0, 0])
  broken.bytes.writeUInt32LE(0, 72)
  t.throws(() => firstRecordSince(broken, 2000), /broken invariant/)
})
