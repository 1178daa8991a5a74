/** A reader of a topic on disk, which its writer overtakes: it finds every frame once, in the window or in the log. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import type { ThreadData, ThreadReport } from '../group/fixtures/log-source-thread.fixture.ts'
import { OvertakingLog } from '../group/overtaking-log.fixture.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { NodeDisk } from '../log/disk/node-disk.ts'
import { FOLDER, framesIn, SETTINGS } from '../log/format/log-frames.fixture.ts'
import type { LogSource } from './log-source.ts'

const CAPACITY = 4_096
/** How often each reader of another thread is to join the window again. */
const JOINS = 5

/** All frames that a source has now. */
function drained(source: LogSource): Buffer[] {
  const frames: Buffer[] = []
  while (source.ready()) {
    const bytes = source.fetch()
    if (bytes === null) throw new Error('it is ready, and there is nothing')
    frames.push(...framesIn(bytes).map(frame => frame.bytes))
  }
  return frames
}

t.test('reads the window without the disk, the log when it has fallen out, and the window again', async t => {
  const disk = new MemoryDisk()
  const partition = new OvertakingLog(disk, FOLDER, SETTINGS, CAPACITY)
  const source = partition.source(0, 0, disk)
  const written: (Buffer | null)[] = []
  const append = (count: number): void => {
    for (let done = 0; done < count; done++) written.push(partition.append(2, 300))
  }
  append(2)
  t.same(drained(source), written.splice(0))
  t.equal(disk.reads, 0)
  append(20)
  t.same(drained(source), written.splice(0))
  const { reads } = disk
  t.ok(reads > 0, 'it fell out')
  append(2)
  t.same(drained(source), written.splice(0))
  t.equal(disk.reads, reads, 'it is back')
  t.notOk(source.ready())
  t.equal(source.fetch(), null)
})

t.test('a new window begins where the log ends', async t => {
  const disk = new MemoryDisk()
  const before = new OvertakingLog(disk, FOLDER, SETTINGS, CAPACITY)
  const old = [before.append(3, 100), before.append(2, 100)]
  before.log.close()
  const partition = new OvertakingLog(disk, FOLDER, SETTINGS, CAPACITY)
  const [late, early] = [partition.source(0, 5, disk), partition.source(1, 0, disk)]
  t.notOk(late.ready())
  t.same(drained(early), old)
  const frame = partition.append(1, 10)
  t.same(drained(late), [frame])
  t.same(drained(early), [frame])
})

t.test('an offset in the middle of a frame begins with that frame, in the window and in the log', async t => {
  const disk = new MemoryDisk()
  const partition = new OvertakingLog(disk, FOLDER, SETTINGS, CAPACITY)
  const frames = [partition.append(4, 10), partition.append(4, 10)]
  t.same(drained(partition.source(0, 6, disk)), frames.slice(1))
  t.equal(disk.reads, 0)
  for (let done = 0; done < 10; done++) frames.push(partition.append(4, 200))
  t.same(drained(partition.source(0, 6, disk)), frames.slice(1))
})

t.test('what retention has removed is an error with its code, and nothing is skipped', async t => {
  const disk = new MemoryDisk()
  const partition = new OvertakingLog(disk, FOLDER, SETTINGS, CAPACITY)
  const source = partition.source(0, 0, disk)
  const first = partition.append(1, 1_000)
  t.same(drained(source), [first])
  for (let done = 0; done < 20; done++) partition.append(1, 1_000)
  const start = partition.log.retain({ bytesMax: 5_000 })
  t.ok(start > 1, `the log begins at ${start}`)
  for (let look = 0; look < 2; look++)
    t.throws(() => source.fetch(), { code: 'MILL_OFFSET_GONE', message: /offset 1 of topic orders partition 3/ })
  const kept = drained(partition.source(1, start, disk))
  t.equal(kept.length, 21 - start)
})

