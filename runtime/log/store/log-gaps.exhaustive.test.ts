/**
 * Logs with gaps, and with frames of before and of now: every byte at which one may end and every bit that may change, and losses
 * of power between appends and the segments' sync. Gaps stay where they are, and offsets behind them are right.
 */
import t from 'tap'
import { drawn } from '../../proof/fixtures/portion.fixture.ts'
import { LogFileError } from '../disk/log-errors.ts'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { verifyFolder } from '../folder/log-verify.ts'
import { gapFrame } from '../format/gap-frame.ts'
import {
  appendFrame,
  appendGap,
  asFirstVersion,
  FOLDER,
  frameOf,
  readAll,
  SETTINGS,
} from '../format/log-frames.fixture.ts'
import { segmentPath } from '../format/segment-format.ts'
import { LogReader } from '../read/log-reader.ts'
import { contentOf, entryOf, ORDERS, StoreBench } from './log-store.fixture.ts'
import type { StoreEntry } from './log-store-types.ts'
import { PartitionLog } from './partition-log.ts'
import type { StoredPartition } from './stored-partition.ts'

const settings = { ...SETTINGS, segmentBytes: 700 }

interface Made {
  readonly disk: MemoryDisk
  readonly frames: readonly Buffer[]
  /** End offset of each. */
  readonly ends: readonly number[]
}

/** A few segments, each of frames of both versions and of gaps. */
function made(): Made {
  const disk = new MemoryDisk()
  const frames: Buffer[] = []
  const ends: number[] = []
  const log = PartitionLog.open(disk, FOLDER, settings, 0)
  const keep = (frame: Buffer): void => {
    frames.push(frame)
    ends.push(log.endOffset)
  }
  for (let round = 0; round < 3; round++) {
    keep(appendFrame(log, 2, 40))
    keep(appendGap(log, 1 + round * 1_000_000))
    keep(appendGap(log, 3))
    const baseOffset = log.endOffset
    const old = asFirstVersion(frameOf({ baseOffset, deltas: [0], baseTimestamp: 5, valueBytes: 60 }))
    log.append([old], { baseOffset, endOffset: baseOffset + 1, maxTimestamp: 5 }, old.length)
    keep(old)
  }
  keep(appendGap(log, 7))
  log.close()
  return { disk, frames, ends }
}

const { disk, frames, ends } = made()
const end = ends.at(-1) as number
const files = disk.files.filter(file => file.endsWith('.log'))

/** What is wrong with what is left of a damaged log; null: nothing. */
function wrongOf(file: string, bytes: Buffer, syncedTo: number): string | null {
  const damaged = disk.copy()
  damaged.put(file, bytes)
  // One that ends between two frames may have ended there.
  const isEdge = bytes.length < disk.bytesOf(file).length
  try {
    const log = PartitionLog.open(damaged, FOLDER, settings, syncedTo)
    const got = readAll(new LogReader(damaged, FOLDER, settings), 0, log.endOffset)
    if (got.some((frame, at) => !frame.equals(frames[at] as Buffer))) return 'it holds what was never written'
    if (log.endOffset !== (got.length === 0 ? 0 : ends[got.length - 1])) return `it ends at ${log.endOffset}`
    if (log.endOffset < syncedTo) return 'it lacks what was synced'
    if (got.length < frames.length && log.cuts.length === 0 && !isEdge) return 'it says nothing of what it lost'
    // What is appended comes behind what is left.
    const added = appendFrame(log)
    const again = readAll(new LogReader(damaged, FOLDER, settings), 0, log.endOffset)
    return again.length === got.length + 1 && (again.at(-1) as Buffer).equals(added) ? null : 'it does not go on'
  } catch (error) {
    if (!(error instanceof LogFileError)) throw error
    return error.file === file ? null : `it blames another file: ${error.message}`
  }
}

