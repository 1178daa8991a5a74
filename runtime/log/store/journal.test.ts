import { crc32 } from 'node:zlib'
import t from 'tap'
import { DiskError } from '../disk/disk.ts'
import { ForeignFileError, NewerFormatError } from '../disk/log-errors.ts'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { BLOCK_HEADER_BYTES, BLOCK_VERSION, writeBlockHeader } from '../format/journal-format.ts'
import {
  A,
  areAsAppended,
  asFirstVersion,
  B,
  BYTES,
  entry,
  FOLDER,
  LOG_ID,
  offsets,
  recover,
  resign,
  start,
} from './journal.fixture.ts'
import { Journal } from './journal.ts'

t.test('what was appended comes back in order, with its bytes', async t => {
  const disk = new MemoryDisk()
  t.same(recover(disk), {
    blocks: [],
    end: {
      state: 'end',
      file: null,
      position: 0,
      why: 'nothing follows',
      newer: -1,
      newerEnd: 0,
      newerLast: 0,
      sequence: 1,
      highest: 0,
      needsOther: false,
    },
  })
  const journal = start(disk)
  t.equal(journal.append([entry(0), entry(10, 37, 1)]), 'durable')
  t.equal(journal.append([]), 'durable')
  t.equal(journal.append([entry(1, 8)]), 'durable')
  journal.close()
  const { blocks, end } = recover(disk)
  t.same(
    blocks.map(({ topic, partition, baseOffset, endOffset, frames }) => [
      topic,
      partition,
      baseOffset,
      endOffset,
      frames.length,
    ]),
    [
      [7, 0, 0, 1, 100],
      [7, 1, 10, 11, 37],
      [7, 0, 1, 2, 8],
    ],
  )
  t.ok(areAsAppended(blocks))
  t.match(end, { state: 'end', file: A, sequence: 5 })
  t.equal(disk.opened, 0)
})

t.test('a group commit is one write and one sync, whatever the number of its partitions', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  disk.trace.length = 0
  journal.append(Array.from({ length: 12 }, (_, partition) => entry(partition, 64, partition)))
  t.same(disk.trace, ['write host-3.journal-a', 'sync host-3.journal-a'])
})

t.test('frames are taken from shared memory', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  const shared = new Uint8Array(new SharedArrayBuffer(128), 64, 40).fill(9)
  journal.append([{ topic: 7, partition: 0, baseOffset: 8, endOffset: 9, parts: [shared], bytes: 40 }])
  t.ok(areAsAppended(recover(disk).blocks))
})

t.test('both files are made whole and durable before they have their names', async t => {
  const disk = new MemoryDisk()
  start(disk)
  t.same(disk.trace.slice(1, 6), [
    'create host-3.journal-a.new',
    'write host-3.journal-a.new',
    'sync host-3.journal-a.new',
    'rename host-3.journal-a',
    'syncDirectory data',
  ])
  for (const path of [A, B]) t.equal(disk.bytesOf(path).length, BYTES)
  t.same(disk.list(FOLDER), ['host-3.journal-a', 'host-3.journal-b'])
})

t.test('a full file makes way for the other, a second one is full until blocks are released', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  let offset = 0
  while (!journal.mustCheckpoint) t.equal(journal.append([entry(offset++, 500)]), 'durable')
  const inFirst = offset - 1
  while (offset < 100 && journal.append([entry(offset, 500)]) === 'durable') offset++
  t.equal(journal.append([entry(offset, 500)]), 'full')
  t.ok(journal.bytesUsed > BYTES)
  t.same(
    offsets(recover(disk)),
    Array.from({ length: offset }, (_, index) => index),
  )
  // Not enough: the last block of the first file, and the mark that closes it, are 3 + 1 before.
  journal.release(3)
  t.equal(journal.append([entry(offset, 500)]), 'full')
  journal.release(journal.sequence)
  t.notOk(journal.mustCheckpoint)
  disk.trace.length = 0
  t.equal(journal.append([entry(offset, 500)]), 'durable')
  t.same(disk.trace, [
    'write host-3.journal-b',
    'sync host-3.journal-b',
    'write host-3.journal-a',
    'sync host-3.journal-a',
  ])
  t.same(offsets(recover(disk)), [offset])
  t.ok(inFirst > 3)
})

t.test('blocks that were appended after the segments were synced are not released', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  journal.append([entry(0, 1_500)])
  const syncedBelow = journal.sequence
  journal.append([entry(1, 1_500)])
  journal.append([entry(2, 1_500)])
  t.ok(journal.mustCheckpoint)
  journal.release(syncedBelow)
  t.ok(journal.mustCheckpoint)
  t.same(offsets(recover(disk)), [0, 1, 2])
})

