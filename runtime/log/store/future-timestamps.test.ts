/** Retention by time where publishers give timestamps in the future, or where the clock was wrong. */
import t from 'tap'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { appendFrame, FOLDER, SETTINGS } from '../format/log-frames.fixture.ts'
import { encodeSegmentHeader, segmentBases, segmentPath } from '../format/segment-format.ts'
import { LogReader } from '../read/log-reader.ts'
import { PartitionLog } from './partition-log.ts'
import { startAfter } from './retention.ts'

const FUTURE = Date.now() * 1_000

/** A log of several segments, whose first record has a timestamp in microseconds. */
function logWithFuture(): { disk: MemoryDisk; log: PartitionLog } {
  const disk = new MemoryDisk()
  const log = PartitionLog.open(disk, FOLDER, SETTINGS, 0)
  appendFrame(log, 1, 1_500, FUTURE)
  while (log.segments < 4) appendFrame(log, 1, 1_500, Date.now())
  log.sync()
  return { disk, log }
}

/** The log, opened anew, as if its segments had been made at these times. */
function madeAt(disk: MemoryDisk, times: readonly number[]): PartitionLog {
  for (const [at, base] of segmentBases(disk.list(FOLDER)).entries()) {
    const path = segmentPath(FOLDER, base)
    const bytes = Buffer.from(disk.bytesOf(path))
    bytes.set(encodeSegmentHeader(SETTINGS, base, times[at] as number))
    disk.put(path, bytes)
  }
  return PartitionLog.open(disk, FOLDER, SETTINGS, 0)
}

t.test('a timestamp in the future does not stop retention by time', async t => {
  const { log } = logWithFuture()
  t.equal(log.retain({ beforeMs: Date.now() - 60_000 }), 0, 'what is young stays')
  t.ok(log.retain({ beforeMs: Date.now() + 1_000 }) > 0)
  t.equal(log.segments, 1)
})

t.test('nor in a log that is there already', async t => {
  const { disk, log } = logWithFuture()
  log.close()
  const opened = madeAt(disk, [1_000, 2_000, 3_000, 4_000])
  t.equal(startAfter(opened.all, { beforeMs: 2_000 }), 0, 'the next segment was made when its last record was appended')
  t.ok(startAfter(opened.all, { beforeMs: 2_001 }) > 0)
})

t.test('a clock that was set back for a while removes nothing', async t => {
  const { disk, log } = logWithFuture()
  log.close()
  const opened = madeAt(disk, [9_000, 0, 10_000, 11_000])
  t.equal(startAfter(opened.all, { beforeMs: 8_000 }), 0)
})

t.test('reading by time goes by the timestamps that publishers gave', async t => {
  const { disk, log } = logWithFuture()
  const reader = new LogReader(disk, FOLDER, SETTINGS)
  t.equal(reader.offsetAt(FUTURE, log.endOffset), 0)
  t.equal(reader.offsetAt(FUTURE + 1, log.endOffset), log.endOffset)
  reader.close()
})