t.test('a window that has gone on by all positions there are is not taken for one that stood still', async t => {
  const disk = new MemoryDisk()
  const partition = new OvertakingLog(disk, FOLDER, SETTINGS, 16 * CAPACITY)
  const source = partition.source(0, 0, disk)
  const first = partition.append(1, 100)
  t.same(drained(source), [first])
  const behind = partition.append(1, 100) as Buffer
  partition.moveOn(2 ** 32 - behind.length)
  t.ok(source.ready())
  t.same(source.fetch(), behind)
})

t.test('what goes past the window is read from the log, and the window is not looked at meanwhile', async t => {
  const disk = new MemoryDisk()
  const partition = new OvertakingLog(disk, FOLDER, SETTINGS, CAPACITY)
  const [joined, behind] = [partition.source(0, 0, disk), partition.source(1, 0, disk)]
  const first = partition.append(1, 100)
  t.same(drained(joined), [first])
  const { reads } = disk
  const beside = partition.appendBeside(1, 1_000, () => {
    t.equal(joined.fetch(), null, 'it is not committed yet')
    t.doesNotThrow(() => t.same(behind.fetch(), first, 'what was before it is in the log'))
    t.notOk(behind.ready())
  })
  t.same(drained(joined), [beside])
  t.same(drained(behind), [beside])
  t.ok(disk.reads > reads)
  const after = disk.reads
  const next = partition.append(1, 100)
  t.same(drained(joined), [next])
  t.same(drained(behind), [next])
  t.equal(disk.reads, after, 'both are back in the window')
})

t.test(
  'what goes past the window is not passed over by who looks before the high watermark has heard of it',
  async t => {
    const disk = new MemoryDisk()
    const partition = new OvertakingLog(disk, FOLDER, SETTINGS, CAPACITY)
    const sources = [partition.source(0, 0, disk), partition.source(1, 0, disk)]
    const both = (look: (source: LogSource) => unknown): unknown[] => sources.map(look)
    const isNear = (): void => {
      for (let look = 0; look < 2; look++)
        t.strictSame(
          both(source => source.fetch()),
          [null, null],
        )
    }
    const first = partition.append(1, 100)
    t.same(both(drained), [[first], [first]])
    for (let count = 0; count < 2; count++) {
      const beside = partition.appendBeside(1, 1_000, isNear, isNear)
      const next = partition.append(1, 100)
      t.same(both(drained), [
        [beside, next],
        [beside, next],
      ])
    }
  },
)

t.test('a reader goes on in a window that moves, also with the one that it comes back to', async t => {
  const disk = new MemoryDisk()
  const partition = new OvertakingLog(disk, FOLDER, SETTINGS, CAPACITY)
  const [joined, behind] = [partition.source(0, 0, disk), partition.source(1, 0, disk)]
  const frames = [partition.append(1, 100)]
  t.same(drained(joined), frames)
  partition.moveWindow(65_536)
  frames.push(partition.append(1, 100))
  partition.succeed()
  frames.push(partition.append(1, 100))
  t.same(drained(joined), frames.slice(1))
  t.equal(disk.reads, 0, 'it stood at the end, and had nothing to look for')
  t.same(drained(behind), frames)
  const { reads } = disk
  const last = partition.append(1, 100)
  t.same(drained(behind), [last])
  t.equal(disk.reads, reads, 'it has come back to the window')
})

type Step =
  | { readonly kind: 'append'; readonly records: number; readonly valueBytes: number }
  | { readonly kind: 'fetch'; readonly reader: number; readonly count: number }
  | { readonly kind: 'reopen'; readonly reader: number }
  | { readonly kind: 'fail'; readonly bytes: number }
  | { readonly kind: 'succeed' }

const anyReader = fc.constantFrom(0, 1)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      records: fc.integer({ min: 1, max: 5 }),
      valueBytes: fc.oneof(fc.nat(40), fc.nat(350)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('fetch' as const),
      reader: anyReader,
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: anyReader.map(reader => ({ kind: 'reopen' as const, reader })) },
  { weight: 1, arbitrary: fc.nat(100).map(eighth => ({ kind: 'fail' as const, bytes: 72 + eighth * 8 })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'succeed' as const }) },
)

