import fc from 'fast-check'
import t from 'tap'
import type { DiskError } from '../disk/disk.ts'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { verifyFolder } from '../folder/log-verify.ts'
import { gapFrame } from '../format/gap-frame.ts'
import { appendFrame, FOLDER, frameOf, readAll, SETTINGS } from '../format/log-frames.fixture.ts'
import { segmentPath } from '../format/segment-format.ts'
import { LogReader } from '../read/log-reader.ts'
import { PartitionLog } from './partition-log.ts'

const open = (disk: MemoryDisk, syncedTo = 0): PartitionLog => PartitionLog.open(disk, FOLDER, SETTINGS, syncedTo)

/** What the log is expected to hold. */
interface Expected {
  readonly baseOffset: number
  readonly endOffset: number
  readonly maxTimestamp: number
  readonly bytes: Buffer
}

const act = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      frames: fc.array(fc.tuple(fc.nat(4), fc.nat(380), fc.nat(5000)), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('truncate' as const), back: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retainBytes' as const), bytes: fc.nat(30_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retainTime' as const), time: fc.nat(5000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('sync' as const, 'syncLater' as const), synced: fc.constant(0) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('reopen' as const, 'crash' as const), synced: fc.nat(100) }),
  },
)

t.test('holds what an array would, through appends, rolls, cuts, retention and reopening', async t => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), acts => {
      const disk = new MemoryDisk()
      let log = open(disk)
      let expected: Expected[] = []
      let start = 0
      let synced = 0
      for (const each of acts) {
        const end = expected.at(-1)?.endOffset ?? start
        if (each.do === 'append') {
          const added: Expected[] = []
          let baseOffset = end
          for (const [records, valueBytes, baseTimestamp] of each.frames) {
            const deltas = Array.from({ length: records }, (_, at) => at * 3)
            const isGap = records === 0
            const offsets = isGap ? 1 + valueBytes : records
            const bytes = isGap
              ? gapFrame(baseOffset, offsets)
              : frameOf({ baseOffset, deltas, baseTimestamp, valueBytes })
            const maxTimestamp = isGap ? Number.NEGATIVE_INFINITY : baseTimestamp + (records - 1) * 3
            added.push({ baseOffset, endOffset: baseOffset + offsets, maxTimestamp, bytes })
            baseOffset += offsets
          }
          const parts = added.map(({ bytes }) => bytes)
          const maxTimestamp = Math.max(...added.map(frame => frame.maxTimestamp))
          log.append(parts, { baseOffset: end, endOffset: baseOffset, maxTimestamp }, Buffer.concat(parts).length)
          expected.push(...added)
        } else if (each.do === 'truncate') {
          const to = Math.max(start, end - each.back)
          expected = expected.filter(({ endOffset }) => endOffset <= to)
          t.equal(log.truncateTo(to), expected.at(-1)?.endOffset ?? start)
          synced = Math.min(synced, log.endOffset)
        } else if (each.do === 'retainBytes' || each.do === 'retainTime') {
          const before = log.segments
          start = log.retain(each.do === 'retainBytes' ? { bytesMax: each.bytes } : { beforeMs: each.time })
          const gone = expected.filter(({ baseOffset }) => baseOffset < start)
          expected = expected.filter(({ baseOffset }) => baseOffset >= start)
          if (each.do === 'retainBytes') t.ok(log.bytes <= each.bytes || log.segments === 1)
          else t.ok(gone.every(({ maxTimestamp }) => maxTimestamp < each.time))
          t.ok(log.segments >= 1 && gone.length > 0 === log.segments < before)
        } else if (each.do === 'sync') {
          log.sync()
          synced = end
        } else if (each.do === 'syncLater') {
          log.syncLater(error => {
            t.equal(error, null)
          })
          disk.settle()
          synced = end
        } else {
          if (each.do === 'reopen') log.close()
          log = open(disk, Math.min(synced, each.synced + start))
          t.same(log.cuts, [])
          synced = end
        }
        t.match(log, { startOffset: start, endOffset: expected.at(-1)?.endOffset ?? start })
        t.ok(log.startOffset <= start)
      }
      const reader = new LogReader(disk, FOLDER, SETTINGS)
      t.same(
        readAll(reader, start, log.endOffset),
        expected.map(({ bytes }) => bytes),
      )
      const report = verifyFolder(disk, FOLDER)
      t.match(report, {
        damaged: 0,
        frames: expected.length,
        bytes: log.bytes,
        startOffset: start,
        endOffset: log.endOffset,
      })
    }),
    { numRuns: 150 },
  )
})

