/** A reader passes over gaps: it hands out what lies behind them, and what is committed goes on behind them. */
import { Arena, Memory, WindowWriter, windowBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { gapFrame } from '../log/format/gap-frame.ts'
import { frameOf } from '../log/format/log-frames.fixture.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { SLOT_COMMITTED, SLOT_PIN, SLOT_RETURNED } from '../wire/layout.ts'
import type { Assignment } from '../wire/places.ts'
import { PartitionReader } from './partition-reader.ts'
import { PassedGaps } from './passed-gaps.ts'

const CAPACITY = 65_536

interface House {
  readonly reader: PartitionReader
  /** What the slot says: committed, returned, and where the window is pinned. */
  words(): number[]
  append(...frames: readonly Buffer[]): void
}

function house(committed = 0): House {
  const memory = Memory.allocate(1 << 20)
  const arena = new Arena(memory, 128)
  const window = { address: arena.allocate(windowBytes(CAPACITY)), capacity: CAPACITY }
  const writer = new WindowWriter(memory, window.address, CAPACITY)
  const slot = arena.allocate(128)
  const assignment = {
    topic: { name: 'orders', codec: 'bytes' },
    place: { partition: 0, host: 0, window, log: null },
    slot,
    pin: 0,
    committed,
    known: [],
    snapshot: null,
  } as unknown as Assignment
  const thread = { memory, committed: () => undefined } as unknown as AttachedThread
  return {
    reader: new PartitionReader(thread, assignment),
    words: () => [SLOT_COMMITTED, SLOT_RETURNED, SLOT_PIN].map(word => memory.load(slot + word)),
    append(...frames) {
      for (const frame of frames) writer.writeIn(frame)
      writer.commit()
    },
  }
}

function records(baseOffset: number, count: number): Buffer {
  const deltas = Array.from({ length: count }, () => 0)
  return frameOf({ baseOffset, deltas, baseTimestamp: 5, valueBytes: 8 })
}

/** Offsets that it hands out now. */
function handed(reader: PartitionReader): number[] {
  const offsets: number[] = []
  while (reader.next()) offsets.push(reader.offset)
  return offsets
}

t.test('offsets behind a gap are right, and the gap is committed with what is in front of it', async t => {
  const { reader, words, append } = house()
  const [first, gap, last] = [records(0, 2), gapFrame(2, 1_000_000_000), records(1_000_000_002, 2)]
  append(first, gap, last)
  t.strictSame(handed(reader), [0, 1, 1_000_000_002, 1_000_000_003])
  reader.commit(1)
  t.equal(reader.committed, 1)
  reader.commit(2)
  t.equal(reader.committed, 1_000_000_002)
  const low = 1_000_000_002 | 0
  t.strictSame(words(), [low, low, first.length + gap.length])
})

t.test('a reader that comes to a gap with nothing unsettled in front of it stands behind it at once', async t => {
  const { reader, words, append } = house()
  append(gapFrame(0, 5), gapFrame(5, 5))
  t.strictSame(handed(reader), [])
  t.notOk(reader.ready())
  t.strictSame(words(), [10, 10, 144])
  append(records(10, 1))
  t.strictSame(handed(reader), [10])
  reader.commit(11)
  append(gapFrame(11, 9))
  t.ok(reader.ready())
  t.strictSame(handed(reader), [])
  t.strictSame(words().slice(0, 2), [20, 20])
})

t.test('one that begins within a gap stands behind it', async t => {
  const { reader, append } = house(7)
  append(gapFrame(0, 10), records(10, 1))
  t.strictSame(handed(reader), [10])
  t.equal(reader.committed, 10)
})

t.test('a gap behind what is unsettled is not committed before that is', async t => {
  const { reader, words, append } = house()
  append(records(0, 1), gapFrame(1, 4), gapFrame(5, 5), records(10, 1), gapFrame(11, 1))
  t.strictSame(handed(reader), [0, 10])
  t.strictSame(words().slice(0, 2), [0, 0])
  reader.commit(1)
  t.equal(reader.committed, 10)
  reader.commit(11)
  t.equal(reader.committed, 12)
})

t.test('gaps that touch are one, and what lies below is forgotten', async t => {
  const gaps = new PassedGaps()
  gaps.passed(10, 20)
  gaps.passed(20, 25)
  gaps.passed(30, 31)
  t.equal(gaps.behind(9), 9)
  t.equal(gaps.behind(10), 25)
  t.equal(gaps.behind(10), 10)
  t.equal(gaps.behind(30), 31)
  gaps.passed(40, 41)
  t.equal(gaps.behind(50), 50)
})
