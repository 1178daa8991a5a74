/** What a reader does about bytes in a window that are no frames, and about what the reader before it may have died of. */
import { Arena, Memory, WindowWriter, windowBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { FRAME_BASE_OFFSET, FRAME_HEADER_BYTES } from '../log/format/frame.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { SLOT_COMMITTED, SLOT_PIN } from '../wire/layout.ts'
import type { Assignment, KnownRecord } from '../wire/places.ts'
import { PartitionReader } from './partition-reader.ts'

const CAPACITY = 65_536

/** A reader over a window that holds these bytes, committed. */
function readerOver(bytes: Uint8Array, known: readonly KnownRecord[] = [], capacity = CAPACITY): PartitionReader {
  return readerIn(Memory.allocate(1 << 20), bytes, { known }, capacity)
}

function readerIn(
  memory: Memory,
  bytes: Uint8Array,
  assigned: Partial<Assignment>,
  capacity = CAPACITY,
): PartitionReader {
  const arena = new Arena(memory, 128)
  const window = { address: arena.allocate(windowBytes(capacity)), capacity }
  const writer = new WindowWriter(memory, window.address, capacity)
  writer.writeIn(bytes)
  writer.commit()
  const thread = { memory, committed: () => undefined } as unknown as AttachedThread
  const assignment = {
    topic: { name: 'orders', codec: 'bytes' },
    place: { partition: 0, host: 0, window, log: null },
    slot: arena.allocate(128),
    pin: 0,
    committed: 0,
    known: [],
    snapshot: null,
    ...assigned,
  } as unknown as Assignment
  return new PartitionReader(thread, assignment)
}

function frame(length: number, recordLength: number): Uint8Array {
  const bytes = new Uint8Array(128)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, length, true)
  view.setUint32(20, 1, true)
  view.setUint32(FRAME_HEADER_BYTES, recordLength, true)
  return bytes
}

t.test('a frame whose length cannot be is refused, however large it says it is', async t => {
  for (const length of [0, 8, FRAME_HEADER_BYTES - 8, 121, 136, 65_536, 0x7fff_fff8, 0xffff_fff8, 0xffff_ffff])
    t.throws(
      () => readerOver(frame(length, 16)).next(),
      { message: /orders partition 0 has a frame of length/ },
      `${length}`,
    )
})

t.test('a record whose length cannot be is refused', async t => {
  for (const length of [0, 15, 57, 0x7fff_ffff, 0xffff_ffff])
    t.throws(
      () => readerOver(frame(128, length)).next(),
      { message: /orders partition 0 has a record of length/ },
      `${length}`,
    )
})

t.test('a whole one is read', async t => {
  t.ok(readerOver(frame(128, 56)).next())
})

t.test('what failed under the reader before is doubtful until it is judged again, and a suspect is not', async t => {
  const first = { failedAttempts: 0, deliveryAttempt: 1, notBeforeMs: 0, settled: false, dying: false, suspect: false }
  const reader = readerOver(frame(128, 56), [
    { ...first, offset: 0 },
    { ...first, offset: 1, suspect: true },
    { ...first, offset: 2, failedAttempts: 1 },
    { ...first, offset: 3, failedAttempts: 1, settled: true },
  ])
  const doubtful = (): boolean[] => [0, 1, 2, 3, 4].map(offset => reader.isDoubtful(offset))
  t.same(doubtful(), [false, false, true, false, false])
  reader.keepKnown({ ...first, offset: 2, failedAttempts: 2 })
  t.same(doubtful(), [false, false, false, false, false])
})

t.test('it crowds its window while a quarter of it is read and not committed', async t => {
  // A fetch takes all of the first 64 KiB, so that what crowds is whole fetches; frames of one record each.
  const frames = Array.from({ length: 1_024 }, (_, at) => {
    const bytes = frame(128, 56)
    new DataView(bytes.buffer).setUint32(FRAME_BASE_OFFSET, at, true)
    return bytes
  })
  for (const [capacity, crowds] of [
    [4 * CAPACITY, true],
    [8 * CAPACITY, false],
  ] as const) {
    const reader = readerOver(Buffer.concat(frames), [], capacity)
    t.notOk(reader.crowdsWindow)
    reader.next()
    t.equal(reader.crowdsWindow, crowds, `64 KiB of ${capacity}`)
    reader.commit(512)
    t.notOk(reader.crowdsWindow)
  }
})

t.test(
  'a snapshot that its predecessor kept, and did not commit, is committed, and holds the window no more',
  async t => {
    const memory = Memory.allocate(1 << 20)
    const reader = readerIn(memory, Buffer.concat([frame(128, 56), frame(128, 56)]), {
      snapshot: { offset: 1, text: '{}' },
    })
    const { slot } = reader.assignment
    t.equal(memory.load(slot + SLOT_COMMITTED), 1)
    t.equal(reader.committed, 1)
    t.notOk(reader.next())
    t.equal(memory.load(slot + SLOT_PIN), 256, 'both frames have offset 0 only')
  },
)