t.test('an empty folder begins at offset 0, and stays an empty log when it is opened again', async t => {
  const disk = new MemoryDisk()
  t.match(open(disk), { startOffset: 0, endOffset: 0, segments: 1, bytes: 64, cuts: [] })
  t.match(open(disk), { startOffset: 0, endOffset: 0, segments: 1, bytes: 64, cuts: [] })
})

t.test('an append is one write, of its parts as they stand, and never in two segments', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  const shared = new Uint8Array(new SharedArrayBuffer(4096))
  const first = frameOf({ baseOffset: 0, deltas: [0], baseTimestamp: 5, valueBytes: 500 })
  const second = frameOf({ baseOffset: 1, deltas: [0], baseTimestamp: 5, valueBytes: 1900 })
  shared.set(first)
  shared.set(second, first.length)
  const parts = [shared.subarray(0, 400), shared.subarray(400, first.length + second.length)]
  disk.trace.length = 0
  log.append(parts, { baseOffset: 0, endOffset: 2, maxTimestamp: 5 }, first.length + second.length)
  t.strictSame(disk.trace, ['write 0.log'])
  log.append([Buffer.alloc(1600)], { baseOffset: 2, endOffset: 3, maxTimestamp: 5 }, 1600)
  t.equal(log.segments, 2)
  t.same(disk.bytesOf(segmentPath(FOLDER, 0)).subarray(64), Buffer.concat([first, second]))
})

t.test('an append larger than a segment has one of its own', async t => {
  const log = open(new MemoryDisk())
  for (const [at, bytes] of [8000, 8000, 800].entries())
    log.append([Buffer.alloc(bytes)], { baseOffset: at, endOffset: at + 1, maxTimestamp: 5 }, bytes)
  t.equal(log.segments, 3)
})

t.test('offsets that do not follow and bytes that are no frames are refused, and the log goes on', async t => {
  const log = open(new MemoryDisk())
  const frames = { baseOffset: 0, endOffset: 1, maxTimestamp: 0 }
  t.throws(() => log.append([Buffer.alloc(80)], { ...frames, baseOffset: 1, endOffset: 2 }, 80), /broken invariant/)
  t.throws(() => log.append([Buffer.alloc(80)], { ...frames, endOffset: 0 }, 80), /broken invariant/)
  t.throws(() => log.append([Buffer.alloc(81)], frames, 81), /broken invariant/)
  t.throws(() => log.append([Buffer.alloc(80)], frames, 88), /broken invariant/)
  t.throws(() => log.truncateTo(-1), RangeError)
  appendFrame(log)
  t.equal(log.endOffset, 1)
})

t.test('settings that cannot work are refused before anything is touched', async t => {
  const disk = new MemoryDisk()
  for (const wrong of [
    { logId: new Uint8Array(15) },
    { segmentBytes: 64 },
    { segmentBytes: 2 ** 32 },
    { frameBytesMax: 0 },
  ])
    t.throws(() => PartitionLog.open(disk, FOLDER, { ...SETTINGS, ...wrong }, 0), RangeError)
  t.strictSame(disk.trace, [])
})

