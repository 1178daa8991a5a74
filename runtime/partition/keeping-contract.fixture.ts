/** What every way of keeping a partition does, memory or disk or whatever comes: one suite for all of them. */
import type { WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import t, { type Test } from 'tap'
import { FRAME_BASE_SEQUENCE, FRAME_PRODUCER_ID, FRAME_RING, frameBaseOffset } from '../log/format/frame.ts'
import { frameOf } from '../log/format/log-frames.fixture.ts'
import { findRecord } from '../log/format/stored-record.ts'
import { Appender } from './appender.ts'
import type { Keeping } from './keeping.ts'
import { MadeFrames } from './made-frames.ts'
import type { PartitionEnd } from './partition-end.ts'

export interface KeptPartition {
  readonly keeping: Keeping
  readonly window: WindowWriter
  readonly reader: WindowReader
  readonly end: PartitionEnd
}

export interface KeepingUnderTest {
  /** As a thread finds it: a first one, then its successors over the same memory. */
  open(): KeptPartition
  /** From now on somebody holds the window where it begins, until he is let go. */
  hold(kept: KeptPartition): () => void
}

/** A frame has nearly a quarter of the window that each partition under test is given. */
export const WINDOW = 4_096
const VALUE = 900
const PRODUCER = 40

/** A frame as a partition host makes it, with one record; `n` is its sequence. */
export function frame(n: number, valueBytes: number = VALUE): Uint8Array<ArrayBuffer> {
  const made = frameOf({ baseOffset: 0, deltas: [0], baseTimestamp: 1_000 + n, valueBytes })
  made.writeDoubleLE(PRODUCER, FRAME_PRODUCER_ID)
  made.writeInt32LE(n, FRAME_BASE_SEQUENCE)
  made.writeInt32LE(0, FRAME_RING)
  return new Uint8Array(made)
}

export function testKeeping(name: string, make: () => KeepingUnderTest): void {
  const test = (title: string, body: (t: Test, under: KeepingUnderTest) => void): void => {
    t.test(`${name}: ${title}`, async t => body(t, make()))
  }
  const appenderOf = ({ window, end, keeping }: KeptPartition): Appender =>
    new Appender(window, end, keeping, 'orders', () => undefined)
  const append = (kept: KeptPartition, ...sequences: readonly number[]): void => {
    for (const n of sequences)
      if (appenderOf(kept).append(new MadeFrames(frame(n))) !== 'appended') throw new Error(`${n} was not appended`)
  }

  test('a new partition is empty, and fails nothing', (t, { open }) => {
    const { keeping, end } = open()
    t.equal(end.offset, 0)
    t.equal(keeping.records.startOffset, 0)
    t.equal(keeping.failure, null)
    t.strictSame(keeping.records.sequencesOf(PRODUCER, 0, 0), new Set())
  })

  test('frames have offsets one after the other, and nobody sees them before they are committed', (t, { open }) => {
    const kept = open()
    const appender = appenderOf(kept)
    const frames = new MadeFrames(new Uint8Array([...frame(1), ...frame(2)]))
    const seen: [number, number][] = []
    const { committed } = kept.keeping
    kept.keeping.committed = endOffset => {
      seen.push([kept.end.offset, kept.reader.end()])
      committed.call(kept.keeping, endOffset)
    }
    appender.take(frames, false)
    const { staged } = appender
    t.equal(staged !== null, kept.keeping.isOnDisk)
    if (staged !== null) {
      t.equal(kept.reader.end(), 0, 'it is staged')
      t.equal(kept.end.offset, 0)
      t.ok(kept.keeping.write(staged))
      appender.commitStaged()
    }
    t.strictSame(seen, [[2, kept.window.end]])
    t.equal(frames.ready, 0)
    const second = kept.window.start + kept.reader.word(kept.window.start)
    t.equal(frameBaseOffset(kept.reader, kept.window.start), 0)
    t.equal(frameBaseOffset(kept.reader, second), 1)
  })

  test('what is kept is found by its sequence, by its time, and record by record', (t, { open }) => {
    const kept = open()
    append(kept, 3, 4)
    const { records } = kept.keeping
    t.strictSame(records.sequencesOf(PRODUCER, 0, 2), new Set([3, 4]))
    t.strictSame(records.sequencesOf(PRODUCER + 1, 0, 2), new Set())
    t.equal(records.offsetAt(1_004, 2), 1)
    t.equal(records.offsetAt(9_000, 2), 2)
    const { window, reader } = kept
    for (const offset of [0, 1])
      t.ok(findRecord(reader, window.start, window.committedEnd, offset) ?? records.record(offset, 2))
    t.equal(records.record(2, 2), null)
  })

  test('where there is no room nothing changes, and it is there when the window is let go', (t, under) => {
    const kept = under.open()
    append(kept, 0, 1, 2, 3)
    const letGo = under.hold(kept)
    const { start, end } = kept.window
    t.equal(appenderOf(kept).append(new MadeFrames(frame(4))), kept.keeping.whenFull)
    t.equal(kept.window.start, start)
    t.equal(kept.window.end, end)
    t.equal(kept.end.offset, 4)
    letGo()
    t.ok(kept.keeping.mayHaveRoom())
    t.ok(kept.keeping.mayHaveRoom(), 'a host asks twice before it sleeps')
    append(kept, 4)
    t.equal(kept.end.offset, 5)
    t.equal(under.open().end.offset, 5)
  })

  test('a batch that finds room for some of it keeps the rest', (t, under) => {
    const kept = under.open()
    append(kept, 0, 1, 2)
    const letGo = under.hold(kept)
    const batch = new MadeFrames(new Uint8Array([...frame(3), ...frame(4)]))
    const appender = appenderOf(kept)
    t.equal(appender.append(batch), kept.keeping.whenFull)
    t.equal(kept.end.offset, 4)
    t.equal(batch.ready, frame(4).length)
    letGo()
    t.equal(appender.append(batch), 'appended')
    t.equal(kept.end.offset, 5)
  })

  test('a successor finds the end, the records, and goes on behind them', (t, { open }) => {
    append(open(), 0, 1)
    const kept = open()
    t.equal(kept.end.offset, 2)
    append(kept, 2)
    t.strictSame(open().keeping.records.sequencesOf(PRODUCER, 0, 3), new Set([0, 1, 2]))
  })

  test('letters are counted, and settled for good', (t, { open }) => {
    const kept = open()
    const letters = kept.keeping.takeLetters(LETTERS)
    append(kept, 0, 1)
    letters.appended(PRODUCER)
    letters.appended(PRODUCER)
    t.equal(letters.depth, 2)
    letters.settle([{ offset: 0, cursor: PRODUCER }])
    const after = open().keeping.takeLetters(LETTERS)
    t.equal(after.depth, 1)
    t.equal(after.depthOf(PRODUCER), 1)
    const { frames, next } = after.page({ offset: 0, position: 0 })
    t.equal(frames.length, frame(1).length)
    t.equal(next, null)
  })
}

/** Address at which each partition under test has free memory for its letters. */
export const LETTERS = 128