t.test('skips and repeats nothing, whatever is appended and however it stalls', async t => {
  let fallen = 0
  let joined = 0
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 120, size: 'max' }), steps => {
      const disk = new MemoryDisk()
      const partition = new OvertakingLog(disk, FOLDER, SETTINGS, CAPACITY)
      const frames: Buffer[] = []
      const readers = [0, 1].map(reader => ({ source: partition.source(reader, 0, disk), next: 0, isBehind: false }))
      const fetch = (reader: number): boolean => {
        const one = readers[reader] as (typeof readers)[number]
        if (one.source.ready() !== one.next < frames.length) throw new Error('ready is wrong')
        const { reads } = disk
        const bytes = one.source.fetch()
        if (bytes === null) {
          if (one.next < frames.length) throw new Error('nothing is found where there is something')
          return false
        }
        for (const frame of framesIn(bytes)) {
          const expected = frames[one.next++]
          if (expected === undefined || !expected.equals(frame.bytes)) throw new Error(`not frame ${one.next - 1}`)
        }
        const isBehind = disk.reads > reads
        if (isBehind && !one.isBehind) fallen++
        if (!isBehind && one.isBehind) joined++
        one.isBehind = isBehind
        return true
      }
      for (const step of steps) {
        if (step.kind === 'append') {
          const frame = partition.append(step.records, step.valueBytes)
          if (frame === null) throw new Error('nobody is copying')
          frames.push(frame)
        } else if (step.kind === 'fetch') {
          for (let done = 0; done < step.count; done++) fetch(step.reader)
        } else if (step.kind === 'reopen') {
          const one = readers[step.reader] as (typeof readers)[number]
          one.source.close()
          const last = one.next === 0 ? null : (framesIn(frames[one.next - 1] as Buffer)[0] ?? null)
          one.source = partition.source(step.reader, last?.endOffset ?? 0, disk)
        } else if (step.kind === 'fail') partition.appendInVain(step.bytes)
        else partition.succeed()
      }
      for (const reader of [0, 1]) while (fetch(reader)) {}
      for (const { source, next } of readers) {
        if (next !== frames.length) throw new Error(`${next} of ${frames.length} frames`)
        source.close()
      }
    }),
    { numRuns: 150 },
  )
  t.ok(fallen > 20 && joined > 20, `${fallen} times fallen out, ${joined} times joined`)
})

t.test('another thread that reads while the writer runs ahead finds every frame whole and once', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'log-source-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const settings = { ...SETTINGS, segmentBytes: 1 << 22 }
  const partition = new OvertakingLog(new NodeDisk(), join(folder, 'log'), settings, 1 << 16)
  const control = new Int32Array(new SharedArrayBuffer(16))
  control[0] = -1
  const reports = [0, 1].map(reader => {
    const workerData: ThreadData = { place: partition.place, reader, control }
    const worker = new Worker(new URL('../group/fixtures/log-source-thread.fixture.js', import.meta.url), {
      workerData,
    })
    return new Promise<ThreadReport>((resolve, reject) => worker.once('message', resolve).once('error', reject))
  })
  while (Atomics.load(control, 1) < 2) await new Promise(resolve => setTimeout(resolve, 5))
  let frames = 0
  let waited = 0
  const joined = (): number[] => [2, 3].map(word => Atomics.load(control, word))
  const goesOn = (): boolean => joined().some(times => times < JOINS)
  for (; goesOn() && partition.log.bytes < 1 << 26; frames++) {
    while (partition.append(1 + (frames % 3), (frames * 37) % 500) === null) waited++
    // A pause, so that they catch up.
    if (frames % 2_000 === 0) for (const [at, before] of joined().entries()) Atomics.wait(control, 2 + at, before, 50)
  }
  Atomics.store(control, 0, partition.log.endOffset)
  for (const report of await Promise.all(reports)) {
    t.equal(report.fault, null)
    t.equal(report.frames, frames)
    t.ok(report.fallen > 0 && report.joined > 0, 'it fell out, and joined again')
    t.comment(
      `${frames} frames, ${report.fallen} times fallen out, ${report.joined} times joined; waited ${waited} times`,
    )
  }
  partition.log.close()
})