t.test('a sync covers the closed segment, then the new one with its header, then the folder', async t => {
  for (const inBackground of [false, true]) {
    const disk = new MemoryDisk()
    const log = open(disk)
    while (log.segments < 2) appendFrame(log, 1, 1500)
    disk.trace.length = 0
    if (inBackground) {
      log.syncLater(error => disk.trace.push(`told ${error}`))
      disk.settle()
    } else log.sync()
    const told = inBackground ? ['told null'] : []
    t.strictSame(disk.trace, ['sync 0.log', 'sync 2.log', 'syncDirectory orders-3', ...told])
    t.equal(disk.opened, 1, 'the closed segment’s file is closed')
  }
})

t.test('segments are removed one at a time, each for good, from the end that keeps the rest joined', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  while (log.segments < 5) appendFrame(log, 1, 1500)
  log.sync()
  disk.trace.length = 0
  t.equal(log.retain({ bytesMax: 10_000 }), 4)
  const gone = (base: number): string[] => [`remove ${base}.index`, `remove ${base}.log`, 'syncDirectory orders-3']
  t.strictSame(disk.trace, [...gone(0), ...gone(2)])
  disk.trace.length = 0
  t.equal(log.truncateTo(5), 5)
  t.strictSame(
    disk.trace.filter(line => /\.log/.test(line)),
    ['remove 8.log', 'remove 6.log', 'truncate 4.log', 'sync 4.log'],
  )
  t.match(log, { startOffset: 4, endOffset: 5, segments: 1 })
  t.equal(log.retain({ bytesMax: 0, beforeMs: Number.MAX_VALUE }), 4, 'the active segment stays')
  t.equal(disk.opened, 1)
})

t.test('any failed operation poisons the log with that error, and opening it again heals it', async t => {
  const operations: readonly (readonly [string, RegExp, (log: PartitionLog) => unknown])[] = [
    ['write', /log$/, log => appendFrame(log)],
    ['write', /index$/, log => appendFrame(log, 1, 1900)],
    ['open', /4\.log$/, log => appendFrame(log, 1, 1900)],
    ['sync', /./, log => log.sync()],
    ['syncLater', /./, log => log.syncLater(() => undefined)],
    ['syncDirectory', /./, log => log.sync()],
    ['truncate', /./, log => log.truncateTo(3)],
    ['remove', /./, log => log.retain({ bytesMax: 0 })],
  ]
  for (const [operation, path, run] of operations) {
    const disk = new MemoryDisk()
    const log = open(disk)
    for (let at = 0; at < 4; at++) appendFrame(log, 1, 1400)
    disk.failNext(operation, path, 'ENOSPC')
    let failure: unknown
    try {
      run(log)
    } catch (error) {
      failure = error
    }
    t.match(failure, { name: 'DiskError', operation, errno: 'ENOSPC' }, `${operation} ${path}`)
    const same = { name: 'DiskError', message: (failure as DiskError).message }
    t.throws(() => appendFrame(log), same)
    t.throws(() => log.sync(), same)
    t.throws(() => log.syncLater(() => undefined), same)
    t.throws(() => log.truncateTo(0), same)
    t.throws(() => log.retain({}), same)
    log.close()
    t.equal(disk.opened, 0)
    const healed = open(disk)
    t.ok(healed.endOffset >= 3)
    appendFrame(healed)
    healed.sync()
    t.match(verifyFolder(disk, FOLDER), { damaged: 0, endOffset: healed.endOffset })
  }
})

t.test('a sync that fails in the background is told and poisons the log', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  appendFrame(log)
  const told: (DiskError | null)[] = []
  log.syncLater(error => told.push(error))
  appendFrame(log)
  disk.failNext('sync')
  disk.settle()
  t.match(told, [{ operation: 'sync', errno: 'EIO' }])
  t.throws(() => appendFrame(log), { name: 'DiskError', message: /EIO/ })
})

t.test('a closed log refuses, and files whose sync is under way are closed after it', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  appendFrame(log)
  let told = 0
  log.syncLater(() => told++)
  log.close()
  t.throws(() => appendFrame(log), /is closed/)
  disk.settle()
  t.equal(told, 1)
  t.equal(disk.opened, 0)
})