t.test('a group commit of a whole file fits, a larger one is refused and nothing is written', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  const most = journal.commitBytesMax - BLOCK_HEADER_BYTES
  disk.trace.length = 0
  t.throws(() => journal.append([entry(0, most + 1)]), { name: 'RangeError', message: /does not fit/ })
  t.throws(() => journal.append([{ ...entry(0), bytes: 99 }]), { name: 'RangeError', message: /says that it has 99/ })
  t.throws(() => journal.append([{ ...entry(0), parts: [], bytes: 0 }]), { name: 'RangeError' })
  t.same(disk.trace, [])
  t.equal(journal.append([entry(0, most)]), 'durable')
  journal.release(journal.sequence)
  t.equal(journal.append([entry(1, most)]), 'durable')
  t.same(offsets(recover(disk)), [1])
  t.throws(() => start(disk, 4_095), RangeError)
  t.throws(() => start(disk, 4_088), RangeError)
  t.throws(() => Journal.start(disk, FOLDER, 3, LOG_ID.subarray(1), { after: recover(disk).end }), RangeError)
})

t.test('a journal after recovery hands out nothing of before, and goes on with higher sequences', async t => {
  const disk = new MemoryDisk()
  for (let round = 0; round < 6; round++) {
    const journal = start(disk)
    t.same(offsets(recover(disk)), [])
    const before = recover(disk).end.sequence
    for (let offset = 0; offset <= round; offset++) journal.append([entry(offset + 10 * round, 900)])
    t.ok(recover(disk).end.sequence > before)
    journal.close()
    t.same(
      offsets(recover(disk)),
      Array.from({ length: round + 1 }, (_, index) => index + 10 * round),
    )
  }
})

t.test('sequences go on above those of a torn group commit', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  journal.append([entry(0)])
  const torn = 2 * BLOCK_HEADER_BYTES + 104
  journal.append([entry(1), entry(2), entry(3)])
  const bytes = disk.bytesOf(A)
  bytes.fill(0xff, torn, torn + 8)
  disk.put(A, bytes)
  const recovered = recover(disk)
  t.same(offsets(recovered), [0])
  t.match(recovered.end, {
    state: 'torn',
    position: torn,
    sequence: journal.sequence - 3,
    highest: journal.sequence - 1,
  })
  t.ok(start(disk).sequence > journal.sequence)
})

t.test('a group commit of which any block is torn has none', async t => {
  const block = BLOCK_HEADER_BYTES + 104
  for (let torn = 0; torn < 3; torn++) {
    const disk = new MemoryDisk()
    const journal = start(disk)
    journal.append([entry(0)])
    journal.append([entry(1), entry(2), entry(3)])
    const from = BLOCK_HEADER_BYTES + block
    const bytes = disk.bytesOf(A)
    bytes.fill(0xff, from + torn * block + BLOCK_HEADER_BYTES, from + torn * block + BLOCK_HEADER_BYTES + 8)
    disk.put(A, bytes)
    const recovered = recover(disk)
    t.same(offsets(recovered), [0], `block ${torn}`)
    t.match(recovered.end, { state: 'torn', position: from, sequence: journal.sequence - 3 })
    start(disk).append([entry(1)])
    t.same(offsets(recover(disk)), [1])
  }
})

t.test('the mark that closes a file has its room kept', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  const rest = BYTES - 3 * BLOCK_HEADER_BYTES - 1_000
  journal.append([entry(0, 1_000)])
  t.equal(journal.append([entry(1, rest)]), 'durable')
  t.ok(journal.mustCheckpoint)
  t.equal(disk.bytesOf(A).length, BYTES)
  t.same(offsets(recover(disk)), [0, 1])
})

t.test('what a writer may not have synced is synced before anything is written behind it', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  let last = 0
  while (!journal.mustCheckpoint) journal.append([entry(last++)])
  const { newer, needsOther } = recover(disk).end
  t.strictSame([newer, needsOther], [1, true])
  disk.trace.length = 0
  start(disk)
  t.strictSame(disk.trace.slice(0, 3), ['sync host-3.journal-b', 'write host-3.journal-b', 'sync host-3.journal-b'])
})

t.test('a name that its maker did not live to make durable is durable before anything is appended', async t => {
  const disk = new MemoryDisk()
  // Whole, but as if the folder had never been synced.
  disk.put(A, Buffer.alloc(BYTES))
  disk.put(B, Buffer.alloc(BYTES))
  start(disk).append([entry(0)])
  t.strictSame(offsets(recover(disk.losePower(() => 0.9))), [0])
})

t.test('a partition that is cut comes back as a block without frames', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  const cut = { topic: 7, partition: 0, baseOffset: 3, endOffset: 3, parts: [], bytes: 0 }
  journal.append([entry(5), cut])
  journal.append([entry(3)])
  const { blocks, end } = recover(disk)
  t.strictSame(
    blocks.map(({ baseOffset, endOffset, frames }) => [baseOffset, endOffset, frames.length]),
    [
      [5, 6, 100],
      [3, 3, 0],
      [3, 4, 100],
    ],
  )
  t.equal(end.state, 'end')
  t.throws(() => journal.append([{ ...cut, endOffset: 4 }]), RangeError)
})

