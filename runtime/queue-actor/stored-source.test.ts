/** Where the messages of a queue on disk are found: in its window, in its log, and in one after the other. */
import t from 'tap'
import { instant } from '../base/instant.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { QueueHouse } from './queue-house.fixture.ts'
import { StoredSource } from './stored-source.ts'

const MESSAGES = 300

/** A queue of messages that are larger than its window together, each with its number in all bytes of its value. */
function filled(): { readonly house: QueueHouse; readonly source: StoredSource; read(offset: number): number[] } {
  const house = new QueueHouse({ disk: new MemoryDisk(), windowBytes: 16_384, segmentBytes: 16_384 })
  for (let id = 0; id < MESSAGES; id++) {
    house.send({ value: Buffer.alloc(200, id & 0xff), priority: id % 4 })
    house.pass()
  }
  const { partition, memory } = house
  const source = new StoredSource(partition, partition.disk as NonNullable<typeof partition.disk>, false, instant(), {
    of: () => null,
  })
  const target = house.arena.allocate(4_096)
  return {
    house,
    source,
    read(offset) {
      const length = source.lengthOf(offset)
      source.copy(offset, length - 200, 200, target)
      return [source.priorityOf(offset), ...new Set(memory.u8.subarray(target, target + 200))]
    },
  }
}

const wanted = (offset: number): number[] => [offset % 4, offset & 0xff]

t.test('any message is found, in any order', async t => {
  const { source, read } = filled()
  const wrong: number[] = []
  const look = (offset: number): void => {
    if (String(read(offset)) !== String(wanted(offset))) wrong.push(offset)
  }
  for (let offset = 0; offset < MESSAGES; offset++) look(offset)
  for (let offset = MESSAGES - 1; offset >= 0; offset--) look(offset)
  for (let offset = 0; offset < MESSAGES; offset += 4) for (let lane = 3; lane >= 0; lane--) look(offset + lane)
  source.rest()
  for (let step = 0; step < 500; step++) look((step * 7_919) % MESSAGES)
  t.strictSame(wrong, [])
  t.equal(source.record(5)?.priority, 1)
  t.equal(source.record(MESSAGES), null)
})

t.test('a run goes to the end of its frame, wherever that is', async t => {
  const { house, source } = filled()
  const target = house.arena.allocate(4_096)
  for (const offset of [0, 100, MESSAGES - 1]) {
    t.equal(source.runEnd(Float64Array.of(offset, offset + 1), 0, offset === MESSAGES - 1 ? 1 : 2), 1)
    source.copyRun(target)
    t.equal(house.memory.u8[target + source.lengthOf(offset) - 1], offset & 0xff)
    t.equal(source.run.base, offset)
  }
})

t.test('a window that moves leaves nothing behind that is read as a message', async t => {
  const { house, read } = filled()
  const last = MESSAGES - 1
  t.strictSame(read(last), wanted(last))
  const { window, reader } = house.partition
  t.ok(window.moveTo({ address: house.arena.allocate(8_192), capacity: 8_192 }))
  reader.follow()
  t.strictSame(read(last), wanted(last))
})