t.test('the log has several segments, and gaps at the begin, in the middle and at the end of some', async t => {
  t.ok(files.length >= 3, `${files.length} segments`)
  t.match(verifyFolder(disk, FOLDER), { damaged: 0, endOffset: end, frames: frames.length, records: 9 })
  const reader = new LogReader(disk, FOLDER, settings)
  t.same(readAll(reader, 0, end), frames)
  for (const [at, upTo] of ends.entries())
    for (const offset of [upTo - 1, at === 0 ? 0 : (ends[at - 1] as number)])
      t.same(readAll(reader, offset, end), frames.slice(at), `from offset ${offset}`)
})

for (const [at, syncedTo] of [0, ends[5] as number, end].entries()) {
  t.test(`a log that ends at any byte, synced to ${syncedTo}, ends before a frame or is corrupt`, async t => {
    for (const [index, file] of files.entries()) {
      const bytes = disk.bytesOf(file)
      for (const length of drawn(bytes.length, 10 * at + index)) {
        const wrong = wrongOf(file, bytes.subarray(0, length), syncedTo)
        if (wrong !== null) t.fail(`${file} cut to ${length}: ${wrong}`)
      }
    }
  })

  t.test(`a log of which any bit changes, synced to ${syncedTo}, is cut before it or is corrupt`, async t => {
    for (const [index, file] of files.entries()) {
      const bytes = disk.bytesOf(file)
      for (const each of drawn(Math.ceil(bytes.length / 3) * 8, 100 + 10 * at + index)) {
        const bit = each * 3 + at
        if (bit >= bytes.length * 8) continue
        const changed = Buffer.from(bytes)
        changed[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
        const wrong = wrongOf(file, changed, syncedTo)
        if (wrong !== null) t.fail(`${file} bit ${bit}: ${wrong}`)
      }
    }
  })
}

t.test('a log cut anywhere keeps the gaps in front of that, and loses one that it cuts into', async t => {
  for (const [at, upTo] of ends.entries()) {
    for (const to of [upTo, upTo - 1]) {
      const copy = disk.copy()
      const log = PartitionLog.open(copy, FOLDER, settings, end)
      const left = to === upTo ? at + 1 : at
      t.equal(log.truncateTo(to), left === 0 ? 0 : ends[left - 1])
      t.same(readAll(new LogReader(copy, FOLDER, settings), 0, log.endOffset), frames.slice(0, left))
    }
  }
})

t.test('a segment of gaps alone holds back no retention', async t => {
  const copy = new MemoryDisk()
  const log = PartitionLog.open(copy, FOLDER, { ...settings, segmentBytes: 200 }, 0)
  appendGap(log, 50)
  appendFrame(log, 1, 100, 9_000)
  t.equal(log.segments, 2)
  t.equal(log.retain({ beforeMs: 1 }), 50)
  t.notOk(copy.files.includes(segmentPath(FOLDER, 0)))
})

/** A gap as an entry of a group commit. */
function gapEntry(log: StoredPartition, offsets: number, baseOffset: number = log.endOffset): StoreEntry {
  const frame = gapFrame(baseOffset, offsets)
  const maxTimestamp = Number.NEGATIVE_INFINITY
  return { log, baseOffset, endOffset: baseOffset + offsets, maxTimestamp, parts: [frame], bytes: frame.length }
}

t.test('the journal brings gaps back, and what follows them', async t => {
  for (const acts of [1, 2, 3, 4]) {
    const bench = new StoreBench()
    const store = bench.open()
    const log = store.partition(ORDERS, 0)
    for (let act = 0; act < acts; act++) store.append([act % 2 === 0 ? gapEntry(log, 10) : entryOf(log)])
    const [content, endOffset] = [contentOf(bench.disk, log), log.endOffset]
    bench.losePower()
    const next = bench.open().partition(ORDERS, 0)
    t.equal(next.endOffset, endOffset)
    t.same(contentOf(bench.disk, next), content)
  }
})