t.test('a finished journal hands out nothing, and takes nothing', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  for (let offset = 0; offset < 30 && !journal.mustCheckpoint; offset++) journal.append([entry(offset)])
  journal.finish()
  t.throws(() => journal.append([entry(99)]), { message: /finished/ })
  journal.close()
  const { blocks, end } = recover(disk.losePower(() => 0.9))
  t.strictSame([blocks.length, end.state, end.needsOther], [0, 'end', false])
  t.ok(start(disk))
})

t.test('another size makes other files', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  for (let offset = 0; offset < 5; offset++) journal.append([entry(offset, 900)])
  const larger = start(disk, 2 * BYTES)
  for (const path of [A, B]) t.equal(disk.bytesOf(path).length, 2 * BYTES)
  t.same(offsets(recover(disk)), [])
  larger.append([entry(6, 2_000)])
  t.same(offsets(recover(disk)), [6])
  start(disk, BYTES).append([entry(7)])
  t.same(offsets(recover(disk)), [7])
})

t.test('a journal of another log, another host or a later version is refused', async t => {
  const disk = new MemoryDisk()
  start(disk).append([entry(0)])
  t.throws(() => recover(disk, Buffer.alloc(16, 1)), ForeignFileError)
  disk.put(`${FOLDER}/host-4.journal-a`, disk.bytesOf(A))
  t.throws(() => recover(disk, LOG_ID, 4), ForeignFileError)
  const newer = disk.bytesOf(A)
  newer.writeUInt16LE(BLOCK_VERSION + 1, 4)
  newer.writeUInt32LE(crc32(newer.subarray(0, BLOCK_HEADER_BYTES - 4)), BLOCK_HEADER_BYTES - 4)
  disk.put(A, newer)
  t.throws(() => recover(disk), NewerFormatError)
})

t.test('a journal of the first version is read, and goes on', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk)
  journal.append([entry(0), entry(1)])
  asFirstVersion(disk)
  const { blocks, end } = recover(disk)
  t.same([blocks.map(({ baseOffset }) => baseOffset), end.state], [[0, 1], 'end'])
  const next = Journal.start(disk, FOLDER, 3, LOG_ID, { journalBytes: BYTES, after: end })
  next.append([entry(2)])
  t.same(offsets(recover(disk)), [2])
})

t.test('a block of a kind that is not known is never passed over while it is needed', async t => {
  for (const kind of [0, 3, 4, 999]) {
    const disk = new MemoryDisk()
    const journal = start(disk)
    journal.append([entry(0)])
    journal.append([entry(1)])
    resign(disk, A, (header, sequence) => {
      if (sequence === 3) header.writeUInt16LE(kind, 6)
    })
    const position = BLOCK_HEADER_BYTES + BLOCK_HEADER_BYTES + 104
    t.throws(() => recover(disk), { name: 'NewerFormatError', file: A, position, why: new RegExp(`kind ${kind} `) })
    // A mark says that nothing before it is needed any more.
    journal.release(journal.sequence)
    journal.finish()
    t.same(offsets(recover(disk)), [])
  }
})

t.test('after a failed write or sync each append throws the same error', async t => {
  for (const operation of ['write', 'sync']) {
    for (const isChange of [false, true]) {
      const disk = new MemoryDisk()
      const journal = start(disk)
      journal.append([entry(0, isChange ? 3_000 : 100)])
      disk.failNext(operation, /journal/, 'EIO')
      let first: unknown = null
      try {
        journal.append([entry(1, 1_000)])
      } catch (error) {
        first = error
      }
      t.ok(first instanceof DiskError)
      for (let again = 0; again < 2; again++) {
        try {
          journal.append([entry(2)])
          t.fail('appended')
        } catch (error) {
          t.equal(error, first)
        }
      }
    }
  }
})

t.test('a block larger than the rest of the file is refused before its body is allocated', async t => {
  const disk = new MemoryDisk()
  start(disk).append([entry(0)])
  const bytes = disk.bytesOf(A)
  const place = { kind: 1, sequence: 3, position: 280, index: 0, topic: 7, partition: 0, baseOffset: 1, endOffset: 2 }
  writeBlockHeader(
    bytes,
    280,
    { logId: LOG_ID, host: 3 },
    { ...place, bodyBytes: 0xffff_fff0, bodyCrc: 0, fileBytes: BYTES, groupBlocks: 1 },
  )
  disk.put(A, bytes)
  const recovered = recover(disk)
  t.same(offsets(recovered), [0])
  t.match(recovered.end, { state: 'torn', position: 280, why: /longer than the file/ })
})

t.test('a journal that finds no room is not left half made', async t => {
  for (const operation of ['write', 'sync']) {
    const disk = new MemoryDisk()
    disk.failNext(operation, /journal-a/, 'ENOSPC')
    t.throws(() => start(disk), { message: /ENOSPC/ })
    t.same(disk.list(FOLDER), [])
  }
})
